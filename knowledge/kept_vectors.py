"""The vectors of an ingest that is under way, on disk as they are made: after a kill nothing is embedded again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

_FILE: Final = "vectors.db"
_AT_ONCE: Final = 500  # SQLite allows some thousand values in one question
_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS vectors (model TEXT, text BLOB, vector BLOB, PRIMARY KEY (model, text))
"""


class KeptVectors:
    """Vectors by embedding model and text, in a small database beside the generations.

    A text is known by its hash: the documents' words stand in one place only.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[KeptVectors]:
        """What an ingest that was killed has left in a folder, if anything. A file that cannot be read is replaced."""
        try:
            database = _opened(folder / _FILE)
        except sqlite3.DatabaseError:
            _remove(folder)
            database = _opened(folder / _FILE)
        with closing(database):
            yield cls(database)

    @staticmethod
    def forget(folder: Path) -> None:
        """Remove the file: its vectors are in the index by now."""
        _remove(folder)

    def get(self, model: str, texts: Sequence[str]) -> dict[str, Vector]:
        """The vectors that are known of these texts."""
        by_hash = {hash_of(text): text for text in texts}
        found: dict[str, Vector] = {}
        hashes = list(by_hash)
        for start in range(0, len(hashes), _AT_ONCE):
            some = hashes[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            asked = f"SELECT text, vector FROM vectors WHERE model = ? AND text IN ({marks})"
            for text, vector in self._database.execute(asked, (model, *some)):
                found[by_hash[text]] = np.frombuffer(vector, np.float32)
        return found

    def put(self, model: str, vectors: Mapping[str, Vector]) -> None:
        """Keep vectors. They survive a kill from the moment that this returns."""
        rows: Iterable[tuple[str, bytes, bytes]] = (
            (model, hash_of(text), np.asarray(vector, np.float32).tobytes()) for text, vector in vectors.items()
        )
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)


def hash_of(text: str) -> bytes:
    """Sixteen bytes that stand for a text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _opened(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file)
    try:
        # A killed process loses nothing; a machine without power may lose the last vectors, which are made again.
        database.execute("PRAGMA page_size = 16384")  # in a small page there is room for two vectors, and a gap
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(_TABLE)
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database


def _remove(folder: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (folder / f"{_FILE}{suffix}").unlink(missing_ok=True)
