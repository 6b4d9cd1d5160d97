"""The retrieval index: which passages are nearest in meaning to a question. The only place that knows Chroma.

Chroma keeps everything about a passage, so there is one truth: the text that is quoted, the audiences and days
that are asked for in the query itself, and the vector lie in the same row. (A second file of passages beside it
could disagree with the rows that the filter sees.) All passages are read once, when the index is opened.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, cast

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from knowledge.documents import fingerprint
from knowledge.generations import (
    READERS,
    IndexBusy,
    IndexDamaged,
    IndexMissing,
    IndexOutdated,
    IndexUnusable,
    Manifest,
    current,
    digests,
    hold,
)
from knowledge.passages import Kind, Passage, visible

if TYPE_CHECKING:  # importing Chroma takes a second or two: only whoever opens an index pays for it
    from chromadb.api.client import Client
    from chromadb.api.collection_configuration import CreateHNSWConfiguration
    from chromadb.api.types import Where

__all__ = [
    "Index",
    "IndexBusy",
    "IndexDamaged",
    "IndexMissing",
    "IndexOutdated",
    "IndexUnusable",
    "Store",
    "embedding_name",
    "in_process",
]

Connect = Callable[[Path], "Client"]
"""Opens a Chroma client for one generation: in this process, or at a server."""

SEGMENTS: Final = (".bin", ".pickle")
"""The files of Chroma's nearest-neighbour graph. A damaged one can end the whole process when Chroma reads it, so
they are compared with the manifest first. The database beside them changes a little with every opening."""

_COLLECTION: Final = "passages"
_FOREVER: Final = 10_000_000  # a day number after every date
_NOBODY: Final = ""  # stands for an empty audience, which Chroma does not store
_BATCH: Final = 64
_SAMPLE: Final = 8
_ITSELF: Final = 0.999
_opening = threading.Lock()  # Chroma shares what it opens within a process, and counts its users without a lock


def in_process(generation: Path) -> Client:
    """A Chroma client of its own on a generation's folder. Nothing is reported to anybody."""
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(str(generation.resolve()), Settings(anonymized_telemetry=False))
    return cast("Client", client)  # Chroma announces an interface that cannot be closed


def embedding_name(embeddings: Embeddings) -> str:
    """What tells one embedding model from another: its own name, else its class and the model that it names."""
    said = (getattr(embeddings, attribute, None) for attribute in ("name", "model", "model_name"))
    named = [value for value in said if isinstance(value, str)]
    kind = type(embeddings)
    return ":".join((f"{kind.__module__}.{kind.__qualname__}", *named[:1]))


def _graph(passages: int) -> CreateHNSWConfiguration:
    """How Chroma keeps its neighbour graph. Cosine, as its own default is the squared Euclidean distance; written to
    disk once, when all passages are in: until then its files hold whatever was in memory.
    """
    most = max(2, passages)
    return {"space": "cosine", "ef_search": 200, "batch_size": min(100, most), "sync_threshold": most}


class Store:
    """The rows of one generation."""

    def __init__(
        self, generation: Path, embeddings: Embeddings, connect: Connect, *, create_for: int | None = None
    ) -> None:
        """Open the rows of a generation, or create them for so many passages."""
        from langchain_chroma import Chroma

        with _opening:
            self._client = connect(generation)
            try:
                self._chroma = Chroma(
                    client=self._client,
                    collection_name=_COLLECTION,
                    embedding_function=embeddings,
                    collection_configuration=None if create_for is None else {"hnsw": _graph(create_for)},
                    create_collection_if_not_exists=create_for is not None,
                )
                self._rows = self._client.get_collection(_COLLECTION, embedding_function=None)
            except BaseException:
                self._client.close()
                raise

    def close(self) -> None:
        """Let go of the files."""
        with _opening:
            self._client.close()

    def add(self, passages: Sequence[Passage]) -> None:
        """Write rows; the embedding model is asked for the vectors of their contexts."""
        self._chroma.add_texts(
            texts=[context(passage) for passage in passages],
            metadatas=[_row(passage) for passage in passages],
            ids=[passage.id for passage in passages],
        )

    def passages(self) -> tuple[Passage, ...]:
        """Every row as a passage, by document and position."""
        found = self._chroma.get(include=["documents", "metadatas"])
        rows = zip(found["ids"], found["documents"], found["metadatas"], strict=True)
        return tuple(sorted((_passage(*row) for row in rows), key=lambda p: (p.document, p.position)))

    def vectors(self, ids: Sequence[str] | None = None) -> dict[str, NDArray[np.float32]]:
        """The vectors of some passages, or of all, by id."""
        found = self._chroma.get(ids=None if ids is None else list(ids), include=["embeddings"])
        return dict(zip(found["ids"], np.asarray(found["embeddings"], np.float32), strict=True))

    def nearest(self, vector: Sequence[float], k: int, where: Mapping[str, object] | None) -> list[tuple[str, float]]:
        """Ids and cosine similarities, the most similar first.

        Chroma itself is asked and not LangChain's store, which reads every row's text too: twice the time.
        """
        found = self._rows.query(
            query_embeddings=list(vector), n_results=k, where=cast("Where | None", where), include=["distances"]
        )
        names, distances = found["ids"][0], (found["distances"] or [[]])[0]
        return [(name, _cosine(distance)) for name, distance in zip(names, distances, strict=True)]


class Index:
    """An open generation. Threads may share it; what another process ingests meanwhile is not seen (`is_current`)."""

    def __init__(
        self, folder: Path, generation: Path, reading: int, store: Store, manifest: Manifest, embeddings: Embeddings
    ) -> None:
        self._folder = folder
        self._reading: int | None = reading
        self._store = store
        self._embeddings = embeddings
        self.manifest: Final = manifest
        self.generation: Final = generation.name
        """Changes with every ingest that changed anything."""
        self.everything: Final = store.passages()
        """All passages, whoever may see them, by document and position."""
        self._by_id = {passage.id: passage for passage in self.everything}
        self._audiences = frozenset().union(*(passage.audience for passage in self.everything))

    @classmethod
    def open(cls, folder: Path, embeddings: Embeddings, *, connect: Connect = in_process) -> Self:
        """The present generation, checked against its manifest.

        Raises `IndexMissing`, `IndexDamaged`, `IndexOutdated`.
        """
        generation, reading = hold(folder)
        return cls._checked(folder, generation, reading, embeddings, connect)

    @classmethod
    def check(cls, generation: Path, embeddings: Embeddings, connect: Connect) -> None:
        """Raises `IndexDamaged` where a generation, present or not, is not what its manifest says."""
        cls._checked(
            generation.parent, generation, os.open(generation / READERS, os.O_RDONLY), embeddings, connect
        ).close()

    @classmethod
    def _checked(cls, folder: Path, generation: Path, reading: int, embeddings: Embeddings, connect: Connect) -> Self:
        with ExitStack() as undo:
            undo.callback(os.close, reading)
            manifest = Manifest.read(generation)
            if manifest.embedding != (name := embedding_name(embeddings)):
                made = f"the index in {folder} was made with {manifest.embedding}, not with {name}"
                raise IndexOutdated(f"{made}: ingest the documents again")
            _check_files(generation, manifest)
            with damage(generation):
                store = Store(generation, embeddings, connect)
                undo.callback(store.close)
                index = cls(folder, generation, reading, store, manifest, embeddings)
                index._check(generation)
            undo.pop_all()
        return index

    def is_current(self) -> bool:
        """Whether no later ingest has put another generation in this one's place. Raises `IndexDamaged`."""
        return current(self._folder) in {self.generation, None}

    def passages(self, grants: frozenset[str], on: date) -> tuple[Passage, ...]:
        """What a reader with these grants may be told on that day, by document and position."""
        return tuple(passage for passage in self.everything if visible(passage, grants, on))

    def nearest(
        self, question: str | Sequence[float] | NDArray[np.float32], grants: frozenset[str], on: date, k: int
    ) -> list[tuple[Passage, float]]:
        """The k passages nearest in meaning that a reader may be told on that day, with their cosine (-1 to 1).

        `question` is a text or its vector. Chroma is asked for permitted rows only: it is no filter afterwards.
        """
        where = permitted(grants & self._audiences, on)
        if where is None or k < 1:
            return []
        vector = self._embeddings.embed_query(question) if isinstance(question, str) else question
        return [(self._by_id[name], cosine) for name, cosine in self._store.nearest(_floats(vector), k, where)]

    def vectors(self) -> dict[str, NDArray[np.float32]]:
        """Every passage's vector, by id."""
        return self._store.vectors()

    def close(self) -> None:
        """Let go of the files; the generation may be removed afterwards."""
        if self._reading is not None:
            self._store.close()
            os.close(self._reading)
            self._reading = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _check(self, generation: Path) -> None:
        """Whether every row is as it was written, and a sample of them is found by its own vector."""
        if len(self.everything) != self.manifest.passages or digest(self.everything) != self.manifest.ids:
            raise IndexDamaged(f"{generation} does not hold the passages that were written: ingest again")
        for passage in self.everything:
            if not passage.id.endswith(fingerprint(passage.kind, passage.heading, passage.text)):
                raise IndexDamaged(f"the passage {passage.id} in {generation} is not what was written: ingest again")
        step = max(1, len(self.everything) // _SAMPLE)
        sample = [passage.id for passage in self.everything[::step]]
        for name, vector in (self._store.vectors(sample) if sample else {}).items():
            if not any(cosine > _ITSELF for _, cosine in self._store.nearest(_floats(vector), 1, None)):
                raise IndexDamaged(f"the passage {name} in {generation} is not found by its own vector: ingest again")


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


def digest(passages: Iterable[Passage]) -> str:
    """A hash of the passages' ids."""
    return sha256("\n".join(sorted(passage.id for passage in passages)).encode()).hexdigest()


def _check_files(generation: Path, manifest: Manifest) -> None:
    """Raises `IndexDamaged` where a file of the neighbour graph is not what was written."""
    try:
        found = digests(generation, SEGMENTS)
    except OSError as error:
        raise IndexDamaged(f"{generation} cannot be read ({error}): ingest again") from error
    if any(found.get(name) != known for name, known in manifest.files.items()):
        raise IndexDamaged(f"files in {generation} are missing or were changed: ingest again")


@contextmanager
def damage(generation: Path) -> Iterator[None]:
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


def batches(passages: Sequence[Passage]) -> Iterator[Sequence[Passage]]:
    """The passages in portions that are embedded and written at once."""
    return (passages[start : start + _BATCH] for start in range(0, len(passages), _BATCH))


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
        "audience": sorted(passage.audience) or [_NOBODY],
        "from": passage.valid_from.toordinal() if passage.valid_from else 0,
        "until": passage.replaced_from.toordinal() if passage.replaced_from else _FOREVER,
        "caveat": passage.caveat or "",
    }


def _passage(name: str, text: str, row: Mapping[str, Any]) -> Passage:
    """The one place in which a row becomes a passage."""
    return Passage(
        id=name,
        document=row["document"],
        title=row["title"],
        anchor=row["anchor"],
        heading=row["heading"],
        text=text.removeprefix(_before(row["title"], row["heading"])),
        kind=cast(Kind, row["kind"]),
        position=row["position"],
        audience=frozenset(row["audience"]) - {_NOBODY},
        valid_from=date.fromordinal(row["from"]) if row["from"] else None,
        replaced_from=date.fromordinal(row["until"]) if row["until"] < _FOREVER else None,
        caveat=row["caveat"] or None,
    )


def _cosine(distance: float) -> float:
    """Chroma's cosine distance is 1 - similarity. The one place that knows."""
    return min(1.0, max(-1.0, 1.0 - distance))


def _floats(vector: Sequence[float] | NDArray[np.float32]) -> list[float]:
    return [float(x) for x in vector]
