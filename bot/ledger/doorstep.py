"""Where events stand that a platform has handed over, until the record has them: a small file beside an SQLite record.

SQLite has one writer at a time, and a turn that writes may take longer than a platform waits for its acknowledgement.
So what comes in is committed here first (WAL, synchronous=FULL, everything that comes meanwhile in one transaction),
acknowledged, and carried into the record in one go. A crash between the two carries it in again, which the record's
unique keys make harmless. PostgreSQL needs none of this: there a row waits for nobody else's transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from pydantic import TypeAdapter
from sqlalchemy.engine import URL

from bot.ledger.engine import BUSY_TIMEOUT_SECONDS, RecordUnavailable
from bot.messages import Inbound

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS doorstep (
    id INTEGER PRIMARY KEY,
    event_key TEXT NOT NULL UNIQUE,
    at TEXT NOT NULL,
    inbound TEXT NOT NULL
)"""
_INBOUND: Final[TypeAdapter[Inbound]] = TypeAdapter(Inbound)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """An event on the doorstep, and when it was left there."""

    id: int
    at: datetime
    inbound: Inbound


@dataclass(frozen=True, slots=True)
class _Putting:
    row: tuple[str, str, str]
    done: asyncio.Future[bool]


def doorstep_of(record: URL) -> Path | None:
    """The file beside a record; None where the record needs none."""
    if record.get_backend_name() != "sqlite" or not record.database or record.database == ":memory:":
        return None
    return Path(f"{record.database}-doorstep")


class Doorstep:
    """One file. `something` is set when there may be something to carry in."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="doorstep")
        self._connection: sqlite3.Connection | None = None
        self._putting: list[_Putting] = []
        self._writer: asyncio.Task[None] | None = None
        self.something = asyncio.Event()
        self.something.set()  # an earlier process may have left something

    async def put(self, inbound: Inbound, now: datetime) -> bool:
        """Commits an event; False where it stands there already. Raises RecordUnavailable."""
        row = (inbound.event_key, now.isoformat(), _INBOUND.dump_json(inbound).decode())
        putting = _Putting(row, asyncio.get_running_loop().create_future())
        self._putting.append(putting)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await putting.done

    async def _write(self) -> None:
        """Commits what has gathered, together, and what gathers meanwhile after that."""
        while self._putting:
            batch, self._putting = self._putting, []
            try:
                kept = await self._on_its_thread(partial(self._insert, [one.row for one in batch]))
            except RecordUnavailable as error:
                for one in batch:
                    if not one.done.done():
                        one.done.set_exception(error)
                continue
            self.something.set()
            for one, is_new in zip(batch, kept, strict=True):
                if not one.done.done():
                    one.done.set_result(is_new)

    async def waiting(self, count: int) -> tuple[Left, ...]:
        """What stands there, oldest first. Raises RecordUnavailable."""
        if self._connection is None and not self._file.exists():
            return ()
        rows = await self._on_its_thread(partial(self._select, count))
        return tuple(
            Left(id=row, at=datetime.fromisoformat(at), inbound=_INBOUND.validate_json(inbound))
            for row, at, inbound in rows
        )

    async def carried_in(self, left: Sequence[Left]) -> None:
        """The record has them. Raises RecordUnavailable."""
        await self._on_its_thread(partial(self._delete, [(one.id,) for one in left]))

    async def close(self) -> None:
        """Nothing is put there any more; what stands there stays."""
        if self._writer is not None:
            await asyncio.gather(self._writer, return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    # ── on its own thread ────────────────────────────────────────────────────────────────────────────────────────────

    async def _on_its_thread(self, do: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, do)
        except (sqlite3.Error, OSError) as error:
            raise RecordUnavailable(str(self._file), str(error)) from error

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(self._file, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(_SCHEMA)
            self._connection = connection
        return self._connection

    def _insert(self, rows: Sequence[tuple[str, str, str]]) -> list[bool]:
        into = "INSERT OR IGNORE INTO doorstep (event_key, at, inbound) VALUES (?, ?, ?)"
        return self._in_one([(into, row) for row in rows])

    def _delete(self, rows: Sequence[tuple[int]]) -> list[bool]:
        return self._in_one([("DELETE FROM doorstep WHERE id = ?", row) for row in rows])

    def _in_one(self, statements: Sequence[tuple[str, tuple[object, ...]]]) -> list[bool]:
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            done = [connection.execute(statement, values).rowcount == 1 for statement, values in statements]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return done

    def _select(self, count: int) -> list[tuple[int, str, str]]:
        query = "SELECT id, at, inbound FROM doorstep ORDER BY id LIMIT ?"
        return self._opened().execute(query, (count,)).fetchall()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
