"""Answers of stewards that are to be kept as documents: `proposed → approved | declined`, `approved → withdrawn`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.ledger.tables import inbox, outbox, transcript
from bot.ledger.tables import kept as table
from bot.messages import Kind, Purpose


class State(StrEnum):
    """How far a kept answer has come."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """What is proposed: exactly the words that would be published, for whom, and where they come from.

    `asked` is the inbox row of the customer's message that it answers, where one is known.
    """

    title: str
    question: str
    answer: str
    audience: str
    answered_by: str
    answered_at: datetime
    escalation: int
    asked: int | None
    customer: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A proposal, and what became of it. People are stewards' ids; `why` says why it was declined or withdrawn."""

    id: int
    state: State
    draft: Draft
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    why: str


def _value(row: Row[tuple[object, ...]]) -> Kept:
    return Kept(
        id=row.id,
        state=State(row.state),
        draft=Draft(
            title=row.title,
            question=row.question,
            answer=row.answer,
            audience=row.audience,
            answered_by=row.answered_by,
            answered_at=row.answered_at,
            escalation=row.escalation,
            asked=row.asked,
            customer=row.customer,
        ),
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        withdrawn_by=row.withdrawn_by,
        withdrawn_at=row.withdrawn_at,
        why=row.why or "",
    )


async def propose(connection: AsyncConnection, draft: Draft, *, by: str, now: datetime) -> int:
    """Adds a proposal and returns its number."""
    values = {
        "state": State.PROPOSED.value,
        "title": draft.title,
        "question": draft.question,
        "answer": draft.answer,
        "audience": draft.audience,
        "answered_by": draft.answered_by,
        "answered_at": draft.answered_at,
        "escalation": draft.escalation,
        "asked": draft.asked,
        "customer": draft.customer,
        "proposed_by": by,
        "proposed_at": now,
    }
    key = (await connection.execute(insert(table).values(**values))).inserted_primary_key
    assert key is not None
    return int(key[0])


async def decide(
    connection: AsyncConnection, number: int, *, approve: bool, by: str, why: str = "", now: datetime
) -> bool:
    """Approves or declines what is proposed. False where somebody has decided it already: of two at once, one wins."""
    state = State.APPROVED if approve else State.DECLINED
    query = update(table).where(table.c.id == number, table.c.state == State.PROPOSED.value)
    done = await connection.execute(query.values(state=state.value, decided_by=by, decided_at=now, why=why or None))
    return done.rowcount == 1


async def withdraw(connection: AsyncConnection, number: int, *, by: str, why: str, now: datetime) -> bool:
    """Takes back what was approved. False where it is not, or no longer, among the documents."""
    query = update(table).where(table.c.id == number, table.c.state == State.APPROVED.value)
    values = {"state": State.WITHDRAWN.value, "withdrawn_by": by, "withdrawn_at": now, "why": why}
    return (await connection.execute(query.values(**values))).rowcount == 1


async def by_id(connection: AsyncConnection, number: int) -> Kept | None:
    """One of them."""
    row = (await connection.execute(select(table).where(table.c.id == number))).one_or_none()
    return None if row is None else _value(row)


async def every(connection: AsyncConnection, *states: State) -> tuple[Kept, ...]:
    """All in one of these states, or in any, in the order in which they were proposed."""
    query = select(table).order_by(table.c.id)
    if states:
        query = query.where(table.c.state.in_([one.value for one in states]))
    return tuple(_value(row) for row in await connection.execute(query))


# ── what can be kept ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class Spoken:
    """What a steward has said to a customer: `entry` is its row in the transcript."""

    entry: int
    conversation: int
    steward: str
    at: datetime
    text: str


async def last_reply(connection: AsyncConnection, escalation: int, *, ref: str = "") -> Spoken | None:
    """What a steward said last to the customer of an escalation, and was not lost on its way.

    `ref` is the platform's id of the line in which a steward wrote it, where one is pointed at.
    """
    query = (
        select(transcript, outbox.c.confirms)
        .join(outbox, outbox.c.id == transcript.c.outbox)
        .where(
            outbox.c.escalation == escalation,
            outbox.c.purpose == Purpose.RELAY.value,
            outbox.c.state.not_in(("withheld", "failed")),
            transcript.c.role == "steward",
        )
        .order_by(transcript.c.id.desc())
    )
    rows = (await connection.execute(query)).all()
    pointed_at = [row for row in rows if ref and row.confirms and row.confirms["ref"] == ref]
    row = next(iter([*pointed_at, *rows]), None)
    if row is None:
        return None
    return Spoken(entry=row.id, conversation=row.conversation, steward=row.author, at=row.at, text=row.text)


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """Something that a customer wrote: `message` is its inbox row."""

    message: int
    text: str


async def written_before(
    connection: AsyncConnection, reply: Spoken, messages: tuple[int, ...], *, count: int
) -> tuple[Written, ...]:
    """What the customer wrote before a reply, there or in the messages that called for it; the last `count`, newest
    first. What they took back is left out.
    """
    query = (
        select(transcript.c.inbox, transcript.c.text)
        .join(inbox, inbox.c.id == transcript.c.inbox)
        .where(
            (transcript.c.conversation == reply.conversation) | transcript.c.inbox.in_(messages),
            transcript.c.id < reply.entry,
            transcript.c.role.in_(("customer", "stranger")),
            transcript.c.deleted_at.is_(None),
            inbox.c.kind == Kind.MESSAGE.value,
        )
        .order_by(transcript.c.id.desc())
        .limit(count)
    )
    return tuple(Written(message=row.inbox, text=row.text) for row in await connection.execute(query))
