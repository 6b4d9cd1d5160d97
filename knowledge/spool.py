"""Passages that were read and are not in the index yet, on disk, so that memory does not hold them all."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from knowledge.passages import Passage


class Spool:
    """The passages of documents, by document, in a file without a name: it is gone when its process is."""

    def __init__(self, folder: Path) -> None:
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115  # closed by `__exit__`
        self._places: dict[str, int] = {}

    def put(self, document: str, passages: Sequence[Passage]) -> None:
        """Keep a document's passages."""
        self._places[document] = self._file.seek(0, 2)
        pickle.dump(tuple(passages), self._file)

    def get(self, document: str) -> tuple[Passage, ...]:
        """The passages of a document that was kept."""
        self._file.seek(self._places[document])
        found: tuple[Passage, ...] = pickle.load(self._file)  # nobody else can have written into it
        return found

    def __contains__(self, document: str) -> bool:
        return document in self._places

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
