"""Where an index lies on disk, so that it can be replaced while others read it, and survive a crash at any moment.

    index/
      CURRENT                 the name of the generation that readers open
      ingest.lock             held by the one process that writes
      generation-000012-5e…/  a whole index: Chroma's files, `manifest.json`, and `readers`, locked by who reads it

A generation is written beside the present one, checked, flushed to disk, and only then named in CURRENT, in one
step that either happens or does not. A generation is never changed afterwards.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Final

from knowledge.errors import KnowledgeError

CURRENT: Final = "CURRENT"
MANIFEST: Final = "manifest.json"
READERS: Final = "readers"
_LOCK: Final = "ingest.lock"
_NAME: Final = re.compile(r"generation-(\d{6,})-[0-9a-f]{8}")
_FORMAT: Final = 2
_TRIES: Final = 10

Progress = Callable[[str, int, int], None]
"""Is told the stage, how much of it is done, and how much there is."""


class IndexUnusable(KnowledgeError):
    """No questions can be asked of this index; the message says why. An ingest makes it anew."""


class IndexMissing(IndexUnusable):
    """There is no index in this folder yet: ingest the documents first."""


class IndexDamaged(IndexUnusable):
    """The index is not what was written: ingest the documents again, which rebuilds it."""


class IndexOutdated(IndexUnusable):
    """The index was made with another embedding model: ingest the documents again, which rebuilds it."""


class IndexBusy(KnowledgeError):
    """Another process is ingesting into this folder, and this one was not to wait for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What a generation knows of one document: hashes of the file and of what is said about it."""

    content: str
    described: str
    passages: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What a generation was made from and with, and what must be found in it."""

    embedding: str
    reader: str
    passages: int
    ids: str
    files: Mapping[str, str]
    documents: Mapping[str, Known]
    finding: str | None = None
    """The embedding model that finds passages beside the shipped one, where one is set."""

    def text(self) -> str:
        """The manifest as it is stored."""
        return json.dumps({"format": _FORMAT, **asdict(self)}, indent=1, ensure_ascii=False, sort_keys=True)

    def write(self, generation: Path) -> None:
        """Store it; the last file of a generation that is written."""
        (generation / MANIFEST).write_text(self.text(), encoding="utf-8")

    @classmethod
    def read(cls, generation: Path) -> Manifest:
        """Raises `IndexDamaged`."""
        try:
            kept = (generation / MANIFEST).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise IndexDamaged(f"the manifest in {generation} cannot be read ({error}): ingest again") from error
        return cls.parse(kept, str(generation))

    @classmethod
    def parse(cls, text: str, where: str) -> Manifest:
        """What `text` gave. Raises `IndexDamaged`."""
        try:
            kept = json.loads(text)
            if kept.pop("format") != _FORMAT:
                raise IndexDamaged(f"{where} was written by another version of this program: ingest again")
            documents = {name: Known(**known) for name, known in kept.pop("documents").items()}
            return cls(documents=documents, **kept)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IndexDamaged(f"the manifest in {where} cannot be read ({error}): ingest again") from error


def current(folder: Path) -> str | None:
    """The name of the generation that readers open, None where there is none."""
    try:
        name = (folder / CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise IndexDamaged(f"{folder / CURRENT} cannot be read ({error}): ingest again") from error
    if not _NAME.fullmatch(name):
        raise IndexDamaged(f"{folder / CURRENT} names no generation: ingest again")
    return name


def hold(folder: Path) -> tuple[Path, int]:
    """The present generation, kept from being removed until the returned file descriptor is closed.

    Raises `IndexMissing` or `IndexDamaged`.
    """
    for _ in range(_TRIES):  # an ingest may remove what CURRENT named a moment ago
        name = current(folder)
        if name is None:
            raise IndexMissing(f"there is no index in {folder}: ingest the documents first")
        try:
            reading = os.open(folder / name / READERS, os.O_RDONLY)
        except OSError:
            continue
        if _locked(reading, fcntl.LOCK_SH) and (folder / name / MANIFEST).exists():
            return folder / name, reading
        os.close(reading)
    raise IndexDamaged(f"the generation {name} in {folder} is gone or incomplete: ingest again")


def fresh(folder: Path) -> Path:
    """An empty folder for the next generation.

    Its name was never used before: within a process Chroma remembers what it has opened by its path.
    """
    number = max((_number(path) for path in _generations(folder)), default=0) + 1
    path = folder / f"generation-{number:06}-{secrets.token_hex(4)}"
    path.mkdir()
    (path / READERS).touch()
    return path


def switch(folder: Path, generation: Path) -> None:
    """Make a finished generation the present one, in one step that a crash cannot halve."""
    _flush(generation)
    renamed = folder / f"{CURRENT}.new"
    renamed.write_text(f"{generation.name}\n", encoding="utf-8")
    _sync(renamed)
    renamed.replace(folder / CURRENT)
    _sync(folder)


def tidy(folder: Path) -> None:
    """Remove what nobody reads: half-written generations, and all finished ones but the present and the last."""
    try:
        name = current(folder)
    except IndexDamaged:
        name = None
    present = folder / name if name else None
    older = [path for path in _generations(folder) if present and _number(path) < _number(present)]
    kept = {present, *older[-1:]}
    for path in _generations(folder):
        if path not in kept:
            _remove(path)


def digests(generation: Path, suffixes: tuple[str, ...]) -> dict[str, str]:
    """A hash of every file of a generation whose name ends so, by path."""
    return {
        path.relative_to(generation).as_posix(): _digest(path)
        for path in sorted(generation.rglob("*"))
        if path.suffix in suffixes
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


@contextmanager
def exclusive(folder: Path, *, wait: bool, progress: Progress) -> Iterator[None]:
    """Be the only one who writes. Where somebody else is, wait for them, or raise `IndexBusy`.

    The system frees the lock when its holder dies, however it dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not _locked(lock, fcntl.LOCK_EX):
            holder = os.pread(lock, 200, 0).decode("utf-8", "replace").strip() or "another process"
            if not wait:
                raise IndexBusy(f"{holder} is ingesting into {folder}: wait until it has finished")
            progress(f"waiting for {holder}", 0, 1)
            fcntl.flock(lock, fcntl.LOCK_EX)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _generations(folder: Path) -> list[Path]:
    """All generations, finished or not, oldest first."""
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(found, key=_number)


def _number(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else 0


def _remove(generation: Path) -> None:
    try:
        readers = os.open(generation / READERS, os.O_RDONLY | os.O_CREAT)
    except OSError:
        return  # not ours to remove
    try:
        if _locked(readers, fcntl.LOCK_EX):
            shutil.rmtree(generation)
    finally:
        os.close(readers)


def _flush(generation: Path) -> None:
    for path in sorted(generation.rglob("*"), reverse=True):
        _sync(path)
    _sync(generation)
    _sync(generation.parent)


def _sync(path: Path) -> None:
    """Until this returns, a file's content or a folder's names may be in memory only."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
