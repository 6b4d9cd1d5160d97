"""What is said of the sentences that were read: the best one, what belongs to it, or the whole list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.evidence import UNIT_FEATURES, Weighed, coverage
from knowledge.lexical import terms
from knowledge.passages import Passage, breadth
from knowledge.question import Wants
from knowledge.search import Query, Shelf
from knowledge.sentences import Unit, units

LONGEST_ANSWER = 700
"""Characters: about a phone's screen."""
SENTENCES = 3
_COVERED = UNIT_FEATURES.index("covered_context")

NEAR_TIE = 1.5  # log-odds within which a narrower audience's sentence goes first …
NEAR_COVER = 0.7  # … where it holds, with its headings, this much of what the best one holds of the question
SAME_TERMS, SAME_SHARE = 3, 0.7  # two units with so many words in common, of the shorter one's, say the same


def narrower_first(ranked: list[Weighed], grants: frozenset[str]) -> list[Weighed]:
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
    chosen = [*_leading_in(best.unit), best.unit]
    for other in _companions(best, ranked):
        if len(chosen) == SENTENCES:
            break
        if other not in chosen and sum(len(u.text) + 1 for u in [*chosen, other]) <= LONGEST_ANSWER:
            chosen.append(other)
    return tuple(sorted(chosen, key=lambda u: (u.passage is not best.unit.passage, u.passage.position, u.place)))


_LEANS_BACK = re.compile(
    r"(?:it|its|this|that|these|those|they|their|them|he|she|his|her|then|there|here|otherwise|instead|but|and|also"
    r"|however|both|neither|such|if so|if not|the (?:same|latter|former|other)|not (?:in|on|at|for|with|before|after)"
    r"|you (?:can(?:not|'t)?|may(?: not)?|must(?: not)?) \w+ (?:it|them|this|that))\b",
    re.IGNORECASE,
)


def leans_back(text: str) -> bool:
    """Whether a sentence can only be understood after the one before it: "It may be worn for four hours."."""
    return bool(_LEANS_BACK.match(text))


def _leading_in(unit: Unit) -> tuple[Unit, ...]:
    """What must be said before a sentence so that it is understood: the one before it, and the one before that."""
    every = {other.place: other for other in units(unit.passage)}
    before: list[Unit] = []
    first = unit
    while first.before and leans_back(first.text) and len(before) < SENTENCES - 1:
        first = every[first.place - 1]
        before.insert(0, first)
    return tuple(before) if sum(len(one.text) for one in before) < LONGEST_ANSWER // 2 else ()


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
