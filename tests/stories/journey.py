"""A scripted conversation of three customers, and a process that plays it on the real code until it is killed.

Run as a program it imports everything once; for each line on its standard input it then forks a *life*: a process that
opens the record, takes turns, delivers, and hands over whatever the platform has not been acknowledged yet.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes import MONDAY, ScriptedAnswerer, ScriptedReader, write_pack
from tape import Tape, append, lines

from bot.app import House, at_work, open_house
from bot.clock import Clock
from bot.desks import Desk
from bot.ledger import outbox
from bot.ledger.engine import reading
from bot.messages import Address, Identity, Inbound
from bot.pack import load_pack
from escalation import record

CHANNEL = "telegram"
LIVES_AT_MOST = 120.0  # seconds: nothing may be left running when whoever reads along has gone

WHO = """\
provider: meridian
organisations:
  meridian: {name: Meridian Orbital, role: provider}
flights:
  aurora-2: {name: Aurora 2, launch: 2027-03-14T09:20:00Z, landing: 2027-03-24T15:00:00Z, training_starts: 2026-09-01}
missions:
  portrait: {flight: aurora-2, customer: lena, kind: art, goal: Paint., success: [It comes home dry.]}
  crystals: {flight: aurora-2, customer: walter, kind: research, goal: Grow one., success: [It is whole.]}
  film: {flight: aurora-2, customer: noor, kind: marketing, goal: Film it., success: [Nobody blinks.]}
customers:
  lena: {name: Lena Voss, identities: [{channel: telegram, user: lena}]}
  walter: {name: Walter Finch, identities: [{channel: telegram, user: walter}]}
  noor: {name: Noor Haddad, identities: [{channel: telegram, user: noor}]}
stewards:
  ines: {name: Ines Prado, organisation: meridian, timezone: Europe/Paris, hours: always}
  amara: {name: Amara Okafor, organisation: meridian, timezone: Europe/Paris, hours: always}
  ruth: {name: Ruth Calder, organisation: meridian, timezone: Europe/London, hours: always}
  rosa: {name: Rosa Lund, organisation: meridian, timezone: UTC, hours: always, topics: [medical]}
care:
  default: {steward: amara, ladder: [ruth]}
  portrait: {steward: ines, ladder: [amara, ruth]}
"""

POLICY = """\
severities:
  watch: {}
  care: {acknowledge_within: 4h}
  urgent: {acknowledge_within: 3s}
  critical: {acknowledge_within: 2m, notify: everyone_on_ladder}
rules:
  - {name: crisis, when: {cue: crisis}, severity: critical, topic: medical, tell_customer: crisis}
  - {name: asked for a person, when: {cue: asks_for_person}, severity: urgent}
  - {name: distress, when: {cue: [anxiety, grief], intensity: {at_least: 0.8}}, severity: urgent}
  - {name: doubt, when: {cue: distrust}, severity: care}
  - {name: unanswered twice, when: {unanswered: {at_least: 2, within: 1h}}, severity: care}
messages:
  default: "I have asked {steward}."
  crisis: "You matter. I have called {steward} and everybody beside them."
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A customer writes. `calls`: whether the policy must open an escalation on it, or join the one that is open.

    `waits`: before they go on they wait until everything for them has been delivered.
    """

    said: str
    calls: Literal["opens", "joins"] | None = None
    waits: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A steward does something about the customer's open escalation."""

    steward: str
    does: Literal["acknowledges", "resolves"]


def _say(*said: str, waits: bool = True) -> list[Line]:
    return [Line(said=one, waits=waits) for one in said]


SCRIPT: dict[str, list[Line | Step]] = {
    # worried, answered by a person, and later in need of one again
    "lena": [
        *_say("How heavy may my kit be?", "Does the kit rule hold for brushes?", "Thanks!"),
        Line(said="I feel such anxiety! about the way down", calls="opens"),
        Line(said="It is anxiety! all night", calls="joins"),
        Step(steward="ines", does="acknowledges"),
        *_say("What may be in my kit?", "There is some joy in packing it", "Whose kit flies first?"),
        Line(said="The anxiety! came back today", calls="joins"),
        Step(steward="ines", does="resolves"),
        *_say("Is the kit weighed twice?", "ok", "Where is the kit weighed?", "I paint with oil"),
        Line(said="asks_for_person, please", calls="opens"),
        *_say("How heavy may the second kit be?", "Thank you"),
    ],
    # asks what no document says: twice is once too often, and every later message joins what that opened
    "walter": [
        *_say("Hello", "How heavy may my kit be?", "What may a kit cost?", "A good kit, then", "Is the kit insured?"),
        Line(said="What colour are the lockers?"),
        *_say("When is the kit checked?", "A little pride, I admit"),
        Line(said="Which song wakes the crew?", calls="opens"),
        Line(said="How heavy is my kit?", calls="joins"),
        Line(said="Who cooks on board?", calls="joins"),
        Line(said="Thanks", calls="joins"),
        Line(said="Which window faces north?", calls="joins"),
        Line(said="Is a kit lost often?", calls="joins"),
    ],
    # writes in bursts, so that several messages are taken in one turn, and then says what must not wait
    "noor": [
        *_say("Hi", "My kit has cameras.", "How heavy may a kit be?", waits=False),
        *_say("And is my kit sealed?"),
        Line(said="There is distrust in my team", calls="opens", waits=False),
        Line(said="I read about distrust elsewhere", calls="joins", waits=False),
        *_say("When is the kit due?"),
        Line(said="This is a crisis!", calls="joins"),
        *_say("My kit is packed.", "Is the kit aboard?", waits=False),
        Line(said="crisis, still", calls="joins"),
        *_say("ok", "Where is my kit?", "Thanks"),
    ],
}


def messages() -> list[tuple[str, Line]]:
    """Every message with the key by which the platform knows it."""
    return [
        (key_of(customer, number), line)
        for customer, steps in SCRIPT.items()
        for number, line in enumerate(steps)
        if isinstance(line, Line)
    ]


def key_of(customer: str, number: int) -> str:
    """The platform's key of a customer's step; a steward's step has one too."""
    return f"{customer}:{number:03d}"


def place_of(customer: str) -> Address:
    """Where a customer writes and reads."""
    return Address(channel=CHANNEL, room=customer)


def desk_of(steward: str) -> tuple[Desk, ...]:
    """Where a steward is told of things."""
    return (Desk(address=Address(channel=CHANNEL, room=f"desk:{steward}")),)


class Files:
    """What outlives a process: the record, the tape, and what the platform was told it need not deliver again."""

    def __init__(self, folder: Path) -> None:
        self.pack = folder / "pack"
        self.record = folder / "record.db"
        self.tape = folder / "tape.jsonl"
        self.acknowledged = folder / "acknowledged.txt"

    @property
    def url(self) -> str:
        return f"sqlite+aiosqlite:///{self.record}"

    def write(self) -> None:
        write_pack(self.pack, who=WHO, policy=POLICY)


# ── a life ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def live(files: Files, clock: Clock) -> None:
    """Works until it is killed, or told to end (SIGTERM)."""
    told_to_end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_end.set)
    async with (
        asyncio.timeout(LIVES_AT_MOST),
        open_house(
            load_pack(files.pack, today=MONDAY.date()),
            record=files.url,
            answerer=ScriptedAnswerer(),
            reader=ScriptedReader(),
            channels=[Tape(CHANNEL, files.tape)],
            clock=clock,
            desk_of=desk_of,
        ) as house,
        at_work(house),
    ):
        tell(f"working {os.getpid()}")
        await asyncio.gather(*(_play(house, files, customer) for customer in SCRIPT))
        await _put_to_rest(house)
        tell("done")
        await told_to_end.wait()


async def _play(house: House, files: Files, customer: str) -> None:
    acknowledged = lines(files.acknowledged)
    steps = SCRIPT[customer]
    known = [n for n, _ in enumerate(steps) if key_of(customer, n) in acknowledged]
    # a platform that is not sure whether it heard the acknowledgement delivers the last message once more
    for number in [*known[-1:], *range(len(known), len(steps))]:
        before = steps[number - 1] if number else None
        if not isinstance(before, Line) or before.waits:
            await until(lambda: house.work.settled(place_of(customer)))
        step = steps[number]
        if isinstance(step, Line):
            kept = await house.work.receive(_inbound(customer, number, step))
            assert not (kept and number in known), "a message that was acknowledged was not in the record"
        else:
            await _do(house, customer, step)
        if number not in known:
            append(files.acknowledged, key_of(customer, number))
            tell("acknowledged")
    await until(lambda: house.work.settled(place_of(customer)))


def _inbound(customer: str, number: int, line: Line) -> Inbound:
    key = key_of(customer, number)
    return Inbound(
        event_key=f"event:{key}",
        message_key=key,
        address=place_of(customer),
        sender=Identity(channel=CHANNEL, user=customer),
        text=line.said,
        sent_at=MONDAY + timedelta(seconds=number),
        order=key,
    )


async def _do(house: House, customer: str, step: Step) -> None:
    """What a steward does is done once: whoever dies between doing and noting it looks before doing it again."""
    async with reading(house.engine) as connection:
        found = await record.open_for(connection, customer)
    if found is None:
        return
    if step.does == "acknowledges":
        await house.casework.acknowledge(found.id, step.steward, house.clock())
    else:
        await house.casework.resolve(found.id, step.steward, outcome="We spoke.", now=house.clock())


async def _put_to_rest(house: House) -> None:
    """Somebody acknowledges whatever is open, and everything that is under way arrives."""
    async with reading(house.engine) as connection:
        found = await record.all_open(connection)
    for one in found:
        if one.owner is None:
            await house.casework.acknowledge(one.id, one.asked_now[0], house.clock())
    await until(lambda: _nothing_is_on_its_way(house))


async def _nothing_is_on_its_way(house: House) -> bool:
    async with reading(house.engine) as connection:
        return await outbox.count(connection, ("pending", "sending")) == 0


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Waits until something holds in the record."""
    while not await holds():  # noqa: ASYNC110 - rows have no event to wait for
        await asyncio.sleep(0.005)


def tell(line: str) -> None:
    """A line for whoever started this, in one write."""
    os.write(1, f"{line}\n".encode())


# ── the program ──────────────────────────────────────────────────────────────────────────────────────────────────────


def main(folder: Path) -> None:
    """Forks a life for each line of the input, and tells how it ended."""
    began = time.monotonic()

    def clock() -> datetime:
        return MONDAY + timedelta(seconds=time.monotonic() - began)

    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            asyncio.run(live(Files(folder), clock))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        tell(f"ended {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
