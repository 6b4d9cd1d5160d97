"""Two platforms at their worst, and twenty times `kill -9`: everything is in the record once, and answered once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle, groupby
from pathlib import Path
from typing import Generic, TypeVar

import pytest
import servers
import slack_server
import storm
import telegram_server
from conftest import Stores
from slack_server import SlackServer
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from storm import answers_in, asks
from telegram_server import TelegramServer
from town import Drifting, until

from bot.ledger import conversations, tables, transcript
from bot.ledger.engine import open_engine, reading
from bot.messages import SLACK, TELEGRAM, Address, Identity

F = TypeVar("F")

SEED = 20270314
ON_EACH = 12
"""Customers on each platform."""
TWICE = 0.3
"""Of the events, those that are delivered once more."""
REORDERED = 0.3
"""Of the bursts, those whose last message is delivered first."""
ONE_IN = 20
"""Posts, at one of which something goes wrong."""
MOMENT = 0.15
"""Seconds within which a process is killed after everything up to the kill was said."""
STUCK = timedelta(seconds=61)
"""After that the house asks what became of a post, and Slack tries a second time."""
GIVEN_UP = timedelta(minutes=5, seconds=1)
"""After that Slack tries for the last time."""
HANGS_AFTER = 150.0


# ── the weather ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Dice(Generic[F]):
    """Says which of the calls that post go wrong, and how: one of each twenty, in one way after the other."""

    def __init__(self, chance: random.Random, ways: Sequence[F]) -> None:
        self._chance = chance
        self._ways = cycle(ways)
        self._next: list[F | None] = []
        self.faults = 0

    def throw(self) -> F | None:
        if not self._next:
            self._next = [next(self._ways), *[None] * (ONE_IN - 1)]
            self._chance.shuffle(self._next)
        thrown = self._next.pop()
        self.faults += thrown is not None
        return thrown


class SlackFaults(slack_server.Faults):
    """Every twentieth post goes wrong."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        one = slack_server.Fault
        self.dice = Dice(chance, (one.TOO_MANY(), one.ERROR, one.KEPT_ERROR, one.DROPPED, one.KEPT_DROPPED))

    def take(self, method: str) -> slack_server.Fault | None:
        return self.dice.throw() if method == "chat.postMessage" else super().take(method)


class TelegramFaults(telegram_server.Faults):
    """Every twentieth post goes wrong."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        one = telegram_server.Fault
        self.dice = Dice(chance, (one.TOO_MANY(), one.ERROR, one.KEPT_ERROR, one.DROPPED, one.KEPT_DROPPED))

    def take(self, method: str) -> telegram_server.Fault | None:
        return self.dice.throw() if method == "sendMessage" else super().take(method)


# ── the process ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Lives:
    """The house, in one process after another."""

    def __init__(self, program: asyncio.subprocess.Process) -> None:
        self._program = program
        self._life = 0

    async def begin(self, ahead: timedelta) -> None:
        """Starts one, with a clock that is so far ahead."""
        assert self._program.stdin is not None
        self._program.stdin.write(f"{ahead.total_seconds()}\n".encode())
        self._life = int((await self.hear("begun")).split()[1])

    async def hear(self, word: str, within: float = HANGS_AFTER) -> str:
        """Waits until it says something that begins so. Raises TimeoutError."""
        assert self._program.stdout is not None
        async with asyncio.timeout(within):
            while True:
                line = (await self._program.stdout.readline()).decode().strip()
                assert line, "the program that runs the house ended"
                assert word == "ended" or not line.startswith("ended"), f"the house ended by itself: {line}"
                if line.startswith(word):
                    return line

    async def kill_at(self, moment: float) -> None:
        """Kills it after so many seconds, whatever it is doing."""
        try:
            said = await self.hear("ended", moment)
        except TimeoutError:
            os.kill(self._life, signal.SIGKILL)
            assert await self.hear("ended") == f"ended {-signal.SIGKILL}"
        else:
            raise AssertionError(f"the house ended by itself: {said}")

    async def rest(self) -> None:
        """Tells it to end, and waits until it has."""
        os.kill(self._life, signal.SIGTERM)
        assert await self.hear("ended") == "ended 0"


@asynccontextmanager
async def lives(folder: Path) -> AsyncIterator[Lives]:
    """The program that runs the house; whatever it has started ends with it."""
    with (folder / "log").open("wb") as log:
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            storm.__file__,
            str(folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield Lives(program)
        finally:
            with suppress(ProcessLookupError):  # it has ended by itself, and its lives with it
                os.killpg(program.pid, signal.SIGKILL)
            await program.communicate()


# ── the people ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True, eq=False)
class Person:
    """A customer on one platform. `say` returns what delivers the same once more."""

    who: Identity
    address: Address
    say: Callable[[str], Callable[[], object]]
    out_of_order: Callable[[], AbstractContextManager[None]]
    said: list[int] = field(default_factory=list)


@dataclass(kw_only=True)
class Sky:
    """Both platforms, everybody on them, and what they still have to say."""

    slack: SlackServer
    telegram: TelegramServer
    slack_dice: Dice[slack_server.Fault]
    telegram_dice: Dice[telegram_server.Fault]
    clock: Drifting
    chance: random.Random
    events: int
    people: list[Person] = field(default_factory=list)
    twice: frozenset[int] = frozenset()
    again: list[Callable[[], object]] = field(default_factory=list)
    number: int = 0
    repeated: int = 0

    def on_slack(self) -> None:
        """One more customer there."""
        user = self.slack.add_user(f"customer {len(self.people)}")
        room = self.slack.dm(user)

        def say(text: str) -> Callable[[], object]:
            self.slack.says(user, room, text)
            told = self.slack.deliveries[-1]
            return lambda: self.slack.deliver(told)

        address = Address(channel=SLACK, team=self.slack.team.id, room=room.id)
        who = Identity(channel=SLACK, team=self.slack.team.id, user=user.id)
        self.people.append(Person(who=who, address=address, say=say, out_of_order=self.slack.out_of_order))

    def on_telegram(self) -> None:
        """One more customer there."""
        user = self.telegram.user(1001 + len(self.people), "Somebody")

        def say(text: str) -> Callable[[], object]:
            self.telegram.private_says(user, text)
            told = self.telegram.updates[-1]
            return lambda: self.telegram.redeliver(told)

        who = Identity(channel=TELEGRAM, user=str(user))
        address = Address(channel=TELEGRAM, room=str(user))
        self.people.append(Person(who=who, address=address, say=say, out_of_order=self.telegram.out_of_order))

    def speak(self, person: Person) -> None:
        """They say the next thing, which is perhaps delivered twice."""
        self.number += 1
        once_more = person.say(asks(self.number))
        person.said.append(self.number)
        if self.number in self.twice:
            self.again.append(once_more)

    def burst(self, most: int) -> None:
        """Somebody says up to eight things, or several on one platform do; something of before is delivered again."""
        first = self.chance.choice(self.people)
        there = [one for one in self.people if one.address.channel == first.address.channel]
        with first.out_of_order() if self.chance.random() < REORDERED else nullcontext():
            for _ in range(min(most, self.chance.randint(1, 8))):
                self.speak(first if self.chance.random() < 0.8 else self.chance.choice(there))
        while self.again and self.chance.random() < 0.6:
            self.repeat()

    def repeat(self) -> None:
        """Something of before is delivered again."""
        self.again.pop(self.chance.randrange(len(self.again)))()
        self.repeated += 1

    async def taken(self) -> None:
        """Returns when the house has taken most of what it was told."""
        await self.slack.until(lambda: sum(one.in_flight for one in self.slack.deliveries[-60:]) < 12, HANGS_AFTER)
        await self.telegram.until(lambda: len(self.telegram.pending) < 40, HANGS_AFTER)

    def forward(self, span: timedelta) -> None:
        """Time passes, and Slack tries again what is due."""
        self.clock.ahead += span
        self.slack.catch_up()


@asynccontextmanager
async def sky(folder: Path, stores: Stores, events: int) -> AsyncIterator[Sky]:
    """Both platforms with their faults, and the house as it will find them."""
    clock, chance = Drifting(), random.Random(SEED)
    async with SlackServer(clock=clock) as slack, TelegramServer(now=clock) as telegram:
        slack.faults = on_slack = SlackFaults(random.Random(SEED + 1))
        telegram.faults = on_telegram = TelegramFaults(random.Random(SEED + 2))
        found = Sky(
            slack=slack,
            telegram=telegram,
            slack_dice=on_slack.dice,
            telegram_dice=on_telegram.dice,
            clock=clock,
            chance=chance,
            events=events,
        )
        for _ in range(ON_EACH):
            found.on_slack()
            found.on_telegram()
        found.twice = frozenset(chance.sample(range(1, events + 1), int(TWICE * events)))
        port = servers.free_port()
        slack.request_url = f"http://127.0.0.1:{port}/slack/events"
        settings = {
            "record": stores.record,
            "docket": stores.docket,
            "listen": f"127.0.0.1:{port}",
            "slack_api": slack.base_url,
            "slack_bot_token": slack.bot_token,
            "slack_signing_secret": slack.signing_secret,
            "telegram_api": telegram.base_url.removesuffix("/bot"),
            "telegram_token": telegram.token,
        }
        customers = {f"customer-{number}": one.who for number, one in enumerate(found.people)}
        storm.write_house(folder, customers, settings)
        yield found


# ── the storm ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def rage(sky: Sky, house: Lives, stores: Stores, kills: int) -> Counter[str]:
    """Everything is said, and the house is killed so often on the way. Returns in the middle of what."""
    moments = sorted(sky.chance.sample(range(len(sky.people) + 1, sky.events), kills))
    killed: Counter[str] = Counter()
    await house.begin(sky.clock.ahead)
    await house.hear("working")
    for person in sky.people:
        sky.speak(person)
    await sky.slack.settled(HANGS_AFTER)
    for kill, moment in enumerate(moments):
        if kill % 5 == 4:
            await house.kill_at(sky.chance.uniform(0, 2 * MOMENT))  # perhaps before it works
        else:
            if kill:
                await house.hear("working")
            sky.slack.catch_up()
            while sky.number < moment:
                sky.burst(moment - sky.number)
                await sky.taken()
            await house.kill_at(sky.chance.uniform(0, MOMENT))
        killed[await under_way(stores)] += 1
        while_it_is_dead(sky, kill)
        await sky.slack.settled(HANGS_AFTER)
        sky.forward(STUCK)
        await sky.slack.settled(HANGS_AFTER)
        if kill % 5 == 2:
            sky.forward(GIVEN_UP)
            await sky.slack.settled(HANGS_AFTER)
        await house.begin(sky.clock.ahead)
    await house.hear("working")
    sky.slack.catch_up()
    while sky.number < sky.events or sky.again:
        sky.burst(sky.events - sky.number) if sky.number < sky.events else sky.repeat()
        await sky.taken()
    async with looking(stores) as look:
        await until(lambda: at_rest(look, sky.events), "everything is answered", HANGS_AFTER)
    await house.rest()
    return killed


def while_it_is_dead(sky: Sky, kill: int) -> None:
    """People do not stop talking."""
    for _ in range(kill % 3):
        if sky.number < sky.events:
            sky.burst(sky.events - sky.number)


@asynccontextmanager
async def looking(stores: Stores) -> AsyncIterator[AsyncEngine]:
    """The record."""
    engine = open_engine(stores.record)
    try:
        yield engine
    finally:
        await engine.dispose()


async def under_way(stores: Stores) -> str:
    """What a process was in the middle of when it died."""
    async with looking(stores) as engine, reading(engine) as connection:
        states = set((await connection.execute(select(tables.outbox.c.state))).scalars())
        waiting = select(func.count()).where(tables.inbox.c.done_at.is_(None))
        waits = (await connection.execute(waiting)).scalar_one()
    if "sending" in states:
        return "while sending"
    if "pending" in states:
        return "with an answer to send"
    return "with a message to answer" if waits else "between two messages"


async def at_rest(engine: AsyncEngine, events: int) -> bool:
    """Whether everything has arrived, is answered, and all answers are delivered."""
    async with reading(engine) as connection:
        done = select(func.count()).where(tables.inbox.c.done_at.is_not(None))
        left = select(func.count()).where(tables.outbox.c.state.in_(("pending", "sending")))
        return (await connection.execute(done)).scalar_one() >= events and not (
            await connection.execute(left)
        ).scalar_one()


# ── what is left of it ───────────────────────────────────────────────────────────────────────────────────────────────


async def is_kept_once_and_in_order(connection: AsyncConnection, sky: Sky) -> None:
    """Each message stands in the inbox once and in the transcript once, as the platform orders them."""
    kept = (await connection.execute(select(tables.inbox.c.text))).scalars().all()
    assert sorted(kept) == sorted(map(asks, range(1, sky.events + 1)))
    for person in sky.people:
        place = await conversations.at(connection, person.address)
        assert place is not None
        inbox = tables.inbox.c
        ordered = select(inbox.text).where(inbox.conversation == place.id).order_by(inbox.order)
        said = [asks(number) for number in person.said]
        assert (await connection.execute(ordered)).scalars().all() == said
        entries = await transcript.latest(connection, place.id, count=10 * sky.events)
        assert [one.text for one in entries if one.role == "customer"] == said
        asked: set[str] = set()
        for one in entries:
            asked |= {one.text} if one.role == "customer" else set()
            assert {asks(number) for number in answers_in(one.text)} <= asked, "an answer stands before its question"


async def is_answered_once(connection: AsyncConnection, sky: Sky) -> None:
    """Each message has one outcome, and exactly one message that was sent answers it."""
    outcomes = await connection.execute(select(tables.answers.c.inbox, tables.answers.c.outcome))
    found = {row.inbox: row.outcome for row in outcomes}
    assert len(found) == sky.events
    assert set(found.values()) == {"answered"}
    rows = (await connection.execute(select(tables.outbox))).all()
    assert {(row.purpose, row.act, row.state) for row in rows} == {("answer", "say", "sent")}
    for person in sky.people:
        numbers = [n for row in rows if row.room == person.address.room for n in answers_in(row.text)]
        assert sorted(numbers) == person.said


async def is_delivered(connection: AsyncConnection, sky: Sky) -> int:
    """Each answer stands on its platform, in order: on Slack once, on Telegram once, or more often where its sending
    was in doubt. Returns how many posts too many there are.
    """
    outbox = tables.outbox.c
    decided: defaultdict[str, list[int]] = defaultdict(list)
    texts: dict[tuple[int, ...], int] = {}
    doubts: dict[int, int] = {}
    for row in await connection.execute(select(outbox.id, outbox.room, outbox.text, outbox.doubts).order_by(outbox.id)):
        decided[row.room].append(row.id)
        texts[answers_in(row.text)] = row.id
        doubts[row.id] = row.doubts
    doubled = 0
    for person in sky.people:
        room = person.address.room
        if person.address.channel == SLACK:
            posts = [one.metadata for one in sky.slack.posts(sky.slack.channels[room])]
            assert [post["event_payload"]["id"] for post in posts if post] == decided[room]
            assert not any(doubts[one] for one in decided[room]), "Slack can always be asked"
            continue
        arrived = [texts[answers_in(text)] for text in sky.telegram.said(room)]
        assert [one for one, _ in groupby(arrived)] == decided[room]
        for one, times in Counter(arrived).items():
            assert times <= 1 + doubts[one], "a post that nobody doubted stands there twice"
            doubled += times - 1
    return doubled


@pytest.fixture
def size(stores: Stores) -> tuple[int, int]:
    """Events and kills: fewer where each takes longer."""
    return (1000, 20) if stores.record.startswith("sqlite") else (200, 4)


async def test_nothing_is_lost_or_said_twice_in_a_storm(
    tmp_path: Path, stores: Stores, size: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    """A thousand events, three in ten delivered twice and out of order, faults at every twentieth post, twenty deaths:
    each is in the record once, in order, and answered once; doubled are only posts on Telegram that were in doubt.
    """
    events, kills = size
    async with sky(tmp_path, stores, events) as above:
        async with lives(tmp_path) as house:
            began = datetime.now(UTC)
            killed = await rage(above, house, stores, kills)
            took = datetime.now(UTC) - began
        async with looking(stores) as engine, reading(engine) as connection:
            await is_kept_once_and_in_order(connection, above)
            await is_answered_once(connection, above)
            doubled = await is_delivered(connection, above)
            doubts = (await connection.execute(select(func.sum(tables.outbox.c.doubts)))).scalar_one()
            posts = (await connection.execute(select(func.count()).select_from(tables.outbox))).scalar_one()
        faults = above.slack_dice.faults, above.telegram_dice.faults
        given_up = sum(one.given_up and not one.acknowledged for one in above.slack.deliveries)
        where = ", ".join(f"{times} {what}" for what, times in killed.most_common())
        with capsys.disabled():
            print(
                f"\n{events} events, {above.repeated} of them twice; faults: Slack {faults[0]}, Telegram {faults[1]}; ",
                end="",
            )
            print(f"killed {killed.total()} times ({where}); {given_up} given up by Slack; ", end="")
            print(f"{posts} posts, {doubts} in doubt, {doubled} doubled; {took.total_seconds():.0f} s")
        assert killed.total() == kills
        assert killed["between two messages"] <= kills / 2
        assert all(faults)
        assert above.repeated == int(TWICE * events)
