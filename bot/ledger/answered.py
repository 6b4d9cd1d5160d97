"""What was answered from which passages, what went unanswered, and who was told that an answer is outdated."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Row, Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.ledger.tables import answers, conversations, gaps, inbox, outbox, transcript
from bot.ledger.tables import retold as retold_table
from bot.messages import Address, Identity, Kind

ABSTAINED, FAILED, PARTLY, UNHELPFUL = "abstained", "failed", "partly", "unhelpful"
SAID = ("answered", PARTLY)
"""Why a question is a gap: the documents do not say, looking failed, or the asker said that it was no answer."""

_NEVER_SAID = ("withheld", "failed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A passage as it was when it was used: its id ends with a fingerprint of its words. `said` is what was quoted."""

    document: str
    title: str
    anchor: str
    passage: str
    said: str = ""


def rows(places: Iterable[Place]) -> list[dict[str, str]]:
    """Places as the record keeps them."""
    return [asdict(one) for one in places]


def _places(kept: Iterable[Mapping[str, str]]) -> tuple[Place, ...]:
    return tuple(Place(**one) for one in kept)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A question as somebody asked it: `message` is its inbox row; `customer` is known in a direct conversation."""

    message: int
    conversation: int
    address: Address
    direct: bool
    customer: str | None
    sender: Identity
    at: datetime
    question: str


def _asked(row: Row[Any]) -> Asked:
    return Asked(
        message=row.message,
        conversation=row.conversation,
        address=Address(channel=row.channel, team=row.team, room=row.room),
        direct=row.direct,
        customer=row.customer,
        sender=Identity(**row.sender),
        at=row.at,
        question=row.text,
    )


_QUESTION = (
    inbox.c.id.label("message"),
    inbox.c.sender,
    transcript.c.text,
    conversations.c.id.label("conversation"),
    conversations.c.channel,
    conversations.c.team,
    conversations.c.room,
    conversations.c.direct,
    conversations.c.customer,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Missed:
    """A question without an answer, or with one that did not help (`why`); what came nearest, and what was told."""

    asked: Asked
    why: str
    nearest: tuple[Place, ...]
    cited: tuple[Place, ...]


async def missed(connection: AsyncConnection, *, since: datetime | None) -> tuple[Missed, ...]:
    """Every question that is a gap, newest first; but for one that its author has taken back."""
    unanswered = (
        _about(answers.c.asked, answers.c.conversation)
        .add_columns(answers.c.at, answers.c.outcome.label("why"), answers.c.nearest, answers.c.cited)
        .where(answers.c.question, answers.c.outcome != "answered")
    )
    unhelpful = (
        _about(gaps.c.inbox, gaps.c.conversation)
        .add_columns(gaps.c.at, answers.c.nearest, answers.c.cited)
        .outerjoin(answers, answers.c.asked == gaps.c.inbox)
    )
    if since is not None:
        unanswered, unhelpful = unanswered.where(answers.c.at >= since), unhelpful.where(gaps.c.at >= since)
    found = [_missed(row, row.why) for row in await connection.execute(unanswered)]
    found += [_missed(row, UNHELPFUL) for row in await connection.execute(unhelpful)]
    return tuple(sorted(found, key=lambda one: (one.asked.at, one.asked.message), reverse=True))


def _missed(row: Row[Any], why: str) -> Missed:
    return Missed(asked=_asked(row), why=why, nearest=_places(row.nearest or ()), cited=_places(row.cited or ()))


def _about(message: Column[int], conversation: Column[int]) -> Select[Any]:
    """Questions with whoever asked them, and where they were answered; what was taken back is left out."""
    joined = (
        inbox.join(message.table, message == inbox.c.id)
        .join(conversations, conversations.c.id == conversation)
        .join(transcript, transcript.c.inbox == inbox.c.id)
    )
    return select(*_QUESTION).select_from(joined).where(transcript.c.deleted_at.is_(None))


async def said_before(connection: AsyncConnection, message: int, *, count: int) -> tuple[str, ...]:
    """What its customer had written before a message in the same conversation, the last `count`, oldest first."""
    here = select(inbox.c.conversation).where(inbox.c.id == message).scalar_subquery()
    query = (
        select(transcript.c.text)
        .join(inbox, inbox.c.id == transcript.c.inbox)
        .where(
            inbox.c.conversation == here,
            inbox.c.id < message,
            inbox.c.kind == Kind.MESSAGE.value,
            transcript.c.deleted_at.is_(None),
        )
        .order_by(inbox.c.id.desc())
        .limit(count)
    )
    return tuple(reversed((await connection.execute(query)).scalars().all()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """An answer that somebody was given, and the passages in which it stood. `id` is the answer's row."""

    id: int
    asked: Asked
    cited: tuple[Place, ...]


async def given(connection: AsyncConnection, *, since: datetime | None) -> tuple[Given, ...]:
    """Every answer that was said, newest first; what was withheld or could not be delivered was not."""
    query = (
        _about(answers.c.asked, answers.c.conversation)
        .add_columns(answers.c.id.label("answer"), answers.c.at, answers.c.cited)
        .join(outbox, outbox.c.id == answers.c.post)
        .where(answers.c.outcome.in_(SAID), outbox.c.state.not_in(_NEVER_SAID))
        .order_by(answers.c.at.desc(), answers.c.id.desc())
    )
    if since is not None:
        query = query.where(answers.c.at >= since)
    found = (await connection.execute(query)).all()
    return tuple(Given(id=row.answer, asked=_asked(row), cited=_places(row.cited)) for row in found if row.cited)


async def note_said(connection: AsyncConnection, messages: Collection[int], post: int) -> None:
    """The answers to these messages are said by that message of the outbox."""
    await connection.execute(update(answers).where(answers.c.inbox.in_(messages)).values(post=post))


@dataclass(frozen=True, kw_only=True, slots=True)
class Retold:
    """That a customer was told of an outdated answer, or was to be: `state` is the outbox's."""

    steward: str
    at: datetime
    state: str

    @property
    def stands(self) -> bool:
        """Whether it was said, or still will be."""
        return self.state not in _NEVER_SAID


async def note_retold(connection: AsyncConnection, *, answer: int, post: int, steward: str, at: datetime) -> None:
    """Notes who had a customer told, and with which message."""
    await connection.execute(insert(retold_table).values(answer=answer, outbox=post, steward=steward, at=at))


async def retold(connection: AsyncConnection) -> Mapping[int, Sequence[Retold]]:
    """Who was told of which outdated answer, by the answer's row, oldest first."""
    query = select(retold_table, outbox.c.state).join(outbox, outbox.c.id == retold_table.c.outbox)
    found: dict[int, list[Retold]] = {}
    for row in await connection.execute(query.order_by(retold_table.c.id)):
        found.setdefault(row.answer, []).append(Retold(steward=row.steward, at=row.at, state=row.state))
    return found
