"""cases.yaml: what a pack must get right, validated against that pack."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.cases import Case, Turn, load_cases
from bot.errors import PackError
from bot.pack import Pack, load_pack
from escalation.policy import Severity

MERIDIAN = Path(__file__).parents[2] / "examples" / "meridian"

PACK = """\
provider: meridian
customers: {lena: {name: Lena}, priya: {name: Priya}}
stewards: {amara: {name: Amara, timezone: UTC, hours: always}}
care: {default: {steward: amara}}
channels: [{channel: slack, team: T0, room: C0}]
"""


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    folder = tmp_path / "pack"
    (folder / "documents").mkdir(parents=True)
    (folder / "documents" / "handbook.md").write_text("Text.", encoding="utf-8")
    (folder / "pack.yaml").write_text(PACK, encoding="utf-8")
    (folder / "policy.yaml").write_text("rules: []", encoding="utf-8")
    return load_pack(folder, today=date(2026, 11, 22))


def load(pack: Pack, text: str) -> tuple[Case, ...]:
    file = pack.folder / "cases.yaml"
    file.write_text(text, encoding="utf-8")
    return load_cases(file, pack)


def problems(pack: Pack, text: str) -> list[str]:
    with pytest.raises(PackError) as caught:
        load(pack, text)
    return [str(problem) for problem in caught.value.problems]


def test_a_question_with_everything(pack: Pack) -> None:
    """Who asks, where, who else is there, when, and what has to come of it."""
    [case] = load(
        pack,
        """\
- ask: How heavy can my kit be?
  as: lena
  room: C0
  present: [priya, amara, stranger]
  at: 2027-03-01T21:00:00Z
  answered: true
  contains: ["1.5 kg"]
  sources: [handbook]
  never: ["lumen"]
""",
    )
    assert case == Case(
        number=1,
        line=1,
        kind="ask",
        turns=(Turn(kind="ask", text="How heavy can my kit be?"),),
        as_="lena",
        room="C0",
        present=("priya", "amara", "stranger"),
        at=datetime(2027, 3, 1, 21, tzinfo=UTC),
        answered=True,
        contains=("1.5 kg",),
        sources=("handbook",),
        never=("lumen",),
    )


def test_what_is_left_out_is_not_checked(pack: Pack) -> None:
    """No cues is something else than none expected; nobody named is a stranger; `room: null` is a direct
    conversation.
    """
    one, two = load(pack, "- say: Hello.\n  room: null\n  present: []\n- say: Hello.\n  cues: []\n  severity: none\n")
    assert (one.as_, one.room, one.cues, one.severity, one.answered) == (None, None, None, None, None)
    assert (two.number, two.line, two.cues, two.severity) == (2, 4, frozenset(), Severity.none)


def test_a_conversation_has_several_turns(pack: Pack) -> None:
    """In order; each says or asks something."""
    [case] = load(pack, "- conversation: [{say: One.}, {ask: Two.}]\n  as: lena\n  severity: care\n")
    assert case.kind == "conversation"
    assert case.turns == (Turn(kind="say", text="One."), Turn(kind="ask", text="Two."))
    assert case.severity == Severity.care


def test_an_empty_list_has_no_cases(pack: Pack) -> None:
    """Nothing has to hold, and nothing is wrong."""
    assert load(pack, "[]") == ()


@pytest.mark.parametrize(
    ("case", "place", "said"),
    [
        ("ask: Hm?\n  mood: bad", "line 2, [1].mood", "the unknown key 'mood'"),
        ("as: lena", "line 1, [1]", "expected exactly one of ask, say, conversation"),
        ("ask: A?\n  say: B.", "line 1, [1]", "found ask and say"),
        ("conversation: []", "line 1, [1].conversation", "at least one turn"),
        ("conversation: [{say: A., ask: B.}]", "line 1, [1].conversation[1]", "exactly one of ask, say"),
        ("conversation: [{}]", "line 1, [1].conversation[1]", "exactly one of ask, say"),
        ("ask: 5", "line 1, [1].ask", "a text (in quotes)"),
        ("ask: A?\n  as: nobody", "line 2, [1].as", "a customer or steward (lena, priya, amara)"),
        ("ask: A?\n  room: C9", "line 2, [1].room", "a shared room (C0)"),
        ("ask: A?\n  present: [lena]", "line 2, [1].present", "a room beside it"),
        ("ask: A?\n  room: C0\n  present: [x]", "line 3, [1].present[1]", "or stranger"),
        ("ask: A?\n  at: 2027-03-01T21:00:00", "line 2, [1].at", "without a zone"),
        ("ask: A?\n  answered: perhaps", "line 2, [1].answered", "true or false"),
        ("ask: A?\n  contains: 1.5 kg", "line 2, [1].contains", "a list of texts"),
        ("ask: A?\n  sources: [novel]", "line 2, [1].sources[1]", "a document (handbook)"),
        ("say: A.\n  cues: [panic]", "line 2, [1].cues[1]", "one of anxiety"),
        ("say: A.\n  severity: high", "line 2, [1].severity", "none, watch, care, urgent, critical"),
    ],
)
def test_every_mistake_has_its_place(pack: Pack, case: str, place: str, said: str) -> None:
    """File, line and key path, what was found, what was expected."""
    told = problems(pack, f"- {case}\n")
    assert any(one.startswith(f"cases.yaml, {place}: ") and said in one for one in told), told


def test_all_mistakes_are_told_at_once(pack: Pack) -> None:
    """Three cases, three mistakes, one error."""
    assert len(problems(pack, "- {ask: 1}\n- {say: A., as: x}\n- {ask: B., at: noon}\n")) == 3


def test_a_file_that_is_missing_or_empty_says_so(pack: Pack) -> None:
    """No cases at all is written `[]`."""
    with pytest.raises(PackError, match="no such file"):
        load_cases(pack.folder / "nowhere.yaml", pack)
    assert "an empty file" in problems(pack, "# nothing yet\n")[0]


def test_the_examples_cases_can_be_read() -> None:
    """The cases of the pack that operators start from are valid for it."""
    example = load_pack(MERIDIAN, today=date(2026, 11, 22))
    assert len(load_cases(MERIDIAN / "cases.yaml", example)) > 0
