"""policy.yaml into a policy; every mistake is noted on the way."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from bot.pack.fields import duration, section, text
from escalation.policy import (
    DEFAULT_MESSAGE,
    DEFAULT_TERMS,
    DISAGREE_RULE,
    FAILED_RULE,
    PHASES,
    PLACEHOLDERS,
    Policy,
    Rule,
    Severity,
    Terms,
    Unanswered,
    When,
    placeholders,
    with_defaults,
)
from escalation.signals import CUES
from knowledge.marks import Spot, listed

SEVERITIES: Final = tuple(severity.name for severity in Severity if severity is not Severity.none)
_WHEN: Final = ("cue", "intensity", "phase", "strain", "messages", "unanswered", "unread_language")
_EVERYONE: Final = "everyone_on_ladder"


def read_policy(root: Spot) -> Policy:
    """The whole of policy.yaml. Where it is wrong the values are stand-ins, and the problems say so."""
    parts = root.parts(("rules",), ("severities", "messages"))
    messages = _messages(section(parts, "messages", "messages by name"))
    rules = parts["rules"].items("rules") if "rules" in parts else []
    return with_defaults(
        _severities(section(parts, "severities", "severities by name")),
        messages,
        _rules(rules, {DEFAULT_MESSAGE, *messages}),
    )


def _severities(spots: Mapping[str, Spot]) -> dict[Severity, Terms]:
    terms = {}
    for name, spot in spots.items():
        if name not in SEVERITIES:
            spot.wrong(f"one of the severities {', '.join(SEVERITIES)}", found=f"the unknown severity {name!r}")
        elif not spot.bare:
            terms[Severity[name]] = _terms(Severity[name], spot)
    return terms


def _terms(severity: Severity, spot: Spot) -> Terms:
    if severity < Severity.care:
        for one in spot.parts((), ("acknowledge_within", "notify")).values():
            one.wrong(f"nothing: at {severity.name} nobody is called")
        return DEFAULT_TERMS[severity]
    parts = spot.parts((), ("acknowledge_within", "notify"))
    within = duration(parts["acknowledge_within"]) if "acknowledge_within" in parts else None
    everyone = "notify" in parts and parts["notify"].choice((_EVERYONE,)) is not None
    return Terms(acknowledge_within=within or DEFAULT_TERMS[severity].acknowledge_within, notify_everyone=everyone)


def _messages(spots: Mapping[str, Spot]) -> dict[str, str]:
    messages = {}
    for name, spot in spots.items():
        words = spot.text("the words of a message") or ""
        allowed = ", ".join(f"{{{one}}}" for one in PLACEHOLDERS)
        for used in dict.fromkeys(placeholders(words)):
            if used not in PLACEHOLDERS:
                spot.wrong(f"only {allowed} between braces", found=f"{{{used}}}")
        messages[name] = words.strip()
    return messages


def _rules(spots: list[Spot], messages: Collection[str]) -> tuple[Rule, ...]:
    rules: dict[str, Rule] = {}
    for spot in spots:
        parts = spot.parts(("name", "when", "severity"), ("topic", "tell_customer"))
        name = text(parts, "name")
        if name and (name in rules or name in (FAILED_RULE, DISAGREE_RULE)):
            taken = "each name once" if name in rules else "another name: our own failures are recorded under it"
            parts["name"].wrong(taken)
        severity = parts["severity"].choice(SEVERITIES) if "severity" in parts else None
        rules[name] = Rule(
            name=name,
            when=_when(parts["when"]) if "when" in parts else When(),
            severity=Severity[severity or "none"],
            topic=text(parts, "topic") or None,
            tell_customer=_told(parts["tell_customer"], messages) if "tell_customer" in parts else None,
        )
    return tuple(rules.values())


def _told(spot: Spot, messages: Collection[str]) -> str | None:
    return spot.choice(messages, f"the name of a message ({listed(sorted(messages))})")


def _when(spot: Spot) -> When:
    parts = spot.parts((), _WHEN)
    if spot.bare and not spot.empty:
        spot.wrong(f"at least one of {', '.join(_WHEN)}")
    if "intensity" in parts and "cue" not in parts:
        parts["intensity"].wrong("a cue beside it: it is the intensity of the cue that matched", found="no cue")
    return When(
        cue=_any_of(parts.get("cue"), CUES, "cues"),
        intensity=_least(parts.get("intensity")),
        phase=_any_of(parts.get("phase"), PHASES, "phases"),
        strain=_least(parts.get("strain")),
        messages=_fewest(parts.get("messages")),
        unanswered=_unanswered(parts.get("unanswered")),
        unread_language=_flags(parts.get("unread_language")),
    )


def _any_of(spot: Spot | None, options: tuple[str, ...], what: str) -> tuple[str, ...] | None:
    if spot is None:
        return None
    found = (item.choice(options, f"one of the {what} {', '.join(options)}") for item in spot.one_or_more(what))
    return tuple(one for one in found if one is not None)


# Of several thresholds any one suffices: that is the lowest.


def _least(spot: Spot | None) -> float | None:
    found = [item.parts(("at_least",)) for item in _thresholds(spot)]
    numbers = [parts["at_least"].number(0, 1) for parts in found if "at_least" in parts]
    return min((one for one in numbers if one is not None), default=None)


def _fewest(spot: Spot | None) -> int | None:
    found = [item.parts(("at_least",)) for item in _thresholds(spot)]
    numbers = [parts["at_least"].count(1) for parts in found if "at_least" in parts]
    return min((one for one in numbers if one is not None), default=None)


def _unanswered(spot: Spot | None) -> tuple[Unanswered, ...] | None:
    return tuple(_abstentions(item) for item in _thresholds(spot)) if spot is not None else None


def _abstentions(spot: Spot) -> Unanswered:
    parts = spot.parts(("at_least",), ("within",))
    least = parts["at_least"].count(1) if "at_least" in parts else None
    within: timedelta | None = duration(parts["within"]) if "within" in parts else None
    return Unanswered(at_least=least or 1, within=within)


def _flags(spot: Spot | None) -> tuple[bool, ...] | None:
    if spot is None:
        return None
    found = (item.flag() for item in spot.one_or_more("true, false"))
    return tuple(one for one in found if one is not None)


def _thresholds(spot: Spot | None) -> list[Spot]:
    return spot.one_or_more("thresholds such as {at_least: 1}") if spot is not None else []
