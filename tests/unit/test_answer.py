"""What a customer is told: the documents' own sentences, their sources, and what may change about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from answering_fakes import DAY, EVERYONE, InMemory, Shared, Words, passage
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from knowledge.answer import Abstention, Answer, Answerer
from knowledge.judge import Judge
from knowledge.passages import Passage
from knowledge.saying import LONGEST_ANSWER
from knowledge.sentence_vectors import SentenceVectors, write
from knowledge.sentences import units

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


def test_what_an_ingest_has_read_is_not_read_again_for_an_answer(tmp_path: Path) -> None:
    """Only the question is new."""
    encoder = _Counting()
    told = [unit.text for one in ALL for unit in units(one)]
    write(tmp_path, told, SentenceVectors.nothing(), Words().vectors)
    ready = Answerer(
        ALL, dense=InMemory(ALL), encoder=encoder, pairs=Shared(), judge=EAGER, sentences=SentenceVectors.open(tmp_path)
    )
    ready.answer("How much may my kit weigh?", EVERYONE, DAY)
    assert not set(encoder.read) & set(told)


def test_a_message_that_asks_two_things_is_answered_in_parts() -> None:
    """In the order of the questions."""
    answer = answered("How much may my kit weigh, and how often is the suit fitted before launch?")
    assert [s.citation.anchor for s in answer.sentences] == ["Personal kit", "Suit"]
    assert answer.missing == ()


def test_the_part_that_is_missing_is_named() -> None:
    """What the documents do not say is said to be missing, in the customer's words."""
    outcome = answerer(judge=Judge.load()).answer(
        "How much may my personal kit weigh, and which colour has the moon?", EVERYONE, DAY
    )
    assert isinstance(outcome, Answer)
    assert [s.text for s in outcome.sentences][:1] == ["Your personal kit may weigh 1.5 kg."]
    assert outcome.missing == ("which colour has the moon?",)


def test_a_sentence_that_leans_on_the_one_before_it_is_told_with_it() -> None:
    """ "It is packed by the loadmaster" alone would leave open what is packed."""
    answer = answered("Who is the loadmaster by whom it is packed?")
    assert [s.text for s in answer.sentences][:2] == [
        "Your personal kit may weigh 1.5 kg.",
        "It is packed by the loadmaster.",
    ]


def test_two_documents_that_disagree_are_both_told_with_their_dates() -> None:
    """Nobody may rely on the one that happened to come first."""
    handbook = passage("Your personal kit may weigh 1.5 kg.", valid_from=date(2026, 10, 1))
    letter = passage("Your personal kit may weigh 2.0 kg.", document="letter", title="Letter before training")
    answer = answered("How much may my personal kit weigh?", (handbook, letter))
    assert {s.text for s in answer.sentences} == {handbook.text, letter.text}
    assert {(side.sentence.citation.document, side.since) for side in answer.conflict} == {
        ("handbook", date(2026, 10, 1)),
        ("letter", None),
    }


@pytest.mark.parametrize(
    "other",
    [
        passage("Your personal kit may weigh 2.0 kg.", document="b", title="Kit on flight 3"),
        passage("Your personal kit may weigh 2.0 kg.", document="b", audience=frozenset({"mission:one"})),
        passage("Your suit bag may weigh 9.0 kg, one each.", document="b"),
        passage("Your personal kit may weigh 1.5 kg.", document="b"),
    ],
)
def test_two_things_are_no_contradiction(other: Passage) -> None:
    """Another flight, another audience, another thing, or the same figure."""
    found = answerer((passage("Your personal kit may weigh 1.5 kg."), other)).answer(
        "How much may my personal kit weigh?", EVERYONE | {"mission:one"}, DAY
    )
    assert isinstance(found, Answer)
    assert found.conflict == ()
