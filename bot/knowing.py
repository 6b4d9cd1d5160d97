"""The knowledge that turns use: opened when first asked, opened anew when an ingest has replaced the index."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from bot import replies
from knowledge.answer import Abstention, Answer, Answerer
from knowledge.embedding import MiniLM
from knowledge.errors import KnowledgeError
from knowledge.index import Index
from knowledge.ingest import IngestReport, ingest
from knowledge.lexical import common_words
from knowledge.pairing import ShippedPairs
from knowledge.retriever import MissionRetriever

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
READ_AT_ONCE = 4  # sentences: a question that comes meanwhile waits some milliseconds
SUGGESTED = 3  # passages
LOOK_AGAIN = timedelta(seconds=1)


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

    def suggest(self, text: str, grants: frozenset[str], on: date) -> tuple[str, ...]:
        """Where documents that somebody may read could help with a text: title and section, best first, each once.

        Raises KnowledgeError as `answer` does.
        """
        with self._present() as answerer:
            found = MissionRetriever(library=answerer, grants=grants, on=on, k=SUGGESTED).invoke(text)
        places = (replies.source(one.metadata["title"], one.metadata["anchor"]) for one in found)
        return tuple(dict.fromkeys(places))

    def read_ahead(self, count: int) -> int:
        """See `knowledge.answer.Answerer.read_ahead`. Nothing is opened for it: 0 before the first question.

        Raises KnowledgeError as `answer` does.
        """
        if self._open is None:
            return 0
        with self._present() as answerer:
            return answerer.read_ahead(count)

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


class ReadsAhead(Protocol):
    """Knowledge that can use a quiet moment."""

    def read_ahead(self, count: int) -> int:
        """Reads up to so many sentences before anybody asks about them; how many it read."""
        ...


async def keep_reading_ahead(knowledge: ReadsAhead) -> None:
    """Reads sentences whenever there are unread ones, for as long as it runs; a new generation is read anew."""
    while True:
        try:
            read = await asyncio.to_thread(knowledge.read_ahead, READ_AT_ONCE)
        except KnowledgeError as error:  # whoever asks a question is told; here it only means that nothing is saved
            logger.debug("nothing can be read ahead: %s", error)
            read = 0
        await asyncio.sleep(0 if read else LOOK_AGAIN.total_seconds())
