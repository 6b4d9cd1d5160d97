"""Where escalations are shown: one card a desk, and the thread under it that is the conversation."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Row, and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.ledger.tables import cards as table
from bot.ledger.tables import outbox
from bot.messages import Address


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """An escalation's card at a desk. `thread` and `message` are empty until the platform has it."""

    id: int
    escalation: int
    address: Address
    thread: str
    message: str


def _value(row: Row[tuple[object, ...]]) -> Place:
    return Place(
        id=row.id,
        escalation=row.escalation,
        address=Address(channel=row.channel, team=row.team, room=row.room),
        thread=row.thread,
        message=row.message,
    )


def _at(address: Address) -> ColumnElement[bool]:
    return and_(table.c.channel == address.channel, table.c.team == address.team, table.c.room == address.room)


async def ensure(connection: AsyncConnection, escalation: int, address: Address) -> tuple[Place, bool]:
    """The card of an escalation at a desk, and whether it is new there."""
    query = select(table).where(table.c.escalation == escalation, _at(address))
    row = (await connection.execute(query)).one_or_none()
    if row is not None:
        return _value(row), False
    new = insert(table).values(
        escalation=escalation,
        channel=address.channel,
        team=address.team,
        room=address.room,
        thread="",
        message="",
    )
    try:
        async with connection.begin_nested():
            await connection.execute(new)
    except IntegrityError:  # another process made it at the same moment
        return _value((await connection.execute(query)).one()), False
    return _value((await connection.execute(query)).one()), True


async def of(connection: AsyncConnection, escalation: int) -> tuple[Place, ...]:
    """Every card of an escalation."""
    rows = await connection.execute(select(table).where(table.c.escalation == escalation).order_by(table.c.id))
    return tuple(_value(row) for row in rows)


async def by_id(connection: AsyncConnection, card: int) -> Place:
    """One card."""
    return _value((await connection.execute(select(table).where(table.c.id == card))).one())


async def opened(connection: AsyncConnection, card: int, *, thread: str = "", message: str = "") -> None:
    """The platform has it: what it calls the thread, the card, or both."""
    values = {name: value for name, value in (("thread", thread), ("message", message)) if value}
    if values:
        await connection.execute(update(table).where(table.c.id == card).values(**values))


async def under(connection: AsyncConnection, address: Address, *, thread: str, answers: str) -> Place | None:
    """The card to which a message at a desk belongs: by its thread, or by what it answers (which may be the card
    itself or anything that was said under it).
    """
    if thread:
        row = (await connection.execute(select(table).where(_at(address), table.c.thread == thread))).first()
        if row is not None:
            return _value(row)
    if not answers:
        return None
    said = select(outbox.c.card).where(
        outbox.c.channel == address.channel,
        outbox.c.team == address.team,
        outbox.c.room == address.room,
        outbox.c.platform_id == answers,
        outbox.c.card.is_not(None),
    )
    query = select(table).where(_at(address), or_(table.c.message == answers, table.c.id.in_(said)))
    row = (await connection.execute(query.order_by(table.c.id.desc()))).first()
    return None if row is None else _value(row)


async def is_desk(connection: AsyncConnection, address: Address) -> bool:
    """Whether any escalation was ever shown there."""
    return (await connection.execute(select(table.c.id).where(_at(address)).limit(1))).first() is not None


async def move(connection: AsyncConnection, before: Address, after: Address) -> None:
    """A desk's room has another id from now on."""
    await connection.execute(update(table).where(_at(before)).values(team=after.team, room=after.room))
