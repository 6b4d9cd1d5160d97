"""Figures of a question, and the spans that hold them."""

from __future__ import annotations

import pytest

from knowledge.ranges import within


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        ("What would I get back if I cancelled 100 days before?", "When: 180 to 60 days before; Back: 60 %", 1.0),
        ("What would I get back if I cancelled 100 days before?", "When: More than 180 days before; Back: all", -1.0),
        ("refund if i cancel 3 weeks before", "When: 59 to 15 days before; Back: 25 %", 1.0),
        ("I am 63. Which examinations do I need?", "Your age: 60 and over; Examinations: bone density", 1.0),
        ("I am 63. Which examinations do I need?", "Your age: 40 to 59; Examinations: a heart trace", -1.0),
        ("my son is 12, may he come?", "From 12 years, with a parent in the next seat.", 1.0),
        ("can I bring 2 kg?", "Bags up to 1.5 kg are free.", -1.0),
        ("how long may I be out at 28 m?", "Depth: 25 to 30 m; Longest time: 180 min", 1.0),
        ("How heavy may my bag be?", "Bags up to 1.5 kg are free.", 0.0),
        ("I am 63.", "Bags up to 1.5 kg are free.", 0.0),
        ("I am 5 minutes late", "Your age: 40 to 59", 0.0),
    ],
)
def test_the_span_that_holds_the_figure(question: str, text: str, expected: float) -> None:
    """Units are brought to one size; an age needs no unit."""
    assert within(question, text) == expected
