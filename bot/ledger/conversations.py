"""Conversations: one customer, or one room, in one channel; and who holds them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Row, and_, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.ledger.tables import conversations as table
from bot.ledger.tables import inbox
from bot.messages import Address


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """`holder` is the steward who holds it, for the escalation `held_for`; meanwhile the concierge is silent."""

    id: int
    address: Address
    direct: bool
    customer: str | None
    holder: str | None
    held_for: int | None
    held_at: datetime | None
    released_at: datetime | None


def _value(row: Row[tuple[object, ...]]) -> Conversation:
    return Conversation(
        id=row.id,
        address=Address(channel=row.channel, team=row.team, room=row.room),
        direct=row.direct,
        customer=row.customer,
        holder=row.holder,
        held_for=row.held_for,
        held_at=row.held_at,
        released_at=row.released_at,
    )


def _at(address: Address) -> ColumnElement[bool]:
    return and_(table.c.channel == address.channel, table.c.team == address.team, table.c.room == address.room)


async def ensure(
    connection: AsyncConnection, address: Address, *, direct: bool, customer: str | None, now: datetime
) -> Conversation:
    """The conversation at an address, begun where there was none; a customer who becomes known is noted.

    Whoever holds another direct conversation of that customer holds this one too: the concierge does not speak again
    because somebody changed the app.
    """
    found = await at(connection, address)
    if found is None:
        try:
            async with connection.begin_nested():
                await connection.execute(
                    insert(table).values(
                        channel=address.channel,
                        team=address.team,
                        room=address.room,
                        direct=direct,
                        created_at=now,
                    )
                )
        except IntegrityError:
            pass  # another process began it at the same moment
        found = await at(connection, address)
        assert found is not None
    if customer is not None and found.customer != customer:
        held = [one for one in await all_direct_with(connection, customer) if one.held_for is not None]
        hold = {"holder": held[0].holder, "held_for": held[0].held_for, "held_at": held[0].held_at} if held else {}
        await connection.execute(update(table).where(table.c.id == found.id).values(customer=customer, **hold))
        found = await by_id(connection, found.id)
    return found


async def at(connection: AsyncConnection, address: Address) -> Conversation | None:
    """The conversation at an address, if there is one."""
    row = (await connection.execute(select(table).where(_at(address)))).one_or_none()
    return None if row is None else _value(row)


async def by_id(connection: AsyncConnection, conversation: int, *, lock: bool = False) -> Conversation:
    """One conversation; `lock` keeps every other transaction from changing it until this one ends."""
    query = select(table).where(table.c.id == conversation)
    # FOR NO KEY UPDATE on PostgreSQL: a plain FOR UPDATE would also stop whoever only refers to the conversation
    return _value((await connection.execute(query.with_for_update(key_share=True) if lock else query)).one())


async def direct_with(connection: AsyncConnection, customer: str) -> Conversation | None:
    """The direct conversation in which the customer wrote last: where they can be told what a room must not hear."""
    latest = select(func.max(inbox.c.id)).where(inbox.c.conversation == table.c.id).scalar_subquery()
    query = select(table).where(table.c.customer == customer, table.c.direct)
    # NULL sorts first on one database and last on the other
    ranked = query.order_by(func.coalesce(latest, 0).desc(), table.c.id.desc()).limit(1)
    row = (await connection.execute(ranked)).one_or_none()
    return None if row is None else _value(row)


async def all_direct_with(connection: AsyncConnection, customer: str) -> tuple[Conversation, ...]:
    """Every direct conversation of a customer, in whatever channel."""
    query = select(table).where(table.c.customer == customer, table.c.direct).order_by(table.c.id)
    return tuple(_value(row) for row in await connection.execute(query))


async def held_by(connection: AsyncConnection, escalation: int) -> tuple[Conversation, ...]:
    """The conversations that are held for an escalation."""
    rows = await connection.execute(select(table).where(table.c.held_for == escalation))
    return tuple(_value(row) for row in rows)


async def hold(connection: AsyncConnection, conversation: int, *, steward: str, escalation: int, now: datetime) -> None:
    """A person takes the conversation over: from this transaction on the concierge is silent in it."""
    values = {"holder": steward, "held_for": escalation, "held_at": now}
    await connection.execute(update(table).where(table.c.id == conversation).values(**values))


async def release(connection: AsyncConnection, escalation: int, *, now: datetime) -> None:
    """Hands back to the concierge every conversation that was held for an escalation."""
    values = {"holder": None, "held_for": None, "held_at": None, "released_at": now}
    await connection.execute(update(table).where(table.c.held_for == escalation).values(**values))


async def move(connection: AsyncConnection, before: Address, after: Address) -> bool:
    """A room has another id from now on. False where it was not known, or the new one is known already."""
    if await at(connection, before) is None or await at(connection, after) is not None:
        return False
    await connection.execute(update(table).where(_at(before)).values(team=after.team, room=after.room))
    return True


async def last_seen(connection: AsyncConnection, channel: str) -> tuple[tuple[Address, str], ...]:
    """The conversations of a channel, each with the order of the newest message that is kept of it."""
    newest = select(inbox.c.conversation, func.max(inbox.c.order).label("newest")).where(inbox.c.kind == "message")
    grouped = newest.group_by(inbox.c.conversation).subquery()
    query = select(table, grouped.c.newest).join(grouped, grouped.c.conversation == table.c.id)
    rows = await connection.execute(query.where(table.c.channel == channel).order_by(table.c.id))
    return tuple((Address(channel=row.channel, team=row.team, room=row.room), str(row.newest)) for row in rows)
