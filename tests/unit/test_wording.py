"""Texts are cut where a reader would pause, and nothing in them turns into markup."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.wording import mrkdwn, pieces, telegram_html

TEXTS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=400)


@given(TEXTS, st.integers(min_value=1, max_value=80))
def test_nothing_is_lost_and_no_piece_is_too_long(text: str, limit: int) -> None:
    """Whatever is cut away is white space."""
    found = pieces(text, limit)
    assert all(0 < len(one) <= limit for one in found)
    assert re.sub(r"\s", "", "".join(found)) == re.sub(r"\s", "", text)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("Short.", 100, ("Short.",)),
        ("", 100, ()),
        ("One day.\n\nAnother one.", 14, ("One day.", "Another one.")),
        ("The hatch opens. The crew waits.", 20, ("The hatch opens.", "The crew waits.")),
        ("He said “go.” She went away.", 16, ("He said “go.”", "She went away.")),
        ("no sentence ends in here", 12, ("no sentence", "ends in here")),
        ("unbreakable", 4, ("unbr", "eaka", "ble")),
    ],
)
def test_a_cut_falls_where_a_reader_pauses(text: str, limit: int, expected: tuple[str, ...]) -> None:
    """Paragraphs before lines, lines before sentences, sentences before words."""
    assert pieces(text, limit) == expected


@given(TEXTS)
def test_html_says_what_the_text_says(text: str) -> None:
    """No sign of it begins a tag or an entity."""
    said = telegram_html(text)
    assert "<" not in said
    assert html.unescape(said) == text


@given(TEXTS)
def test_nothing_in_a_text_is_a_mention_or_a_link(text: str) -> None:
    """Slack reads commands between angle brackets only."""
    said = mrkdwn(text)
    assert "<" not in said
    assert ">" not in said


def test_stars_are_stars() -> None:
    """A star in what a customer wrote does not make a word bold."""
    assert mrkdwn("*now*").replace("\u2060", "") == "*now*"
    assert mrkdwn("<@U1> & co") == "&lt;@U1&gt; &amp; co"
