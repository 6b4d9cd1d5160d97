"""Messages on their way out: `pending → sending → sent | uncertain | failed`, in order per destination.

`withheld` is what the concierge would have said, had a person not taken over before it was sent.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Row, and_, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.ledger.tables import conversations
from bot.ledger.tables import outbox as table
from bot.messages import Address, Attachment, Post, Purpose


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A message to put into the outbox. `key` says what it is, so that the same message is never put there twice."""

    key: str
    address: Address
    text: str
    purpose: Purpose
    author: str
    conversation: int | None
    thread: str = ""
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """An outbox row."""

    post: Post
    conversation: int | None
    state: str
    attempts: int
    error: str | None


def _value(row: Row[tuple[object, ...]]) -> Outgoing:
    return Outgoing(
        post=Post(
            id=row.id,
            address=Address(channel=row.channel, team=row.team, room=row.room),
            text=row.text,
            purpose=Purpose(row.purpose),
            author=row.author,
            thread=row.thread,
            attachments=tuple(Attachment(**one) for one in row.attachments),
        ),
        conversation=row.conversation,
        state=row.state,
        attempts=row.attempts,
        error=row.error,
    )


async def put(connection: AsyncConnection, draft: Draft, *, now: datetime) -> int | None:
    """Puts a message into the outbox and returns its row, or None where its key is already there."""
    row = insert(table).values(
        key=draft.key,
        conversation=draft.conversation,
        channel=draft.address.channel,
        team=draft.address.team,
        room=draft.address.room,
        purpose=draft.purpose.value,
        author=draft.author,
        text=draft.text,
        thread=draft.thread,
        attachments=[asdict(one) for one in draft.attachments],
        state="pending",
        attempts=0,
        not_before=now,
        created_at=now,
    )
    try:
        async with connection.begin_nested():
            result = await connection.execute(row)
    except IntegrityError:
        return None
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


async def places_waiting(connection: AsyncConnection, *, now: datetime) -> tuple[Address, ...]:
    """The addresses for which something is pending and due."""
    query = (
        select(table.c.channel, table.c.team, table.c.room)
        .where(table.c.state == "pending", table.c.not_before <= now)
        .group_by(table.c.channel, table.c.team, table.c.room)
        .order_by(func.min(table.c.id))
    )
    rows = await connection.execute(query)
    return tuple(Address(channel=row.channel, team=row.team, room=row.room) for row in rows)


async def claim(connection: AsyncConnection, address: Address, *, now: datetime) -> Outgoing | None:
    """Takes the oldest message for an address and marks it `sending`; None where none may be sent now.

    Nothing overtakes: while one is being sent, or waits for its next try, later ones for that address wait too.
    An answer of the concierge is withheld when a person has taken the conversation over meanwhile.
    """
    while True:
        query = (
            select(table)
            .where(_to(address), table.c.state.in_(("pending", "sending")))
            .order_by(table.c.id)
            .limit(1)
            .with_for_update()
        )
        row = (await connection.execute(query)).one_or_none()
        if row is None or row.state == "sending" or row.not_before > now:
            return None
        if row.purpose == Purpose.ANSWER and await _is_held(connection, row.conversation):
            await _move(connection, row.id, state="withheld")
            continue
        claimed = replace(_value(row), state="sending", attempts=row.attempts + 1)
        await _move(connection, row.id, state=claimed.state, sending_at=now, attempts=claimed.attempts)
        return claimed


async def _is_held(connection: AsyncConnection, conversation: int | None) -> bool:
    query = select(exists().where(conversations.c.id == conversation, conversations.c.holder.is_not(None)))
    return bool((await connection.execute(query)).scalar_one())


async def sent(connection: AsyncConnection, post: int, *, platform_id: str, now: datetime) -> None:
    """The channel has it."""
    await _move(connection, post, state="sent", sent_at=now, platform_id=platform_id, error=None)


async def postpone(connection: AsyncConnection, post: int, *, why: str, until: datetime) -> None:
    """It did not arrive, and is tried again."""
    await _move(connection, post, state="pending", not_before=until, error=why)


async def fail(connection: AsyncConnection, post: int, *, why: str) -> None:
    """It did not arrive and will not."""
    await _move(connection, post, state="failed", error=why)


async def doubt(connection: AsyncConnection, post: int, *, why: str) -> None:
    """Nobody can say whether it arrived."""
    await _move(connection, post, state="uncertain", error=why)


async def in_sending(connection: AsyncConnection, *, since: datetime) -> tuple[Outgoing, ...]:
    """Messages whose sending began before a moment and never ended: their process died or hangs."""
    query = select(table).where(table.c.state == "sending", table.c.sending_at < since).order_by(table.c.id)
    return tuple(_value(row) for row in await connection.execute(query))


async def count(connection: AsyncConnection, states: Collection[str]) -> int:
    """How many messages are in one of the states."""
    query = select(func.count()).select_from(table).where(table.c.state.in_(states))
    return int((await connection.execute(query)).scalar_one())


def _to(address: Address) -> ColumnElement[bool]:
    return and_(table.c.channel == address.channel, table.c.team == address.team, table.c.room == address.room)


async def _move(connection: AsyncConnection, post: int, **values: object) -> None:
    await connection.execute(update(table).where(table.c.id == post).values(**values))
