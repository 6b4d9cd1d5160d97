"""In which order passages are read, where an operator has chosen another embedding or a reranker.

Both are somebody else's, and often behind a network: they may only change the order, within a time, and where they
fail the order is the one without them. What the judge of answers weighs stays the shipped encoder's: its numbers were
calibrated on that encoder's cosines, and would lose their meaning with any other's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import date
from queue import Empty, SimpleQueue
from typing import Final, Generic, Protocol, TypeVar

from langchain_core.documents import Document
from langchain_core.documents.compressor import BaseDocumentCompressor

from knowledge.passages import Passage

logger = logging.getLogger(__name__)

WITHIN: Final = 2.0
"""Seconds that somebody else's model has."""
WAITING: Final = 4
"""Calls that may hang at a time; while so many do, nobody waits for another one."""

PASSAGE: Final = "passage"
"""Under this name a document's metadata say which passage it is: rerankers copy documents, and lose their ids."""

_Given = TypeVar("_Given")
_FOUND = Sequence[tuple[Passage, float]]


class Finds(Protocol):
    """What finds passages by another embedding: `knowledge.index.Index.found`."""

    def __call__(self, question: str, grants: frozenset[str], on: date, k: int) -> _FOUND:
        """The k nearest that a reader may be told, each with its cosine."""
        ...


class Finder:
    """Another embedding, asked within a time."""

    def __init__(self, finds: Finds, *, within: float = WITHIN) -> None:
        self._finds = finds
        self._patience: Patience[_FOUND] = Patience("the other embedding", within)

    def found(self, question: str, grants: frozenset[str], on: date, k: int) -> _FOUND:
        """The k nearest by that embedding; () where it fails or takes too long."""
        return self._patience.ask(lambda: self._finds(question, grants, on, k)) or ()


class Reranker:
    """A LangChain document compressor that says in which order passages are read, and nothing else."""

    def __init__(self, compressor: BaseDocumentCompressor, *, within: float = WITHIN) -> None:
        self._compressor = compressor
        self._patience: Patience[list[str]] = Patience("the reranker", within)

    def order(self, question: str, passages: Sequence[Passage]) -> list[Passage]:
        """The same passages: those that it names in its order, then the others as they stood.

        What it says of other passages, or of one a second time, is ignored.
        """
        named = self._patience.ask(lambda: self._named(question, passages)) or []
        known = {passage.id: passage for passage in passages}
        first = dict.fromkeys(name for name in named if name in known)
        return [*(known[name] for name in first), *(passage for passage in passages if passage.id not in first)]

    def _named(self, question: str, passages: Sequence[Passage]) -> list[str]:
        documents = [_document(passage) for passage in passages]
        ordered = self._compressor.compress_documents(documents, question)
        return [str(document.metadata.get(PASSAGE, document.id)) for document in ordered]


def _document(passage: Passage) -> Document:
    metadata = {PASSAGE: passage.id, "title": passage.title, "anchor": passage.anchor}
    said = "\n".join(part for part in (passage.title, passage.heading, passage.text) if part)
    return Document(id=passage.id, page_content=said, metadata=metadata)


class Patience(Generic[_Given]):
    """Calls what may fail or hang, and goes on without it."""

    def __init__(self, what: str, within: float) -> None:
        self._what = what
        self._within = within
        self._free = threading.BoundedSemaphore(WAITING)

    def ask(self, call: Callable[[], _Given]) -> _Given | None:
        """What the call gives; None where it fails, or does not return in time."""
        if not self._free.acquire(blocking=False):
            logger.warning("%s is not asked: %d calls of it hang", self._what, WAITING)
            return None
        given: SimpleQueue[_Given | Exception] = SimpleQueue()
        # A thread of its own: one that hangs must not keep the program from ending.
        threading.Thread(target=self._call, args=(call, given), daemon=True).start()
        try:
            outcome = given.get(timeout=self._within)
        except Empty:
            logger.warning("%s did not answer within %g s; the order is the one without it", self._what, self._within)
            return None
        if isinstance(outcome, Exception):
            logger.warning("%s failed (%s); the order is the one without it", self._what, type(outcome).__name__)
            return None
        return outcome

    def _call(self, call: Callable[[], _Given], given: SimpleQueue[_Given | Exception]) -> None:
        try:
            given.put(call())
        except Exception as error:  # noqa: BLE001  # whatever a package of somebody else's raises
            given.put(error)
        finally:
            self._free.release()
