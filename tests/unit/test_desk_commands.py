"""What a steward's line at a desk means: to the customer, to stewards, or to the concierge."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desk.commands import HELP, Do, Keep, Note, Promised, ToCustomer, Unclear, heard

BLANK = st.text(alphabet=" \t\n\r\u00a0\u2003", max_size=3)
VERBS = st.sampled_from(
    ["ack", "take", "hand", "resolve", "correct", "promise", "kept", "again", "cues", "keep", "approve", "reject",
     "ACK", "no"]
)  # fmt: skip


@given(BLANK, st.one_of(st.text(), VERBS, st.tuples(VERBS, st.text()).map(" ".join)))
def test_what_begins_with_two_slashes_never_reaches_a_customer(before: str, rest: str) -> None:
    """Whatever stands before or after them, known to the concierge or not."""
    assert not isinstance(heard(f"{before}//{rest}"), ToCustomer)


@given(st.text().filter(lambda text: not text.strip().startswith("//")))
def test_everything_else_is_for_the_customer_word_for_word(text: str) -> None:
    """Also a single slash, or two in the middle: only the blanks around it go."""
    assert heard(text) == ToCustomer(text=text.strip())


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("//ack", Do(action="acknowledge")),
        ("  //take ", Do(action="take")),
        ("//back", Do(action="back")),
        ("//accept", Do(action="accept")),
        ("//decline", Do(action="decline")),
        ("//cues", Do(action="cues")),
        ("//help", Do(action="help")),
        ("//resolve they talked", Do(action="resolve", words="they talked")),
        ("//resolve\nthey talked,\nand slept", Do(action="resolve", words="they talked,\nand slept")),
        ("//hand amara: she knows him", Do(action="hand", choice="amara", words="she knows him")),
        ("//hand to amara", Do(action="hand", choice="amara")),
        ("//hand amara: at 10:30: call", Do(action="hand", choice="amara", words="at 10:30: call")),
        ("//correct 12 no it was a joke", Do(action="correct", choice="12:no", words="it was a joke")),
        ("//correct 12 yes 0.4 milder", Do(action="correct", choice="12:yes", words="0.4 milder")),
        ("//kept 3", Do(action="kept", choice="3")),
        ("//again #7", Do(action="again", choice="7")),
        ("//arrived 7", Do(action="arrived", choice="7")),
        ("//promise 2027-03-05 a call home", Promised(due=date(2027, 3, 5), what="a call home")),
        ('//keep "Camera batteries"', Keep(title="Camera batteries")),
        ("//keep “Batteries” for flight:aurora-2", Keep(title="Batteries", audience="flight:aurora-2")),
        ('//keep "A" for everyone: two, at 10:30', Keep(title="A", audience="everyone", answer="two, at 10:30")),
        (
            '//keep "A":\nQ: How\nmany?\nA: - two\n- or three',
            Keep(title="A", question="How many?", answer="- two\n- or three"),
        ),
        ("//proposals", Do(action="proposals")),
        ("//approve #3", Do(action="approve", choice="3")),
        ("//reject 3 it is\nin the handbook", Do(action="reject", choice="3", words="it is\nin the handbook")),
        ("//reject 3\nwrong", Do(action="reject", choice="3", words="wrong")),
        ("//withdraw 3 wrong", Do(action="withdraw", choice="3", words="wrong")),
        ("// he is tired", Note(text="he is tired")),
        ("//\nhe is tired", Note(text="he is tired")),
        ("//// two notes", Note(text="// two notes")),
        ("//", Note(text="")),
    ],
)
def test_each_way_to_write_it(line: str, meaning: object) -> None:
    """The lines of the help, and how people vary them."""
    assert heard(line) == meaning


@pytest.mark.parametrize(
    "line",
    ["//ack now", "//resolve", "//hand", "//hand : brief", "//correct", "//correct x yes", "//correct 1 perhaps",
     "//promise soon a call", "//promise 2027-03-05", "//promise 2027-13-05 a call", "//kept", "//kept three",
     "//kept ٣", "//keep", "//keep Batteries", '//keep "A" for bob', '//keep "" for everyone', '//keep " "',
     "//approve", "//approve three", "//reject 3", "//reject it is wrong", "//withdraw 3 ", "//decline 3 why",
     "//again 1234567890", "//nonsense", "//heis tired"],
)  # fmt: skip
def test_what_is_not_understood_is_told_and_does_nothing(line: str) -> None:
    """A steward who mistypes reads how it is written."""
    assert isinstance(heard(line), Unclear)


def test_a_verb_in_capitals_is_a_note() -> None:
    """Telegram and phones capitalise: it stays among stewards, and nothing is done by it."""
    assert heard("//Ack") == Note(text="Ack")


def test_the_help_names_every_verb() -> None:
    """No command that only its authors know."""
    verbs = ("ack", "take", "back", "hand", "accept", "decline", "resolve", "cues", "correct", "promise", "kept",
             "again", "arrived", "keep", "proposals", "approve", "reject", "withdraw")  # fmt: skip
    assert [verb for verb in verbs if f"//{verb}" not in HELP] == []
