"""Kept answers become files among the pack's documents, and are read into the index. The record is the truth.

A file that vanished, or says something else than what two stewards agreed on, is written again; that of an answer which
was withdrawn is taken away.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.growing import document
from bot.ledger import kept
from bot.ledger.engine import RecordUnavailable, reading
from bot.ledger.kept import Kept, State
from bot.pack import Pack
from knowledge.errors import KnowledgeError

logger = logging.getLogger(__name__)

DOCUMENTS: Final = "documents"
LOOKS_AGAIN: Final = timedelta(minutes=1)
"""What another process has approved is written here after so long at the latest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """What was done to files, as paths under the pack's documents, and what could not be done, in sentences."""

    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.written or self.removed)


def restore(pack: Pack, answers: Sequence[Kept]) -> Restored:
    """Brings the files of kept answers to what the record says."""
    folder = pack.folder / DOCUMENTS / document.FOLDER
    written: list[str] = []
    removed: list[str] = []
    troubles: list[str] = []
    for one in answers:
        path = folder / document.file_name(one)
        if one.state is State.WITHDRAWN and path.exists():
            _try(path.unlink, path, removed, troubles)
        if one.state is not State.APPROVED:
            continue
        if not _is_known(pack, one.draft.audience):
            troubles.append(f"kept answer {one.id} is for {one.draft.audience}, which pack.yaml does not know any more")
        elif not _says(path, text := document.text(pack, one)):
            _try(partial(_write, path, text), path, written, troubles)
    return Restored(written=tuple(written), removed=tuple(removed), troubles=tuple(troubles))


def _is_known(pack: Pack, audience: str) -> bool:
    kind, colon, id = audience.partition(":")
    among = {"flight": pack.flights, "mission": pack.missions, "organisation": pack.organisations}
    return not colon or id in among[kind]


def _says(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


def _try(do: Callable[[], None], path: Path, done: list[str], troubles: list[str]) -> None:
    try:
        do()
    except OSError as error:
        troubles.append(f"{DOCUMENTS}/{document.FOLDER}/{path.name} cannot be written: {error.strerror or error}")
    else:
        done.append(f"{document.FOLDER}/{path.name}")


def _write(path: Path, text: str) -> None:
    """All of it or nothing, whatever happens meanwhile; what begins with a dot is never read as a document."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def cannot_write(pack: Pack) -> str | None:
    """Why no file could be written now; None where one could."""
    folder = pack.folder / DOCUMENTS
    nearest = next(one for one in (folder / document.FOLDER, folder, *folder.parents) if one.is_dir())
    return None if os.access(nearest, os.W_OK | os.X_OK) else f"{nearest} cannot be written"


async def put_back(pack: Pack, engine: AsyncEngine) -> Restored:
    """Brings the files of kept answers to what the record says now. Raises RecordUnavailable."""
    async with reading(engine) as connection:
        answers = await kept.every(connection)
    return await asyncio.to_thread(restore, pack, answers)


class Publisher:
    """Writes what was approved and has it read, in one process. `ingest` brings the index up to date; it may block."""

    def __init__(self, pack: Pack, engine: AsyncEngine, ingest: Callable[[], object] | None = None) -> None:
        self._pack = pack
        self._engine = engine
        self._ingest = ingest
        self._asked = asyncio.Event()
        self._told: tuple[str, ...] = ()
        self._unread = False  # whether a file was changed that the index does not know of yet

    def soon(self) -> None:
        """Something was decided: it is published without waiting for the next look."""
        self._asked.set()

    async def publish(self) -> Restored:
        """Brings the files to what the record says, and the index to the files. Raises RecordUnavailable and
        KnowledgeError.
        """
        done = await put_back(self._pack, self._engine)
        self._unread = self._unread or done.changed
        if self._unread and self._ingest is not None:
            await asyncio.to_thread(self._ingest)
        self._unread = False
        return done

    async def keep_publishing(self) -> None:
        """Publishes whatever is approved, here or by another process, for as long as it runs."""
        while True:
            self._asked.clear()
            try:
                done = await self.publish()
            except (RecordUnavailable, KnowledgeError) as error:
                done = Restored(troubles=(str(error),))
            if done.troubles and done.troubles != self._told:
                logger.warning("kept answers: %s", "; ".join(done.troubles))
            self._told = done.troubles
            try:
                await asyncio.wait_for(self._asked.wait(), LOOKS_AGAIN.total_seconds())
            except TimeoutError:
                continue
