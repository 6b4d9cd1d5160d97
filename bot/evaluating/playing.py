"""Plays cases: each through real turns, from an empty record that is kept in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from time import perf_counter

from sqlalchemy import Connection, func, inspect, select, text

from bot import access, replies
from bot.app import House, Knowledge, open_house
from bot.cases import STRANGER, Case
from bot.channels.terminal import customers_screen
from bot.clock import Clock
from bot.concierge import Turn
from bot.considering import Considered, Failure, Teller
from bot.errors import BotError
from bot.evaluating.scoring import Observed, stands_in
from bot.ledger import conversations
from bot.ledger.engine import reading, writing
from bot.ledger.tables import outbox
from bot.messages import TERMINAL, Address, Identity, Inbound, Purpose
from bot.pack import Pack, Room
from escalation.cues import CueReader
from escalation.policy import Severity
from knowledge.answer import Answer

IN_MEMORY = "sqlite+aiosqlite:///:memory:"
BETWEEN_TURNS = timedelta(minutes=1)
_SCHEMA = "alembic_version"  # the one table that is about the record itself


@dataclass(frozen=True, kw_only=True, slots=True)
class Played:
    """What came of a case, and how long each of its turns took, in milliseconds."""

    case: Case
    seen: Observed
    latencies: tuple[float, ...]


class NotPlayed(BotError):
    """A case's message was not taken up by any turn."""


class _Hands:
    """A clock that stands where it is put."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


class Stage:
    """Where cases are played: a house over a record in memory, and the clock of that house."""

    def __init__(self, house: House, hands: _Hands) -> None:
        self._house = house
        self._hands = hands
        self._numbers: Iterator[int] = count(1)
        self._stranger = _unknown(house.pack)

    async def play(self, case: Case, at: datetime) -> Played:
        """Plays one case from an empty record; its first turn is at `at`, the next a minute later."""
        await self._empty()
        latencies: list[float] = []
        for place, said in enumerate(case.turns):
            self._hands.moment = at + place * BETWEEN_TURNS
            message = self._message(case, said.text)
            before = await self._last_post()
            began = perf_counter()
            turn = await self._turn(case, message)
            latencies.append((perf_counter() - began) * 1000)
        seen = observed(self._house.pack, case, turn, await self._told_after(before))
        return Played(case=case, seen=seen, latencies=tuple(latencies))

    async def _turn(self, case: Case, message: Inbound) -> Turn:
        await self._house.work.receive(message)
        async with reading(self._house.engine) as connection:
            place = await conversations.at(connection, message.address)
        turn = await self._house.concierge.take_turn(place.id, self._hands()) if place else None
        if turn is None or not turn.considered:
            raise NotPlayed(f"Case {case.number} (line {case.line}): no turn took up {message.text!r}.")
        return turn

    def _message(self, case: Case, words: str) -> Inbound:
        number = next(self._numbers)
        room = self._house.pack.room(case.room) if case.room is not None else None
        sender = self._identity(case.as_)
        return Inbound(
            event_key=f"case:{number}",
            message_key=f"case:{number}",
            address=_where(room, sender),
            sender=sender,
            text=words,
            sent_at=self._hands(),
            order=f"{number:012d}",
            direct=room is None,
            present=tuple(self._identity(one) for one in case.present),
        )

    def _identity(self, who: str | None) -> Identity:
        # in the terminal everybody is known by their id in the pack, whatever channels they use
        return Identity(channel=TERMINAL, user=self._stranger if who in (None, STRANGER) else str(who))

    async def _empty(self) -> None:
        async with writing(self._house.engine) as connection:
            await connection.run_sync(_empty)

    async def _last_post(self) -> int:
        async with reading(self._house.engine) as connection:
            return int((await connection.execute(select(func.coalesce(func.max(outbox.c.id), 0)))).scalar_one())

    async def _told_after(self, post: int) -> tuple[str, ...]:
        """What went out to customers since: what stewards are told at their desks is not among it."""
        query = select(outbox.c.text).where(outbox.c.id > post, outbox.c.purpose != Purpose.DESK.value)
        async with reading(self._house.engine) as connection:
            return tuple((await connection.execute(query.order_by(outbox.c.id))).scalars())


@asynccontextmanager
async def stage(
    pack: Pack, answerer: Knowledge, reader: CueReader | None, clock: Clock, teller: Teller | None = None
) -> AsyncIterator[Stage]:
    """A live house's composition, over a record in memory. `reader` None: the shipped one."""
    hands = _Hands(clock())
    async with open_house(
        pack, record=IN_MEMORY, answerer=answerer, reader=reader, clock=hands, teller=teller
    ) as house:
        yield Stage(house, hands)


def observed(pack: Pack, case: Case, turn: Turn, posts: Sequence[str]) -> Observed:
    """What a turn came to, as far as a case can ask for it. `posts` is all that it sent to customers."""
    last = turn.considered[-1]
    told = tuple(dict.fromkeys((*turn.told, *posts)))
    cited = _cited(last)
    return Observed(
        answer=_answer(last, turn.told),
        reply=turn.told,
        told=told,
        cited=cited,
        outside=outside(pack, case, cited),
        cues=frozenset(cue.name for cue in last.reading.cues),
        severity=Severity(last.decision.severity),
        rules=last.decision.rules,
        failed=f"a failure of our own ({last.found.what})" if isinstance(last.found, Failure) else None,
    )


def outside(pack: Pack, case: Case, cited: Sequence[str]) -> tuple[str, ...]:
    """The cited documents that the reader may not see: by the pack itself, whatever the turn made of it."""
    room = pack.room(case.room) if case.room is not None else None
    sender = pack.person(case.as_) if case.as_ is not None else None
    present = [pack.person(one) for one in case.present]
    grants = access.reader(pack, sender, room, present).grants
    audiences = {one.id: one.audience for one in pack.documents}
    return tuple(dict.fromkeys(one for one in cited if audiences.get(one, frozenset()).isdisjoint(grants)))


def _answer(one: Considered, told: Sequence[str]) -> str | None:
    """The answer where one was given: not where it was found and a graver word stood in its place."""
    if not isinstance(one.found, Answer):
        return None
    given = all(stands_in(sentence.text, told) for sentence in one.found.sentences)
    return replies.answer(one.found) if given else None


def _cited(one: Considered) -> tuple[str, ...]:
    if not isinstance(one.found, Answer):
        return ()
    return tuple(dict.fromkeys(sentence.citation.document for sentence in one.found.sentences))


def _where(room: Room | None, sender: Identity) -> Address:
    if room is None:
        return customers_screen(sender.user)
    return Address(channel=room.channel, team=room.team, room=room.room)


def _unknown(pack: Pack) -> str:
    name = STRANGER
    while pack.person(name) is not None:
        name += "-"
    return name


def _empty(connection: Connection) -> None:
    # all tables that there are, whoever owns them: one that is forgotten would carry a case into the next
    connection.execute(text("PRAGMA defer_foreign_keys=ON"))
    for table in inspect(connection).get_table_names():
        if table != _SCHEMA:
            connection.execute(text(f'DELETE FROM "{table}"'))
