"""What kind of message is this, and what would answer it?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.question import Wants, holds, is_beyond_documents, is_courtesy, is_question, names, wanted


@pytest.mark.parametrize(
    "text",
    [
        "How heavy can my personal kit be?",
        "baggage allowance?",
        "baggage allowance",
        "price per night petrel camp",
        "sunglases which category",
        "tell me how the suit fitting works",
        "Hi! I'd like to know when I have to be in quarantine.",
        "can i bring my guitar",
        "my powerbank is 130Wh ok??",
        "whats the minimum sum my insurance has to cover",
        "I was wondering whether my daughter may watch the launch.",
        "cheek went white and has no feeling, what now",
        "who do i ring about a lost suitcase",
        "what if I test positive",
        "does the corner suite come with its own shower",
        "Any news on the fitting?",
        "when is the final instalment due",
        "I'm not sure whether I need a visa",
    ],
)
def test_asking_needs_no_question_mark(text: str) -> None:
    """Requests, indirect questions and a few key words all ask."""
    assert is_question(text)


@pytest.mark.parametrize(
    "text",
    [
        "I keep waking up at night",
        "They moved the launch again.",
        "Nobody told my family.",
        "Fine. Whatever you say.",
        "I can't sleep since the simulation.",
        "Can't stop thinking about re-entry.",
        "What a day!",
        "How lovely that was.",
        "When I think of launch my hands shake.",
        "Have been feeling lonely lately",
        "would love to go again",
        "so tired",
        "I had my fitting today and it went well",
        "",
    ],
)
def test_saying_is_not_asking(text: str) -> None:
    """A feeling or a report is not looked up as if it were a question."""
    assert not is_question(text)


@pytest.mark.parametrize(
    "text",
    [
        "hi",
        "Hello!",
        "thanks a lot",
        "ok thx, talk tomorrow",
        "good morning! how are you today?",
        "👍",
        "great, thank you so much",
    ],
)
def test_courtesies_are_neither_questions_nor_lookups(text: str) -> None:
    """A greeting, thanks or good-bye has nothing to look up, even where it ends in a question mark."""
    assert is_courtesy(text)
    assert not is_question(text)


@pytest.mark.parametrize(
    "text", ["hi, when is launch?", "thanks. and the baggage allowance?", "ok but who decides", ""]
)
def test_a_courtesy_before_a_question_does_not_hide_it(text: str) -> None:
    """Only a message that is nothing else is a courtesy."""
    assert not is_courtesy(text)


@pytest.mark.parametrize(
    ("text", "wants"),
    [
        ("How many people fit?", Wants.number),
        ("how much does an extra night cost", Wants.money),
        ("When do we launch?", Wants.time),
        ("how long does the fitting take", Wants.duration),
        ("how heavy may my kit be", Wants.measure),
        ("who signs the waiver?", Wants.person),
        ("where do smokers go", Wants.place),
        ("why is there no bread", Wants.reason),
        ("May I wear my own parka?", Wants.decision),
        ("how do I get there", Wants.manner),
    ],
)
def test_a_question_tells_what_would_answer_it(text: str, wants: Wants) -> None:
    """The kind of answer is read off the question's form."""
    assert wanted(text) is wants


def test_a_sentence_holds_what_is_wanted_or_not() -> None:
    """A weight answers "how heavy", a sentence without one does not, and a thing may be anything."""
    assert holds("Your kit may weigh 1.5 kg.", Wants.measure)
    assert not holds("Your kit is collected at the hotel.", Wants.measure)
    assert holds("Anything at all.", Wants.thing) is None


def test_names_are_capitals_inside_a_sentence_and_ids() -> None:
    """The first word of a sentence, "I" and shouting name nothing."""
    assert names("Does the Hotel Almirante have a pool?") == ("Hotel", "Almirante")
    assert names("is locker B12 mine? I think so") == ("B12",)
    assert names("IS THE POOL OPEN") == ()


@given(st.text(max_size=400))
def test_any_text_at_all_can_be_read(text: str) -> None:
    """Nothing that a customer can type raises, and a courtesy is never also a question."""
    assert not (is_question(text) and is_courtesy(text))
    wanted(text)
    names(text)


@pytest.mark.parametrize(
    "text",
    [
        "Translate the safety card into Finnish for me.",
        "could you please rephrase that?",
        "tell me a joke about penguins",
        "Write me a poem about the launch",
        "Will it rain at the launch site tomorrow?",
        "whats the weather today",
    ],
)
def test_errands_and_forecasts_are_in_no_document(text: str) -> None:
    """They come near many a page, and none of them answers."""
    assert is_beyond_documents(text)


@pytest.mark.parametrize(
    "text",
    [
        "Who translates at the briefing?",
        "Is the phrase card translated into Finnish?",
        "Can I write to my steward at night?",
        "What happens if the weather is bad on launch day?",
        "how likely is rain in March",
        "Tell me about the dress code",
        "What do I do tomorrow?",
        "Can you make water on board?",
    ],
)
def test_questions_about_such_things_may_be(text: str) -> None:
    """A document can say who translates, and how likely rain is in a month."""
    assert not is_beyond_documents(text)
