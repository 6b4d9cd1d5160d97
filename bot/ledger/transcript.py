"""What was said, by whom, with every edit and deletion beside it; and what was answered from where."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.ledger import answered
from bot.ledger.answered import Place
from bot.ledger.tables import answers, gaps, inbox, outbox, transcript_versions
from bot.ledger.tables import transcript as table
from bot.messages import Kind

LATE = 50
"""By so many entries a message may come in late, and still be found among the latest where it belongs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One thing that was said. `role`: customer, concierge, steward or stranger; `author`: an id of the pack."""

    id: int
    conversation: int
    at: datetime
    role: str
    author: str
    text: str
    edited_at: datetime | None
    deleted_at: datetime | None


def _value(row: Row[tuple[object, ...]]) -> Entry:
    return Entry(
        id=row.id,
        conversation=row.conversation,
        at=row.at,
        role=row.role,
        author=row.author,
        text=row.text,
        edited_at=row.edited_at,
        deleted_at=row.deleted_at,
    )


async def say(
    connection: AsyncConnection,
    *,
    conversation: int,
    at: datetime,
    role: str,
    author: str,
    text: str,
    message_key: str | None = None,
    inbox: int | None = None,
    outbox: int | None = None,
) -> None:
    """Adds what was said."""
    await connection.execute(
        insert(table).values(
            conversation=conversation,
            at=at,
            role=role,
            author=author,
            text=text,
            message_key=message_key,
            inbox=inbox,
            outbox=outbox,
        )
    )


async def edit(connection: AsyncConnection, message_key: str, *, text: str, at: datetime) -> bool:
    """Keeps what a message said before and puts the new text in its place. False where no such message is known."""
    return await _change(connection, message_key, at=at, text=text, edited_at=at)


async def delete(connection: AsyncConnection, message_key: str, *, at: datetime) -> bool:
    """Notes that its author took a message back; what it said stays in the record."""
    return await _change(connection, message_key, at=at, deleted_at=at)


async def _change(connection: AsyncConnection, message_key: str, *, at: datetime, **values: object) -> bool:
    row = (await connection.execute(select(table).where(table.c.message_key == message_key))).one_or_none()
    if row is None:
        return False
    await connection.execute(insert(transcript_versions).values(entry=row.id, text=row.text, until=at))
    await connection.execute(update(table).where(table.c.id == row.id).values(**values))
    return True


async def latest(connection: AsyncConnection, conversation: int, *, count: int, after: int = 0) -> tuple[Entry, ...]:
    """The last `count` entries after the entry with id `after`, oldest first; what was never said is left out."""
    said = or_(table.c.outbox.is_(None), outbox.c.state.not_in(("withheld", "failed")))
    return await _last(connection, and_(table.c.conversation == conversation, table.c.id > after, said), count)


async def _last(connection: AsyncConnection, which: ColumnElement[bool], count: int) -> tuple[Entry, ...]:
    """The last `count` of the entries, as they were said."""
    query = (
        select(table, inbox.c.sent_at, inbox.c.order)
        .select_from(table.outerjoin(outbox, outbox.c.id == table.c.outbox))
        .outerjoin(inbox, and_(inbox.c.id == table.c.inbox, inbox.c.kind == Kind.MESSAGE.value))
        .where(which)
        .order_by(table.c.id.desc())
        .limit(count + LATE)
    )
    rows = (await connection.execute(query)).all()
    return tuple(_value(row) for row in _as_said(rows)[-count:])


def _as_said(rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """In the order in which things were said, as far as it can be known.

    What came in late stands before the first entry that was written after it; everything else where it was kept, for
    the platform's clock and ours need not agree.
    """
    written = sorted((row for row in rows if row.order is not None), key=lambda row: (row.sent_at, row.order, row.id))
    places: dict[int, tuple[int, int]] = {}
    first = sys.maxsize
    for number, row in reversed(list(enumerate(written))):
        first = min(first, row.id)
        places[row.id] = (first, number)
    return sorted(rows, key=lambda row: places.get(row.id, (row.id, 0)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What the concierge made of a message: `outcome` is answered, partly (one of several questions is left open),
    abstained or failed.

    `asked` is the message whose words were looked up, where that is another one: a button was pressed about it.
    `cited` is what was said and where it stood; `nearest` where something close to an answer stands.
    """

    inbox: int
    at: datetime
    outcome: str
    question: bool
    score: float
    citations: Sequence[str] = ()
    asked: int | None = None
    cited: Sequence[Place] = ()
    nearest: Sequence[Place] = ()


async def note_outcome(connection: AsyncConnection, conversation: int, outcome: Outcome) -> None:
    """Adds what was made of a message."""
    await connection.execute(
        insert(answers).values(
            conversation=conversation,
            inbox=outcome.inbox,
            at=outcome.at,
            outcome=outcome.outcome,
            question=outcome.question,
            score=outcome.score,
            citations=list(outcome.citations),
            asked=outcome.asked or outcome.inbox,
            cited=answered.rows(outcome.cited),
            nearest=answered.rows(outcome.nearest),
        )
    )


async def unanswered(connection: AsyncConnection, conversation: int, *, since: datetime | None) -> tuple[datetime, ...]:
    """When questions went unanswered in a conversation, for whatever reason, after `since`; answers that did not help
    count as well.
    """
    missed = select(answers.c.at).where(
        answers.c.conversation == conversation, answers.c.question, answers.c.outcome != "answered"
    )
    unhelpful = select(gaps.c.at).where(gaps.c.conversation == conversation)
    if since is not None:
        missed, unhelpful = missed.where(answers.c.at > since), unhelpful.where(gaps.c.at > since)
    found = [*(await connection.execute(missed)).scalars(), *(await connection.execute(unhelpful)).scalars()]
    return tuple(sorted(found))


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A question that was answered, and whose answer did not help: what the documents do not say well enough."""

    at: datetime
    customer: str | None
    question: str


async def note_gap(
    connection: AsyncConnection, *, message: int, conversation: int, customer: str | None, at: datetime
) -> bool:
    """Notes that the answer to a message did not answer it. False where that was noted before."""
    row = insert(gaps).values(inbox=message, conversation=conversation, customer=customer, at=at)
    try:
        async with connection.begin_nested():
            await connection.execute(row)
    except IntegrityError:
        return False
    return True


async def known_gaps(connection: AsyncConnection) -> tuple[Gap, ...]:
    """Every gap that was noted, oldest first."""
    query = select(gaps.c.at, gaps.c.customer, inbox.c.text).join(inbox, inbox.c.id == gaps.c.inbox)
    rows = await connection.execute(query.order_by(gaps.c.at, gaps.c.id))
    return tuple(Gap(at=row.at, customer=row.customer, question=row.text) for row in rows)


async def sources(connection: AsyncConnection, conversation: int, *, count: int) -> tuple[str, ...]:
    """What the latest answers of a conversation were taken from, newest first, each once."""
    query = (
        select(answers.c.citations)
        .where(answers.c.conversation == conversation, answers.c.outcome.in_(answered.SAID))
        .order_by(answers.c.id.desc())
        .limit(count)
    )
    rows = (await connection.execute(query)).scalars()
    return tuple(dict.fromkeys(citation for citations in rows for citation in citations))


async def delivered(connection: AsyncConnection, conversation: int, *, count: int) -> tuple[Entry, ...]:
    """The last entries that have reached the people of a conversation, oldest first."""
    arrived = or_(table.c.outbox.is_(None), outbox.c.state == "sent")
    return await _last(connection, and_(table.c.conversation == conversation, arrived), count)
