"""The knowledge that turns use: opened when first asked, opened anew when an ingest has replaced the index."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bot import replies
from bot.retrieval import Retrieval, retrieval_of
from bot.settings import Settings
from knowledge.answer import Abstention, Answer, Answerer
from knowledge.claims import Consulted
from knowledge.embedding import MiniLM
from knowledge.index import Index
from knowledge.ingest import IngestReport, ingest
from knowledge.lexical import common_words
from knowledge.pairing import PairReader, ShippedPairs
from knowledge.passages import Passage
from knowledge.retriever import MissionRetriever
from knowledge.search import Encoder

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
SUGGESTED = 3  # passages


def _quietly(_stage: str, _done: int, _total: int) -> None:
    pass


@dataclass(slots=True)
class _Open:
    """An open generation and how many threads are answering from it."""

    index: Index
    answerer: Answerer
    users: int = 0


class Knowing:
    """Answers from the present generation of an index. One object may be shared by threads."""

    def __init__(self, folder: Path, retrieval: Retrieval | None = None) -> None:
        self._folder = folder
        self._retrieval = retrieval or Retrieval()
        self._lock = threading.Lock()
        self._embeddings: MiniLM | None = None
        self._pairs: ShippedPairs | None = None
        self._open: _Open | None = None

    def bring_up_to_date(self, documents: Path, progress: Progress = _quietly) -> IngestReport:
        """Reads what changed among the documents into the index."""
        finding, server = self._retrieval.finding, self._retrieval.server
        return ingest(documents, self._folder, self.embeddings, progress, finding=finding, server=server)

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

    def consult(self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()) -> Consulted:
        """The same answer, with what was weighed for it. Raises KnowledgeError as `answer` does."""
        with self._present() as answerer:
            return Consulted(
                outcome=answerer.answer(question, grants, on, before),
                reading=answerer.read(question, grants, on, before),
                threshold=answerer.judge.threshold,
            )

    def readers(self) -> tuple[Encoder, PairReader]:
        """What turns texts into vectors, and what says how well a text answers a question."""
        with self._present() as answerer:
            return answerer.readers

    def suggest(self, text: str, grants: frozenset[str], on: date) -> tuple[str, ...]:
        """Where documents that somebody may read could help with a text: title and section, best first, each once.

        Raises KnowledgeError as `answer` does.
        """
        with self._present() as answerer:
            found = MissionRetriever(library=answerer, grants=grants, on=on, k=SUGGESTED).invoke(text)
        places = (replies.source(one.metadata["title"], one.metadata["anchor"]) for one in found)
        return tuple(dict.fromkeys(places))

    def passages(self) -> Sequence[Passage]:
        """All passages of the present generation, whoever may see them. Raises KnowledgeError as `answer` does."""
        with self._present():
            assert self._open is not None
            return self._open.index.everything

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
        index = self._retrieval.open(self._folder, embeddings)
        self._pairs = self._pairs or ShippedPairs()
        return _Open(
            index=index,
            answerer=Answerer(
                index.everything,
                dense=index,
                encoder=embeddings,
                pairs=self._pairs,
                known=common_words(),
                finder=self._retrieval.finder(index),
                reranker=self._retrieval.reranker,
                sentences=index.sentences,
                judge=self._retrieval.judge,
            ),
        )

    def _encoder(self) -> MiniLM:
        self._embeddings = self._embeddings or MiniLM()
        return self._embeddings


def knowing_of(settings: Settings, provider: str) -> Knowing:
    """What an installation knows, with what its settings choose."""
    return Knowing(settings.index_folder(provider), retrieval_of(settings, provider))
