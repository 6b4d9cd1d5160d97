"""Questions that lean on what was asked before them."""

from __future__ import annotations

import pytest

from knowledge.followups import in_conversation, leans


@pytest.mark.parametrize(
    "message",
    ["why?", "and on the second day?", "what about my camera?", "how heavy is it?", "does it hurt?", "and my wife?",
     "do they come back", "Since when?", "even at night?"],
)  # fmt: skip
def test_leans(message: str) -> None:
    """Without the message before it nobody knows what is asked."""
    assert leans(message)


@pytest.mark.parametrize(
    "message",
    ["is there wifi", "is it allowed to smoke", "is it possible to call home", "when is lunch", "Is the suit heavy?",
     "what is the launch date this year", "How much does the suit weigh?", "baggage allowance"],
)  # fmt: skip
def test_stands_by_itself(message: str) -> None:
    """A word such as "it" or "there" need not point at anything."""
    assert not leans(message)


def test_takes_along_what_was_asked() -> None:
    """The question before it comes first, so that it reads as one."""
    assert in_conversation("what about my camera?", ["How heavy may my kit be?"]) == (
        "How heavy may my kit be? what about my camera?"
    )


def test_what_asks_for_itself_is_told_what_it_is_about() -> None:
    """And is not read behind another question, whose answer would be nearer."""
    assert in_conversation("when do I hand it in?", ["How heavy may my kit be?"]) == "when do I hand it in? (kit)"
    assert in_conversation("why?", ["How heavy may my kit be?"]) == "How heavy may my kit be? why?"


def test_a_chain_goes_back_to_the_question_that_stands() -> None:
    """A courtesy between them is no question."""
    before = ["When is lunch?", "How heavy may my kit be?", "thanks!", "what about my camera?"]
    assert in_conversation("why?", before) == "How heavy may my kit be? what about my camera? why?"


def test_a_question_that_stands_is_left_alone() -> None:
    """Nothing that was said before is mixed in."""
    assert in_conversation("When is lunch?", ["How heavy may my kit be?"]) == "When is lunch?"


def test_nothing_before_it() -> None:
    """The first message of all may lean on nothing."""
    assert in_conversation("why?", []) == "why?"
