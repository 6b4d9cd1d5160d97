"""What can be quoted: sentences, list items and table rows, word for word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.passages import Kind, Passage
from knowledge.sentences import LONGEST, plain, sentences, units


def passage(text: str, kind: Kind = "paragraph") -> Passage:
    """A passage that holds this text."""
    return Passage(
        id="guide#0-0",
        document="guide",
        title="Guide",
        anchor="Kit",
        heading="Packing › Kit",
        text=text,
        kind=kind,
        position=0,
        audience=frozenset({"everyone"}),
    )


def test_sentences_end_where_readers_think_they_do() -> None:
    """Decimals, times and abbreviations end nothing."""
    text = "Bring approx. 1.5 kg, e.g. a book. Be there at 6 a.m. sharp. Dr. Ito checks it. Fine?"
    assert sentences(text) == [
        "Bring approx. 1.5 kg, e.g. a book.",
        "Be there at 6 a.m. sharp.",
        "Dr. Ito checks it.",
        "Fine?",
    ]


def test_a_question_in_a_document_leads_in_to_its_answer() -> None:
    """An FAQ's question is no answer, but it says what the next sentences are about."""
    found = units(passage("**May I wear my own parka?** You may. It must be warm.\n\nWho washes? We do."))
    assert [(u.lead, u.text) for u in found] == [
        ("May I wear my own parka?", "You may."),
        ("May I wear my own parka?", "It must be warm."),
        ("Who washes?", "We do."),
    ]


def test_list_items_are_told_with_their_lead_in() -> None:
    """Bullets are marks, not words; the line before the items belongs to each of them."""
    found = units(passage("You bring:\n- two hats;\n- **one** pen.", "list"))
    assert [(u.lead, u.text) for u in found] == [("You bring:", "two hats;"), ("You bring:", "one pen.")]


def test_a_list_without_lead_in_loses_no_item() -> None:
    """The first line is an item where it has a bullet."""
    assert [u.text for u in units(passage("- Hats.\n- Pens.", "list"))] == ["Hats.", "Pens."]


def test_a_table_row_is_one_thing() -> None:
    """A row is told whole: its cells mean nothing apart."""
    assert [u.text for u in units(passage("Item: Kit; Mass: 1.5 kg", "table"))] == ["Item: Kit; Mass: 1.5 kg"]


def test_context_is_what_stood_above() -> None:
    """Title, innermost heading and lead-in."""
    (unit,) = units(passage("How heavy? It weighs 2 kg."))
    assert unit.context == "Guide. Kit. How heavy"


@pytest.mark.parametrize(
    ("marked", "said"),
    [
        ("**bold** and *thin*", "bold and thin"),
        ("[here](https://x.y)", "here"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("snake_case_id", "snake_case_id"),
    ],
)
def test_marks_are_not_words(marked: str, said: str) -> None:
    """Emphasis and link targets are left out; what only looks like them stays."""
    assert plain(marked) == said


@given(st.text(max_size=3_000), st.sampled_from(["paragraph", "list", "definition", "caveat"]))
def test_whatever_a_document_holds_is_cut_into_tellable_pieces(text: str, kind: Kind) -> None:
    """No piece is longer than can be told, none is empty, and none says what the passage does not."""
    squeezed = "".join(plain(text).split())
    for unit in units(passage(text, kind)):
        assert 0 < len(unit.text) <= LONGEST + 1
        assert "".join(unit.text.split()) in squeezed
