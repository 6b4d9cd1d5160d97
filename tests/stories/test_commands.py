"""The commands as a person runs them: each a process, its words, its files, and its exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from commands import EXAMPLE, WITHIN, concierge, surroundings
from fakes import write_pack

from escalation.cues import CUES

KIT = """\
---
title: Kit list
audience: everyone
caveat: Weights change with the flight.
---
# Personal kit

Your personal kit may weigh 1.5 kg, bag included.
"""

CASES = """\
- {ask: "How heavy may my personal kit be?", as: lena, answered: true, contains: [1.5 kg], sources: [kit]}
- {ask: "Who won the chess tournament in Reykjavik?", as: lena, answered: false, never: [1.5 kg]}
- {ask: "How heavy may my personal kit be?", answered: false, never: [1.5 kg]}
- {say: I want to speak to a person., as: lena, severity: urgent}
- {say: "Thanks!", as: lena, cues: [], severity: none}
"""

SCHEMA = {
    "answers": {
        "cases": int,
        "correct": int,
        "wrong": int,
        "missed": int,
        "abstained_rightly": int,
        "answered_wrongly": int,
        "cited_right": int,
        "leaks": int,
    },
    "cues": {"cases": int, "exact": int, "micro_f1": float, "macro_f1": float, "by_cue": dict},
    "escalations": {"cases": int, "exact": int, "missed": int, "false_alarms": int, "under": int, "over": int},
    "latency_ms": {"p50": float, "p99": float},
    "failures": list,
}
"""PACK.md, to the letter."""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A little pack with one document that says something."""
    folder = write_pack(tmp_path / "pack")
    (folder / "documents" / "kit.md").write_text(KIT)
    (folder / "cases.yaml").write_text(CASES)
    return folder


# ── the command itself ───────────────────────────────────────────────────────────────────────────────────────────────

HEAVY = ("chromadb", "docket", "langchain_core", "numpy", "onnxruntime", "pdfplumber", "prompt_toolkit", "sqlalchemy")


def test_help_comes_without_loading_what_it_does_not_need(tmp_path: Path) -> None:
    """`concierge --help` names every command, and has imported no store, no model and no document reader."""
    program = (
        "import sys; sys.argv = ['concierge', '--help']\n"
        "from bot.cli import main\n"
        "try:\n    main()\n"
        f"finally:\n    print('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=surroundings(tmp_path),
        timeout=WITHIN,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for command in ("check", "ingest", "ask", "chat", "desk", "cues", "evaluate", "demo"):
        assert f" {command} " in done.stdout
    assert done.stdout.splitlines()[-1].strip() == "LOADED"


@pytest.mark.parametrize("wrong", [["dance"], ["chat"], ["ask", "--as", "lena"], ["chat", "--as", "lena", "--loud"]])
def test_a_command_that_is_none_is_told_in_a_few_lines(tmp_path: Path, wrong: list[str]) -> None:
    """A slip of the keyboard: exit status 2, a usage line, no traceback."""
    ran = concierge(*wrong, home=tmp_path)
    assert ran.status == 2
    assert "Usage: concierge" in ran.err
    assert "Traceback" not in ran.err


def test_a_moment_that_is_none_is_explained(tmp_path: Path, pack: Path) -> None:
    """`--at` says how a moment is written."""
    ran = concierge("ask", "Anything?", "--as", "lena", "--at", "tomorrow", "--pack", pack, home=tmp_path)
    assert ran.status == 2
    assert ran.said == "concierge: 'tomorrow' is not a moment; write it as 2027-03-01T21:00:00Z."


# ── check, ingest, ask ───────────────────────────────────────────────────────────────────────────────────────────────


def test_check_says_what_is_in_a_pack(tmp_path: Path) -> None:
    """The example pack is whole."""
    ran = concierge("check", "--pack", EXAMPLE, home=tmp_path)
    assert ran.status == 0
    assert "5 flights, 12 missions, 12 customers, 6 stewards, 3 rooms" in ran.said
    assert not (tmp_path / "var").exists()


def test_ingest_reads_only_what_changed(tmp_path: Path, pack: Path) -> None:
    """First everything, then nothing, then what was changed, then without what was removed."""

    def said() -> str:
        ran = concierge("ingest", "--pack", pack, home=tmp_path)
        assert ran.status == 0, ran.said
        return ran.said

    assert "2 documents added, 0 changed, 0 removed, 0 unchanged" in said()
    assert "0 documents added, 0 changed, 0 removed, 2 unchanged" in said()
    (pack / "documents" / "kit.md").write_text(KIT.replace("1.5 kg", "2 kg"))
    assert "0 documents added, 1 changed, 0 removed, 1 unchanged" in said()
    (pack / "documents" / "handbook.md").unlink()
    assert "0 documents added, 0 changed, 1 removed, 1 unchanged" in said()


def test_ask_answers_with_the_source_and_leaves_no_trace(tmp_path: Path, pack: Path) -> None:
    """The document's own sentence, where it stands, and what may change; no record is begun."""
    ran = concierge("ask", "How heavy may my personal kit be?", "--as", "lena", "--pack", pack, home=tmp_path)
    assert ran.status == 0
    said = " ".join(ran.out.split())
    assert "Your personal kit may weigh 1.5 kg, bag included. — Kit list, Personal kit" in said
    assert "Please note: Weights change with the flight." in said
    assert not list(tmp_path.rglob("record.db"))


def test_ask_says_that_the_documents_do_not_say(tmp_path: Path, pack: Path) -> None:
    """Nothing is guessed, and nothing that was not asked for is told."""
    question = "Who won the chess tournament in Reykjavik?"
    ran = concierge("ask", question, "--as", "lena", "--pack", pack, home=tmp_path)
    assert ran.status == 0
    assert "don't say, and I won't guess" in ran.out
    assert "kg" not in ran.out


# ── chat by a pipe, and the log of cues ──────────────────────────────────────────────────────────────────────────────


def test_a_chat_by_pipe_is_answered_in_order_and_its_cues_are_logged(tmp_path: Path, pack: Path) -> None:
    """Lines from a file, broken bytes among them, are answered one after the other; `cues --json` has what was seen."""
    typed = "How heavy may my personal kit be?\n\n   \nI want to speak to a person, please.\nThanks \udcff\udcfe!\n"
    chat = concierge("chat", "--as", "lena", "--pack", pack, home=tmp_path, typed=typed)
    assert chat.status == 0, chat.err
    said = " ".join(chat.out.split())
    assert "Traceback" not in chat.said
    assert 0 < said.index("1.5 kg") < said.index("I have asked")
    assert said.count("1.5 kg") == 1

    logged = concierge("cues", "--customer", "lena", "--since", "1h", "--json", "--pack", pack, home=tmp_path)
    assert logged.status == 0
    rows = [json.loads(line) for line in logged.out.splitlines()]
    (wish,) = [row for row in rows if row["cue"] == "asks_for_person"]
    assert wish["customer"] == "lena"
    assert 0 < wish["intensity"] <= 1
    assert "speak to a person" in " ".join(wish["words"])
    assert wish["reader"] not in ("", "not loaded yet")
    assert wish["corrections"] == []
    assert {row["cue"] for row in rows} <= set(CUES)

    other = concierge("cues", "--customer", "walter", "--json", "--pack", pack, home=tmp_path)
    assert (other.status, other.out) == (0, "")
    later = concierge("cues", "--since", "2999-01-01", "--pack", pack, home=tmp_path)
    assert (later.status, later.out.strip()) == (0, "No cue has been logged.")


# ── evaluate ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_evaluate_writes_what_the_pack_says_and_tells_by_its_status(tmp_path: Path, pack: Path) -> None:
    """Every case holds: status 0, a table, and JSON with exactly the keys of PACK.md."""
    at = ("--at", "2027-03-01T10:00:00Z")
    ran = concierge("evaluate", "--pack", pack, *at, "--json", tmp_path / "out" / "result.json", home=tmp_path)
    found = json.loads((tmp_path / "out" / "result.json").read_text())
    assert (ran.status, found["failures"]) == (0, []), ran.said
    assert "Evaluation" in ran.out
    _has_exactly(found, SCHEMA)
    assert found["answers"] == {
        "cases": 3,
        "correct": 1,
        "wrong": 0,
        "missed": 0,
        "abstained_rightly": 2,
        "answered_wrongly": 0,
        "cited_right": 1,
        "leaks": 0,
    }
    assert (found["cues"]["cases"], found["cues"]["exact"]) == (1, 1)
    assert found["escalations"]["cases"] == found["escalations"]["exact"] == 2
    assert 0 < found["latency_ms"]["p50"] <= found["latency_ms"]["p99"]


def test_evaluate_says_what_does_not_hold(tmp_path: Path, pack: Path) -> None:
    """One wrong case: status 1, and the failure names the case, why, and what came instead."""
    cases = tmp_path / "more.yaml"
    cases.write_text(
        CASES + '- {ask: "How heavy may my personal kit be?", as: lena, answered: true, contains: [9 kg]}\n'
        "- {say: I want to speak to a person., as: lena, cues: [asks_for_person, pride], severity: none}\n"
    )
    out = tmp_path / "result.json"
    ran = concierge("evaluate", "--pack", pack, "--cases", cases, "--json", out, home=tmp_path)
    found = json.loads(out.read_text())
    assert ran.status == 1
    _has_exactly(found, SCHEMA)
    assert {failure["case"] for failure in found["failures"]} == {6, 7}
    for failure in found["failures"]:
        assert set(failure) == {"case", "why", "got"}
        assert f"case {failure['case']} (line {failure['case']})" in ran.said
    assert found["answers"]["wrong"] == 1
    assert found["escalations"]["false_alarms"] == 1
    assert found["cues"]["by_cue"]["pride"] == {"tp": 0, "fp": 0, "fn": 1}
    assert found["cues"]["by_cue"]["asks_for_person"]["tp"] == 1


def test_evaluate_refuses_cases_that_cannot_be_played(tmp_path: Path, pack: Path) -> None:
    """Every mistake of a file of cases at once, with its line: status 2, and nothing is written."""
    cases = tmp_path / "wrong.yaml"
    cases.write_text("- {ask: Anything, as: nobody}\n- {say: Hello, severity: dire}\n- {tell: me}\n")
    out = tmp_path / "result.json"
    ran = concierge("evaluate", "--pack", pack, "--cases", cases, "--json", out, home=tmp_path)
    assert ran.status == 2
    assert all(f"wrong.yaml, line {line}" in ran.err for line in (1, 2, 3))
    assert not out.exists()
    absent = concierge("evaluate", "--pack", pack, "--cases", tmp_path / "absent.yaml", home=tmp_path)
    assert absent.status == 2
    assert "absent.yaml" in absent.err
    assert "Traceback" not in absent.err


def _has_exactly(found: Mapping[str, object], schema: Mapping[str, object]) -> None:
    """The keys, no more and no fewer, each with its kind of value."""
    assert set(found) == set(schema)
    for key, kind in schema.items():
        value = found[key]
        if isinstance(kind, Mapping):
            assert isinstance(value, dict)
            _has_exactly(value, kind)
        else:
            assert isinstance(value, (int, float) if kind is float else kind), key  # type: ignore[arg-type]
    if "by_cue" in schema:
        for one in found["by_cue"].values():  # type: ignore[attr-defined]
            assert set(one) == {"tp", "fp", "fn"}
