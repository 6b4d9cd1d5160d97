"""Finds the passages that speak of what was asked, among those that this reader may see.

Two views of likeness are added up: shared words (BM25 over the visible passages only) and shared meaning (cosine of
sentence vectors). Their scores are fused, not their ranks: a clear match must be able to outweigh a vague one.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.lexical import MAX_TERMS, Postings, View, clean, content, spoken, stem, terms, word_set
from knowledge.passages import Passage, breadth, visible
from knowledge.question import Wants, names, wanted

CANDIDATES = 50
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

    def __init__(self, passages: Sequence[Passage], postings: Postings, seen: NDArray[np.bool_]) -> None:
        self.view: View = postings.view(seen)
        self.rows = np.flatnonzero(seen)
        self.titles: dict[str, set[str]] = {}
        for row in self.rows.tolist():
            passage = passages[row]
            for term in terms(passage.title):
                self.titles.setdefault(term, set()).add(passage.document)
        self.documents = len({passages[row].document for row in self.rows.tolist()})


class Library:
    """All passages of a pack, looked at through the eyes of one reader at a time."""

    def __init__(self, passages: Sequence[Passage], *, shelves: int = 64) -> None:
        self._passages = tuple(passages)
        self._row = {p.id: row for row, p in enumerate(self._passages)}
        self._postings = Postings([f"{p.title}\n{p.heading}\n{p.text}" for p in self._passages])
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
        seen = np.array([visible(p, grants, on) for p in self._passages], dtype=np.bool_)
        key = seen.tobytes()
        with self._lock:
            shelf = self._shelves.get(key)  # readers with other grants may see the very same passages
        shelf = shelf or Shelf(self._passages, self._postings, seen)
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
        best = shelf.rows[np.argsort(-lexical[shelf.rows], kind="stable")[:limit]]
        cosines = self._cosines(dense.nearest(vector, grants, on, limit), grants, on)
        farthest = min(cosines.values(), default=0.0)
        rows = {int(row) for row in best if lexical[row] > 0} | set(cosines)
        found = [
            _found(self._passages[row], float(lexical[row]), cosines.get(row, farthest), grants) for row in sorted(rows)
        ]
        found.sort(key=lambda f: (-f.score, f.passage.document, f.passage.position))
        return Ranking(query=query, found=tuple(found[:limit]), vector=vector)

    def _cosines(self, nearest: Sequence[tuple[Passage, float]], grants: frozenset[str], on: date) -> dict[int, float]:
        """Rows and cosines of what the index returned, checked again: an index that errs must not leak."""
        return {
            self._row[p.id]: cosine
            for p, cosine in nearest
            if p.id in self._row and visible(p, grants, on) and visible(self._passages[self._row[p.id]], grants, on)
        }


def _weight(view: View, query: Query) -> float:
    return sum(view.idf(term) for term in query.stems)


def _found(passage: Passage, lexical: float, cosine: float, grants: frozenset[str]) -> Found:
    score = lexical + COSINE_WEIGHT * cosine + NARROWER * (3 - breadth(passage, grants))
    return Found(passage=passage, score=score, lexical=lexical, cosine=cosine)


_FOLLOWS = re.compile(r"^(?:and|but|so|also|or|what about|how about|same|then)\b", re.IGNORECASE)
_POINTS = word_set("it its that this they them those these there one ones he she him her")


def understand(question: str, view: View, before: Sequence[str] = (), known: Container[str] = ()) -> Query:
    """The question as the visible passages would put it: chat forms said in full, misspelt words corrected.

    A question that leans on what was said before ("and how heavy?") takes the words of the message before it along.
    """
    message = clean(question)
    said = spoken(message)
    if before and _leans(message, said):
        said = spoken(clean(before[-1], 400)) + said
        message = f"{clean(before[-1], 400)} {message}"
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


def _leans(message: str, said: Sequence[str]) -> bool:
    meant = content(said)
    if len(meant) <= 2 and (_FOLLOWS.match(message) or _POINTS.intersection(said)):
        return True
    return not meant
