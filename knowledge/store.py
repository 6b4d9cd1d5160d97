"""The rows of one generation. The only place that knows how Chroma is asked.

Chroma keeps everything about a passage, so there is one truth: the text that is quoted, the audiences and days
that may be asked for in a query, and the vector lie in the same row. (A second file of passages beside it could
disagree with the rows that the filter sees.)
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from knowledge.generations import IndexDamaged
from knowledge.passages import Kind, Passage

if TYPE_CHECKING:  # importing Chroma takes a second or two: only whoever opens an index pays for it
    from chromadb.api.client import Client
    from chromadb.api.collection_configuration import CreateHNSWConfiguration
    from chromadb.api.models.Collection import Collection
    from chromadb.api.types import Where

Vectors = NDArray[np.float32]

SEGMENTS: Final = (".bin", ".pickle")
"""The files of Chroma's nearest-neighbour graph, where the vectors are too. A damaged one can end the whole process
when Chroma reads it, so they are compared with the manifest first. The database beside them changes a little with
every opening."""

SYNCED_AT: Final = 8_192
"""Rows after which Chroma writes its whole graph to disk; the rest of them wait for `Store.settle`."""

PORTION: Final = 2_000
"""Rows that are read at a time: their Python objects are the most that an opening needs beside what it keeps."""

_FOREVER: Final = 10_000_000  # a day number after every date
_NOBODY: Final = ""  # stands for an empty audience, which Chroma does not store
_opening = threading.RLock()  # Chroma shares what it opens within a process, and counts its users without a lock


def in_process(generation: Path) -> Client:
    """A Chroma client of its own on a generation's folder. Nothing is reported to anybody."""
    import chromadb
    from chromadb.config import Settings

    with _opening:
        client = chromadb.PersistentClient(str(generation.resolve()), Settings(anonymized_telemetry=False))
    return cast("Client", client)  # Chroma announces an interface that cannot be closed


class Store:
    """The rows of one generation in a collection, in the form in which LangChain's Chroma store keeps them too."""

    def __init__(
        self, client: Client, collection: str, close: Callable[[], None], *, create_for: int | None = None
    ) -> None:
        """The rows in a collection, which is created for so many passages where that is given. Raises what Chroma does.

        `close` is called when the store is closed, and where it cannot be opened.
        """
        self._close = close
        try:
            with _opening:
                self._rows = _collection(client, collection, create_for)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the files, or of the connection."""
        with _opening:
            self._close()

    def add(self, passages: Sequence[Passage], vectors: Vectors) -> None:
        """Write rows with their vectors."""
        self._rows.add(
            ids=[passage.id for passage in passages],
            embeddings=vectors,
            documents=[context(passage) for passage in passages],
            metadatas=[_row(passage) for passage in passages],
        )

    def add_vectors(self, passages: Sequence[Passage], vectors: Vectors) -> None:
        """Write rows that hold who may be told and when, and a vector, and nothing to quote."""
        self._rows.add(
            ids=[passage.id for passage in passages],
            embeddings=vectors,
            metadatas=[_rights(passage) for passage in passages],
        )

    def settle(self) -> None:
        """Have the rows that are not in the graph's files yet written there, when the collection is opened next and
        asked for a vector. (Without it they are replayed at every opening.)
        """
        with warnings.catch_warnings():  # Chroma deprecates collections whose vectors it does not make itself
            warnings.filterwarnings("ignore", "legacy embedding function config", DeprecationWarning)
            self._rows.modify(configuration={"hnsw": {"sync_threshold": 2}})

    def portions(self) -> Iterator[list[Passage]]:
        """Every row as a passage, in the order in which they were written."""
        for start in range(0, self._rows.count(), PORTION):
            found = self._rows.get(limit=PORTION, offset=start, include=["documents", "metadatas"])
            yield _passages(found)

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """Some rows as passages, by position."""
        found = self._rows.get(ids=list(ids), include=["documents", "metadatas"])
        return sorted(_passages(found), key=lambda passage: passage.position)

    def vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of some passages by id."""
        found = self._rows.get(ids=list(ids), include=["embeddings"])
        return dict(zip(found["ids"], np.asarray(found["embeddings"], np.float32), strict=True))

    def nearest(self, vector: Vectors, k: int, where: Mapping[str, object] | None) -> list[tuple[str, float]]:
        """Ids and cosine similarities, the most similar first, by Chroma's own search."""
        found = self._rows.query(
            query_embeddings=cast(Any, [vector]),
            n_results=k,
            where=cast("Where | None", where),
            include=["distances"],
        )
        names, distances = found["ids"][0], (found["distances"] or [[]])[0]
        return [(name, _cosine(distance)) for name, distance in zip(names, distances, strict=True)]


def permitted(grants: Iterable[str], on: date) -> dict[str, object] | None:
    """The condition under which Chroma may return a row (PACK.md); None where nothing can be permitted."""
    audiences: list[dict[str, object]] = [{"audience": {"$contains": grant}} for grant in sorted(grants) if grant]
    if not audiences:
        return None
    day = on.toordinal()
    among = {"$or": audiences} if len(audiences) > 1 else audiences[0]
    return {"$and": [among, {"from": {"$lte": day}}, {"until": {"$gt": day}}]}


def context(passage: Passage) -> str:
    """What is embedded: the passage behind what a reader of the page has read before it."""
    return _before(passage.title, passage.heading) + passage.text


@contextmanager
def damage(generation: str) -> Iterator[None]:
    """Turns whatever Chroma raises about a generation's files into `IndexDamaged`."""
    from chromadb.errors import ChromaError

    # Of a file that it could not open once, Chroma keeps a client that is half made, and lacks attributes.
    known = (ChromaError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, OSError)
    try:
        yield
    except BaseException as error:
        # Its engine, written in Rust, "panics" on some files: no `Exception`, and of a class that cannot be imported.
        if not isinstance(error, known) and type(error).__name__ != "PanicException":
            raise
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise IndexDamaged(f"the index in {generation} cannot be read or written ({said}): ingest again") from error


def _collection(client: Client, name: str, create_for: int | None) -> Collection:
    if create_for is None:
        return client.get_collection(name, embedding_function=None)
    return client.create_collection(name, configuration={"hnsw": _graph(create_for)}, embedding_function=None)


def _graph(passages: int) -> CreateHNSWConfiguration:
    """How Chroma keeps its neighbour graph. Cosine, as its own default is the squared Euclidean distance; written to
    disk when all passages are in, and of many passages every few thousand: what is not on disk is twice in memory.
    """
    most = max(2, passages)
    return {
        "space": "cosine",
        "ef_search": 200,
        "batch_size": min(100, most),
        "sync_threshold": min(SYNCED_AT, most),
    }


def _before(title: str, heading: str) -> str:
    innermost = heading.rsplit(" › ", 1)[-1]
    return f"{title}. {innermost}\n" if innermost else f"{title}\n"


def _row(passage: Passage) -> dict[str, Any]:
    return {
        "document": passage.document,
        "title": passage.title,
        "anchor": passage.anchor,
        "heading": passage.heading,
        "kind": passage.kind,
        "position": passage.position,
        "caveat": passage.caveat or "",
        **_rights(passage),
    }


def _rights(passage: Passage) -> dict[str, Any]:
    return {
        "audience": sorted(passage.audience) or [_NOBODY],
        "from": passage.valid_from.toordinal() if passage.valid_from else 0,
        "until": passage.replaced_from.toordinal() if passage.replaced_from else _FOREVER,
    }


def _passages(found: Mapping[str, Any]) -> list[Passage]:
    rows = zip(found["ids"], found["documents"], found["metadatas"], strict=True)
    return [_passage(*row) for row in rows]


def _passage(name: str, text: str, row: Mapping[str, Any]) -> Passage:
    """The one place in which a row becomes a passage. What many passages share is kept once."""
    return Passage(
        id=name,
        document=sys.intern(row["document"]),
        title=sys.intern(row["title"]),
        anchor=sys.intern(row["anchor"]),
        heading=sys.intern(row["heading"]),
        text=text.removeprefix(_before(row["title"], row["heading"])),
        kind=cast(Kind, sys.intern(row["kind"])),
        position=row["position"],
        audience=_audience(tuple(row["audience"])),
        valid_from=date.fromordinal(row["from"]) if row["from"] else None,
        replaced_from=date.fromordinal(row["until"]) if row["until"] < _FOREVER else None,
        caveat=sys.intern(row["caveat"]) or None,
    )


@lru_cache(maxsize=1_024)
def _audience(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(names) - {_NOBODY}


def _cosine(distance: float) -> float:
    """Chroma's cosine distance is 1 - similarity. The one place that knows."""
    return min(1.0, max(-1.0, 1.0 - distance))
