"""The knowledge that turns use: opened when first asked, opened anew when an ingest has replaced the index."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from knowledge.index import Index
from knowledge.ingest import IngestReport, ingest

from knowledge.answer import Abstention, Answer, Answerer
from knowledge.embedding import MiniLM
from knowledge.pairing import ShippedPairs

Progress = Callable[[str, int, int], None]


class Knowing:
    """Answers from the present generation of an index. One object may be shared by threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._embeddings: MiniLM | None = None
        self._pairs: ShippedPairs | None = None
        self._index: Index | None = None
        self._answerer: Answerer | None = None

    def bring_up_to_date(self, documents: Path, progress: Progress) -> IngestReport:
        """Reads what changed among the documents into the index."""
        return ingest(documents, self._folder, self.embeddings, progress)

    @property
    def embeddings(self) -> MiniLM:
        """The shipped model, loaded once."""
        with self._lock:
            if self._embeddings is None:
                self._embeddings = MiniLM()
            return self._embeddings

    def answer(
        self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()
    ) -> Answer | Abstention:
        """See `knowledge.answer.Answerer.answer`. Raises KnowledgeError where the index is missing or damaged."""
        return self._present().answer(question, grants, on, before)

    def _present(self) -> Answerer:
        embeddings = self.embeddings
        with self._lock:
            if self._answerer is None or self._index is None or not self._index.is_current():
                before = self._index
                self._index = Index.open(self._folder, embeddings)
                self._pairs = self._pairs or ShippedPairs()
                self._answerer = Answerer(
                    self._index.everything, dense=self._index, encoder=embeddings, pairs=self._pairs
                )
                if before is not None:
                    before.close()
            return self._answerer
