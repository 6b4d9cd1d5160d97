"""What the settings say about searching: where the index is kept, another embedding, a reranker. Loaded when used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from langchain_core.embeddings import Embeddings

from bot.settings import Settings
from knowledge.choosing import compressor_of, embeddings_of
from knowledge.index import Index, Server
from knowledge.judge import Judge
from knowledge.ordering import Finder, Reranker


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """The default needs none of it: everything is kept in a folder, and found by what comes with the package."""

    server: Server | None = None
    embeddings: str | None = None
    compressor: str | None = None
    precision: float | None = None

    @cached_property
    def judge(self) -> Judge:
        """How sure is sure enough. Raises `UnreachablePrecision`."""
        shipped = Judge.load()
        return shipped if self.precision is None else shipped.at_precision(self.precision)

    @cached_property
    def finding(self) -> Embeddings | None:
        """The other embedding. Raises `NotChosen`."""
        return embeddings_of(self.embeddings) if self.embeddings else None

    @cached_property
    def reranker(self) -> Reranker | None:
        """What says in which order passages are read. Raises `NotChosen`."""
        return Reranker(compressor_of(self.compressor)) if self.compressor else None

    def finder(self, index: Index) -> Finder | None:
        """What finds passages of an index by the other embedding."""
        return Finder(index.found) if self.finding is not None else None

    def open(self, folder: Path, embeddings: Embeddings) -> Index:
        """See `knowledge.index.Index.open`."""
        return Index.open(folder, embeddings, finding=self.finding, server=self.server)


def retrieval_of(settings: Settings, provider: str, *, at_server: bool = True) -> Retrieval:
    """What the settings choose for a provider's index; with `at_server` false it is kept in a folder all the same."""
    url = settings.index_server if at_server else None
    return Retrieval(
        server=Server(url=url, space=f"concierge.{provider}") if url else None,
        embeddings=settings.embeddings,
        compressor=settings.reranker,
        precision=settings.precision,
    )
