"""Verdicts in numbers, as PACK.md names them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.evaluating.scoring import Outcome, Verdict
from escalation.cues import CUES
from escalation.policy import Severity


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """One cue over all cases: rightly seen, seen and not there, there and not seen."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there was nothing to see and nothing was seen."""
        met = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / met if met else 1.0

    @property
    def occurs(self) -> bool:
        """Whether the cue was expected or seen at all."""
        return bool(self.tp or self.fp or self.fn)


Result = Mapping[str, object]
"""The whole result as it is written to JSON: PACK.md names its keys."""


def result(verdicts: Sequence[Verdict], latencies: Sequence[float]) -> Result:
    """All numbers of an evaluation. `latencies` are of whole turns, in milliseconds."""
    return {
        "answers": answers(verdicts),
        "cues": cues(verdicts),
        "escalations": escalations(verdicts),
        "latency_ms": {
            "p50": round(percentile(latencies, 50), 3),
            "p99": round(percentile(latencies, 99), 3),
        },
        "failures": [
            {"case": one.case, "why": one.why, "got": one.got} for verdict in verdicts for one in verdict.failures
        ],
    }


def answers(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """How questions were answered. Any case can leak; the others ask something of an answer."""
    outcomes = {one.value: sum(verdict.outcome is one for verdict in verdicts) for one in Outcome}
    return {
        "cases": sum(one.about_answer for one in verdicts),
        **outcomes,
        "cited_right": sum(one.cited_right for one in verdicts),
        "leaks": sum(one.leak for one in verdicts),
    }


def by_cue(verdicts: Sequence[Verdict]) -> dict[str, Counts]:
    """Every cue there is, counted over the cases that say which cues they expect."""
    pairs = [one.cues for one in verdicts if one.cues is not None]
    return {
        cue: Counts(
            tp=sum(cue in pair.expected and cue in pair.got for pair in pairs),
            fp=sum(cue in pair.got and cue not in pair.expected for pair in pairs),
            fn=sum(cue in pair.expected and cue not in pair.got for pair in pairs),
        )
        for cue in CUES
    }


def cues(verdicts: Sequence[Verdict]) -> dict[str, object]:
    """How cues were read. The macro F1 is the mean over the cues that were expected or seen in some case."""
    pairs = [one.cues for one in verdicts if one.cues is not None]
    counted = by_cue(verdicts)
    total = Counts(
        tp=sum(one.tp for one in counted.values()),
        fp=sum(one.fp for one in counted.values()),
        fn=sum(one.fn for one in counted.values()),
    )
    each = [one.f1 for one in counted.values() if one.occurs]
    macro = sum(each) / len(each) if each else total.f1
    return {
        "cases": len(pairs),
        "exact": sum(pair.expected == pair.got for pair in pairs),
        "micro_f1": round(total.f1, 4) if pairs else 0.0,
        "macro_f1": round(macro, 4) if pairs else 0.0,
        "by_cue": {cue: {"tp": one.tp, "fp": one.fp, "fn": one.fn} for cue, one in counted.items()},
    }


def escalations(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """What the policy decided. `none` for `watch`, or the reverse, calls nobody: it is merely not exact."""
    pairs = [one.severity for one in verdicts if one.severity is not None]
    called = [pair for pair in pairs if pair.expected >= Severity.care and pair.got >= Severity.care]
    return {
        "cases": len(pairs),
        "exact": sum(pair.expected is pair.got for pair in pairs),
        "missed": sum(pair.expected >= Severity.care > pair.got for pair in pairs),
        "false_alarms": sum(pair.got >= Severity.care > pair.expected for pair in pairs),
        "under": sum(pair.got < pair.expected for pair in called),
        "over": sum(pair.got > pair.expected for pair in called),
    }


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of them lie, interpolated; 0 where there are none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
