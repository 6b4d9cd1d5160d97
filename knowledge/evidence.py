"""What speaks for and against a sentence as the answer to a question: plain numbers, each with a meaning.

Nothing here decides. `knowledge/answer.py` weighs these numbers with the weights that `training/abstention.py` found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from knowledge.attributes import attribute, counted, focus
from knowledge.lexical import View, stem, terms, words
from knowledge.question import Wants, holds
from knowledge.ranges import within
from knowledge.search import Found, Query, Shelf
from knowledge.sentences import Unit

UNIT_FEATURES = (
    "fit",  # fused score of the passage
    "fit_below_best",  # how far that is from the best passage's
    "lexical",  # its BM25 part
    "cosine_passage",
    "cosine_unit",  # sentence and question, in meaning
    "cosine_below_best",  # how far that is from the nearest sentence's
    "pair",  # the pair reader's log-odds that the sentence answers the question
    "pair_below_best",  # how far that is from the best sentence's
    "pair_share",  # how likely it is that this one answers, of those that were read, and not another one or none
    "covered",  # share of the question's weight found in the sentence itself
    "covered_context",  # the same with title, heading and lead-in
    "covered_lead",  # share of the question's weight found in the lead-in (an FAQ's question)
    "rarest",  # whether the most telling word that the documents know stands in sentence or context
    "holds",  # +1 the sentence holds the wanted kind of thing, -1 it does not, 0 its form cannot tell
    "property",  # +1 the sentence has the form of the property asked for, -1 it has not, 0 none is asked for
    "property_named",  # the same for the property's name
    "within",  # +1 a span in it ("180 to 60 days") holds the question's figure, -1 none of its spans does
    "short",  # fewer than four words: a fragment
    "caveat",
    "listed",
    "row",
)

PAIR = UNIT_FEATURES.index("pair")

ANSWER_FEATURES = (
    "unit",  # log-odds of the best sentence
    "lead_on_next",  # over the best of another document
    "pair_answer",  # the pair reader on the whole answer
    "pair_best",  # the best of all sentences read
    "pair_any",  # log-odds that any of them answers, and not none
    "pair_share",  # how likely it is that the best one does, and not another one or none
    "fit",
    "lexical",
    "cosine_passage",
    "cosine_unit",
    "covered",
    "covered_context",
    "unknown",  # share of the question's weight in words that no visible passage holds
    "unknown_names",  # names and ids of the question that no visible passage holds
    "absent",  # share of the question's weight in known words that the passage does not hold
    "other_title",  # the question names a product, place or flight of other documents' titles, not of this one's
    "numbers_absent",  # years and long numbers of the question that the passage does not hold
    "agree",  # the passage is best in both views
    "holds",
    "property",  # as above, of the whole answer
    "property_named",
    "within",  # as above
    "focus",  # +1 the thing asked for is named in the answer or above it, -1 it is not, 0 the form sets none apart
    "cosine_said",  # question and answer in meaning, without title and heading
    "words",  # content words of the question, up to ten
    "few_words",  # a question of one or two content words
    "decision",  # a yes/no question
    "quantity",  # asks for a number of some kind
    "person",
    "reason",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    """A quotable sentence with its passage, its numbers and the log-odds that they came to."""

    unit: Unit
    found: Found
    numbers: tuple[float, ...]
    odds: float = 0.0


def coverage(view: View, query: Query, held: AbstractSet[str]) -> float:
    """Share of the question's idf weight whose stems are in `held`."""
    total = sum(view.idf(t) for t in query.stems)
    return sum(view.idf(t) for t in query.stems if t in held) / total if total > 0 else 0.0


def promise(view: View, query: Query, unit: Unit, found: Found, cosine: float) -> float:
    """How promising a sentence is before the pair reader reads it: only the most promising are read."""
    own = coverage(view, query, _terms(unit.text))
    around = coverage(view, query, _terms(unit.context))
    kind = holds(unit.text, query.wants)
    return 2.0 * cosine + 1.5 * found.score + own + 0.4 * around + (0.15 if kind else 0.0)


@lru_cache(maxsize=32_768)
def _terms(text: str) -> frozenset[str]:
    """The same sentences and headings are weighed for many questions."""
    return frozenset(terms(text))


@dataclass(frozen=True, kw_only=True, slots=True)
class Among:
    """Sentences that were read for one question: each one's cosine with it, and the pair reader's log-odds."""

    cosines: NDArray[np.float32]
    odds: NDArray[np.float32]

    @property
    def any(self) -> float:
        """Log-odds that one of them answers, as the pair reader was taught: it chooses one, or none at even odds."""
        return float(np.logaddexp.reduce(self.odds.astype(np.float64)))

    def share(self, place: int) -> float:
        """How likely it is that this one answers."""
        return float(np.exp(self.odds[place] - np.logaddexp(0.0, self.any)))


def of_unit(
    view: View, query: Query, unit: Unit, found: Found, best: Found, among: Among, place: int
) -> tuple[float, ...]:
    """`UNIT_FEATURES` of one sentence, which stands at that place among those that were read."""
    cosine, pair = float(among.cosines[place]), float(among.odds[place])
    own = set(terms(unit.text))
    around = set(terms(unit.context))
    known = [t for t in query.stems if view.frequency(t)]
    rarest = max(known, key=view.idf, default=None)
    passage = unit.passage
    return (
        found.score,
        best.score - found.score,
        found.lexical,
        found.cosine,
        cosine,
        float(among.cosines.max()) - cosine,
        pair,
        float(among.odds.max()) - pair,
        among.share(place),
        coverage(view, query, own),
        coverage(view, query, own | around),
        coverage(view, query, set(terms(unit.lead))) if unit.lead else 0.0,
        float(rarest is not None and rarest in own | around),
        _held(unit.text, query.wants),
        *_property(query.text, unit.text, unit.context),
        within(query.text, unit.text),
        float(len(words(unit.text)) < 4),
        float(passage.kind == "caveat"),
        float(passage.kind == "list"),
        float(passage.kind == "table"),
    )


def of_answer(
    shelf: Shelf,
    query: Query,
    ranked: Sequence[Weighed],
    said: str,
    pair_answer: float,
    cosine_said: float,
    among: Among,
    found: Sequence[Found],
) -> tuple[float, ...]:
    """`ANSWER_FEATURES` of the answer `said` that begins with the best sentence of `ranked`."""
    view, best = shelf.view, ranked[0]
    passage = best.unit.passage
    page = set(terms(f"{passage.title}\n{passage.heading}\n{passage.text}"))
    around = set(terms(said)) | set(terms(best.unit.context))
    top = max(ranked, key=lambda w: w.odds)  # not the first where a narrower audience's document goes before it
    speaking = {passage.document, top.unit.passage.document}
    others = [w.odds for w in ranked if w.unit.passage.document not in speaking]
    unknown = {t for t in query.stems if not view.frequency(t)}
    named = {stem(w) for name in query.names for w in words(name)}
    lexically = max(found, key=lambda f: f.lexical)
    in_meaning = max(found, key=lambda f: f.cosine)
    of_best = dict(zip(UNIT_FEATURES, best.numbers, strict=True))
    return (
        top.odds,
        min(top.odds - max(others), 6.0) if others else 6.0,
        pair_answer,
        float(among.odds.max()),
        among.any,
        of_best["pair_share"],
        best.found.score,
        best.found.lexical,
        best.found.cosine,
        of_best["cosine_unit"],
        coverage(view, query, set(terms(said))),
        coverage(view, query, around),
        coverage(view, query, unknown),
        float(len(named & unknown)),
        coverage(view, query, set(query.stems) - unknown - page - around),
        float(_names_another(shelf, query, page, passage.document)),
        float(_absent_numbers(query, passage.title + " " + passage.heading + " " + passage.text + " " + said)),
        (float(lexically.passage.document == passage.document) + float(in_meaning.passage.document == passage.document))
        / 2,
        _held(said, query.wants),
        *_property(query.text, said, best.unit.context),
        within(query.text, best.unit.text),
        _focus(query.text, around),
        cosine_said,
        float(min(len(query.words), 10)),
        float(len(query.words) <= 2),
        float(query.wants is Wants.decision),
        float(query.wants in {Wants.number, Wants.money, Wants.time, Wants.duration, Wants.measure}),
        float(query.wants is Wants.person),
        float(query.wants is Wants.reason),
    )


def _held(text: str, wants: Wants) -> float:
    answer = holds(text, wants)
    return 0.0 if answer is None else 1.0 if answer else -1.0


def _property(question: str, said: str, context: str) -> tuple[float, float]:
    asked = attribute(question)
    if asked is None:
        return 0.0, 0.0
    if asked.name == "count":
        named = counted(question, said)
    else:
        named = bool(asked.named.search(said) or asked.named.search(context))
    return (1.0 if asked.held(said, context) else -1.0), (1.0 if named else -1.0)


def _focus(question: str, around: set[str]) -> float:
    asked = focus(question)
    if not asked:
        return 0.0
    return 2.0 * sum(term in around for term in asked) / len(asked) - 1.0


def _names_another(shelf: Shelf, query: Query, page: set[str], document: str) -> bool:
    """Whether a word of the question sets other documents' titles apart and this passage does not know it."""
    for term in query.stems:
        titled = shelf.titles.get(term)
        if titled and document not in titled and term not in page and len(titled) <= max(1, shelf.documents // 3):
            return True
    return False


_TELLING_NUMBER = re.compile(r"\b(?:(?:19|20|21)\d\d|\d{4,}|[A-Za-z]+-?\d+[A-Za-z]?)\b")


def _absent_numbers(query: Query, text: str) -> int:
    """Years, long numbers and ids of the question that the passage does not hold."""
    folded = text.casefold().replace(",", "")
    return sum(number.casefold() not in folded for number in set(_TELLING_NUMBER.findall(query.text)))
