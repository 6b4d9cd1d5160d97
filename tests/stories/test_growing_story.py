"""An unanswered question becomes a gap, a steward's answer a document, and who was told what it replaces is told."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from commands import CONCIERGE, WITHIN, concierge, surroundings
from fakes import write_pack

KIT = """\
---
title: Kit list
audience: everyone
---
# Personal kit

Your personal kit may weigh {} kg, bag included.

# Cameras

One camera may come along. It is checked on the day before launch.
"""
QUESTION = "How many spare batteries may I bring for my camera?"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = write_pack(tmp_path / "pack")
    (folder / "documents" / "kit.md").write_text(KIT.format("1.5"))
    return folder


def test_from_a_gap_to_a_document_to_an_answer(tmp_path: Path, pack: Path) -> None:
    """Nobody could answer; Ines does; she proposes it, Amara approves it, and the next customer is answered from it."""
    ran = concierge("chat", "--as", "lena", "--pack", pack, home=tmp_path, typed=f"{QUESTION}\nI want a person.\n")
    assert ran.status == 0, ran.said
    assert "Two spare" not in ran.said
    listed = concierge("gaps", "--pack", pack, home=tmp_path)
    assert QUESTION in listed.said
    assert "Lena Voss" in listed.said
    assert "nearest: Kit list › Cameras" in listed.said
    (row,) = [json.loads(line) for line in concierge("gaps", "--json", "--pack", pack, home=tmp_path).out.splitlines()]
    assert (row["question"], row["times"], row["why"], row["closed"]) == (QUESTION, 1, ["abstained"], None)

    typed = (
        'reply 1 Two spare batteries per camera, in your hand luggage.\nkeep 1 "Camera batteries" for flight:aurora-2\n'
    )
    ran = concierge("desk", "--as", "ines", "--pack", pack, home=tmp_path, typed=typed)
    assert "Proposal 1, to be read by flight:aurora-2" in ran.said
    assert "proposed by Ines Prado" in concierge("kept", "--pack", pack, home=tmp_path).said
    ran = concierge("desk", "--as", "amara", "--pack", pack, home=tmp_path, typed="approve 1\n")
    assert "Approved." in ran.said

    ran = concierge("ask", QUESTION, "--as", "walter", "--pack", pack, home=tmp_path)
    assert "Two spare batteries per camera, in your hand luggage. — Camera batteries" in ran.said
    ran = concierge("ask", QUESTION, "--as", "rosa", "--pack", pack, home=tmp_path)
    assert "Two spare" not in ran.said  # it is for those who fly on Aurora 2
    assert "No question is open" in concierge("gaps", "--pack", pack, home=tmp_path).said
    assert "closed: kept as 1" in concierge("gaps", "--all", "--pack", pack, home=tmp_path).said

    (pack / "documents" / "kept" / "0001-camera-batteries.md").unlink()
    ran = concierge("ingest", "--pack", pack, home=tmp_path)
    assert ran.status == 0
    assert "written again documents/kept/0001-camera-batteries.md" in ran.said
    (row,) = [json.loads(line) for line in concierge("kept", "--json", "--pack", pack, home=tmp_path).out.splitlines()]
    assert (row["state"], row["decided_by"], row["file"]) == (
        "approved",
        "amara",
        "documents/kept/0001-camera-batteries.md",
    )


def test_whoever_was_told_what_is_replaced_is_told(tmp_path: Path, pack: Path) -> None:
    """Once, where they write, with what holds now; and nobody without a yes."""
    concierge("chat", "--as", "lena", "--pack", pack, home=tmp_path, typed="How heavy may my personal kit be?\n")
    assert "Nobody was given" in concierge("outdated", "--pack", pack, home=tmp_path).said
    (pack / "documents" / "kit.md").write_text(KIT.format("2"))
    listed = concierge("outdated", "--pack", pack, home=tmp_path)
    assert "“Your personal kit may weigh 1.5 kg, bag included.” — Kit list (kit): changed not told yet" in listed.said
    refused = concierge("outdated", "--tell", "--as", "amara", "--pack", pack, home=tmp_path, typed="no\n")
    assert "To Lena Voss:" in refused.said
    assert "Nobody was told." in refused.said
    told = concierge("outdated", "--tell", "--as", "amara", "--pack", pack, home=tmp_path, typed="yes\n")
    assert "1 on their way" in told.said
    again = concierge("outdated", "--tell", "--as", "amara", "--yes", "--pack", pack, home=tmp_path)
    assert "Lena Voss: told" in again.said
    assert "Nobody was told." in again.said
    ran = concierge("chat", "--as", "lena", "--pack", pack, home=tmp_path)
    assert ran.said.count("Your personal kit may weigh 2 kg, bag included.") == 1
    assert "which has been changed since" in ran.said
    (row,) = [
        json.loads(line) for line in concierge("outdated", "--json", "--pack", pack, home=tmp_path).out.splitlines()
    ]
    assert (row["customer"], row["whether"], row["gone"][0]["became"]) == ("lena", "told", "changed")


def test_telling_needs_a_steward(tmp_path: Path, pack: Path) -> None:
    """Somebody answers for it."""
    ran = concierge("outdated", "--tell", "--pack", pack, home=tmp_path)
    assert ran.status == 2
    assert "--as STEWARD" in ran.said


# ── concierge ingest --watch ─────────────────────────────────────────────────────────────────────────────────────────


class Watching:
    """A running `concierge ingest --watch`, and what it has said."""

    def __init__(self, pack: Path, home: Path) -> None:
        self.process = subprocess.Popen(
            [CONCIERGE, "ingest", "--watch", "--pack", str(pack)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=home,
            env=surroundings(home),
        )
        self.said = ""
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while data := os.read(self.process.stdout.fileno(), 4096):
            self._lines.put(data)
        self._lines.put(None)

    def until(self, pattern: str) -> None:
        """Waits until it says something that it has not said before."""
        deadline = time.monotonic() + WITHIN
        while (found := re.search(pattern, self.said)) is None:
            data = self._lines.get(timeout=max(0.1, deadline - time.monotonic()))
            assert data is not None, self.said
            self.said += data.decode()
        self.said = self.said[found.end() :]

    def ends(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        while (data := self._lines.get(timeout=WITHIN)) is not None:
            self.said += data.decode()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(WITHIN)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_documents_are_read_again_whenever_they_change(tmp_path: Path, pack: Path, how: signal.Signals) -> None:
    """What changed is said; a broken document is named, and what stood before still answers; it ends when told to."""
    watching = Watching(pack, tmp_path)
    try:
        watching.until("Watching .*documents")
        (pack / "documents" / "kit.md").write_text(KIT.format("2"))
        watching.until(r"changed kit\.md")
        watching.until("1 changed")
        (pack / "documents" / "kit.md").write_text("---\naudience: [nobody\n---\nBroken.")
        watching.until("Not ingested")
        ran = concierge("ask", "How heavy may my personal kit be?", "--as", "lena", "--pack", pack, home=tmp_path)
        assert ran.status == 2
        (pack / "documents" / "kit.md").write_text(KIT.format("3"))
        watching.until("1 changed")
        (pack / "documents" / "new.md").write_text("---\naudience: everyone\n---\nWater is free.")
        watching.until(r"added new\.md")
        watching.until("1 documents added")
        (pack / "documents" / "new.md").unlink()
        watching.until(r"removed new\.md")
        watching.until("1 removed")
        assert watching.ends(how) == 0
        assert "No longer watching." in watching.said
        assert "Traceback" not in watching.said
    finally:
        watching.process.kill()
        watching.process.wait()
    ran = concierge("ask", "How heavy may my personal kit be?", "--as", "lena", "--pack", pack, home=tmp_path)
    assert "3 kg" in ran.said
