"""What channels handed over, committed before it is acknowledged, and taken in the platform's own order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.ledger.tables import inbox as table
from bot.messages import Attachment, Identity, Inbound, Kind, Pressed, readable


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """An inbox row."""

    id: int
    conversation: int
    kind: Kind
    about: str | None
    message_key: str
    sender: Identity
    present: tuple[Identity, ...]
    addressed: bool
    thread: str
    ref: str
    answers: str
    attachments: tuple[Attachment, ...]
    pressed: Pressed | None
    text: str
    sent_at: datetime
    received_at: datetime


def _value(row: Row[tuple[object, ...]]) -> Received:
    return Received(
        id=row.id,
        conversation=row.conversation,
        kind=Kind(row.kind),
        about=row.about,
        message_key=row.message_key,
        sender=Identity(**row.sender),
        present=tuple(Identity(**one) for one in row.present),
        addressed=row.addressed,
        thread=row.thread,
        ref=row.ref,
        answers=row.answers,
        attachments=tuple(Attachment(**one) for one in row.attachments),
        pressed=Pressed(**row.pressed) if row.pressed else None,
        text=row.text,
        sent_at=row.sent_at,
        received_at=row.received_at,
    )


async def receive(connection: AsyncConnection, inbound: Inbound, *, conversation: int, now: datetime) -> int | None:
    """Keeps an event and returns its row, or None where the event or its message is already there."""
    row = insert(table).values(
        event_key=inbound.event_key,
        message_key=inbound.message_key,
        conversation=conversation,
        kind=inbound.kind.value,
        about=inbound.about,
        sender=asdict(inbound.sender),
        present=[asdict(one) for one in inbound.present],
        addressed=inbound.addressed,
        thread=inbound.thread,
        ref=inbound.ref,
        answers=inbound.answers,
        pressed=_kept(inbound.pressed) if inbound.pressed else None,
        attachments=[asdict(one) for one in inbound.attachments],
        text=readable(inbound.text),
        order=inbound.order,
        sent_at=inbound.sent_at,
        received_at=now,
    )
    try:
        async with connection.begin_nested():
            result = await connection.execute(row)
    except IntegrityError:
        return None
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


def _kept(pressed: Pressed) -> dict[str, str]:
    return {**asdict(pressed), "choice": readable(pressed.choice), "words": readable(pressed.words)}


async def waiting(connection: AsyncConnection, conversation: int) -> tuple[Received, ...]:
    """What a conversation has not been answered on, oldest first by the platform's order."""
    query = (
        select(table)
        .where(table.c.conversation == conversation, table.c.done_at.is_(None))
        .order_by(table.c.order, table.c.id)
    )
    return tuple(_value(row) for row in await connection.execute(query))


async def conversations_waiting(connection: AsyncConnection) -> tuple[int, ...]:
    """The conversations in which something waits, the longest wait first."""
    query = select(table.c.conversation).where(table.c.done_at.is_(None)).order_by(table.c.id)
    return tuple(dict.fromkeys((await connection.execute(query)).scalars()))


async def oldest_waiting(connection: AsyncConnection) -> datetime | None:
    """When the message was received that has waited longest."""
    query = select(func.min(table.c.received_at)).where(table.c.done_at.is_(None))
    found: datetime | None = (await connection.execute(query)).scalar_one()
    return found


async def count_waiting(connection: AsyncConnection) -> int:
    """How many messages wait."""
    query = select(func.count()).select_from(table).where(table.c.done_at.is_(None))
    return int((await connection.execute(query)).scalar_one())


async def finish(connection: AsyncConnection, rows: Sequence[int], *, now: datetime) -> bool:
    """Marks rows as done. False where another turn has finished one of them: the caller must then roll back."""
    done = await connection.execute(
        update(table).where(table.c.id.in_(rows), table.c.done_at.is_(None)).values(done_at=now)
    )
    return done.rowcount == len(rows)


async def by_id(connection: AsyncConnection, row: int) -> Received:
    """One row."""
    return _value((await connection.execute(select(table).where(table.c.id == row))).one())


async def text_of(connection: AsyncConnection, row: int) -> str:
    """What a message said when it arrived."""
    return str((await connection.execute(select(table.c.text).where(table.c.id == row))).scalar_one())
