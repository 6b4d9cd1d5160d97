"""Opening the record: SQLite (WAL, synchronous=FULL) or PostgreSQL, and its transactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from alembic import command
from alembic.config import Config
from sqlalchemy import event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.errors import BotError

BUSY_TIMEOUT_SECONDS = 10.0
MIGRATIONS = Path(__file__).parent / "migrations"

# PostgreSQL's classes of errors: no connection, no resources (disk, memory, connections), shutting down or starting,
# trouble with the system below. https://www.postgresql.org/docs/current/errcodes-appendix.html
_STORE_FAILED = ("08", "53", "57", "58")
_READ_ONLY = "25006"


class RecordUnavailable(BotError):
    """The record cannot be read or written: it is locked, read-only, full, or not there."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"The record at {where} cannot be used: {why}. Nothing was lost: what was committed stays, what was not is "
            "taken again. Check that the disk has room, that the file can be written, and that nothing else holds it."
        )
        self.why = why


def open_engine(url: str, *, busy_timeout: float = BUSY_TIMEOUT_SECONDS) -> AsyncEngine:
    """An engine for `sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://…`; connects lazily."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_async_engine(url, pool_pre_ping=True)
    engine = create_async_engine(url, connect_args={"timeout": busy_timeout})
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # the driver must not begin transactions of its own: _begin_sqlite says how each begins
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA journal_mode=WAL")
    finally:
        cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # a writing transaction takes the write lock at once: a lock taken half-way fails instead of waiting
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction that writes: committed at the end, rolled back on any error.

    Raises RecordUnavailable where the database is locked for too long, read-only, full or gone.
    """
    with _as_unavailable(engine):
        async with _line(engine), engine.connect() as connection:
            await connection.execution_options(writing=True)
            async with connection.begin():
                yield connection


_LINES: WeakKeyDictionary[Engine, asyncio.Lock] = WeakKeyDictionary()


def _line(engine: AsyncEngine) -> AbstractAsyncContextManager[object]:
    """Where writers of this process stand in line for SQLite's one write lock: first come, first served.

    SQLite itself lets them try again and again, in no order, until some give up.
    """
    if engine.dialect.name != "sqlite":
        return nullcontext()
    return _LINES.setdefault(engine.sync_engine, asyncio.Lock())


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One consistent view of the record. Raises RecordUnavailable as `writing` does."""
    with _as_unavailable(engine):
        async with engine.connect() as connection, connection.begin():
            yield connection


class _as_unavailable:
    """Turns what drivers raise when the store itself fails into one error that says what to do."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._where = engine.url.render_as_string(hide_password=True)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None and _is_the_stores_fault(error):
            cause = getattr(error, "orig", None) or error
            raise RecordUnavailable(self._where, str(cause)) from error


def _is_the_stores_fault(error: BaseException) -> bool:
    if isinstance(error, OperationalError | OSError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return (
        type(error) is DatabaseError  # SQLite's word for a file that is damaged, or no database at all
        or error.connection_invalidated
        or state.startswith(_STORE_FAILED)
        or state == _READ_ONLY
    )


async def migrate(engine: AsyncEngine) -> None:
    """Brings the schema to the newest revision. Raises RecordUnavailable."""
    url = engine.url
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        try:
            await asyncio.to_thread(Path(url.database).parent.mkdir, parents=True, exist_ok=True)
        except OSError as error:
            raise RecordUnavailable(url.render_as_string(hide_password=True), str(error)) from error
    async with writing(engine) as connection:
        await connection.run_sync(_upgrade)


def _upgrade(connection: Any) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
