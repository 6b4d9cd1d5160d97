"""Everything that a steward needs, on one screen: nobody should have to ask the customer to tell it again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from escalation.case import Escalation
from escalation.record import Logged
from escalation.strain import WINDOW, Moment, strain

_BARS = "▁▂▃▄▅▆▇█"
_POINTS = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class Voyage:
    """A mission as a steward should see it: what the customer calls success stands first, in their words."""

    name: str
    flight: str
    kind: str
    goal: str
    success: tuple[str, ...]
    phase: str
    days: str
    visibility: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One line of the conversation."""

    at: datetime
    who: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Promised:
    """What a customer was promised and has not got yet. `overdue`: its day has passed."""

    what: str
    due: date
    overdue: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Dossier:
    """What is known about an escalation when a steward opens it.

    `promises` are open ones, `suggested` documents that may help, `notes` what stewards wrote for each other.
    `local_time` is `now` in the zone of the steward who reads.
    """

    escalation: Escalation
    who: str
    organisation: str | None
    language: str
    voyages: tuple[Voyage, ...]
    quote: str
    cues: tuple[Logged, ...]
    moments: tuple[Moment, ...]
    last: tuple[Said, ...]
    answered_from: tuple[str, ...]
    earlier: tuple[Escalation, ...]
    names: dict[str, str]
    local_time: datetime
    now: datetime
    promises: tuple[Promised, ...] = ()
    suggested: tuple[str, ...] = ()
    notes: tuple[Said, ...] = ()


def picture(moments: Sequence[Moment], now: datetime) -> str:
    """Strain over the last 72 hours as a line of bars, oldest left: how it has been going, at a glance."""
    step = WINDOW / (_POINTS - 1)
    times = [now - index * step for index in reversed(range(_POINTS))]  # the last is exactly now, whatever is rounded
    values = [strain([one for one in moments if one.at <= at], at) for at in times]
    return "".join(_BARS[min(int(value * len(_BARS)), len(_BARS) - 1)] for value in values)


def days_from(launch: datetime, landing: datetime, now: datetime) -> str:
    """Where a flight stands, in days as people count them."""
    if now < launch:
        return _days(launch - now, "to launch")
    if now < landing:
        return f"flight day {(now - launch).days + 1}, {_days(landing - now, 'to landing')}"
    return _days(now - landing, "since landing")


def _days(span: timedelta, what: str) -> str:
    days = span.days
    if days == 0:
        return f"{span.seconds // 3600} hours {what}"
    return f"{days} {'day' if days == 1 else 'days'} {what}"


def render(dossier: Dossier) -> str:
    """The dossier as plain text, at most about one screen."""
    one = dossier.escalation
    blocks = [
        _head(dossier),
        *(_voyage(voyage) for voyage in dossier.voyages),
        _why(dossier),
        f"Strain, last 72 h   {picture(dossier.moments, dossier.now)}   now {strain(dossier.moments, dossier.now):.2f}",
        _listed("Promised", [_promise(each) for each in dossier.promises]),
        _listed("Last messages", [_line(said) for said in dossier.last]),
        _listed("Answered from", dossier.answered_from),
        _listed("May help", dossier.suggested),
        _listed("Notes among stewards", [_line(said) for said in dossier.notes]),
        _listed("Earlier escalations", [_past(each) for each in dossier.earlier]),
        _people(dossier),
    ]
    if one.brief:
        blocks.append(f"Hand-over brief: {one.brief}")
    return "\n\n".join(block for block in blocks if block)


def _head(dossier: Dossier) -> str:
    one = dossier.escalation
    of = f" ({dossier.organisation})" if dossier.organisation else ""
    topic = f" · {one.topic}" if one.topic else ""
    return (
        f"#{one.id}  {dossier.who}{of} — {one.severity.name}{topic} — {one.state.value}\n"
        f"opened {one.opened_at:%d %b %H:%M} UTC · writes {dossier.language} · it is {dossier.local_time:%H:%M} for you"
    )


def _voyage(voyage: Voyage) -> str:
    success = "\n".join(f"  “{line}”" for line in voyage.success)
    seen = "" if voyage.visibility == "open" else f" · {voyage.visibility}"
    return (
        f"Success, in their words — {voyage.name}{seen}\n{success}\n"
        f"  {voyage.kind} on {voyage.flight}: {voyage.goal}\n  {voyage.phase}, {voyage.days}"
    )


def _why(dossier: Dossier) -> str:
    cues = [
        f"{each.cue.name} {each.cue.intensity:.1f} (“{'”, “'.join(each.cue.words)}”)"
        if each.cue.words
        else f"{each.cue.name} {each.cue.intensity:.1f}"
        for each in dossier.cues
    ]
    lines = [f"Why now: {', '.join(dossier.escalation.rules)}", f"  “{short(dossier.quote, 400)}”"]
    if cues:
        lines.append("  " + "; ".join(cues))
    return "\n".join(lines)


def _people(dossier: Dossier) -> str:
    one, names = dossier.escalation, dossier.names
    lines = []
    if one.asked:
        lines.append("Asked: " + ", ".join(names.get(each, each) for each in one.asked))
    if one.owner:
        lines.append(f"With: {names.get(one.owner, one.owner)}" + (" (holds the conversation)" if one.holder else ""))
    if one.offered_to:
        lines.append(f"Offered to: {names.get(one.offered_to, one.offered_to)}")
    if one.answer_by:
        lines.append(f"Answer by: {one.answer_by:%d %b %H:%M} UTC")
    return "\n".join(lines)


def _promise(one: Promised) -> str:
    return f"{one.due:%d %b %Y}{' OVERDUE' if one.overdue else ''}  {short(one.what)}"


def _line(said: Said) -> str:
    return f"{said.at:%d %b %H:%M}  {said.who}: {short(said.text)}"


def _past(one: Escalation) -> str:
    how = one.outcome or one.state.value
    return f"{one.opened_at:%d %b %Y}  {one.severity.name}: {', '.join(one.rules)} — {how}"


def _listed(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"{title}", *(f"  {line}" for line in lines)]) if lines else ""


def short(text: str, length: int = 160) -> str:
    """The text on one line; where it is longer it is cut, after a word if it can be, and one sees that it goes on."""
    folded = " ".join(text.split())
    if len(folded) <= length:
        return folded
    words = folded[:length].rpartition(" ")[0]
    kept = words if len(words) > length // 2 else folded[: length - 1]
    return kept.rstrip() + "…"
