"""The steward's card and their Home, as values: what somebody needs who is woken at three. Pure.

What the customer calls success stands first: it is what everything else is for. Then how far it is, what they wrote,
and the rest. Nothing on a card counts from "now": it stays in a room as it was posted, so it names moments and says of
which one it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from bot.messages import Button, Card, Section
from bot.wording import pieces
from escalation.case import Escalation, State
from escalation.dossier import Dossier, Promised, Said, Voyage, picture, short
from escalation.policy import Severity
from escalation.record import Logged
from escalation.strain import strain

_SIGNS = {Severity.critical: "🔴", Severity.urgent: "🟠", Severity.care: "🟡"}
_LAST, _CUES, _WORDS = 8, 5, 2
_QUOTE, _BRIEF, _LINE, _BEGINNING, _WORD = 500, 1_500, 120, 48, 45  # characters

_PLAIN = {
    "anxiety": "worry",
    "isolation": "loneliness",
    "withdrawal": "wanting out",
    "exposure": "unwanted attention",
    "conflict": "a conflict",
    "medical": "their health",
    "safety": "a hazard",
    "unmet_expectation": "something promised and not so",
    "legal": "a legal matter",
    "asks_for_person": "asking for a person",
    "crisis": "danger to life",
}
"""Cues whose name is not the plain word for it."""


def card(dossier: Dossier, *, buttons: Sequence[Button], now: datetime) -> Card:
    """An escalation for the steward who has to act on it. `buttons` stand right under what the customer wrote."""
    one, local = dossier.escalation, dossier.local_time
    sections = (
        _listed("What they call success", [_voyage(voyage) for voyage in dossier.voyages], between="\n\n"),
        _standing(dossier, now),
        Section(title=_brief_title(dossier), text=_cut(one.brief, _BRIEF)),
        Section(title="Why now", text=_why(dossier), buttons=tuple(buttons)),
        _strain(dossier, now),
        _items("Promised, still open", _promises(dossier.promises)),
        _listed(f"Last messages (times {_place(local)})", _lines(dossier.last[-_LAST:], local, known=dossier.quote)),
        _items("Answered from", dossier.answered_from),
        _items("May help", dossier.suggested),
        _listed("Notes among stewards", _lines(dossier.notes, local)),
        _items("Earlier escalations", [_past(each) for each in reversed(dossier.earlier)]),
        Section(text=_how_to_answer(dossier), quiet=True),
        Section(text=_small_print(dossier, now), quiet=True),
    )
    return Card(title=_title(dossier), sections=tuple(section for section in sections if section.text))


def _title(dossier: Dossier) -> str:
    one = dossier.escalation
    sign = _SIGNS.get(one.severity, "⚪") if one.open else "✅"
    return f"{sign} {one.severity.name.upper()} · {dossier.who} · {_moment(one)}"


def _moment(one: Escalation) -> str:
    """What kind of moment it is, in the words of the pack's policy."""
    rule = one.rules[0] if one.rules else ""
    if not one.topic or not rule:
        return one.topic or rule or "no rule"
    return f"{one.topic} ({rule})"


# ── how far it is, and who has it ────────────────────────────────────────────────────────────────────────────────────


def _standing(dossier: Dossier, now: datetime) -> Section:
    one = dossier.escalation
    title, text = one.state.value.capitalize(), _who_has_it(dossier)
    if one.answer_by:
        due = "OVERDUE since" if one.answer_by <= now else "answer by"
        title += f" · {due} {_moment_of(one.answer_by, dossier.local_time)}"
    if one.offered_to:
        text += f"\nOffered to {_name(dossier, one.offered_to)}, who has not accepted yet."
    return Section(title=title, text=text)


def _who_has_it(dossier: Dossier) -> str:
    one = dossier.escalation
    owner = _name(dossier, one.owner) if one.owner else "nobody"
    match one.state:
        case State.RAISED:
            return "Nobody has been asked yet."
        case State.NOTIFIED:
            return f"Waiting for {_names(dossier, one.asked_now or one.asked)}; nobody has acknowledged."
        case State.ACKNOWLEDGED:
            return f"{owner} has seen it. The concierge still answers."
        case State.WITH_PERSON:
            holder = _name(dossier, one.holder) if one.holder else owner
            return f"{holder} holds the conversation. The concierge is silent."
        case State.RESOLVED:
            return f"By {owner}: “{one.outcome}”" if one.outcome else f"By {owner}."


def _brief_title(dossier: Dossier) -> str:
    to = dossier.escalation.offered_to
    return f"Hand-over brief for {_name(dossier, to)}" if to else "Hand-over brief"


def _how_to_answer(dossier: Dossier) -> str:
    if not dossier.escalation.open:
        return ""
    return f"What you write under this card {dossier.who} reads, in your name. // keeps a line among stewards; //help."


def _small_print(dossier: Dossier, now: datetime) -> str:
    one, local = dossier.escalation, dossier.local_time
    of = f"{dossier.who}, {dossier.organisation}" if dossier.organisation else dossier.who
    facts = [
        f"Escalation {one.id}",
        f"{of}, writes {dossier.language}",
        f"raised {_moment_of(one.opened_at, local)}",
        f"asked so far: {_names(dossier, one.asked)}" if one.asked else "",
        f"as of {_moment_of(now, local)}",
    ]
    return " · ".join(fact for fact in facts if fact)


def _name(dossier: Dossier, steward: str) -> str:
    return dossier.names.get(steward, steward)


def _names(dossier: Dossier, stewards: Iterable[str]) -> str:
    return ", ".join(_name(dossier, each) for each in stewards)


# ── what they wrote, and what for ────────────────────────────────────────────────────────────────────────────────────


def _why(dossier: Dossier) -> str:
    strongest: dict[str, Logged] = {}
    for each in sorted(dossier.cues, key=lambda logged: -logged.cue.intensity):
        strongest.setdefault(each.cue.name, each)
    lines = [
        _quoted(dossier.quote) if dossier.quote.strip() else "",
        *(f"Read as {_cue(dossier, each)}" for each in list(strongest.values())[:_CUES]),
        f"Rules: {', '.join(dossier.escalation.rules)}",
    ]
    return "\n".join(line for line in lines if line)


def _quoted(text: str) -> str:
    """A customer's words with their lines. Each line opens with a mark, so that none can pass for a line of ours."""
    lines = [line.strip() for line in _cut(text, _QUOTE).splitlines() if line.strip()]
    return "“" + "\n“".join(lines) + "”"


def _cut(text: str, length: int) -> str:
    first, *more = pieces(text, length) or ("",)
    return f"{first} …" if more else first


def _cue(dossier: Dossier, logged: Logged) -> str:
    cue = logged.cue
    named = f"{_PLAIN.get(cue.name, cue.name.replace('_', ' '))}, {_strength(cue.intensity)} ({cue.intensity:.1f})"
    return named + _telling(cue.words) + _corrected(dossier, logged)


def _telling(words: Sequence[str]) -> str:
    """The words that carried a cue. Half a sentence tells nothing beside the whole: those that are short come first."""
    brief = [word for word in words if 3 < len(word) <= _WORD] or [short(word, _WORD) for word in words[:1]]
    return f": {', '.join(f'“{word}”' for word in brief[:_WORDS])}" if brief else ""


def _strength(intensity: float) -> str:
    if intensity >= 0.8:
        return "strong"
    return "clear" if intensity >= 0.5 else "slight"


def _corrected(dossier: Dossier, logged: Logged) -> str:
    """What a steward said of this cue last."""
    if not logged.corrections:
        return ""
    last = logged.corrections[-1]
    seen = "it is there" if last.was_there else "it is not there"
    how = f", {last.intensity:.1f}" if last.was_there and last.intensity is not None else ""
    return f" — {_name(dossier, last.steward)} says {seen}{how}"


def _voyage(voyage: Voyage) -> str:
    lines = [
        *(f"“{line}”" for line in voyage.success),
        f"Goal: {voyage.goal}",
        f"{voyage.name}, {voyage.kind} on {voyage.flight} · {voyage.phase}, {voyage.days}{_seen(voyage)}",
    ]
    return "\n".join(lines)


def _seen(voyage: Voyage) -> str:
    """How they want to be seen, where somebody has to take care of it."""
    return "" if voyage.visibility == "open" else f" · visibility {voyage.visibility}"


def _strain(dossier: Dossier, now: datetime) -> Section:
    if not dossier.moments:
        return Section()
    bars, value = picture(dossier.moments, now), strain(dossier.moments, now)
    return Section(title="Strain over the last 72 hours, 0 to 1", text=f"{bars}  {value:.2f}", fixed=True)


# ── what was said, promised and done ─────────────────────────────────────────────────────────────────────────────────


def _promises(promises: Sequence[Promised]) -> list[str]:
    return [f"{_due(each.due, each.overdue)}: {each.what}" for each in sorted(promises, key=_first_due)]


def _first_due(one: Promised | Owed) -> tuple[bool, date]:
    return (not one.overdue, one.due)


def _due(due: date, overdue: bool) -> str:
    return f"OVERDUE, was due {_day(due)}" if overdue else f"by {_day(due)}"


def _lines(said: Iterable[Said], local: datetime, *, known: str = "") -> list[str]:
    """A line each; of words that stand elsewhere already (`known`) only how they begin."""
    return [_line(one, local, _BEGINNING if one.text == known else _LINE) for one in said]


def _line(said: Said, local: datetime, length: int) -> str:
    at = said.at.astimezone(local.tzinfo)
    return f"{_day(at)} {at:%H:%M} {said.who}: “{short(said.text, length)}”"


def _past(one: Escalation) -> str:
    how = f"“{one.outcome}”" if one.outcome else one.state.value
    return f"{_day(one.opened_at)} {one.opened_at:%Y}, {one.severity.name}, {_moment(one)}: {how}"


def _listed(title: str, lines: Sequence[str], *, between: str = "\n") -> Section:
    return Section(title=title, text=between.join(lines))


def _items(title: str, lines: Sequence[str]) -> Section:
    """The same with a mark before each, where there are several."""
    return _listed(title, [f"• {line}" for line in lines] if len(lines) > 1 else lines)


def _day(moment: date) -> str:
    return f"{moment.day} {moment:%b}"


def _moment_of(moment: datetime, local: datetime) -> str:
    """A moment in the zone of `local` and in UTC; with its day where that is not today."""
    there, utc = moment.astimezone(local.tzinfo), moment.astimezone(UTC)
    day = "" if there.date() == local.date() else f"{_day(there)} "
    if _place(local) == _place(utc):
        return f"{day}{utc:%H:%M} UTC"
    return f"{day}{there:%H:%M} {_place(local)} ({utc:%H:%M} UTC)"


def _place(local: datetime) -> str:
    """Where clocks show it, as one says after a time; UTC for a zone that shows the same."""
    zone = local.tzinfo
    if not local.utcoffset():
        return "UTC"
    return f"in {zone.key.rpartition('/')[2].replace('_', ' ')}" if isinstance(zone, ZoneInfo) else "for you"


# ── the Home of a steward ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenCase:
    """An open escalation, as a list shows it. `buttons` are what can be done with it from there."""

    id: int
    who: str
    severity: Severity
    state: State
    since: datetime
    moment: str = ""
    answer_by: datetime | None = None
    steward: str = ""
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class InCare:
    """A customer in a steward's care, with where one of their missions stands. `strain` is None where it is calm."""

    who: str
    mission: str
    phase: str
    days: str
    strain: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Owed:
    """A promise to a customer that is not kept yet."""

    due: date
    who: str
    what: str
    overdue: bool


def home(
    *,
    steward: str,
    local_time: datetime,
    cases: Sequence[OpenCase] = (),
    care: Sequence[InCare] = (),
    owed: Sequence[Owed] = (),
) -> Card:
    """What a steward has to do, most pressing first. `local_time` is the moment, in the steward's own zone."""
    pressing = sorted(cases, key=lambda one: (-one.severity, one.since, one.id))
    strained = sorted(care, key=lambda one: -(one.strain or 0.0))  # of equals the order stays
    sections = (
        *(_open_case(one, local_time) for one in pressing),
        Section() if cases else Section(text="Nothing is open in your care."),
        _items(
            "You promised",
            [f"{_due(one.due, one.overdue)} · {one.who}: {one.what}" for one in sorted(owed, key=_first_due)],
        ),
        _items("In your care", [_in_care(one) for one in strained]),
        Section(text=f"As of {_moment_of(local_time, local_time)}", quiet=True),
    )
    return Card(title=f"The desk of {steward}", sections=tuple(section for section in sections if section.text))


def _open_case(one: OpenCase, local: datetime) -> Section:
    late = one.answer_by is not None and one.answer_by <= local
    facts = [
        f"{one.state.value}, {one.steward}" if one.steward else one.state.value,
        f"{'OVERDUE since' if late else 'answer by'} {_moment_of(one.answer_by, local)}" if one.answer_by else "",
        f"since {_moment_of(one.since, local)}",
        f"escalation {one.id}",
    ]
    kind = f" · {one.moment}" if one.moment else ""
    return Section(
        title=f"{_SIGNS.get(one.severity, '⚪')} {one.severity.name.upper()} · {one.who}{kind}",
        text=" · ".join(fact for fact in facts if fact),
        buttons=one.buttons,
    )


def _in_care(one: InCare) -> str:
    strained = f" · strain {one.strain:.2f}" if one.strain else ""
    where = ", ".join(part for part in (one.phase, one.days) if part)
    return f"{one.who} · {one.mission} · {where}{strained}"
