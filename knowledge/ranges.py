"""Whether a span that a text names ("180 to 60 days", "over 65") holds the figure that a question comes with."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from knowledge.lexical import clean

_UNITS: Final = {
    "time": {"day": 1.0, "night": 1.0, "week": 7.0, "fortnight": 14.0, "month": 30.4, "h": 1 / 24, "hour": 1 / 24},
    "age": {"year": 1.0, "yr": 1.0},
    "mass": {"g": 1.0, "gram": 1.0, "kg": 1000.0, "kilo": 1000.0, "kilogram": 1000.0, "t": 1e6},
    "length": {"mm": 0.1, "cm": 1.0, "m": 100.0, "metre": 100.0, "meter": 100.0, "km": 1e5},
    "warmth": {"°c": 1.0, "degree": 1.0, "celsius": 1.0},
}
_OF_UNIT: Final = {unit: (kind, size) for kind, units in _UNITS.items() for unit, size in units.items()}
_UNIT: Final = rf"(?:{'|'.join(sorted(map(re.escape, _OF_UNIT), key=len, reverse=True))})s?\b"
_FIGURE: Final = r"[-−]?\d+(?:[.,]\d+)?"
_AGE: Final = re.compile(r"\b(?:age|aged|ages|old|older|younger|birthday)\b")
_SPAN: Final = re.compile(rf"({_FIGURE})\s*({_UNIT})?\s*(?:to|–|-|—|and|until)\s*({_FIGURE})\s*({_UNIT})?")
_LEAST: Final = re.compile(
    rf"(?:more than|over|above|at least|older than|from|longer than|beyond|>|≥)\s*({_FIGURE})\s*({_UNIT})?"
    rf"|({_FIGURE})\s*({_UNIT})?\s*(?:and|or) (?:more|over|above|older|longer|earlier)"
)
_MOST: Final = re.compile(
    rf"(?:less than|under|below|at most|up to|younger than|fewer than|within|shorter than|<|≤)"
    rf"\s*({_FIGURE})\s*({_UNIT})?"
    rf"|({_FIGURE})\s*({_UNIT})?\s*(?:and|or) (?:less|fewer|under|below|younger|shorter|later)"
)
_ASKED: Final = re.compile(rf"({_FIGURE})\s*-?\s*({_UNIT})")
_AGED: Final = re.compile(
    r"\b(?:i am|i'm|im|he is|he's|she is|she's|(?:son|daughter|father|mother|wife|husband|child|kid|sister|brother|boy"
    r"|girl|dad|mum|mom|grandmother|grandfather)(?: is|'s)?|aged?|turn(?:ing|s)?)\s+(\d{1,2})\b"
    r"(?!\s*(?:[:.]\d|kg|g\b|days?|weeks?|months?|hours?|minutes?|am\b|pm\b|%|cm|m\b))"
)


@dataclass(frozen=True, slots=True)
class _Span:
    kind: str
    low: float
    high: float


def within(question: str, text: str) -> float:
    """+1 where a span of the text holds the question's figure, -1 where there are such spans and none does, else 0.

    "What do I get back if I cancel 100 days before?" is answered by the row for "180 to 60 days" and by no other.
    """
    asked = list(_asked(clean(question).casefold()))
    if not asked:
        return 0.0
    spans = list(_spans(text.casefold()))
    of_kind = [(figure, span) for kind, figure in asked for span in spans if span.kind == kind]
    if not of_kind:
        return 0.0
    return 1.0 if any(span.low <= figure <= span.high for figure, span in of_kind) else -1.0


def _asked(question: str) -> Iterator[tuple[str, float]]:
    for match in _ASKED.finditer(question):
        kind, size = _OF_UNIT[_singular(match[2])]
        yield kind, _number(match[1]) * size
    for match in _AGED.finditer(question):
        yield "age", float(match[1])


def _spans(text: str) -> Iterator[_Span]:
    rest = text
    for match in _SPAN.finditer(text):
        unit = match[4] or match[2] or _implied(text)
        if unit:
            kind, size = _OF_UNIT[_singular(unit)]
            ends = sorted((_number(match[1]) * size, _number(match[3]) * size))
            yield _Span(kind, ends[0], ends[1])
        rest = rest.replace(match[0], " ", 1)
    for pattern, open_above in ((_LEAST, True), (_MOST, False)):
        for match in pattern.finditer(rest):
            unit = match[2] or match[4] or _implied(text)
            if unit:
                kind, size = _OF_UNIT[_singular(unit)]
                end = _number(match[1] or match[3]) * size
                yield _Span(kind, end, math.inf) if open_above else _Span(kind, -math.inf, end)


def _implied(text: str) -> str | None:
    return "year" if _AGE.search(text) else None


def _singular(unit: str) -> str:
    return unit if unit in _OF_UNIT else unit.removesuffix("s")


def _number(figure: str) -> float:
    return float(figure.replace("−", "-").replace(",", "."))
