"""What is counted, as pure functions: how good a ranking is, how well a score knows when to be silent.

Where scores are equal, they are taken to be in a chance order and the expectation is given: a system that scores a
third of all questions with the same number must neither gain nor lose by the order in which they were asked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Scored = tuple[float, bool]
"""How sure a system was, and whether it was right."""

_WORD = re.compile(r"\w+")


# ── rankings ───────────────────────────────────────────────────────────────────────────────────────────────


def recall(ranked: Sequence[str], grades: Mapping[str, float], depth: int) -> float:
    """Share of the relevant texts (grade above 0) among the first `depth`; 0 where none is relevant."""
    relevant = {one for one, grade in grades.items() if grade > 0}
    return len(relevant.intersection(ranked[:depth])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranked: Sequence[str], grades: Mapping[str, float]) -> float:
    """One over the place of the first relevant text; 0 where none was found."""
    return next((1 / place for place, one in enumerate(ranked, 1) if grades.get(one, 0) > 0), 0.0)


def ndcg(ranked: Sequence[str], grades: Mapping[str, float], depth: int) -> float:
    """Discounted gain of the first `depth`, as a share of the best possible; a text's gain is its grade."""
    best = _discounted(sorted((grade for grade in grades.values() if grade > 0), reverse=True)[:depth])
    return _discounted([max(0.0, grades.get(one, 0.0)) for one in ranked[:depth]]) / best if best else 0.0


def _discounted(gains: Iterable[float]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, 1))


# ── answers ────────────────────────────────────────────────────────────────────────────────────────────────


def holds_one(answers: Iterable[str], said: str) -> bool:
    """Whether one of the answers stands in what was said, as whole words; case and punctuation do not count."""
    words = _as_words(said)
    return any(wanted.strip() and wanted in words for wanted in map(_as_words, answers))


def _as_words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "


# ── knowing when to be silent ──────────────────────────────────────────────────────────────────────────────


def auc(higher: Sequence[float], lower: Sequence[float]) -> float | None:
    """How often one of `higher` has a higher score than one of `lower`, equals counting half; None without either."""
    if not higher or not lower:
        return None
    ordered = sorted([(score, True) for score in higher] + [(score, False) for score in lower])
    won, below = 0.0, 0
    for tied in _tied(ordered):
        up = sum(is_higher for _, is_higher in tied)
        down = len(tied) - up
        won += up * (below + down / 2)
        below += down
    return won / (len(higher) * len(lower))


def precision_at(scored: Sequence[Scored], coverage: float) -> float | None:
    """Share of right ones among the `coverage` of all with the highest scores; None where nothing was scored."""
    left = wanted = len(scored) * coverage
    if not wanted:
        return None
    right = 0.0
    for tied in _tied(sorted(scored, key=lambda one: -one[0])):
        taken = min(left, len(tied))
        right += taken * sum(is_right for _, is_right in tied) / len(tied)
        left -= taken
        if left <= 0:
            break
    return right / wanted


def false_at(answerable: Sequence[float], others: Sequence[float], coverage: float) -> float | None:
    """Share of `others` that are answered by whoever answers the surest `coverage` of the answerable ones.

    None without either.
    """
    if not answerable or not others:
        return None
    ordered = sorted(answerable, reverse=True)
    wanted = coverage * len(ordered)
    limit = ordered[max(0, math.ceil(wanted) - 1)]
    equal = sum(score == limit for score in ordered)
    share = (wanted - sum(score > limit for score in ordered)) / equal  # of those who are as sure as the limit
    return (sum(score > limit for score in others) + share * sum(score == limit for score in others)) / len(others)


def _tied(ordered: Sequence[Scored]) -> Iterable[list[Scored]]:
    """Runs of equal scores."""
    run: list[Scored] = []
    for one in ordered:
        if run and one[0] != run[0][0]:
            yield run
            run = []
        run.append(one)
    if run:
        yield run


# ── whether a probability means what it says ───────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """Answers with about the same predicted probability: their mean prediction, and how often they were right."""

    predicted: float
    right: float
    count: int


def reliability(scored: Sequence[Scored], bins: int = 10) -> tuple[Bin, ...]:
    """Answers by predicted probability, in ranges of equal width; ranges without an answer are left out."""
    ranges: list[list[Scored]] = [[] for _ in range(bins)]
    for probability, right in scored:
        ranges[min(bins - 1, int(probability * bins))].append((probability, right))
    return tuple(
        Bin(
            predicted=sum(probability for probability, _ in one) / len(one),
            right=sum(right for _, right in one) / len(one),
            count=len(one),
        )
        for one in ranges
        if one
    )


def calibration_error(found: Sequence[Bin]) -> float | None:
    """Mean distance of prediction and outcome over all answers (the expected calibration error); None without any."""
    count = sum(one.count for one in found)
    return sum(one.count * abs(one.predicted - one.right) for one in found) / count if count else None
