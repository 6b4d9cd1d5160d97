"""The search as a LangChain retriever, for chains that are built around it: its reader's grants come with it."""

from __future__ import annotations

from datetime import date
from typing import Protocol, runtime_checkable

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from knowledge.search import Found, Ranking


@runtime_checkable
class Searches(Protocol):
    """What can search for a reader: `knowledge.answer.Answerer`."""

    def search(self, question: str, grants: frozenset[str], on: date) -> Ranking | None:
        """The passages that fit, best first."""
        ...


class MissionRetriever(BaseRetriever):
    """What one reader may be told on one day, as documents; a Runnable from a question to at most `k` of them.

    A document's `id` is its passage's, its metadata say where it stands (`document`, `title`, `anchor`), what may
    change about it (`caveat`, where something may) and how well it fits (`score`). Grants are the retriever's and
    not the question's: whoever is handed one cannot ask it for more.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    library: Searches
    grants: frozenset[str]
    on: date
    k: int = 5

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        ranking = self.library.search(query, self.grants, self.on)
        return [] if ranking is None else [_document(found) for found in ranking.found[: self.k]]


def _document(found: Found) -> Document:
    passage = found.passage
    metadata: dict[str, object] = {
        "document": passage.document,
        "title": passage.title,
        "anchor": passage.anchor,
        "score": round(found.score, 4),
    }
    if passage.caveat is not None:
        metadata["caveat"] = passage.caveat
    return Document(id=passage.id, page_content=passage.text, metadata=metadata)
