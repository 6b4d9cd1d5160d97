"""cases.yaml: what a pack must get right, loaded and validated against that pack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from bot.errors import PackError, Problem
from bot.pack.fields import reference
from bot.pack.loading import read_yaml
from bot.pack.values import Pack
from escalation.policy import Severity
from escalation.signals import CUES
from knowledge.marks import Spot

STRANGER: Final = "stranger"
"""Stands in `present` for somebody whom the pack does not know."""

_KINDS: Final = ("ask", "say", "conversation")
_OPTIONAL: Final = (
    *_KINDS,
    "as",
    "room",
    "present",
    "at",
    "answered",
    "contains",
    "sources",
    "never",
    "cues",
    "severity",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One message of a case: a question that is put, or something that is said."""

    kind: Literal["ask", "say"]
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One case: the turns in order (the last is checked), the circumstances, and what has to come of it.

    `number` counts from 1, `line` is where it stands in the file. `as_` is a customer's or steward's id,
    None a stranger. None for `answered`, `cues` or `severity` means that it is not checked; empty `cues`
    means that none are expected.
    """

    number: int
    line: int
    kind: Literal["ask", "say", "conversation"]
    turns: tuple[Turn, ...]
    as_: str | None = None
    room: str | None = None
    present: tuple[str, ...] = ()
    at: datetime | None = None
    answered: bool | None = None
    contains: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    cues: frozenset[str] | None = None
    severity: Severity | None = None


def load_cases(file: Path, pack: Pack) -> tuple[Case, ...]:
    """Every case of a file, in its order. Raises PackError with every problem of the file."""
    problems: list[Problem] = []
    root = read_yaml(file, file.name, problems)
    cases = tuple(_case(n, spot, pack) for n, spot in enumerate(root.items("cases"), 1)) if root is not None else ()
    if problems:
        raise PackError(problems)
    return cases


def _case(number: int, spot: Spot, pack: Pack) -> Case:
    parts = spot.parts((), _OPTIONAL)
    kind, turns = _turns(spot, parts)
    people = (*pack.customers, *pack.stewards)
    if "present" in parts and "room" not in parts and not _nobody(parts["present"]):
        parts["present"].wrong("a room beside it", found="people present in a direct conversation")
    return Case(
        number=number,
        line=spot.line,
        kind=kind,
        turns=turns,
        as_=reference(parts.get("as"), people, "a customer or steward") or None,
        room=reference(parts.get("room"), [room.room for room in pack.rooms], "a shared room") or None,
        present=_ids(parts.get("present"), (*people, STRANGER), f"a customer or steward, or {STRANGER}"),
        at=parts["at"].moment() if "at" in parts else None,
        answered=parts["answered"].flag() if "answered" in parts else None,
        contains=_strings(parts.get("contains")),
        sources=_ids(parts.get("sources"), tuple(one.id for one in pack.documents), "a document"),
        never=_strings(parts.get("never")),
        cues=_cues(parts["cues"]) if "cues" in parts else None,
        severity=_severity(parts["severity"]) if "severity" in parts else None,
    )


def _turns(spot: Spot, parts: Mapping[str, Spot]) -> tuple[Literal["ask", "say", "conversation"], tuple[Turn, ...]]:
    if sum(kind in parts for kind in _KINDS) != 1:
        found = " and ".join(kind for kind in _KINDS if kind in parts) or "none of them"
        spot.wrong(f"exactly one of {', '.join(_KINDS)}", found=found)
    if "conversation" not in parts:
        return ("say" if "say" in parts else "ask"), (_turn(spot, parts),)
    items = parts["conversation"].items("turns")
    if not items:
        parts["conversation"].wrong("at least one turn")
    return "conversation", tuple(_conversation_turn(item) for item in items)


def _conversation_turn(spot: Spot) -> Turn:
    parts = spot.parts((), ("ask", "say"))
    if len(parts) != 1:
        spot.wrong("exactly one of ask, say")
    return _turn(spot, parts)


def _turn(spot: Spot, parts: Mapping[str, Spot]) -> Turn:
    kind: Literal["ask", "say"] = "say" if "say" in parts else "ask"
    return Turn(kind=kind, text=parts[kind].text() or "" if kind in parts else "")


def _nobody(spot: Spot) -> bool:
    return spot.found == "an empty list"


def _ids(spot: Spot | None, ids: tuple[str, ...], kind: str) -> tuple[str, ...]:
    return tuple(reference(item, ids, kind) for item in spot.items(kind)) if spot is not None else ()


def _strings(spot: Spot | None) -> tuple[str, ...]:
    return tuple(item.text() or "" for item in spot.items("texts")) if spot is not None else ()


def _cues(spot: Spot) -> frozenset[str]:
    return frozenset(item.choice(CUES) or "" for item in spot.items("cues"))


def _severity(spot: Spot) -> Severity:
    return Severity[spot.choice([severity.name for severity in Severity]) or "none"]
