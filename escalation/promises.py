"""What was promised to a customer, by whom, and until when. Kept: every function is handed the connection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from escalation.tables import promises as table


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """A promise. `due` is the last day on which it is still kept in time."""

    id: int
    customer: str
    steward: str
    what: str
    due: date
    made_at: datetime
    kept_at: datetime | None

    def overdue(self, on: date) -> bool:
        """Whether its day has passed and it is not kept."""
        return self.kept_at is None and self.due < on


def _value(row: Row[tuple[object, ...]]) -> Promise:
    return Promise(
        id=row.id,
        customer=row.customer,
        steward=row.steward,
        what=row.what,
        due=row.due,
        made_at=row.made_at,
        kept_at=row.kept_at,
    )


async def make(connection: AsyncConnection, *, customer: str, steward: str, what: str, due: date, now: datetime) -> int:
    """Writes a promise down and returns its number."""
    row = insert(table).values(customer=customer, steward=steward, what=what, due=due, made_at=now)
    key = (await connection.execute(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


async def keep(connection: AsyncConnection, promise: int, *, now: datetime) -> None:
    """A promise was kept. Keeping it again changes nothing."""
    query = update(table).where(table.c.id == promise, table.c.kept_at.is_(None))
    await connection.execute(query.values(kept_at=now))


async def by_id(connection: AsyncConnection, promise: int) -> Promise | None:
    """One promise, or None where there is no such number."""
    row = (await connection.execute(select(table).where(table.c.id == promise))).one_or_none()
    return None if row is None else _value(row)


async def open_to(connection: AsyncConnection, customer: str) -> tuple[Promise, ...]:
    """What a customer still waits for, the earliest first."""
    return await _open(connection, customer=customer)


async def open_by(connection: AsyncConnection, steward: str) -> tuple[Promise, ...]:
    """What a steward still owes, the earliest first."""
    return await _open(connection, steward=steward)


async def _open(connection: AsyncConnection, **of: str) -> tuple[Promise, ...]:
    query = select(table).where(table.c.kept_at.is_(None), *(table.c[name] == value for name, value in of.items()))
    return tuple(_value(row) for row in await connection.execute(query.order_by(table.c.due, table.c.id)))
