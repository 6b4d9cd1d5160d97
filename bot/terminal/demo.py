"""A scene with both sides visible in one terminal, then the keyboard. Everything in it runs the real code.

The script knows what the two people type; what the concierge says, who is called and what the dossier holds comes
from the pack, the shipped models and the record, as it would in earnest.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule

from bot.app import House, at_work, open_house
from bot.channels.terminal import Terminal, Typed, customers_screen, stewards_screen
from bot.clock import Clock, starting_at
from bot.desk.terminal import TerminalDesk
from bot.errors import BotError
from bot.knowing import Knowing
from bot.messages import Address, Post
from bot.pack import Pack, load_pack
from bot.settings import Settings
from bot.terminal import lines
from bot.terminal.ingesting import bring_up_to_date
from bot.terminal.log import log_beside
from bot.terminal.screen import console, plain, show, style_of

CUSTOMER, FIRST, SECOND = "lena-voss", "ines-prado", "amara-okafor"
MONDAY = datetime(2027, 3, 1, 10, 30, tzinfo=UTC)
READING = 1.5  # seconds a person is given before the next line, where one is watching

QUESTION = "How heavy can my personal kit be?"
UNANSWERED = "What colour are the sleeping bags on board?"
WORRY = (
    "I keep waking up at night thinking about re-entry. I'm terrified, and I haven't told my daughter. "
    "I need to talk to somebody."
)
REPLY = (
    "Lena, this is Amara. Thank you for saying it out loud; it is one of the most common things I hear in the last "
    "weeks. I can call you at six this evening, your time, and we can go through re-entry minute by minute. Shall I?"
)
THANKS = "Yes please. Six is good."
OUTCOME = "called at six, walked through re-entry; wants to tell her daughter herself"


_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


class _Time:
    """The scene's clock: it runs, and the script can turn it forward."""

    def __init__(self) -> None:
        self._runs: Clock = starting_at(MONDAY)
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return self._runs() + self._ahead

    def forward(self, span: timedelta) -> None:
        self._ahead += span


class _Stage:
    """Both sides on one screen."""

    def __init__(self, house: House, screen: Console, time: _Time, terminal: Terminal) -> None:
        self.house = house
        self.screen = screen
        self.time = time
        self.typed = Typed(CUSTOMER, started=time())
        self._desks = {
            steward: TerminalDesk(house.pack, house.engine, house.casework, steward, time)
            for steward in house.pack.stewards
        }
        terminal.open(customers_screen(CUSTOMER), self._to_customer)
        for steward in house.pack.stewards:
            terminal.open(stewards_screen(steward), self._to_desk)

    def _to_customer(self, post: Post) -> None:
        show(self.screen, post.author, post.text, self.time(), style=style_of(post))

    def _to_desk(self, post: Post) -> None:
        steward = self.house.pack.stewards[post.address.room.removeprefix("desk:")]
        self.screen.print(self._panel(steward.name, post.text))

    def _panel(self, steward: str, text: str) -> Panel:
        return Panel(plain(text), title=plain(f"the desk of {steward}"), style="yellow", title_align="left")

    def scene(self, title: str) -> None:
        """A heading."""
        self.screen.print(Rule(title, style="dim"))
        self.screen.print()

    async def write(self, text: str) -> None:
        """The customer writes; returns when everything that follows from it is done."""
        await _pause()
        show(self.screen, self.house.pack.customers[CUSTOMER].name, text, self.time(), style="green")
        await self.house.work.receive(self.typed.message(text, at=self.time()))
        await self.settled()

    async def command(self, steward: str, line: str) -> None:
        """A steward types a command at their desk."""
        await _pause()
        name = self.house.pack.stewards[steward].name
        answer = await self._desks[steward].hear(line)
        self.screen.print(self._panel(name, f"› {line}\n\n{answer}"))
        self.screen.print()
        await self.settled()

    async def settled(self) -> None:
        """Waits until nothing is left to do for anybody in the scene."""
        places: list[Address] = [customers_screen(CUSTOMER), *map(stewards_screen, self.house.pack.stewards)]
        await self.house.work.sweep()
        await lines.until(lambda: self._at_rest(places))

    async def _at_rest(self, places: list[Address]) -> bool:
        return all([await self.house.work.settled(place) for place in places])

    async def escalation(self, steward: str) -> int:
        """The number of the escalation that is open in the scene."""
        found = await self.house.casework.open_for_steward(steward)
        if not found:
            raise BotError("The scene expected an escalation, and the policy of this pack raised none.")
        return found[0].id


async def _pause() -> None:
    if lines.from_a_person():
        await asyncio.sleep(READING)


async def play(settings: Settings, picture: Path | None = None) -> None:
    """Plays the scene on a record of its own, then hands over the keyboard if somebody sits there.

    `picture` is a file into which the scene is drawn (SVG), without a turn at the keyboard.
    """
    home = settings.home / "demo"
    pack = load_pack(settings.pack, today=MONDAY.date())
    for needed, among in ((CUSTOMER, pack.customers), (FIRST, pack.stewards), (SECOND, pack.stewards)):
        if needed not in among:
            raise BotError(f"The scene is written for the example pack: {needed} is not in {pack.folder}.")
    screen, time, terminal = console(record=picture is not None), _Time(), Terminal()
    log_beside(home)
    screen.print(
        f"{pack.organisations[pack.provider].name}: a fictional provider, rehearsed on {MONDAY:%A %d %B %Y}.\n"
    )
    shutil.rmtree(home / "record", ignore_errors=True)
    knowing = Knowing(home / "index")
    await asyncio.to_thread(bring_up_to_date, pack, home / "index", knowing=knowing)
    record = f"sqlite+aiosqlite:///{home / 'record' / 'record.db'}"
    async with open_house(pack, record=record, answerer=knowing, channels=[terminal], clock=time) as house:
        stage = _Stage(house, screen, time, terminal)
        async with at_work(house):
            await _scene(stage, pack)
            if picture is not None:
                await asyncio.to_thread(_draw, screen, picture, f"{pack.provider} · concierge demo")
            elif lines.from_a_person():
                await _yours(stage)
    screen.print(f"The record of this scene is kept in {home}.")


def _draw(screen: Console, picture: Path, title: str) -> None:
    # without the addresses of fonts: a picture fetches nothing
    picture.write_text(_FONT.sub("", screen.export_svg(title=title)), encoding="utf-8")


async def _scene(stage: _Stage, pack: Pack) -> None:
    stage.scene("1 · a question that the documents answer")
    await stage.write(QUESTION)
    stage.scene("2 · a question that they do not answer")
    await stage.write(UNANSWERED)
    stage.scene("3 · a worried message: a named person is asked")
    await stage.write(WORRY)
    number = await stage.escalation(FIRST)
    await stage.command(FIRST, f"show {number}")
    stage.scene(f"4 · {pack.stewards[FIRST].name} does not answer in time: the ladder moves on, and says so")
    stage.time.forward(timedelta(minutes=16))
    await stage.settled()
    await stage.command(SECOND, f"ack {number}")
    stage.scene("5 · a person answers, through the concierge")
    await stage.command(SECOND, f"reply {number} {REPLY}")
    await stage.write(THANKS)
    stage.time.forward(timedelta(hours=8))
    await stage.command(SECOND, f"resolve {number} {OUTCOME}")


async def _yours(stage: _Stage) -> None:
    name = stage.house.pack.customers[CUSTOMER].name
    steward = stage.house.pack.stewards[SECOND].name
    stage.scene("your turn")
    stage.screen.print(
        f"Write as {name}. A line that begins with / is a command at {steward}'s desk: /list, /show 1, /reply 1 …\n"
        "Ctrl-D ends.\n"
    )
    with lines.beside_output():
        async for line in lines.typed(f"{name} › "):
            if line.startswith("/"):
                await stage.command(SECOND, line[1:])
            else:
                await stage.house.work.receive(stage.typed.message(line, at=stage.time()))
