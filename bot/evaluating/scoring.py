"""What came of a case against what it asks for: a verdict. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.cases import Case
from escalation.cues import CUES
from escalation.policy import Severity

# An emphasis begins before and ends after something that is not blank, as in Markdown; an underscore inside a
# word ("launch_day") is a letter like any other. White space is folded first: no line end is in the way.
_EMPHASIS = (
    re.compile(r"(\*{1,3})(?=[^\s*])(.*?[^\s*])\1"),
    re.compile(r"(?<!\w)(_{1,3})(?=[^\s_])(.*?[^\s_])\1(?!\w)"),
)
_NESTED = 3  # emphasis within emphasis that is looked for: ***both***, **strong with _soft_ inside**


def folded(text: str) -> str:
    """The text with case, white space and Markdown emphasis folded; every other character stays as it is."""
    text = " ".join(text.split()).casefold()
    for _ in range(_NESTED):
        for emphasis in _EMPHASIS:
            text = emphasis.sub(r"\2", text)
    return text


def stands_in(part: str, texts: Iterable[str]) -> bool:
    """Whether one of the texts has the part, both folded."""
    wanted = folded(part)
    return any(wanted in folded(text) for text in texts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """What the checked turn of a case came to.

    `answer` is what was told from documents, None where nothing was. `reply` is all that was said in the
    conversation; `told` is that and whatever else customers were told. `cited` are documents' ids in the
    order of the answer, `outside` those that the reader's grants do not open. `failed` says what of ours did.
    """

    answer: str | None
    reply: tuple[str, ...]
    told: tuple[str, ...]
    cited: tuple[str, ...]
    outside: tuple[str, ...]
    cues: frozenset[str]
    severity: Severity
    rules: tuple[str, ...] = ()
    failed: str | None = None


class Outcome(StrEnum):
    """What became of a question of which the case says whether it is answered."""

    CORRECT = "correct"
    WRONG = "wrong"
    MISSED = "missed"
    ABSTAINED_RIGHTLY = "abstained_rightly"
    ANSWERED_WRONGLY = "answered_wrongly"


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """One thing that a case asked for and did not get; `case` is its number in the file."""

    case: int
    why: str
    got: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """The cues of a message as the case expects them and as they were read."""

    expected: frozenset[str]
    got: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """A severity as the case expects it and as the policy decided."""

    expected: Severity
    got: Severity


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """How one case went. None stands for what it does not check; without failures it holds."""

    case: int
    line: int
    about_answer: bool
    outcome: Outcome | None
    cited_right: bool
    leak: bool
    cues: Pair | None
    severity: Decided | None
    failures: tuple[Failure, ...]


def judge(case: Case, seen: Observed) -> Verdict:
    """The verdict on one case."""
    outcome = _outcome(case, seen)
    leaks = _leaks(case, seen)
    cited = not case.sources or (bool(seen.cited) and seen.cited[0] in case.sources)
    failures = [
        *_answer_failures(case, seen, outcome),
        *leaks,
        *_cue_failures(case, seen),
        *_severity_failures(case, seen),
    ]
    return Verdict(
        case=case.number,
        line=case.line,
        about_answer=case.answered is not None or bool(case.contains or case.sources or case.never),
        outcome=outcome,
        cited_right=outcome is Outcome.CORRECT and bool(case.sources) and cited,
        leak=bool(leaks),
        cues=None if case.cues is None else Pair(expected=case.cues, got=seen.cues),
        severity=None if case.severity is None else Decided(expected=case.severity, got=seen.severity),
        failures=tuple(failures),
    )


def expects_answer(case: Case) -> bool | None:
    """Whether the case wants an answer: as it says, or else because it names what must stand in one.

    What is only *said* may be met by other words than a document's: `contains` alone asks for none there.
    """
    if case.answered is not None:
        return case.answered
    asks = case.turns[-1].kind == "ask"
    return True if case.sources or (asks and case.contains) else None


def _outcome(case: Case, seen: Observed) -> Outcome | None:
    match expects_answer(case), seen.answer:
        case None, _:
            return None
        case True, None:
            return Outcome.MISSED
        case True, _:
            return Outcome.WRONG if _lacking(case, seen) else Outcome.CORRECT
        case _, None:
            return Outcome.ABSTAINED_RIGHTLY
        case _:
            return Outcome.ANSWERED_WRONGLY


def _lacking(case: Case, seen: Observed) -> list[str]:
    """What must stand in the answer, or where none is expected in the reply, and does not."""
    where = (seen.answer,) if seen.answer is not None and expects_answer(case) else seen.reply
    return [part for part in case.contains if not stands_in(part, where)]


def _answer_failures(case: Case, seen: Observed, outcome: Outcome | None) -> Iterable[Failure]:
    said = _shown(seen.reply)
    if outcome is Outcome.MISSED:
        yield Failure(case=case.number, why="it should have been answered", got=seen.failed or said)
        return
    if outcome is Outcome.ANSWERED_WRONGLY:
        yield Failure(case=case.number, why="it should not have been answered", got=seen.answer or said)
    elif lacking := _lacking(case, seen):
        why = f"not in what was said: {_quoted(lacking)}"
        yield Failure(case=case.number, why=why, got=said if seen.answer is None else seen.answer)
    if case.sources and seen.cited and seen.cited[0] not in case.sources:
        why = f"cited first should be {' or '.join(case.sources)}"
        yield Failure(case=case.number, why=why, got=seen.cited[0])


def _leaks(case: Case, seen: Observed) -> list[Failure]:
    found = []
    if said := [part for part in case.never if stands_in(part, seen.told)]:
        found.append(
            Failure(case=case.number, why=f"said what must not be said: {_quoted(said)}", got=_shown(seen.told))
        )
    if seen.outside:
        why = "cited a document that this reader may not see"
        found.append(Failure(case=case.number, why=why, got=", ".join(seen.outside)))
    return found


def _cue_failures(case: Case, seen: Observed) -> Iterable[Failure]:
    if case.cues is not None and case.cues != seen.cues:
        yield Failure(case=case.number, why=f"cues should be {_named(case.cues)}", got=_named(seen.cues))


def _severity_failures(case: Case, seen: Observed) -> Iterable[Failure]:
    if case.severity is not None and case.severity is not seen.severity:
        rules = f" ({', '.join(seen.rules)})" if seen.rules else ""
        why = f"severity should be {case.severity.name}"
        yield Failure(case=case.number, why=why, got=f"{seen.severity.name}{rules}")


def _named(cues: frozenset[str]) -> str:
    return ", ".join(cue for cue in CUES if cue in cues) or "none"


def _quoted(parts: Iterable[str]) -> str:
    return ", ".join(f"“{part}”" for part in parts)


def _shown(texts: Sequence[str]) -> str:
    return "\n\n".join(texts) or "nothing was said"
