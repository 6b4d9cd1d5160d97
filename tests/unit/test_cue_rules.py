"""The plain rules for what must never be missed, and the test for languages that the reader cannot read."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalation.crisis import asks_for_person, crisis
from escalation.language import unread

PLAINLY_IN_DANGER = [
    "I want to die",
    "i dont want to live anymore",
    "I've been thinking about killing myself.",
    "I can't stop thinking about ending my life.",
    "Everyone would be better off without me.",
    "everyone would be better off if I just opened the hatch",
    "there's no reason to live after this",
    "I’m feeling suicidal tonight",
    "I wish I was dead.",
    "I'm going to stab him in his sleep.",
    "I am going to hurt somebody up here, I mean it.",
    "My crewmate says he wants to kill himself.",
    "I have counted out the pills.",
    "He said he would kill us all.",
]
ONLY_SOUNDS_LIKE_IT = [
    "I don't want to die up there, what are the odds?",
    "This paperwork is killing me",
    "I'm dying to see the cupola",
    "I'd kill for a coffee",
    "I was so embarrassed I wanted to die",
    "I could die of embarrassment",
    "I am not suicidal, the form is wrong.",
    "How does the suicide burn work on landing?",
    "In my novel the hero says: I want to die.",
    "My brother killed himself eleven years ago.",
    "I used to want to die, years ago, long before training. I'm well.",
    "I'm going to kill my brother lol, he told everyone",
    "I do not want to wake up at 4 for the centrifuge",
    "Which switch kills the engine?",
    "Who may open the hatch after docking?",
    "Do you need my will before the flight?",
    "Over my dead body will I wear the orange one haha",
]
WANTS_A_HUMAN = [
    "human pls",
    "agent",
    "Can I talk to a real person?",
    "can i just talk to someone",
    "please have Amara ring me",
    "Could you ask Jonas to call me?",
    "is there anybody there or only the bot",
    "get me a real person",
    "I need to speak to my steward.",
    "Put me through to a manager",
    "I would like to speak by telephone with a human being",
    "Please call me back.",
]
WANTS_NO_HUMAN = [
    "Who is responsible for the payload at customs?",
    "When does my steward work?",
    "can a person bring a guitar",
    "I don't need to talk to anyone, just tell me the date.",
    "You can call me Sam.",
    "Can I call my family from orbit?",
    "No need to call me, an email is fine.",
    "they put me through the spin chair twice",
    "How many people speak at the briefing?",
    "Is there anybody else on this flight?",
]


@pytest.mark.parametrize("text", PLAINLY_IN_DANGER)
def test_danger_said_plainly_is_heard(text: str) -> None:
    """Whatever a model thinks of these, a person must be called."""
    assert crisis(text)


@pytest.mark.parametrize("text", ONLY_SOUNDS_LIKE_IT)
def test_what_only_sounds_like_danger_is_not(text: str) -> None:
    """Idioms, denials, the past, fiction and rocketry."""
    assert not crisis(text)


@pytest.mark.parametrize("text", WANTS_A_HUMAN)
def test_a_wish_for_a_human_is_heard(text: str) -> None:
    """However short or polite."""
    assert asks_for_person(text)


@pytest.mark.parametrize("text", WANTS_NO_HUMAN)
def test_a_question_about_people_is_no_wish_for_one(text: str) -> None:
    """The concierge answers these itself."""
    assert not asks_for_person(text)


def test_the_place_of_the_words_is_exact() -> None:
    """A steward sees the customer's own words."""
    text = "Lovely view.\nHonestly I  want to die. Tell my sister."
    text = text.replace("  ", " ")
    ((start, end),) = crisis(text)
    assert text[start:end] == "I want to die"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_rules_point_into_the_text(text: str) -> None:
    """Any text at all: no error, and places in order that exist."""
    for spans in (crisis(text), asks_for_person(text)):
        assert all(0 <= start < end <= len(text) for start, end in spans)
        assert list(spans) == sorted(spans)


@pytest.mark.parametrize("part", ["I want to ", "kill ", "please have ", "i am thinking of ", "a", "he says he ", "\n"])
def test_a_very_long_text_takes_no_more_than_its_length(part: str) -> None:
    """100,000 characters that almost match do not make the rules backtrack: well under the seconds a
    squared cost would take."""
    text = part * (100_000 // len(part))
    began = time.thread_time()
    crisis(text)
    asks_for_person(text)
    assert time.thread_time() - began < 3


@pytest.mark.parametrize(
    "text",
    [
        "Me siento muy sola aquí y no puedo dormir",
        "¿Cuánto puede pesar mi equipaje?",
        "Ich kann nicht mehr, ich habe Angst vor dem Start",
        "Je n'en peux plus, j'ai peur",
        "Мне очень страшно",
        "眠れません。助けてください",
        "أنا خائف جدا",
        "Non ce la faccio più, ho paura",
        "Pelkään enkä saa nukuttua ollenkaan",
        "Hello. Ich habe solche Angst vor dem Flug und weiß nicht weiter.",
    ],
)
def test_another_language_is_told_apart(text: str) -> None:
    """The reader must not call such a message calm."""
    assert unread(text, KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok",
        "42",
        "👍",
        "merci!",
        "Lena Voss",
        "Aoi Tanaka, Jean-Luc Dubois, São Paulo",
        "Δv is 9.4 km/s",
        "My badge says Академия, is that right?",
        "omw",
        "que sera sera, as my grandmother said",
        "I am in Florida since seven weeks alone in a motel",
        "LMK asap thx",
        "Confirm egress drill 0700.",
    ],
)
def test_english_names_and_numbers_are_readable(text: str) -> None:
    """Nobody is called because of a name or a thumb."""
    assert not unread(text, KNOWN)


KNOWN = frozenset(
    ["confirm", "drill", "badge", "says", "sera", "grandmother", "said", "seven", "weeks", "alone", "motel"]
)
