"""Plain words for cues: what is denied, over or idiom is not heard; what is said outright is."""

from __future__ import annotations

import pytest

from escalation.cues import CueReader, shipped_reader
from escalation.plain import heard, of_danger, said


@pytest.fixture(scope="module")
def reader() -> CueReader:
    return shipped_reader()


@pytest.mark.parametrize(
    "text",
    [
        "I'm not worried about the landing, I only want the number.",
        "I was nervous about the centrifuge in April. It was fine.",
        "I'd kill for a proper coffee on that ferry.",
        "We are not upset at all. Which form is it?",
        "Dying to see the cupola. When is it free?",
    ],
)
def test_what_is_denied_over_or_idiom_is_no_cue(reader: CueReader, text: str) -> None:
    """A denial, a fear that is over and a figure of speech leave nothing troubled to log."""
    assert [cue.name for cue in reader.read(text).cues if cue.name != "curiosity"] == []


def test_blanking_keeps_every_place() -> None:
    """The words that a cue is logged with are cut from the original by place: blanking must not move anything."""
    text = "I'm not scared of the launch, but I'm furious about the hotel."
    kept = heard(text)
    assert len(kept) == len(text)
    assert kept.endswith("but I'm furious about the hotel.")
    assert "scared" not in kept


def test_a_denial_does_not_hide_what_is_said_beside_it(reader: CueReader) -> None:
    """ "Not scared, but furious" is anger."""
    cues = {cue.name for cue in reader.read("I'm not scared of the launch, but I'm furious about the hotel.").cues}
    assert "anger" in cues
    assert "anxiety" not in cues


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ("I am terrified, completely terrified, of that engine.", "anxiety"),
        ("I'm furious. Nobody told us anything.", "anger"),
        ("Since this morning I can't feel my left hand.", "medical"),
        ("There are reporters outside my house.", "exposure"),
    ],
)
def test_words_that_leave_no_doubt_are_strong(reader: CueReader, text: str, cue: str) -> None:
    """Whoever says "terrified" is at least at .8, whatever the network makes of the sentence."""
    found = {one.name: one for one in reader.read(text).cues}
    assert found[cue].intensity >= 0.8
    assert all(words in text for words in found[cue].words)


def test_the_same_word_of_somebody_else_adds_nothing_by_itself() -> None:
    """ "My wife says she's terrified" is not the writer's fear: such a word may only raise what was heard."""
    found = said("My wife says she's terrified of the landing. Is there a newer leaflet?")
    assert [one.alone for one in found if one.cue == "anxiety"] == [False]


@pytest.mark.parametrize(
    "text",
    ["I think I do not want to go any more.", "I'd sooner go through this with Mei directly, today if she can."],
)
def test_wanting_out_or_a_person_is_not_taken_for_a_crisis(reader: CueReader, text: str) -> None:
    """A wish to leave the programme or to talk to somebody has no word of danger in it."""
    assert not of_danger(text)
    assert "crisis" not in {cue.name for cue in reader.read(text).cues}


@pytest.mark.parametrize(
    "text",
    [
        "I don't want to be alive any more.",
        "I've given my books away and written the letters. After Friday nobody needs to worry about me.",
        "Some nights I look at the hatch handle and think how quick it would be.",
    ],
)
def test_danger_is_heard(reader: CueReader, text: str) -> None:
    """Plain or hinted: these must reach a person."""
    assert "crisis" in {cue.name for cue in reader.read(text).cues}
