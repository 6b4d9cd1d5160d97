"""The retrieval index: which passages are nearest in meaning to a question, among those that a reader may be told.

Chroma is the durable store and the truth. In process everything is read from it once, when a generation is opened:
the passages, and their vectors into one array that is searched exactly. A Chroma server is asked instead (`Server`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from knowledge.documents import fingerprint
from knowledge.exact import Exact
from knowledge.generations import (
    IndexBusy,
    IndexDamaged,
    IndexMissing,
    IndexOutdated,
    IndexUnusable,
    Manifest,
)
from knowledge.passages import Passage, visible
from knowledge.places import Held, OnDisk, Place
from knowledge.sentence_vectors import SentenceVectors
from knowledge.server import AtServer, IndexUnreachable, Server
from knowledge.store import PORTION, Store, permitted
from knowledge.visibility import Visibility

__all__ = [
    "Index",
    "IndexBusy",
    "IndexDamaged",
    "IndexMissing",
    "IndexOutdated",
    "IndexUnreachable",
    "IndexUnusable",
    "Server",
    "embedding_name",
    "place_of",
]

Vector = NDArray[np.float32]

ROWS: Final = "passages"
"""The collection of a generation's passages, with the shipped encoder's vectors."""
FINDING: Final = "finding"
"""The collection of another embedding's vectors, where one is set."""

_SAMPLE: Final = 8
_ITSELF: Final = 0.999


def place_of(folder: Path, server: Server | None) -> Place:
    """Where an index is kept: at the server if there is one, else in the folder."""
    return OnDisk(folder) if server is None else AtServer(server)


def embedding_name(embeddings: Embeddings) -> str:
    """What tells one embedding model from another: its own name, else its class and the model that it names."""
    said = (getattr(embeddings, attribute, None) for attribute in ("name", "model", "model_name"))
    named = [value for value in said if isinstance(value, str)]
    kind = type(embeddings)
    return ":".join((f"{kind.__module__}.{kind.__qualname__}", *named[:1]))


class Near(Protocol):
    """What compares a vector with those of the passages that a reader may be told."""

    def nearest(self, vector: Vector, grants: frozenset[str], on: date, k: int) -> list[tuple[Passage, float]]:
        """The k nearest with their cosines (-1 to 1), the nearest first."""
        ...

    def vectors(self) -> dict[str, Vector]:
        """Every passage's vector, by id."""
        ...


class InMemory:
    """Vectors in an array, row by row those of the passages."""

    def __init__(self, passages: Sequence[Passage], visibility: Visibility, vectors: Vector) -> None:
        self._passages = passages
        self._visibility = visibility
        self.exact: Final = Exact(vectors)

    def nearest(self, vector: Vector, grants: frozenset[str], on: date, k: int) -> list[tuple[Passage, float]]:
        rows = np.flatnonzero(self._visibility.seen(grants, on))
        return [(self._passages[row], cosine) for row, cosine in self.exact.nearest(vector, rows, k)]

    def vectors(self) -> dict[str, Vector]:
        return {passage.id: vector for passage, vector in zip(self._passages, self.exact.vectors, strict=True)}


class AtChroma:
    """Vectors that stay where they are; Chroma is asked for permitted rows only: it is no filter afterwards."""

    def __init__(self, passages: Mapping[str, Passage], store: Store, place: Place, generation: str) -> None:
        self._passages = passages
        self._audiences = frozenset().union(*(passage.audience for passage in passages.values()))
        self._store = store
        self._place = place
        self._generation = generation

    def nearest(self, vector: Vector, grants: frozenset[str], on: date, k: int) -> list[tuple[Passage, float]]:
        where = permitted(grants & self._audiences, on)
        if where is None or k < 1:
            return []
        with self._place.guard(self._generation):
            found = self._store.nearest(vector, k, where)
        return [(self._passages[name], cosine) for name, cosine in found if name in self._passages]

    def vectors(self) -> dict[str, Vector]:
        with self._place.guard(self._generation):
            return self._store.vectors(list(self._passages))


class Index:
    """An open generation. Threads may share it; what another process ingests meanwhile is not seen (`is_current`)."""

    def __init__(
        self,
        place: Place,
        held: Held,
        passages: tuple[Passage, ...],
        near: Near,
        embeddings: Embeddings,
        finding: tuple[Near, Embeddings] | None,
        stores: ExitStack,
    ) -> None:
        self._place = place
        self._near = near
        self._embeddings = embeddings
        self._finding = finding
        self._stores = stores
        self.sentences: Final = sentences_of(place, held.name)
        """The vectors of the passages' sentences."""
        self.manifest: Final = held.manifest
        self.generation: Final = held.name
        """Changes with every ingest that changed anything."""
        self.everything: Final = passages
        """All passages, whoever may see them, by document and position."""

    @classmethod
    def open(
        cls, folder: Path, embeddings: Embeddings, *, finding: Embeddings | None = None, server: Server | None = None
    ) -> Self:
        """The present generation, checked against its manifest. `finding`: the other embedding that finds passages.

        Raises `IndexMissing`, `IndexDamaged`, `IndexOutdated`, `IndexUnreachable`.
        """
        with ExitStack() as undo:
            place = place_of(folder, server)
            undo.callback(place.close)
            held = place.hold()
            undo.callback(held.release)
            _check_models(held, embeddings, finding)
            place.check(held.name, held.manifest)
            with place.guard(held.name):
                passages, near = _opened(place, held, undo)
                other = (_other(place, held, passages, undo), finding) if finding is not None else None
            return cls(place, held, passages, near, embeddings, other, undo.pop_all())

    def is_current(self) -> bool:
        """Whether no later ingest has put another generation in this one's place. Raises `IndexDamaged`."""
        return self._place.current() in {self.generation, None}

    def passages(self, grants: frozenset[str], on: date) -> tuple[Passage, ...]:
        """What a reader with these grants may be told on that day, by document and position."""
        return tuple(passage for passage in self.everything if visible(passage, grants, on))

    def nearest(
        self, question: str | Sequence[float] | Vector, grants: frozenset[str], on: date, k: int
    ) -> list[tuple[Passage, float]]:
        """The k passages nearest in meaning that a reader may be told on that day, with their cosine (-1 to 1).

        `question` is a text or its vector. Only permitted rows are compared, and what comes back is checked again.
        """
        vector = self._embeddings.embed_query(question) if isinstance(question, str) else question
        return _told(self._near.nearest(np.asarray(vector, np.float32), grants, on, k), grants, on)

    def found(self, question: str, grants: frozenset[str], on: date, k: int) -> list[tuple[Passage, float]]:
        """The same by the other embedding; [] where none is set."""
        if self._finding is None:
            return []
        near, embeddings = self._finding
        vector = np.asarray(embeddings.embed_query(question), np.float32)
        return _told(near.nearest(vector, grants, on, k), grants, on)

    def vectors(self) -> dict[str, Vector]:
        """Every passage's vector, by id."""
        return self._near.vectors()

    def close(self) -> None:
        """Let go of the files; the generation may be removed afterwards."""
        self._stores.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def sentences_of(place: Place, generation: str) -> SentenceVectors:
    """The vectors of a generation's sentences; none where they could not be kept. Raises `IndexDamaged`."""
    folder = place.beside(generation)
    if folder is None:
        return SentenceVectors.nothing()
    try:
        return SentenceVectors.open(folder)
    except (OSError, ValueError) as error:
        raise IndexDamaged(f"the sentences in {folder} cannot be read ({error}): ingest again") from error


def _check_models(held: Held, embeddings: Embeddings, finding: Embeddings | None) -> None:
    """Raises `IndexOutdated` where a generation was made with other embeddings: their vectors cannot be compared."""
    wanted = (embedding_name(embeddings), embedding_name(finding) if finding is not None else None)
    made = (held.manifest.embedding, held.manifest.finding)
    if made != wanted:
        said = [" and ".join(name for name in names if name) for names in (made, wanted)]
        raise IndexOutdated(f"the index was made with {said[0]}, not with {said[1]}: ingest the documents again")


def verified(store: Store, manifest: Manifest, generation: str) -> Iterator[list[Passage]]:
    """All passages of a store, in portions, each compared with its own hash; at the end all of them with the manifest.

    Raises `IndexDamaged`.
    """
    names: list[str] = []
    for portion in store.portions():
        for passage in portion:
            if not passage.id.endswith(fingerprint(passage.kind, passage.heading, passage.text)):
                raise IndexDamaged(f"the passage {passage.id} in {generation} is not what was written: ingest again")
        names += [passage.id for passage in portion]
        yield portion
    if len(names) != manifest.passages or digest(names) != manifest.ids:
        raise IndexDamaged(f"{generation} does not hold the passages that were written: ingest again")


def answers(store: Store, names: Sequence[str], generation: str) -> None:
    """Raises `IndexDamaged` where no row of a sample is found by its own vector: the graph of neighbours is lost.

    One that is not found is no damage: a graph misses some, most of all among many that are alike.
    """
    sample = names[:: max(1, len(names) // _SAMPLE)]
    found = store.vectors(sample) if sample else {}
    if len(found) < len(set(sample)) or (sample and not any(_finds_itself(store, one) for one in found.values())):
        raise IndexDamaged(f"no passage in {generation} is found by its own vector: ingest again")


def _finds_itself(store: Store, vector: Vector) -> bool:
    return any(cosine > _ITSELF for _, cosine in store.nearest(vector, 1, None))


def digest(names: Iterable[str]) -> str:
    """A hash of passages' ids."""
    return sha256("\n".join(sorted(names)).encode()).hexdigest()


def _opened(place: Place, held: Held, undo: ExitStack) -> tuple[tuple[Passage, ...], Near]:
    """The passages, and what finds those that are near."""
    store = place.open(held.name, ROWS)
    with ExitStack() as reading:
        reading.callback(store.close)
        read = [passage for portion in verified(store, held.manifest, held.name) for passage in portion]
        passages = tuple(sorted(read, key=lambda passage: (passage.document, passage.position)))
        near = _near(place, held, store, passages)
        if place.searches:
            answers(store, [passage.id for passage in passages], held.name)
            undo.push(reading.pop_all())
    return passages, near


def _other(place: Place, held: Held, passages: tuple[Passage, ...], undo: ExitStack) -> Near:
    """The same passages by the other embedding."""
    store = place.open(held.name, FINDING)
    if place.searches:
        undo.callback(store.close)
        return _near(place, held, store, passages)
    try:
        return _near(place, held, store, passages)
    finally:
        store.close()


def _near(place: Place, held: Held, store: Store, passages: tuple[Passage, ...]) -> Near:
    if place.searches:
        return AtChroma({passage.id: passage for passage in passages}, store, place, held.name)
    return InMemory(passages, Visibility(passages), _all_vectors(store, passages))


def _all_vectors(store: Store, passages: Sequence[Passage]) -> Vector:
    """Every passage's vector, row by row, without ever holding them as Python's numbers all at once."""
    found = np.zeros((0, 0), np.float32)
    for start in range(0, len(passages), PORTION):
        names = [passage.id for passage in passages[start : start + PORTION]]
        vectors = store.vectors(names)
        if not start:
            found = np.empty((len(passages), len(vectors[names[0]])), np.float32)
        for row, name in enumerate(names, start):
            found[row] = vectors[name]
    return found


def _told(found: Iterable[tuple[Passage, float]], grants: frozenset[str], on: date) -> list[tuple[Passage, float]]:
    return [(passage, cosine) for passage, cosine in found if visible(passage, grants, on)]
