"""The right thing and the wrong property: the commonest false answer there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.attributes import attribute, counted, focus


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("How heavy is the suit?", "mass"),
        ("what colour is the suit", "colour"),
        ("Which company built the capsule?", "maker"),
        ("how thick is the window", "thickness"),
        ("phone number of the payload desk please", "phone"),
        ("in which year was the mill built", "year"),
        ("What does a seat cost?", "money"),
        ("Who is the flight surgeon?", "identity"),
        ("how many people fit in the bay", "count"),
    ],
)
def test_a_property_is_recognised_by_how_it_is_asked_for(question: str, name: str) -> None:
    """The first property of the table that fits is the one."""
    found = attribute(question)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "question", ["Who is responsible for my kit?", "Where can I charge my camera?", "May I bring a book?"]
)
def test_most_questions_ask_for_no_property_with_a_form(question: str) -> None:
    """Then nothing is demanded of the answer's form."""
    assert attribute(question) is None


def test_only_the_sentence_that_asks_is_read_where_one_does() -> None:
    """What is told beside the question asks for nothing."""
    assert attribute("When can I carry my niece? She weighs about 25 kg, what a weight.") is None


@pytest.mark.parametrize(
    ("question", "said", "held"),
    [
        ("How heavy is the suit?", "It weighs 9.2 kg with boots.", True),
        ("How heavy is the suit?", "The suit is fitted twice.", False),
        ("what colour is the suit", "The suit weighs 9.2 kg.", False),
        ("what colour is the suit", "The suit is white with grey seams.", True),
        ("how thick is the window", "The window is 80 cm across.", False),
        ("What does a seat cost?", "Seat: Window; Price: EUR 400", True),
        ("what does it smell of", "The shampoo is rinse-free.", False),
        ("Who is the doctor?", "The doctor is reachable at all hours.", False),
        ("Who is the doctor?", "The doctor is Dr. Maren Falk.", True),
    ],
)
def test_a_sentence_speaks_of_the_property_or_not(question: str, said: str, held: bool) -> None:
    """By its form, or by its name where it has no form."""
    found = attribute(question)
    assert found is not None
    assert found.held(said, "") is held


def test_what_is_counted_stands_near_its_number() -> None:
    """ "Up to four guests" counts guests; "landing in 48 hours" counts no payloads."""
    assert counted("How many guests may come?", "Up to four guests stand at the fence.")
    assert not counted("How many payloads did you lose?", "You have your payload within the week; 48 hours at most.")


def test_the_thing_asked_for_is_set_apart() -> None:
    """Which seat number, how many seals, is there a toilet."""
    assert focus("which seat number do I have") == ("seat", "number")
    assert focus("how many seals were counted") == ("seal",)
    assert focus("is there a toilet in the carrier") == ("toilet",)


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    """Nothing that can be typed raises."""
    found = attribute(text)
    focus(text)
    assert found is None or found.held(text, text) in {True, False}
