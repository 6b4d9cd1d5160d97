"""Cases played through real turns: the real concierge, a record in memory, and small models of this test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bot import evaluate
from bot.cases import load_cases
from bot.errors import PackError
from bot.evaluating.scoring import Outcome, Verdict, judge
from bot.evaluating.showing import show
from bot.pack import Pack, load_pack
from bot.settings import Settings
from escalation.cues import Cue, Reading
from knowledge.answer import Abstention, Answer, Citation, Sentence
from knowledge.errors import KnowledgeError

NOW = datetime(2027, 3, 1, 21, 0, tzinfo=UTC)

PACK = """\
provider: meridian
organisations: {meridian: {name: Meridian, role: provider}}
flights: {aurora: {name: Aurora, launch: 2027-03-14T09:20:00Z, landing: 2027-03-24T15:00:00Z,
                   training_starts: 2026-09-01, operators: {vehicle: meridian}}}
missions:
  portrait: {flight: aurora, customer: lena, kind: art, goal: Paint., success: [Dry.], visibility: private}
  crystals: {flight: aurora, customer: priya, kind: research, goal: Grow., success: [Big.], visibility: open}
customers: {lena: {name: Lena Voss}, priya: {name: Priya Raman}}
stewards: {amara: {name: Amara Okafor, timezone: UTC, hours: always}}
care: {default: {steward: amara}}
channels: [{channel: slack, team: T0, room: C0, mission: portrait}]
"""

POLICY = """\
rules:
  - {name: crisis, when: {cue: crisis}, severity: critical}
  - {name: asked for a person, when: {cue: asks_for_person}, severity: urgent}
  - {name: three times, when: {messages: {at_least: 3}}, severity: care}
"""

DOCUMENTS = {
    "handbook": ("everyone", "Kit may weigh 1.5 kg."),
    "canvas": ("mission:portrait", "The canvas dries in 12 days."),
    "crystals": ("mission:crystals", "Lumen grows at 4 °C."),
}


class Words:
    """Reads a cue wherever its name is written."""

    version = "words-1"

    def read(self, text: str, before: Sequence[str] = ()) -> Reading:
        """As strong as can be."""
        found = [name for name in ("anxiety", "anger", "asks_for_person", "crisis", "joy") if name in text]
        return Reading(cues=tuple(Cue(name=n, intensity=1.0, words=(n,)) for n in found), version=self.version)


class Shelf:
    """Answers with the first document that shares a long word with the question; `leaks` forgets who asks."""

    def __init__(self, *, leaks: bool = False, fails: bool = False) -> None:
        self._leaks = leaks
        self._fails = fails

    def answer(
        self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()
    ) -> Answer | Abstention:
        """One sentence, with a caveat where the canvas is concerned."""
        if self._fails:
            raise KnowledgeError("the index is gone")
        asked = {word.strip("?.").casefold() for word in question.split() if len(word.strip("?.")) > 2}
        for name, (audience, text) in DOCUMENTS.items():
            if (audience in grants or self._leaks) and asked & {word.strip(".").casefold() for word in text.split()}:
                place = Citation(document=name, title=f"The {name}", anchor="Start", passage=f"{name}#0-0")
                caveats = ("Launch dates move.",) if name == "canvas" else ()
                return Answer(sentences=(Sentence(text=text, citation=place),), caveats=caveats, score=0.9)
        return Abstention(score=0.1)

    def suggest(self, text: str, grants: frozenset[str], on: date) -> Sequence[str]:
        return ()


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    folder = tmp_path / "pack"
    (folder / "documents").mkdir(parents=True)
    for name, (audience, text) in DOCUMENTS.items():
        front = f'---\ntitle: "The {name}"\naudience: ["{audience}"]\n---\n'
        (folder / "documents" / f"{name}.md").write_text(front + text + "\n", encoding="utf-8")
    (folder / "pack.yaml").write_text(PACK, encoding="utf-8")
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    return load_pack(folder, today=NOW.date())


async def verdicts(pack: Pack, cases: str, shelf: Shelf | None = None) -> list[Verdict]:
    """The cases played at `NOW`, and judged."""
    file = pack.folder / "cases.yaml"
    file.write_text(cases, encoding="utf-8")
    played = await evaluate.play_all(pack, load_cases(file, pack), shelf or Shelf(), reader=Words(), at=NOW)
    return [judge(one.case, one.seen) for one in played]


def failures(found: Sequence[Verdict]) -> list[str]:
    return [f"{one.why} | {one.got}" for verdict in found for one in verdict.failures]


async def test_answers_and_refusals(pack: Pack) -> None:
    """A customer is answered from what they may see; the rest is refused alike."""
    found = await verdicts(
        pack,
        """\
- {ask: "How much may my kit weigh?", as: lena, answered: true, contains: ["1.5 KG"], sources: [handbook]}
- {ask: "When is the canvas dry?", as: lena, answered: true, contains: [launch dates], sources: [canvas]}
- {ask: "When is the canvas dry?", as: priya, answered: false, never: [12 days]}
- {ask: "What about moonbeams?", as: lena, answered: false}
- {ask: "How much may my kit weigh?", answered: false, never: ["1.5 kg"]}
- {ask: "When is the canvas dry?", as: amara, answered: true, sources: [canvas]}
""",
    )
    assert failures(found) == []
    assert [one.outcome for one in found] == [
        Outcome.CORRECT,
        Outcome.CORRECT,
        Outcome.ABSTAINED_RIGHTLY,
        Outcome.ABSTAINED_RIGHTLY,
        Outcome.ABSTAINED_RIGHTLY,
        Outcome.CORRECT,
    ]


async def test_what_was_wrong_is_told(pack: Pack) -> None:
    """Each failure has the case's number, the reason and what came instead."""
    found = await verdicts(
        pack,
        """\
- {ask: "How much may my kit weigh?", as: lena, answered: false}
- {ask: "What about moonbeams?", as: lena, answered: true}
- {ask: "How much may my kit weigh?", as: lena, answered: true, sources: [canvas], never: [the handbook]}
- {say: So much anger., as: lena, cues: [anxiety], severity: urgent}
""",
    )
    whys = [(one.case, one.why) for verdict in found for one in verdict.failures]
    assert whys == [
        (1, "it should not have been answered"),
        (2, "it should have been answered"),
        (3, "cited first should be canvas"),
        (3, "said what must not be said: “the handbook”"),
        (4, "cues should be anxiety"),
        (4, "severity should be urgent"),
    ]


async def test_a_room_is_answered_for_the_weakest_reader(pack: Pack) -> None:
    """In a mission's room its documents are used, until somebody reads along to whom it is none."""
    found = await verdicts(
        pack,
        """\
- {ask: "When is the canvas dry?", as: lena, room: C0, present: [amara], answered: true, sources: [canvas]}
- {ask: "When is the canvas dry?", as: lena, room: C0, present: [stranger], answered: false, never: [12 days]}
- {ask: "When is the canvas dry?", as: lena, room: C0, present: [priya], answered: false}
- {ask: "When is the canvas dry?", room: C0, answered: false}
- {say: asks_for_person, as: lena, room: C0, severity: urgent, never: [amara]}
""",
    )
    assert failures(found) == []


async def test_grants_are_checked_without_trusting_the_turn(pack: Pack) -> None:
    """A search that forgets who asks is caught by the pack's audiences, also in a case about cues."""
    found = await verdicts(
        pack,
        """\
- {ask: "Where does Lumen grow?", as: lena, cues: []}
- {ask: "Where does Lumen grow?", as: lena, room: C0, present: [stranger], answered: false}
- {ask: "Where does Lumen grow?", as: priya, answered: true}
""",
        Shelf(leaks=True),
    )
    assert [one.leak for one in found] == [True, True, False]


async def test_a_conversation_is_played_in_order_and_its_last_turn_is_checked(pack: Pack) -> None:
    """The strain of the earlier turns counts; what was said in them does not."""
    found = await verdicts(
        pack,
        """\
- conversation: [{say: anger}, {ask: "How much may my kit weigh?"}, {say: anxiety}, {say: "anger, still"}]
  as: lena
  never: ["1.5 kg"]
  cues: [anger]
  severity: care
""",
    )
    assert failures(found) == []


async def test_each_case_starts_from_an_empty_record(pack: Pack) -> None:
    """Else the third would be the third troubled message, and the last two would join one escalation."""
    found = await verdicts(
        pack,
        """\
- {say: anger, as: lena, severity: none}
- {say: anger, as: lena, severity: none}
- {say: anger, as: lena, severity: none}
- {say: asks_for_person, as: lena, severity: urgent, contains: [asked Amara Okafor]}
- {say: asks_for_person, as: lena, severity: urgent, contains: [asked Amara Okafor]}
""",
    )
    assert failures(found) == []


async def test_an_answer_that_was_not_told_is_none(pack: Pack) -> None:
    """In a crisis nothing stands before the notice: a document that would have matched was not given."""
    found = await verdicts(
        pack, '- {ask: "In a crisis what may the kit weigh?", as: lena, answered: true, severity: critical}'
    )
    assert [one.outcome for one in found] == [Outcome.MISSED]


async def test_a_failing_index_fails_cases_and_not_the_evaluation(pack: Pack, caplog: pytest.LogCaptureFixture) -> None:
    """It is named where the answer is missed, and the policy's `care` for it is seen."""
    found = await verdicts(
        pack,
        '- {ask: "How much may my kit weigh?", as: lena, answered: true, severity: care}',
        Shelf(fails=True),
    )
    assert failures(found) == ["it should have been answered | a failure of our own (answer: KnowledgeError)"]
    assert "the answer failed" in caplog.text


async def test_a_case_has_its_own_moment(pack: Pack) -> None:
    """A case's `at` goes before that of the command; turns are a minute apart from there."""
    days: list[date] = []

    class Diary(Shelf):
        def answer(
            self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()
        ) -> Answer | Abstention:
            days.append(on)
            return Abstention(score=0.0)

    cases = """\
- {ask: "Why?", as: lena, at: 2027-05-01T10:00:00Z}
- {ask: "Why?", as: lena}
- {conversation: [{ask: "Why?"}, {ask: "Why not?"}], as: lena, at: 2027-05-01T23:59:00Z}
"""
    await verdicts(pack, cases, Diary())
    may = date(2027, 5, 1)
    warm_up, *played = days
    assert (warm_up, played) == (may, [may, NOW.date(), may, may + timedelta(days=1)])


async def test_every_turn_is_timed_once(pack: Pack) -> None:
    """All turns of a conversation count; the first, which only warms up, does not."""
    file = pack.folder / "cases.yaml"
    file.write_text("- {conversation: [{say: a}, {say: b}], as: lena}\n- {say: c, as: lena}", encoding="utf-8")
    done: list[int] = []
    played = await evaluate.play_all(pack, load_cases(file, pack), Shelf(), reader=Words(), at=NOW, step=done.append)
    _, latencies = evaluate.scored(played)
    assert (len(latencies), done) == (3, [1, 2])
    assert all(taken > 0 for taken in latencies)


async def test_only_forty_failures_are_printed(pack: Pack) -> None:
    """Each in one line; the count says how many cases hold."""
    found = await verdicts(pack, "- {say: fine, as: lena, severity: care}\n" * 42 + "- {say: fine, as: lena}\n")
    screen = Console(record=True, width=100, markup=False, file=open_nowhere())
    show(screen, found, [1.0, 2.0])
    printed = screen.export_text().splitlines()
    assert sum(line.startswith("case ") for line in printed) == 40
    assert "case 2 (line 2): severity should be care; got: none" in printed
    assert printed[-2:] == ["and 2 more; --json has all", "1 of 43 cases hold."]


# ── the command's own run, with the index and the reader of cues of this test ──────────────────────────────


class _Knowing(Shelf):
    def __init__(self, folder: Path, retrieval: object) -> None:
        super().__init__()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of the shipped models, which have tests of their own."""
    monkeypatch.setattr(evaluate, "Knowing", _Knowing)
    monkeypatch.setattr(evaluate, "bring_up_to_date", lambda *args, **more: None)
    monkeypatch.setattr("bot.app.shipped_reader", Words)


@pytest.mark.usefixtures("small")
async def test_the_result_is_written(pack: Pack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """True where every case holds, False where one does not; the JSON has every failure."""
    file, out = pack.folder / "cases.yaml", tmp_path / "made" / "result.json"
    file.write_text('- {ask: "How much may my kit weigh?", as: lena, answered: true}\n', encoding="utf-8")
    assert await evaluate.run(pack, settings(tmp_path), file, NOW, None)
    assert "1 of 1 cases hold." in capsys.readouterr().out

    with file.open("a", encoding="utf-8") as more:
        more.write("- {say: anxiety, as: lena, cues: [], severity: watch}\n")
    assert not await evaluate.run(pack, settings(tmp_path), file, NOW, out)
    written: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    assert list(written) == ["answers", "cues", "escalations", "latency_ms", "failures"]
    assert written["answers"]["correct"] == 1
    assert written["failures"] == [
        {"case": 2, "why": "cues should be none", "got": "anxiety"},
        {"case": 2, "why": "severity should be watch", "got": "none"},
    ]


@pytest.mark.usefixtures("small")
async def test_bad_input_is_found_before_anything_is_played(pack: Pack, tmp_path: Path) -> None:
    """Cases that are not there or not right, and a place where no result can be written."""
    with pytest.raises(PackError):
        await evaluate.run(pack, settings(tmp_path), tmp_path / "none.yaml", NOW, None)
    file = pack.folder / "cases.yaml"
    file.write_text('- {ask: "Why?", as: lena}\n', encoding="utf-8")
    with pytest.raises(evaluate.NotWritten, match=r"cannot be written to"):
        await evaluate.run(pack, settings(tmp_path), file, NOW, file / "result.json")


def test_every_pack_folder_has_an_index_of_its_own(pack: Pack, tmp_path: Path) -> None:
    """The same for the same folder, however it is written; beside those of concierges at work."""
    folder = evaluate.index_folder(pack, settings(tmp_path))
    assert folder.parent == tmp_path / "home" / "evaluate"
    assert folder == evaluate.index_folder(load_pack(pack.folder / ".." / "pack", today=NOW.date()), settings(tmp_path))


def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def open_nowhere() -> Any:
    from io import StringIO

    return StringIO()
