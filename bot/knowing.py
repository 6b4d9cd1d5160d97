"""The knowledge that turns use: opened when first asked, opened anew when an ingest has replaced the index."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from knowledge.answer import Abstention, Answer, Answerer
from knowledge.embedding import MiniLM
from knowledge.index import Index
from knowledge.ingest import IngestReport, ingest
from knowledge.lexical import common_words
from knowledge.pairing import ShippedPairs

Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class _Open:
    """An open generation and how many threads are answering from it."""

    index: Index
    answerer: Answerer
    users: int = 0


class Knowing:
    """Answers from the present generation of an index. One object may be shared by threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._embeddings: MiniLM | None = None
        self._pairs: ShippedPairs | None = None
        self._open: _Open | None = None

    def bring_up_to_date(self, documents: Path, progress: Progress) -> IngestReport:
        """Reads what changed among the documents into the index."""
        return ingest(documents, self._folder, self.embeddings, progress)

    @property
    def embeddings(self) -> MiniLM:
        """The shipped encoder, loaded once."""
        with self._lock:
            return self._encoder()

    def answer(
        self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()
    ) -> Answer | Abstention:
        """See `knowledge.answer.Answerer.answer`. Raises KnowledgeError where the index is missing or damaged."""
        with self._present() as answerer:
            return answerer.answer(question, grants, on, before)

    def prepare(self) -> None:
        """Reads the present generation's sentences once, so that turns need not: some seconds of one core."""
        with self._present() as answerer:
            answerer.prepare()

    @contextmanager
    def _present(self) -> Iterator[Answerer]:
        with self._lock:
            if self._open is None or not self._open.index.is_current():
                before, self._open = self._open, self._opened()
                if before is not None and before.users == 0:
                    before.index.close()
            used = self._open
            used.users += 1
        try:
            yield used.answerer
        finally:
            with self._lock:
                used.users -= 1
                if used.users == 0 and used is not self._open:
                    used.index.close()  # replaced while this thread was still answering from it

    def _opened(self) -> _Open:
        embeddings = self._encoder()
        index = Index.open(self._folder, embeddings)
        self._pairs = self._pairs or ShippedPairs()
        return _Open(
            index=index,
            answerer=Answerer(
                index.everything, dense=index, encoder=embeddings, pairs=self._pairs, known=common_words()
            ),
        )

    def _encoder(self) -> MiniLM:
        self._embeddings = self._embeddings or MiniLM()
        return self._embeddings
