"""Words and BM25: only what a reader may see counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.lexical import MAX_CHARACTERS, Postings, clean, common_words, edits, spoken, terms, words

TEXTS = (
    "Your personal kit may weigh one and a half kilograms.",
    "The suit is fitted twice before launch.",
    "Launch dates move; the suit does not.",
    "The power bank stays in the locker.",
)


def all_of(*rows: int) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """A mask that shows these rows."""
    seen = np.zeros(len(TEXTS), dtype=np.bool_)
    seen[list(rows)] = True
    return seen


def test_chat_spelling_is_said_in_full() -> None:
    """What people type in a hurry means what it means."""
    assert spoken("pls tell me wen u launch") == ["please", "tell", "me", "when", "you", "launch"]


def test_numbers_and_units_are_words_of_their_own() -> None:
    """ "20kg" and "20 kg" are the same two words; so are "10,000" and "10000"."""
    assert words("20kg") == words("20 kg") == ["20", "kg"]
    assert words("EUR 10,000") == ["eur", "10000"]


def test_forms_of_a_word_are_one_term() -> None:
    """Fittings are fitted at a fitting; stop words are nothing."""
    assert set(terms("fitted fitting")) == {"fit"}
    assert terms("what is it about") == ()


def test_the_rarer_word_counts_more() -> None:
    """BM25 prefers the passage that holds the word few others hold."""
    scores = Postings(TEXTS).view(all_of(0, 1, 2, 3)).bm25(["suit", "weigh"])
    assert int(scores.argmax()) == 0


def test_a_query_without_telling_words_finds_nothing() -> None:
    """Nothing but stop words leaves no term, and no term scores nothing."""
    assert not Postings(TEXTS).view(all_of(0, 1, 2, 3)).bm25(terms("what is this about")).any()


@pytest.mark.parametrize("hidden", [0, 1, 2, 3])
def test_a_hidden_row_changes_nothing(hidden: int) -> None:
    """Scores over the visible rows are those of a collection in which the hidden row never existed."""
    rows = [row for row in range(len(TEXTS)) if row != hidden]
    masked = Postings(TEXTS).view(all_of(*rows)).bm25(["suit", "launch", "kit"])
    alone = Postings([TEXTS[row] for row in rows])
    without = alone.view(np.ones(len(rows), dtype=np.bool_)).bm25(["suit", "launch", "kit"])
    assert np.allclose(masked[rows], without)
    assert masked[hidden] == 0


def test_misspelt_words_are_corrected_to_what_is_visible() -> None:
    """A near word of the visible passages is meant; of a hidden passage it is not known."""
    postings = Postings(TEXTS)
    assert postings.view(all_of(0, 1, 2, 3)).corrected("lauch") == ("launch",)
    assert postings.view(all_of(0)).corrected("lauch") == ("lauch",)


def test_words_run_together_are_parted() -> None:
    """ "powerbank" is found where the documents write "power bank"."""
    assert Postings(TEXTS).view(all_of(3)).corrected("powerbank") == ("power", "bank")


def test_common_words_are_never_corrected() -> None:
    """ "lunch" is a word, not a slip for "launch"."""
    view = Postings(TEXTS).view(all_of(0, 1, 2, 3))
    assert view.corrected("lunch") == ("launch",)
    assert view.corrected("lunch", common_words()) == ("lunch",)


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [("suit", "suit", 0), ("suit", "siut", 1), ("suit", "suits", 1), ("suit", "boot", 3)],
)
def test_edits_are_counted_up_to_the_limit(a: str, b: str, distance: int) -> None:
    """Swapped neighbours are one slip; beyond the limit nobody counts on."""
    assert edits(a, b, 2) == distance


@given(st.text(max_size=200))
def test_cleaning_leaves_readable_text(text: str) -> None:
    """No control or invisible characters, no doubled spaces, and cleaning twice changes nothing."""
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert "\u200b" not in cleaned
    assert "  " not in cleaned


def test_long_messages_keep_their_beginning_and_end() -> None:
    """The work stays bounded, and the question at the end of a long story is still read."""
    cleaned = clean("story " * 50_000 + "how heavy is the kit?")
    assert len(cleaned) <= MAX_CHARACTERS + 1
    assert cleaned.endswith("how heavy is the kit?")
