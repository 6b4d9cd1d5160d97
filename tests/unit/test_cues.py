"""What everything after it may expect of the reader of cues that comes with the package."""

import json
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalation.cues import CUES, PLEASANT, TROUBLED, Reading, shipped_reader
from escalation.reader import SHIPPED, OnnxReader, ReaderError

READER = shipped_reader()


def names(reading: Reading) -> set[str]:
    return {cue.name for cue in reading.cues}


def test_every_cue_is_troubled_or_pleasant() -> None:
    """Twenty-two cues, and only the last five of them never call for anybody."""
    assert len(CUES) == len(set(CUES)) == 22
    assert TROUBLED.isdisjoint(PLEASANT)
    assert set(CUES[-5:]) == PLEASANT


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ("I keep waking up at night thinking about re-entry, I'm terrified.", "anxiety"),
        ("My father died on Sunday and I can't believe he won't see the launch.", "grief"),
        ("Nobody talks to me here. I have never felt so alone.", "isolation"),
        ("I'm so angry. You have no respect for our time whatsoever.", "anger"),
        ("I don't believe a word of what you people tell us any more.", "distrust"),
        ("You promised us a window seat in writing and now it is gone.", "unmet_expectation"),
        ("My lawyer says this release is unlawful and we will sue.", "legal"),
        ("I've had chest pain and dizziness since yesterday.", "medical"),
        ("Thank you so much for sitting with me before launch, it meant the world.", "gratitude"),
    ],
)
def test_a_cue_said_clearly_is_heard(text: str, cue: str) -> None:
    """Ordinary sentences that nobody who knows people would miss; the corpus measures the difficult ones."""
    assert cue in names(READER.read(text))


@pytest.mark.parametrize(
    "text",
    [
        "How heavy can my personal kit be?",
        "What happens in an abort?",
        "When does my steward work?",
        "Perfect, thanks!",
        "Please correct the manifest: my rank is Major.",
        "Which gate do the visitors use on Tuesday?",
    ],
)
def test_a_plain_question_holds_no_troubled_cue(text: str) -> None:
    """A topic is not a cue."""
    assert not names(READER.read(text)) & TROUBLED


@pytest.mark.parametrize(("text", "cue"), [("I want to die.", "crisis"), ("human pls", "asks_for_person")])
def test_plain_words_do_not_depend_on_the_network(text: str, cue: str) -> None:
    """A rule adds what the network may miss, with the words that it found."""
    (heard,) = [found for found in READER.read(text).cues if found.name == cue]
    assert heard.intensity >= 0.6
    assert all(words in text for words in heard.words)


def test_a_cue_quotes_the_message() -> None:
    """Emoji, typographic quotes and line breaks before it do not shift the words."""
    text = "😭😭 ok so…\n“fine”. My dad died yesterday and I’m lost without him"
    reading = READER.read(text)
    assert "grief" in names(reading)
    assert all(cue.words and all(words in text for words in cue.words) for cue in reading.cues)


def test_a_cue_deep_inside_a_long_message_is_heard() -> None:
    """A text is read in windows; the strongest counts."""
    calm = "The payload box goes to the depot on Tuesday and the label is on the left side. " * 60
    assert "crisis" in names(READER.read(calm + "I do not want to live any more. " + calm))
    assert "grief" in names(READER.read(calm + "My father died on Sunday and I miss him terribly. " + calm))


def test_the_longest_message_takes_bounded_time() -> None:
    """100,000 characters in about a second on one core; a channel delivers no more than 40,000."""
    text = "I was promised a window and nobody told us. " * 2_300
    began = time.thread_time()
    READER.read(text)
    assert time.thread_time() - began < 4


def test_another_language_is_a_signal() -> None:
    """What cannot be read is said to be unread, never taken for calm."""
    assert READER.read("Ich kann nicht mehr schlafen, ich habe solche Angst.").unread_language
    assert not READER.read("I can't sleep any more, I am so afraid.").unread_language


def test_the_same_text_gives_the_same_reading() -> None:
    """What came before on the same reader changes nothing, and a reading names its reader's version."""
    text = "Great, another scrub. Lovely."
    first = READER.read(text)
    READER.read("something else entirely")
    assert READER.read(text) == first == shipped_reader().read(text)
    assert first.version == READER.version


@pytest.mark.parametrize("text", ["", " ", "\x00\x07", "\ud83d", "👍", "…", "\u200b" * 50, "a" * 5_000])
def test_nothing_to_read_is_no_cue(text: str) -> None:
    """Empty, control characters, half of an emoji, a thumb, one endless word."""
    assert not names(READER.read(text)) & TROUBLED


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(), max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    """Cues come in the order of `CUES`, once each, with some intensity and words from the text."""
    reading = READER.read(text)
    places = [CUES.index(cue.name) for cue in reading.cues]
    assert places == sorted(set(places))
    assert all(0 < cue.intensity <= 1 for cue in reading.cues)
    assert all(words in text for cue in reading.cues for words in cue.words)


def test_a_damaged_reader_says_so(tmp_path: Path) -> None:
    """Better no start than readings from half a model."""
    with pytest.raises(ReaderError, match=r"model\.onnx"):
        OnnxReader(tmp_path)
    shutil.copytree(SHIPPED, tmp_path / "cues")
    (tmp_path / "cues" / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ReaderError):
        OnnxReader(tmp_path / "cues")


def test_a_reader_made_for_other_cues_is_refused(tmp_path: Path) -> None:
    """A model and this list of cues belong together."""
    folder = tmp_path / "cues"
    shutil.copytree(SHIPPED, folder)
    card = json.loads((folder / "cues.json").read_text())
    card["labels"] = list(reversed(card["labels"]))
    (folder / "cues.json").write_text(json.dumps(card))
    with pytest.raises(ReaderError):
        OnnxReader(folder)
