"""`make demo` without a keyboard: the whole scene, on the example pack, the shipped models and a real record."""

from __future__ import annotations

import shutil
from pathlib import Path

from commands import EXAMPLE, concierge

from bot.terminal.demo import OUTCOME, QUESTION, REPLY, THANKS, UNANSWERED, WORRY

SCENE = (
    QUESTION,
    "1.5 kg",
    "— ",  # where it stands
    UNANSWERED,
    "don't say, and I won't guess",
    WORRY,
    "Success, in their words",
    "One finished canvas comes home dry.",
    "Inês Prado has not picked this up",
    "I have now asked Amara Okafor",
    "Amara Okafor has seen your message.",
    REPLY,
    THANKS,
    f"Lena Voss: {THANKS}",
    f"resolved: {OUTCOME}",
    "Amara Okafor has closed this.",
)


def test_the_demo_plays_from_the_first_question_to_the_end(example_index: Path, tmp_path: Path) -> None:
    """A citation, an honest "don't say", a dossier, a ladder that moves on, a reply: in this order, without a pause."""
    shutil.copytree(example_index, tmp_path / "var" / "demo" / "index")  # saves reading the documents again
    ran = concierge("demo", "--pack", EXAMPLE, home=tmp_path)
    assert ran.status == 0, ran.said
    played = " ".join("".join(" " if letter in "│╭╮╰╯─" else letter for letter in ran.out).split())
    assert "Traceback" not in ran.said
    at = 0
    for words in SCENE:
        found = played.find(" ".join(words.split()), at)
        assert found >= 0, f"{words!r} is not shown after: …{played[max(0, at - 300) : at]}\n\n{played[at:]}"
        at = found
    assert (tmp_path / "var" / "demo" / "record" / "record.db").exists()
