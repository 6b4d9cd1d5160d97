"""Finds the passages that speak of what was asked, among those that this reader may see.

Two views of likeness are added up: shared words (BM25 over the visible passages only) and shared meaning (cosine of
sentence vectors). Their scores are fused, not their ranks: a clear match must be able to outweigh a vague one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.followups import in_conversation
from knowledge.lexical import MAX_TERMS, Postings, View, clean, content, spoken, stem, terms
from knowledge.ordering import Finder, Reranker
from knowledge.passages import Passage, breadth, visible
from knowledge.question import Wants, names, wanted
from knowledge.visibility import Visibility

CANDIDATES = 50
RERANKED = 20  # passages: twice as many as are read
READERS_KEPT = 1_024  # readers and days of which is known which passages they may see
COSINE_WEIGHT = 1.0
BM25_SCALE = 1.9
NARROWER = 0.01  # what one step towards a narrower audience adds: decides ties and near-ties only

Vector = NDArray[np.float32]


class Dense(Protocol):
    """An index of passage vectors."""

    def nearest(self, vector: Vector, grants: frozenset[str], on: date, k: int) -> Sequence[tuple[Passage, float]]:
        """The k visible passages nearest in meaning, each with its cosine; what it returns is checked again."""
        ...


class Encoder(Protocol):
    """Turns texts into unit vectors."""

    def vectors(self, texts: Sequence[str]) -> Vector:
        """One row per text."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A question as it is looked up."""

    text: str  # spelt as the documents spell it
    words: tuple[str, ...]  # content words, corrected
    stems: tuple[str, ...]  # the same as stems, without doubles
    wants: Wants
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A passage with how well it fits: `lexical` and `cosine` are the parts, `score` their fusion."""

    passage: Passage
    score: float
    lexical: float
    cosine: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranking:
    """What a search found, best first; `vector` is the question's."""

    query: Query
    found: tuple[Found, ...]
    vector: Vector


class Shelf:
    """The passages that one reader may see on one day, and the words that stand in them."""

    def __init__(self, pages: Pages, postings: Postings, seen: NDArray[np.bool_]) -> None:
        self.view: View = postings.view(seen)
        self.rows = np.flatnonzero(seen)
        present = pages.among(self.rows)
        self.titles: dict[str, set[str]] = {}
        for document, title in present:
            for term in terms(title):
                self.titles.setdefault(term, set()).add(document)
        self.documents = len({document for document, _ in present})


class Pages:
    """The documents and titles of a fixed sequence of passages."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        numbers: dict[tuple[str, str], int] = {}
        self._page = np.array(
            [numbers.setdefault((p.document, p.title), len(numbers)) for p in passages], dtype=np.int32
        )
        self._named = tuple(numbers)

    def among(self, rows: NDArray[np.intp]) -> list[tuple[str, str]]:
        """Of these passages the documents and their titles, each once."""
        return [self._named[page] for page in np.flatnonzero(np.bincount(self._page[rows])).tolist()]


class Library:
    """All passages of a pack, looked at through the eyes of one reader at a time."""

    def __init__(
        self,
        passages: Sequence[Passage],
        *,
        shelves: int = 64,
        finder: Finder | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        """`finder` and `reranker`, where an operator has chosen them, change which passages come first."""
        self._finder = finder
        self._reranker = reranker
        self._passages = tuple(passages)
        self._row = {p.id: row for row, p in enumerate(self._passages)}
        self._postings = Postings(f"{p.title}\n{p.heading}\n{p.text}" for p in self._passages)
        self._visibility = Visibility(self._passages)
        self._pages = Pages(self._passages)
        self._shelves: OrderedDict[bytes, Shelf] = OrderedDict()
        self._seen: OrderedDict[tuple[frozenset[str], date], bytes] = OrderedDict()
        self._capacity = shelves
        self._lock = threading.Lock()

    @property
    def passages(self) -> tuple[Passage, ...]:
        """All of them, whoever may see them."""
        return self._passages

    def shelf(self, grants: frozenset[str], on: date) -> Shelf:
        """The reader's passages; shelves are kept, so that only the first question of a kind of reader pays."""
        with self._lock:
            key = self._seen.get((grants, on))
            if key is not None and key in self._shelves:
                self._shelves.move_to_end(key)
                return self._shelves[key]
        seen = self._visibility.seen(grants, on)
        key = sha256(np.packbits(seen).tobytes()).digest()
        with self._lock:
            shelf = self._shelves.get(key)  # readers with other grants may see the very same passages
        shelf = shelf or Shelf(self._pages, self._postings, seen)
        with self._lock:
            self._seen[grants, on] = key
            self._shelves[key] = shelf
            while len(self._shelves) > self._capacity:
                self._shelves.popitem(last=False)
            while len(self._seen) > READERS_KEPT:
                self._seen.popitem(last=False)
        return shelf

    def search(
        self,
        query: Query,
        vector: Vector,
        dense: Dense,
        grants: frozenset[str],
        on: date,
        limit: int = CANDIDATES,
    ) -> Ranking:
        """The passages that fit best, best first. Nothing outside the reader's grants is ever among them."""
        shelf = self.shelf(grants, on)
        lexical = shelf.view.bm25(query.stems) / (BM25_SCALE * max(_weight(shelf.view, query), 1e-6))
        best = _best(lexical, shelf.rows, limit)
        cosines = self._cosines(dense.nearest(vector, grants, on, limit), grants, on)
        farthest = min(cosines.values(), default=0.0)
        other = self._elsewhere(query, grants, on, limit)
        rows = set(best.tolist()) | set(cosines) | set(other)
        found = [
            _found(self._passages[row], float(lexical[row]), cosines.get(row, farthest), grants) for row in sorted(rows)
        ]
        places = self._places(found, other, grants)
        found.sort(key=lambda f: (-places[f.passage.id], f.passage.document, f.passage.position))
        return Ranking(query=query, found=self._reranked(query, found[:limit]), vector=vector)

    def _elsewhere(self, query: Query, grants: frozenset[str], on: date, limit: int) -> dict[int, float]:
        """Rows that another embedding finds, with its cosines; {} where there is none, or where it fails."""
        if self._finder is None:
            return {}
        return self._cosines(self._finder.found(query.text, grants, on, limit), grants, on)

    def _places(
        self, found: Sequence[Found], other: Mapping[int, float], grants: frozenset[str]
    ) -> Mapping[str, float]:
        """By which number each passage is put in order: its score, with another embedding's cosine where one is asked.

        The scores themselves stay as they are, with the shipped encoder's cosine: the judge is calibrated on them.
        """
        if not other:
            return {f.passage.id: f.score for f in found}
        farthest = min(other.values())
        seen = {f.passage.id: other.get(self._row[f.passage.id], farthest) for f in found}
        return {f.passage.id: _found(f.passage, f.lexical, seen[f.passage.id], grants).score for f in found}

    def _reranked(self, query: Query, found: Sequence[Found]) -> tuple[Found, ...]:
        if self._reranker is None or not found:
            return tuple(found)
        first, rest = found[:RERANKED], found[RERANKED:]
        known = {f.passage.id: f for f in first}
        order = self._reranker.order(query.text, [f.passage for f in first])
        return (*(known[passage.id] for passage in order), *rest)

    def _cosines(self, nearest: Sequence[tuple[Passage, float]], grants: frozenset[str], on: date) -> dict[int, float]:
        """Rows and cosines of what the index returned, checked again: an index that errs must not leak."""
        return {
            self._row[p.id]: cosine
            for p, cosine in nearest
            if p.id in self._row and visible(p, grants, on) and visible(self._passages[self._row[p.id]], grants, on)
        }


def _best(scores: NDArray[np.float32], rows: NDArray[np.intp], limit: int) -> NDArray[np.intp]:
    """The rows with the highest scores above 0, of equals the earlier ones, in no order: sorting all takes too long."""
    rows = rows[scores[rows] > 0]
    if rows.size > limit:
        found = scores[rows]
        last = np.partition(found, rows.size - limit)[rows.size - limit]
        above, equal = rows[found > last], rows[found == last]
        rows = np.concatenate((above, equal[: limit - above.size]))
    return rows


def _weight(view: View, query: Query) -> float:
    return sum(view.idf(term) for term in query.stems)


def _found(passage: Passage, lexical: float, cosine: float, grants: frozenset[str]) -> Found:
    score = lexical + COSINE_WEIGHT * cosine + NARROWER * (3 - breadth(passage, grants))
    return Found(passage=passage, score=score, lexical=lexical, cosine=cosine)


def understand(question: str, view: View, before: Sequence[str] = (), known: Container[str] = ()) -> Query:
    """The question as the visible passages would put it: chat forms said in full, misspelt words corrected.

    A question that leans on what was said before ("and how heavy?") takes the words of the message before it along.
    """
    message = in_conversation(clean(question), before)
    said = spoken(message)
    changed = {w: view.corrected(w, known) for w in dict.fromkeys(content(said)[: 2 * MAX_TERMS])}
    corrected = [part for word in said for part in changed.get(word, (word,))]
    meant = content(corrected)[:MAX_TERMS]
    joined = [a + b for a, b in pairwise(meant) if view.frequency(stem(a + b))]
    stems = tuple(dict.fromkeys(stem(w) for w in [*meant, *joined]))
    untouched = all(parts == (word,) for word, parts in changed.items()) and said == spoken(message)
    return Query(
        text=message if untouched else " ".join(corrected),
        words=tuple(dict.fromkeys(meant)),
        stems=stems,
        wants=wanted(message),
        names=names(message),
    )
