"""A question and the passages that its reader may see → the documents' own sentences with their sources, or nothing.

An answer is never composed in words of its own: every sentence stands in a document that the reader may see.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from knowledge.disagreement import disagreeing
from knowledge.evidence import Among, Weighed, of_answer, of_unit, promise
from knowledge.judge import Judge
from knowledge.ordering import Finder, Reranker
from knowledge.pairing import PairReader, Text
from knowledge.parts import parts
from knowledge.passages import Passage
from knowledge.question import is_beyond_documents, is_courtesy, is_question
from knowledge.remembering import RememberedPairs, RememberedVectors
from knowledge.saying import LONGEST_ANSWER, choose, narrower_first
from knowledge.search import Dense, Encoder, Found, Library, Query, Ranking, Shelf, understand
from knowledge.sentence_vectors import SentenceVectors
from knowledge.sentences import Unit, plain, units

UNITS_PAIRED = 8


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
class Side:
    """One of two documents that contradict each other; `since`: the day from which it holds, where it says so."""

    sentence: Sentence
    since: date | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the documents say: sentences in reading order, the best document first, and what may change about it."""

    sentences: tuple[Sentence, ...]
    caveats: tuple[str, ...]
    score: float  # how likely it is right, 0 to 1
    missing: tuple[str, ...] = ()  # questions of the message that the documents do not answer
    conflict: tuple[Side, ...] = ()  # where two documents say different things: their sentences once more, with dates


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
    conflict: Unit | None = None  # what another document says instead


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
        finder: Finder | None = None,
        reranker: Reranker | None = None,
        sentences: SentenceVectors | None = None,
    ) -> None:
        """`passages`: all, of every audience; `known`: words of common English, which are never "corrected"; `finder`
        and `reranker`: see `Library`; `sentences`: what an ingest has read of them already.
        """
        self._library = Library(passages, finder=finder, reranker=reranker)
        self._dense = dense
        self._encoder = RememberedVectors(encoder, sentences or SentenceVectors.nothing())
        self._pairs = RememberedPairs(pairs)
        self.judge = judge or Judge.load()
        self._known = known

    def answer(
        self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()
    ) -> Answer | Abstention:
        """The answer that this reader may be given on that day, or an abstention.

        A message that does not ask needs to be met much more clearly than a question; a courtesy is never answered, nor
        what no document holds. A message that asks several things is answered in parts.
        """
        if is_courtesy(question) or is_beyond_documents(question):
            return Abstention(score=0.0)
        asked = parts(question)
        if len(asked) > 1:
            found = [self._answer(part, grants, on, (*before, *asked[:n])) for n, part in enumerate(asked)]
            if any(isinstance(one, Answer) for one in found):
                return _in_parts(asked, found)
        return self._answer(question, grants, on, before)

    def _answer(self, question: str, grants: frozenset[str], on: date, before: Sequence[str]) -> Answer | Abstention:
        reading = self.read(question, grants, on, before)
        if not reading.numbers:
            return Abstention(score=0.0)
        probability = self.judge.probability(reading.numbers)
        enough = self.judge.threshold if is_question(question) else self.judge.statement_threshold
        if probability < enough:
            return Abstention(score=probability, nearest=_nearest(reading.found))
        return _told(reading, probability)

    def search(self, question: str, grants: frozenset[str], on: date) -> Ranking | None:
        """The passages that fit a question, best first; None where the question holds no word to look for."""
        return self._searched(question, grants, on, ())[2]

    def read(self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()) -> Reading:
        """Searches, weighs and chooses, without deciding whether to answer."""
        shelf, query, ranking = self._searched(question, grants, on, before)
        if ranking is None:
            return Reading(query=query, ranked=(), chosen=(), found=(), numbers=())
        ranked, among = self._weigh(shelf, ranking)
        if not ranked:
            return Reading(query=query, ranked=(), chosen=(), found=ranking.found, numbers=())
        ranked = narrower_first(ranked, grants)
        chosen = choose(shelf, query, ranked)
        said = " ".join(unit.text for unit in chosen)
        pair = float(self._pairs.odds(query.text, [as_text(*chosen)])[0])
        cosine = float(self._encoder.vectors([said])[0] @ ranking.vector)
        numbers = of_answer(shelf, query, ranked, said, pair, cosine, among, ranking.found)
        against = disagreeing(ranked[0], ranked[1:])
        return Reading(
            query=query,
            ranked=tuple(ranked),
            chosen=chosen,
            found=ranking.found,
            numbers=numbers,
            conflict=against.unit if against else None,
        )

    def _searched(
        self, question: str, grants: frozenset[str], on: date, before: Sequence[str]
    ) -> tuple[Shelf, Query, Ranking | None]:
        shelf = self._library.shelf(grants, on)
        query = understand(question, shelf.view, before, self._known)
        if not query.stems or not shelf.rows.size:
            return shelf, query, None
        vector = self._encoder.vectors([query.text])[0]
        return shelf, query, self._library.search(query, vector, self._dense, grants, on)

    def _weigh(self, shelf: Shelf, ranking: Ranking) -> tuple[list[Weighed], Among]:
        """The most promising sentences of the best passages, best first, and what the models say of them."""
        query, top = ranking.query, ranking.found
        read = [(unit, found) for found in top for unit in units(found.passage)]
        if not read:
            return [], Among(cosines=np.empty(0, np.float32), odds=np.empty(0, np.float32))
        cosines = self._encoder.vectors([unit.text for unit, _ in read]) @ ranking.vector
        order = np.argsort(
            [-promise(shelf.view, query, u, f, float(c)) for c, (u, f) in zip(cosines, read, strict=True)]
        )
        kept = [int(i) for i in order[:UNITS_PAIRED]]
        odds = self._pairs.odds(query.text, [as_text(read[i][0]) for i in kept])
        among = Among(cosines=cosines[kept], odds=odds)
        weighed = []
        for place, (unit, found) in enumerate(read[i] for i in kept):
            numbers = of_unit(shelf.view, query, unit, found, top[0], among, place)
            weighed.append(Weighed(unit=unit, found=found, numbers=numbers, odds=self.judge.unit.odds(numbers)))
        return sorted(weighed, key=lambda w: -w.odds), among

    @property
    def readers(self) -> tuple[Encoder, PairReader]:
        """The small models that read for it, each with what it has read lately."""
        return self._encoder, self._pairs


def as_text(*chosen: Unit) -> Text:
    """Units that are said together, after what a reader of the page has read: headings, lead-in, a sentence."""
    first = chosen[0]
    before = f"{first.context}. {first.before}" if first.before else f"{first.context}."
    return Text(before=before, said=" ".join(unit.text for unit in chosen))


def _told(reading: Reading, probability: float) -> Answer:
    chosen, conflict = reading.chosen, reading.conflict
    if conflict is not None:
        chosen = (*(unit for unit in chosen if unit.passage.document != conflict.passage.document), conflict)
    caveats = dict.fromkeys(plain(u.passage.caveat) for u in chosen if u.passage.caveat and u.passage.kind != "caveat")
    said = {u.text for u in chosen}
    sides = () if conflict is None else tuple(_side(unit) for unit in (reading.ranked[0].unit, conflict))
    return Answer(
        sentences=tuple(map(_sentence, chosen)),
        caveats=tuple(c for c in caveats if c not in said),
        score=probability,
        conflict=sides,
    )


def _sentence(unit: Unit) -> Sentence:
    return Sentence(text=unit.text, citation=cite(unit.passage), lead=unit.lead)


def _side(unit: Unit) -> Side:
    return Side(sentence=_sentence(unit), since=unit.passage.valid_from)


def _in_parts(asked: Sequence[str], found: Sequence[Answer | Abstention]) -> Answer:
    """The answers in the order of the questions, nothing twice, and which of the questions are not answered."""
    answers = [one for one in found if isinstance(one, Answer)]
    sentences = dict.fromkeys(sentence for one in answers for sentence in one.sentences)
    needed = {one.sentences[0] for one in answers}
    while sum(len(s.text) + 1 for s in sentences) > LONGEST_ANSWER and len(sentences) > len(needed):
        del sentences[next(s for s in reversed(sentences) if s not in needed)]
    return Answer(
        sentences=tuple(sentences),
        caveats=tuple(dict.fromkeys(c for one in answers for c in one.caveats)),
        score=min(one.score for one in answers),
        missing=tuple(part for part, one in zip(asked, found, strict=True) if isinstance(one, Abstention)),
        conflict=next((one.conflict for one in answers if one.conflict), ()),
    )


def _nearest(found: Sequence[Found], count: int = 3) -> tuple[Citation, ...]:
    first: dict[str, Citation] = {}
    for each in found:
        first.setdefault(each.passage.document, cite(each.passage))
    return tuple(first.values())[:count]


def cite(passage: Passage) -> Citation:
    """Where a passage stands."""
    return Citation(document=passage.document, title=passage.title, anchor=passage.anchor, passage=passage.id)
