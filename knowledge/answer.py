"""A question and the passages that its reader may see → the documents' own sentences with their sources, or nothing.

An answer is never composed in words of its own: every sentence stands in a document that the reader may see.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from knowledge.evidence import UNIT_FEATURES, Weighed, cheap, coverage, of_answer, of_unit
from knowledge.judge import Judge
from knowledge.lexical import terms
from knowledge.pairing import PairReader
from knowledge.passages import Passage, breadth
from knowledge.question import Wants, is_beyond_documents, is_courtesy, is_question
from knowledge.search import Dense, Encoder, Found, Library, Query, Ranking, Shelf, Vector, understand
from knowledge.sentences import Unit, plain, units

PASSAGES_READ = 10
UNITS_READ = 12
UNITS_PAIRED = 4
LONGEST_ANSWER = 700  # characters
SENTENCES = 3
VECTORS_KEPT = 8_192
_COVERED = UNIT_FEATURES.index("covered_context")


@dataclass(frozen=True, kw_only=True, slots=True)
class Citation:
    """Where a sentence stands."""

    document: str
    title: str
    anchor: str
    passage: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """A sentence, list item or table row, word for word, with what leads in to it on its page, if anything."""

    text: str
    citation: Citation
    lead: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the documents say: sentences in reading order, the best document first, and what may change about it."""

    sentences: tuple[Sentence, ...]
    caveats: tuple[str, ...]
    score: float  # how likely it is right, 0 to 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Abstention:
    """The documents do not say, or not clearly enough, or not to this reader: nothing tells which."""

    score: float
    nearest: tuple[Citation, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """Everything that was weighed for one question; `numbers` are the answer's features, () where nothing was found."""

    query: Query
    ranked: tuple[Weighed, ...]
    chosen: tuple[Unit, ...]
    found: tuple[Found, ...]
    numbers: tuple[float, ...]


class Answerer:
    """Answers from one set of passages. Sync and bound by the processor; one object may be shared by threads."""

    def __init__(
        self,
        passages: Sequence[Passage],
        *,
        dense: Dense,
        encoder: Encoder,
        pairs: PairReader,
        judge: Judge | None = None,
        known: Container[str] = (),
    ) -> None:
        """`passages`: all, of every audience; `known`: words of common English, which are never "corrected"."""
        self._library = Library(passages)
        self._dense = dense
        self._encoder = _Remembering(encoder)
        self._pairs = _Judged(pairs)
        self.judge = judge or Judge.load()
        self._known = known
        sentences = (_as_read(unit) for passage in self._library.passages for unit in units(passage))
        self._ahead = islice(sentences, VECTORS_KEPT)
        self._ahead_lock = threading.Lock()

    def read_ahead(self, count: int) -> int:
        """Reads up to `count` sentences that nobody has asked about yet, so that answers need not; how many it read.

        0 where all are read. Of a library that is larger than what is kept, the rest is read when it is asked about.
        """
        with self._ahead_lock:
            texts = list(islice(self._ahead, count))
        if texts:
            self._encoder.vectors(texts)
        return len(texts)

    def answer(
        self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()
    ) -> Answer | Abstention:
        """The answer that this reader may be given on that day, or an abstention.

        A message that does not ask needs to be met much more clearly than a question; a courtesy is never answered, nor
        what no document holds.
        """
        if is_courtesy(question) or is_beyond_documents(question):
            return Abstention(score=0.0)
        reading = self.read(question, grants, on, before)
        if not reading.numbers:
            return Abstention(score=0.0)
        probability = self.judge.probability(reading.numbers)
        enough = self.judge.threshold if is_question(question) else self.judge.statement_threshold
        if probability < enough:
            return Abstention(score=probability, nearest=_nearest(reading.found))
        return _told(reading.chosen, probability)

    def search(self, question: str, grants: frozenset[str], on: date) -> Ranking | None:
        """The passages that fit a question, best first; None where the question holds no word to look for."""
        return self._searched(question, grants, on, ())[2]

    def read(self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()) -> Reading:
        """Searches, weighs and chooses, without deciding whether to answer."""
        shelf, query, ranking = self._searched(question, grants, on, before)
        if ranking is None:
            return Reading(query=query, ranked=(), chosen=(), found=(), numbers=())
        ranked = self._weigh(shelf, ranking)
        if not ranked:
            return Reading(query=query, ranked=(), chosen=(), found=ranking.found, numbers=())
        ranked = _narrower_first(ranked, grants)
        chosen = choose(shelf, query, ranked)
        said = " ".join(unit.text for unit in chosen)
        pair = float(self._pairs.odds(query.text, [f"{chosen[0].context}. {said}"])[0])
        cosine = float(self._encoder.vectors([said])[0] @ ranking.vector)
        numbers = of_answer(shelf, query, ranked, said, pair, cosine, ranking.found)
        return Reading(query=query, ranked=tuple(ranked), chosen=chosen, found=ranking.found, numbers=numbers)

    def _searched(
        self, question: str, grants: frozenset[str], on: date, before: Sequence[str]
    ) -> tuple[Shelf, Query, Ranking | None]:
        shelf = self._library.shelf(grants, on)
        query = understand(question, shelf.view, before, self._known)
        if not query.stems or not shelf.rows.size:
            return shelf, query, None
        vector = self._encoder.vectors([query.text])[0]
        return shelf, query, self._library.search(query, vector, self._dense, grants, on)

    def _weigh(self, shelf: Shelf, ranking: Ranking) -> list[Weighed]:
        """The most promising sentences of the best passages, best first."""
        query, top = ranking.query, ranking.found[:PASSAGES_READ]
        pairs = [(unit, found) for found in top for unit in units(found.passage)]
        pairs.sort(key=lambda p: -(cheap(shelf.view, query, p[0]) + p[1].score))
        pairs = pairs[:UNITS_READ]
        if not pairs:
            return []
        cosines = self._encoder.vectors([_as_read(u) for u, _ in pairs]) @ ranking.vector
        order = np.argsort(
            [-(float(c) + cheap(shelf.view, query, u) + f.score) for c, (u, f) in zip(cosines, pairs, strict=True)]
        )
        kept = [int(i) for i in order[:UNITS_PAIRED]]
        odds = self._pairs.odds(query.text, [f"{pairs[i][0].context}. {pairs[i][0].text}" for i in kept])
        weighed = []
        for i, pair in zip(kept, odds, strict=True):
            unit, found = pairs[i]
            numbers = of_unit(shelf.view, query, unit, found, top[0], float(cosines[i]), float(pair))
            weighed.append(Weighed(unit=unit, found=found, numbers=numbers, odds=self.judge.unit.odds(numbers)))
        return sorted(weighed, key=lambda w: -w.odds)


def _as_read(unit: Unit) -> str:
    """A unit after its headings, as whoever reads the page comes to it."""
    return f"{unit.context}. {unit.text}"


NEAR_TIE = 1.5  # log-odds within which a narrower audience's sentence goes first …
NEAR_COVER = 0.7  # … where it holds, with its headings, this much of what the best one holds of the question
SAME_TERMS, SAME_SHARE = 3, 0.7  # two units with so many words in common, of the shorter one's, say the same


def _narrower_first(ranked: list[Weighed], grants: frozenset[str]) -> list[Weighed]:
    """Of two that say it about as well, or say the same with other figures, the narrower counts: mission, organisation,
    flight, everyone."""
    best = ranked[0]
    enough = NEAR_COVER * best.numbers[_COVERED]
    near = [
        w
        for w in ranked
        if (best.odds - w.odds <= NEAR_TIE and w.numbers[_COVERED] >= enough) or _says_the_same(w, best)
    ]
    first = min(near, key=lambda w: (breadth(w.unit.passage, grants), -w.odds))
    return [first, *(w for w in ranked if w is not first)]


def _says_the_same(one: Weighed, other: Weighed) -> bool:
    """Whether two units are the same sentence but for figures and additions, as near-identical pages have them."""
    left, right = ({t for t in terms(w.unit.text) if not t.isdecimal()} for w in (one, other))
    shared = len(left & right)
    return shared >= SAME_TERMS and shared >= SAME_SHARE * min(len(left), len(right))


def choose(shelf: Shelf, query: Query, ranked: Sequence[Weighed]) -> tuple[Unit, ...]:
    """What is said: the best sentence with up to two that belong to it, or the whole list where it is asked for."""
    best = ranked[0]
    if _asks_for_all(shelf, query, best):
        return _whole(best.unit.passage)
    chosen = [best.unit]
    for other in _companions(best, ranked):
        if len(chosen) == SENTENCES:
            break
        if other not in chosen and sum(len(u.text) + 1 for u in [*chosen, other]) <= LONGEST_ANSWER:
            chosen.append(other)
    return tuple(sorted(chosen, key=lambda u: (u.passage is not best.unit.passage, u.passage.position, u.place)))


def _asks_for_all(shelf: Shelf, query: Query, best: Weighed) -> bool:
    passage = best.unit.passage
    if passage.kind != "list":
        return False
    own = coverage(shelf.view, query, set(terms(best.unit.text)) - set(terms(best.unit.context)))
    return query.wants is Wants.listing or own == 0.0


def _whole(passage: Passage) -> tuple[Unit, ...]:
    said: list[Unit] = []
    for unit in units(passage):
        if sum(len(u.text) + 1 for u in [*said, unit]) > LONGEST_ANSWER:
            break
        said.append(unit)
    return tuple(said)


COMPANION = 1.5  # log-odds below the best within which a sentence of the same document may join it
NEIGHBOUR = 3.0  # the same for the sentence before or after it


def _companions(best: Weighed, ranked: Sequence[Weighed]) -> list[Unit]:
    """Sentences of the same document that answer about as well, and the neighbours that complete the best one."""
    document = best.unit.passage.document
    near = [
        w
        for w in ranked[1:]
        if w.unit.passage.document == document
        and w.odds >= best.odds - (NEIGHBOUR if _next_to(w.unit, best.unit) else COMPANION)
    ]
    return [w.unit for w in near]


def _next_to(unit: Unit, other: Unit) -> bool:
    return unit.passage.id == other.passage.id and abs(unit.place - other.place) == 1


def _told(chosen: Sequence[Unit], probability: float) -> Answer:
    caveats = dict.fromkeys(plain(u.passage.caveat) for u in chosen if u.passage.caveat and u.passage.kind != "caveat")
    said = {u.text for u in chosen}
    return Answer(
        sentences=tuple(Sentence(text=u.text, citation=cite(u.passage), lead=u.lead) for u in chosen),
        caveats=tuple(c for c in caveats if c not in said),
        score=probability,
    )


def _nearest(found: Sequence[Found], count: int = 3) -> tuple[Citation, ...]:
    first: dict[str, Citation] = {}
    for each in found:
        first.setdefault(each.passage.document, cite(each.passage))
    return tuple(first.values())[:count]


def cite(passage: Passage) -> Citation:
    """Where a passage stands."""
    return Citation(document=passage.document, title=passage.title, anchor=passage.anchor, passage=passage.id)


class _Judged:
    """A pair reader that keeps what it said of the last pairs: an answer of one sentence was read already."""

    def __init__(self, pairs: PairReader, capacity: int = 512) -> None:
        self._pairs = pairs
        self._capacity = capacity
        self._kept: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def odds(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """One number a text."""
        with self._lock:
            known = {text: self._kept[question, text] for text in texts if (question, text) in self._kept}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            known.update(zip(missing, map(float, self._pairs.odds(question, missing)), strict=True))
        with self._lock:
            self._kept.update(((question, text), known[text]) for text in missing)
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
        return np.array([known[text] for text in texts], np.float32)


class _Remembering:
    """An encoder that keeps the vectors of recently read texts: the same sentences come up again and again."""

    def __init__(self, encoder: Encoder, capacity: int = VECTORS_KEPT) -> None:
        self._encoder = encoder
        self._capacity = capacity
        self._kept: OrderedDict[str, Vector] = OrderedDict()
        self._lock = threading.Lock()

    def vectors(self, texts: Sequence[str]) -> Vector:
        """One row a text."""
        with self._lock:
            known = {text: self._kept[text] for text in texts if text in self._kept}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            known.update(zip(missing, self._encoder.vectors(missing), strict=True))
        with self._lock:
            for text in texts:
                self._kept[text] = known[text]
                self._kept.move_to_end(text)
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
        return np.array([known[text] for text in texts], dtype=np.float32)
