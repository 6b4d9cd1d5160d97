"""Two documents that answer the same question with other figures: neither is right because it came first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

from knowledge.evidence import PAIR, Weighed
from knowledge.lexical import terms
from knowledge.passages import Passage

SURE = 1.0
"""Log-odds of the pair reader from which a sentence answers the question by itself."""
SAME_TERMS, SAME_SHARE = 3, 0.6
"""Two sentences with so many words in common, of the shorter one's, say the same thing."""

_FIGURE = re.compile(r"\d+(?:[.,:]\d+)*")
_TELLING = re.compile(r"\b(?:[A-Z][\w'-]*|\w*\d[\w-]*)\b")


def disagreeing(best: Weighed, others: Sequence[Weighed]) -> Weighed | None:
    """The first of the others that contradicts the best one, or None.

    That needs another document for the very same readers; nearly the same words; a figure where the other has another;
    and pages that are not about two different things: names and numbers that only one of them has in its title or
    heading (another flight, year, product) tell them apart.
    """
    if best.numbers[PAIR] < SURE:
        return None
    return next((other for other in others if _contradicts(best, other)), None)


def _contradicts(one: Weighed, other: Weighed) -> bool:
    left, right = one.unit, other.unit
    return (
        left.passage.document != right.passage.document
        and left.passage.audience == right.passage.audience
        and other.numbers[PAIR] >= SURE
        and _same_words(left.text, right.text)
        and bool(_figures(left.text)) and bool(_figures(right.text))
        and not _figures(left.text) & _figures(right.text)
        and not _tell_apart(left.passage, right.passage)
        and _names(left.text) == _names(right.text)
    )  # fmt: skip


def _same_words(one: str, other: str) -> bool:
    left, right = ({t for t in terms(text) if not t.isdecimal()} for text in (one, other))
    shared = len(left & right)
    return shared >= SAME_TERMS and shared >= SAME_SHARE * min(len(left), len(right))


def _figures(text: str) -> frozenset[str]:
    return frozenset(_FIGURE.findall(text))


def _names(text: str) -> frozenset[str]:
    """Words with a capital inside the sentence: what it is about may hang on them."""
    return frozenset(re.findall(r"(?<=[a-z,;] )[A-Z]\w+", text))


def _tell_apart(one: Passage, other: Passage) -> bool:
    """Whether headings name things that differ: not "Handbook" and "FAQ", but "Heron" and "Lark", 2027 and 2028."""
    numbers = [frozenset(chain(_FIGURE.findall(p.title), _FIGURE.findall(p.heading))) for p in (one, other)]
    if numbers[0] != numbers[1]:
        return True
    named = [frozenset(_TELLING.findall(_inside(p.title)) + _TELLING.findall(_inside(p.heading))) for p in (one, other)]
    return named[0] != named[1] and bool(named[0]) and bool(named[1])


def _inside(title: str) -> str:
    """A title without its first word, which has a capital anyway."""
    return title.split(" ", 1)[1] if " " in title else ""
