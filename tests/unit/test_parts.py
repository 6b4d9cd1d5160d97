"""The questions in one message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.parts import MOST, parts


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("How heavy may it be, and when do I hand it in?", ("How heavy may it be", "when do I hand it in?")),
        (
            "My daughter is 13. Is she allowed, and what does it cost?",
            ("My daughter is 13. Is she allowed", "what does it cost?"),
        ),
        ("Can I bring a guitar? And my camera? Thanks!", ("Can I bring a guitar?", "And my camera?")),
        ("do I get a phone and can I call my kids", ("do I get a phone", "can I call my kids")),
        ("Who pays for the hotel, and until when?", ("Who pays for the hotel", "until when?")),
    ],
)
def test_several_questions_are_told_apart(message: str, expected: tuple[str, ...]) -> None:
    """Each part holds what is said before it."""
    assert parts(message) == expected


@pytest.mark.parametrize(
    "message",
    [
        "How heavy may my kit be?",
        "May I bring wine and cheese?",
        "What do I wear and eat?",
        "Hi! How are you? How heavy may my kit be?",
        "I read that and how it works is unclear",
        "I am afraid of the dark and of what comes.",
        "",
    ],
)
def test_one_question_stays_whole(message: str) -> None:
    """An "and" between things, a greeting or a statement makes no second question."""
    assert parts(message) == (message,)


@given(st.lists(st.sampled_from(["How long is it?", "May I smoke?", "Where do we eat?"]), min_size=1, max_size=9))
def test_never_more_parts_than_can_be_answered(questions: list[str]) -> None:
    """However many questions there are, none is lost."""
    found = parts(" ".join(questions))
    assert len(found) <= MOST
    assert " ".join(found) == " ".join(questions)
