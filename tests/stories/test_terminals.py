"""Two terminals on one record: a customer at one, a steward at the other, each a real process."""

from __future__ import annotations

import shutil
from pathlib import Path

from commands import EXAMPLE
from fakes import write_pack
from screens import Screen

AT = ("--at", "2027-03-01T10:30:00Z")  # a Monday on which Inês Prado is on duty
WORRY = "I keep waking up at night thinking about re-entry. I'm terrified. I want to speak to a person."
CALL = "Lena, this is Ines. I can call you at six this evening. Shall I?"


def test_a_customer_and_a_steward_talk_through_two_terminals(example_index: Path, tmp_path: Path) -> None:
    """Worry, card, "has seen", reply, silence, hand back, and the end: each is seen on the other side."""
    kept = {"CONCIERGE_PACK": str(EXAMPLE), "CONCIERGE_INDEX": str(example_index)}
    with (
        Screen("chat", "--as", "lena-voss", *AT, home=tmp_path, **kept) as lena,
        Screen("desk", "--as", "ines-prado", *AT, home=tmp_path, **kept) as ines,
    ):
        lena.sees("You are Lena Voss.")
        ines.sees("The desk of Inês Prado.")
        ines.sees("Nothing is open in your care.")

        lena.types(WORRY)
        lena.sees("I have asked Inês Prado")
        ines.sees("Escalation 1: Lena Voss")
        ines.types("show 1")
        ines.sees("One finished canvas comes home dry.")
        ines.sees("I keep waking up at night")

        ines.types("ack 1")
        lena.sees("Inês Prado has seen your message.")
        ines.types(f"reply 1 {CALL}")
        lena.sees("Inês Prado is with you now")
        lena.sees(CALL)

        lena.types("Yes please. And how heavy can my personal kit be?")
        ines.sees("Lena Voss: Yes please. And how heavy can my personal kit be?")
        ines.types("reply 1 I will look that up for you.")
        between = lena.sees("I will look that up for you.")
        assert "Concierge" not in between
        assert "1.5 kg" not in between

        ines.types("back 1")
        lena.sees("has left this conversation to me again")
        lena.types("How heavy can my personal kit be?")
        lena.sees("1.5 kg")
        lena.sees("— ")

        ines.types("resolve 1 called at six, she is calmer")
        ines.sees("Escalation 1 is resolved: called at six, she is calmer")
        lena.sees("Inês Prado has closed this.")
        ines.types("list")
        ines.sees("Nothing is open in your care.")

        ines.types("quit")
        assert ines.ends() == 0
        assert lena.leaves() == 0
        for screen in (lena, ines):
            assert "Traceback" not in screen.shown


def test_what_was_said_waits_for_whoever_comes_back(example_index: Path, tmp_path: Path) -> None:
    """A steward answers while the customer's terminal is closed: the answer is the first thing they read again."""
    kept = {"CONCIERGE_PACK": str(EXAMPLE), "CONCIERGE_INDEX": str(example_index)}
    with Screen("chat", "--as", "lena-voss", *AT, home=tmp_path, **kept) as lena:
        lena.sees("You are Lena Voss.")
        lena.types(WORRY)
        lena.sees("I have asked Inês Prado")
        assert lena.leaves() == 0
    with Screen("desk", "--as", "ines-prado", *AT, home=tmp_path, **kept) as ines:
        ines.sees("Lena Voss")
        ines.types(f"reply 1 {CALL}")
        ines.sees("You hold the conversation")
        ines.types("quit")
        assert ines.ends() == 0
    with Screen("chat", "--as", "lena-voss", *AT, home=tmp_path, **kept) as lena:
        lena.sees(WORRY)
        lena.sees(CALL)
        assert lena.shown.count(CALL) == 1
        assert lena.leaves() == 0


def test_an_index_that_goes_away_while_somebody_is_chatting(tmp_path: Path) -> None:
    """The customer reads in plain words that something failed and who was asked; the steward's card says the same."""
    folder = write_pack(tmp_path / "pack")
    with Screen("chat", "--as", "lena", *AT, "--pack", folder, home=tmp_path) as lena:
        lena.sees("You are Lena Voss.")
        shutil.rmtree(tmp_path / "var" / "meridian" / "index")
        lena.types("How heavy may my kit be?")
        lena.sees("something on our side failed")
        lena.sees("I have asked Ines Prado")
        assert lena.leaves() == 0
        assert "Traceback" not in lena.shown
    log = (tmp_path / "var" / "meridian" / "concierge.log").read_text()
    assert "IndexMissing" in log
    assert "How heavy" not in log, "nobody's words stand in a log"
    with Screen("desk", "--as", "ines", *AT, "--pack", folder, home=tmp_path) as ines:
        ines.sees("the concierge failed")
        ines.types("quit")
        assert ines.ends() == 0
