"""Scoring: what came of a case against what the case asks for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cases import Case, Turn
from bot.evaluating import tally
from bot.evaluating.scoring import Observed, Outcome, Verdict, folded, judge, stands_in
from escalation.cues import CUES
from escalation.policy import Severity

ANSWER = "Your **personal kit** may weigh\n1.5 kg.\n— Participant handbook, Kit"
REFUSAL = "The documents do not say."


def case(kind: str = "ask", **wanted: Any) -> Case:
    """The third case of a file."""
    turn = Turn(kind="ask" if kind == "ask" else "say", text="How heavy can my kit be?")
    return Case(number=3, line=9, kind=turn.kind, turns=(turn,), as_="lena", **wanted)


def seen(answer: str | None = ANSWER, **came: Any) -> Observed:
    """An answer from the handbook, unless told otherwise."""
    reply = (answer or REFUSAL,)
    usual: dict[str, Any] = {
        "answer": answer,
        "reply": reply,
        "told": reply,
        "cited": ("handbook",) if answer else (),
        "outside": (),
        "cues": frozenset(),
        "severity": Severity.none,
    }
    return Observed(**usual | came)


def whys(verdict: Verdict) -> list[str]:
    return [one.why for one in verdict.failures]


# ── text ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("1.5 KG", "at most 1.5 kg"),
        ("two weeks of slack", "plan two\n  weeks\tof\u00a0slack"),
        ("1.5 kg per person", "**1.5 kg** per person"),
        ("never alone", "__never__ *alone*"),
        ("both at once", "***both*** at **_once_**"),
        ("**bold**", "bold"),
        ("STRASSE", "Straße"),
    ],
)
def test_case_white_space_and_emphasis_make_no_difference(part: str, text: str) -> None:
    """They are folded on both sides, whatever kind of blank it is."""
    assert stands_in(part, [text])


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("launchday", "launch_day_plan"),
        ("5 3", "5 * 3"),
        ("noel", "Noël"),
        ("25 x 20", "25 × 20"),
        ("10-12", "10–12"),
    ],
)
def test_every_other_character_counts(part: str, text: str) -> None:
    """An underscore in a word, a lone asterisk, accents and typographic signs are what they are."""
    assert not stands_in(part, [text])


@given(st.text())
def test_no_blank_is_left_twice(text: str) -> None:
    """Whatever stands in a text: not at its ends, and never two in a row."""
    assert folded(text) == " ".join(folded(text).split())


# ── questions ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_right_answer() -> None:
    """Answered, everything is there, and the right document is cited first."""
    verdict = judge(case(answered=True, contains=("1.5 kg",), sources=("handbook", "kit")), seen())
    assert (verdict.outcome, verdict.cited_right, verdict.failures) == (Outcome.CORRECT, True, ())


def test_an_answer_that_lacks_something_is_wrong() -> None:
    """The failure says what was missing, and what was said instead."""
    verdict = judge(case(answered=True, contains=("1.5 kg", "per person")), seen())
    assert verdict.outcome is Outcome.WRONG
    [failure] = verdict.failures
    assert (failure.case, failure.why, failure.got) == (3, "not in what was said: “per person”", ANSWER)


def test_a_correct_answer_from_the_wrong_document_does_not_hold() -> None:
    """It is correct, but not cited right: only the first citation counts."""
    verdict = judge(case(answered=True, sources=("kit",)), seen(cited=("handbook", "kit")))
    assert (verdict.outcome, verdict.cited_right) == (Outcome.CORRECT, False)
    assert [one.got for one in verdict.failures] == ["handbook"]


def test_a_missed_answer() -> None:
    """It is one failure, however much the case wants to find in the answer."""
    verdict = judge(case(answered=True, contains=("1.5 kg",), sources=("handbook",)), seen(None))
    assert (verdict.outcome, whys(verdict)) == (Outcome.MISSED, ["it should have been answered"])


def test_what_should_not_be_answered() -> None:
    """An abstention holds; an answer does not, whatever it says."""
    assert judge(case(answered=False), seen(None)).outcome is Outcome.ABSTAINED_RIGHTLY
    assert not judge(case(answered=False), seen(None)).failures
    assert judge(case(answered=False), seen()).outcome is Outcome.ANSWERED_WRONGLY
    assert whys(judge(case(answered=False), seen())) == ["it should not have been answered"]


def test_a_failure_of_our_own_is_named() -> None:
    """Somebody who reads the failures should not look for it in the documents."""
    [failure] = judge(case(answered=True), seen(None, failed="the index is gone")).failures
    assert failure.got == "the index is gone"


def test_a_question_with_contains_alone_wants_an_answer() -> None:
    """So does everything that names sources."""
    assert judge(case(contains=("1.5 kg",)), seen(None)).outcome is Outcome.MISSED
    assert judge(case("say", sources=("handbook",)), seen(None)).outcome is Outcome.MISSED


def test_what_is_only_said_may_be_met_with_other_words() -> None:
    """Then `contains` is looked for in the reply, whether documents answered or not."""
    wants = case("say", contains=("do not say",))
    assert (judge(wants, seen(None)).outcome, judge(wants, seen(None)).failures) == (None, ())
    assert whys(judge(wants, seen())) == ["not in what was said: “do not say”"]


def test_contains_is_not_met_by_the_notice_beside_an_answer() -> None:
    """It must stand in the answer itself."""
    both = (ANSWER, "I have asked Amara.")
    assert judge(case(answered=True, contains=("Amara",)), seen(reply=both, told=both)).outcome is Outcome.WRONG


# ── leaks ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_never_holds_for_everything_that_customers_are_told() -> None:
    """Also for a notice elsewhere, and for a title in a citation; the answer may be correct all the same."""
    told = (ANSWER, "A notice about LUMEN.")
    verdict = judge(case(answered=True, never=("lumen", "participant handbook")), seen(told=told))
    assert (verdict.outcome, verdict.leak) == (Outcome.CORRECT, True)
    assert whys(verdict) == ["said what must not be said: “lumen”, “participant handbook”"]


def test_a_document_outside_of_the_grants_is_a_leak_without_being_asked_for() -> None:
    """In any case, even one that only checks cues."""
    verdict = judge(case("say", cues=frozenset()), seen(outside=("mission-lumen",)))
    assert verdict.leak
    assert [one.got for one in verdict.failures] == ["mission-lumen"]
    assert tally.answers([verdict])["leaks"] == 1


def test_two_leaks_of_one_case_count_once() -> None:
    """Leaks are counted by case, and each is told."""
    verdict = judge(case(never=("kit",)), seen(outside=("x",)))
    assert (tally.answers([verdict])["leaks"], len(verdict.failures)) == (1, 2)


# ── cues ───────────────────────────────────────────────────────────────────────────────────────────────────


def cue_case(expected: set[str], got: set[str]) -> Verdict:
    return judge(case("say", cues=frozenset(expected)), seen(None, cues=frozenset(got)))


def test_cues_must_be_exactly_those() -> None:
    """One too many fails as one too few does; a case without `cues` checks none."""
    assert not cue_case({"anxiety"}, {"anxiety"}).failures
    assert whys(cue_case(set(), {"anger"})) == ["cues should be none"]
    assert whys(cue_case({"grief", "anxiety"}, set())) == ["cues should be anxiety, grief"]
    assert not judge(case("say"), seen(None, cues=frozenset({"anger"}))).failures


def test_cues_are_counted_one_by_one() -> None:
    """Micro F1 over all counts together, macro over the cues that occur."""
    verdicts = [
        cue_case({"anxiety"}, {"anxiety"}),
        cue_case({"anxiety"}, {"anger"}),
        cue_case({"grief"}, {"grief"}),
        cue_case(set(), set()),
    ]
    found = tally.cues(verdicts)
    assert (found["cases"], found["exact"]) == (4, 3)
    assert found["micro_f1"] == round(4 / 6, 4)  # 2 right, 1 too many, 1 not seen
    assert found["macro_f1"] == round((2 / 3 + 0 + 1) / 3, 4)
    by_cue = found["by_cue"]
    assert isinstance(by_cue, dict)
    assert list(by_cue) == list(CUES)
    assert by_cue["anxiety"] == {"tp": 1, "fp": 0, "fn": 1}
    assert by_cue["anger"] == {"tp": 0, "fp": 1, "fn": 0}


def test_nothing_to_see_and_nothing_seen() -> None:
    """It is perfect where a case asked, and nothing at all where none did."""
    assert (tally.cues([cue_case(set(), set())])["micro_f1"], tally.cues([])["micro_f1"]) == (1.0, 0.0)


# ── escalations ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expected", "got", "counted"),
    [
        ("care", "care", {"exact"}),
        ("none", "none", {"exact"}),
        ("care", "none", {"missed"}),
        ("critical", "watch", {"missed"}),
        ("none", "care", {"false_alarms"}),
        ("watch", "critical", {"false_alarms"}),
        ("critical", "care", {"under"}),
        ("care", "urgent", {"over"}),
        ("none", "watch", set()),
        ("watch", "none", set()),
    ],
)
def test_an_escalation_is_exact_or_wrong_in_one_way(expected: str, got: str, counted: set[str]) -> None:
    """Between `none` and `watch` nobody is called: the case fails without being missed or a false alarm."""
    verdict = judge(case("say", severity=Severity[expected]), seen(None, severity=Severity[got], rules=("r",)))
    numbers = tally.escalations([verdict])
    assert numbers.pop("cases") == 1
    assert {key for key, count in numbers.items() if count} == counted
    assert [one.got for one in verdict.failures] == ([] if expected == got else [f"{got} (r)"])


# ── the whole ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_result_has_the_keys_of_the_format() -> None:
    """Letter for letter, with nothing beside them, also where nothing was played."""
    empty = tally.result([], [])
    assert list(empty) == ["answers", "cues", "escalations", "latency_ms", "failures"]
    assert empty["answers"] == dict.fromkeys(
        [
            "cases",
            "correct",
            "wrong",
            "missed",
            "abstained_rightly",
            "answered_wrongly",
            "cited_right",
            "leaks",
        ],
        0,
    )
    assert empty["escalations"] == dict.fromkeys(["cases", "exact", "missed", "false_alarms", "under", "over"], 0)
    assert empty["latency_ms"] == {"p50": 0.0, "p99": 0.0}
    assert tally.result([judge(case(answered=True), seen(None))], [1.0])["failures"] == [
        {"case": 3, "why": "it should have been answered", "got": REFUSAL}
    ]


def test_a_case_that_asks_for_nothing_about_an_answer_is_none_of_the_answers() -> None:
    """A `never` alone asks for something."""
    about = [judge(one, seen()) for one in (case("say", cues=frozenset()), case(never=("x",)), case(answered=True))]
    assert tally.answers(about)["cases"] == 2


def test_percentiles_lie_between_neighbours() -> None:
    """The median of two is their middle."""
    assert tally.percentile([10.0, 20.0], 50) == 15.0
    assert tally.percentile([5.0], 99) == 5.0


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_a_percentile_is_within_the_values(values: list[float], percent: float) -> None:
    """It never invents a turn that was faster or slower than all."""
    assert min(values) - 1e-6 <= tally.percentile(values, percent) <= max(values) + 1e-6
