"""What a customer is told: the documents' own sentences, their sources, and what may change about them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from answering_fakes import DAY, EVERYONE, InMemory, Shared, Words, passage
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from knowledge.answer import LONGEST_ANSWER, Abstention, Answer, Answerer
from knowledge.judge import Judge
from knowledge.passages import Passage

KIT = passage(
    "Your personal kit may weigh 1.5 kg. It is packed by the loadmaster.",
    heading="Personal kit",
    caveat="Limits are confirmed a month before launch.",
)
SUIT = passage("The suit is fitted twice before launch.", heading="Suit", position=1)
LEFT = passage(
    "These items stay at home:\n- Lighters.\n- Aerosols.\n- Magnets of any size.",
    heading="Forbidden items",
    kind="list",
    position=2,
)
ROW = passage("Seat: Window seat; Price: EUR 400", document="prices", title="Prices", heading="Seats", kind="table")
ALL = (KIT, SUIT, LEFT, ROW)
EAGER = Judge(unit=Judge.load().unit, answer=Judge.load().answer, threshold=0.0, statement_threshold=0.0)
NEVER = Judge(unit=Judge.load().unit, answer=Judge.load().answer, threshold=1.1, statement_threshold=1.1)


def answerer(passages: tuple[Passage, ...] = ALL, judge: Judge = EAGER) -> Answerer:
    """With stand-ins for the models."""
    return Answerer(passages, dense=InMemory(passages), encoder=Words(), pairs=Shared(), judge=judge)


def answered(question: str, passages: tuple[Passage, ...] = ALL) -> Answer:
    """The answer, where there must be one."""
    outcome = answerer(passages).answer(question, EVERYONE, DAY)
    assert isinstance(outcome, Answer)
    return outcome


def test_an_answer_is_the_documents_sentence_with_its_source_and_caveat() -> None:
    """Word for word, with where it stands, and with what may change about it."""
    answer = answered("How much may my kit weigh?")
    assert answer.sentences[0].text == "Your personal kit may weigh 1.5 kg."
    assert answer.sentences[0].citation.document == "handbook"
    assert answer.sentences[0].citation.anchor == "Personal kit"
    assert answer.sentences[0].citation.passage == KIT.id
    assert answer.caveats == ("Limits are confirmed a month before launch.",)


def test_a_table_row_is_told_whole() -> None:
    """Headings and cells stay together."""
    assert answered("price of a window seat?").sentences[0].text == "Seat: Window seat; Price: EUR 400"


def test_a_list_that_is_asked_for_is_told_whole_with_its_lead_in() -> None:
    """Asked for the forbidden items, all of them are said."""
    answer = answered("what are the forbidden items?")
    assert [s.text for s in answer.sentences] == ["Lighters.", "Aerosols.", "Magnets of any size."]
    assert answer.sentences[0].lead == "These items stay at home:"


def test_a_caveat_can_be_the_answer_and_is_then_not_told_twice() -> None:
    """It is searched like any other passage."""
    text = "Launch dates move by up to two weeks."
    caveat = passage(text, heading="", kind="caveat", caveat=text)
    answer = answered("by how much do launch dates move?", (caveat, SUIT))
    assert [s.text for s in answer.sentences][:1] == [text]
    assert answer.caveats == ()


def test_where_it_is_not_sure_it_abstains_and_points_to_what_is_nearest() -> None:
    """The nearest places are named for the person who is asked instead."""
    outcome = answerer(judge=NEVER).answer("How much may my kit weigh?", EVERYONE, DAY)
    assert isinstance(outcome, Abstention)
    assert outcome.nearest[0].document == "handbook"


@pytest.mark.parametrize("text", ["thanks!", "hi", "", "   ", "what is it?", "👍", "?", "\u200b\x00"])
def test_nothing_to_look_up_is_never_answered(text: str) -> None:
    """Courtesies, empty messages and questions without a telling word, however eager the judge."""
    assert isinstance(answerer().answer(text, EVERYONE, DAY), Abstention)


def test_a_reader_who_may_see_nothing_is_told_nothing() -> None:
    """Nor pointed anywhere."""
    assert answerer().answer("How heavy is my kit?", frozenset(), DAY) == Abstention(score=0.0)


def test_a_statement_must_be_met_more_clearly_than_a_question() -> None:
    """The same words, once asked and once said."""
    judge = Judge(unit=EAGER.unit, answer=EAGER.answer, threshold=0.0, statement_threshold=1.1)
    unsure = answerer(judge=judge)
    assert isinstance(unsure.answer("What may my kit weigh?", EVERYONE, DAY), Answer)
    assert isinstance(unsure.answer("I weighed my kit again today.", EVERYONE, DAY), Abstention)


def test_the_narrower_document_answers_where_two_speak() -> None:
    """A mission's own limit counts before the handbook's."""
    own = passage(
        "Your personal kit may weigh 2.5 kg.",
        document="own",
        title="Your mission",
        audience=frozenset({"mission:m"}),
    )
    both = answerer((*ALL, own)).answer("How much may my kit weigh?", EVERYONE | {"mission:m"}, DAY)
    assert isinstance(both, Answer)
    assert both.sentences[0].citation.document == "own"


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "kit " * 25_000,
        "\x00\x07\u202ehow heavy is the kit\u200b?",
        "個人の荷物はどのくらいの重さですか？",
        "كم يمكن أن تزن حقيبتي؟",
        "\ud800 kit?",
        "kit\n" * 1_000 + "how heavy?",
    ],
)
def test_strange_messages_are_survived(text: str) -> None:
    """Endless, broken, invisible and foreign text ends in an answer or an abstention."""
    assert isinstance(answerer().answer(text, EVERYONE, DAY), Answer | Abstention)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.lists(st.text(max_size=60), max_size=2))
def test_any_message_ends_well(text: str, before: list[str]) -> None:
    """Whatever is typed, the answer is short and stands in the documents."""
    outcome = answerer().answer(text, EVERYONE, DAY, before)
    if isinstance(outcome, Answer):
        assert sum(len(s.text) for s in outcome.sentences) <= LONGEST_ANSWER
        written = " ".join(" ".join(p.text.replace("- ", "").split()) for p in ALL)
        assert all(s.text in written for s in outcome.sentences)


class _Counting(Words):
    """Counts the texts that it reads."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.read += texts
        return super().vectors(texts)


def test_what_was_read_ahead_is_not_read_again_for_an_answer() -> None:
    """Every sentence once, a few at a time, until none is left; then a question costs only what is new in it."""
    encoder = _Counting()
    ready = Answerer(ALL, dense=InMemory(ALL), encoder=encoder, pairs=Shared(), judge=EAGER)
    while ready.read_ahead(2):
        pass
    sentences = list(encoder.read)
    assert any("packed by the loadmaster" in one for one in sentences)
    assert len(sentences) == len(set(sentences))
    ready.answer("How much may my kit weigh?", EVERYONE, DAY)
    assert not set(encoder.read[len(sentences) :]) & set(sentences)
