"""When a moment is sensitive, how fast a person must be there, what the customer is told. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

from escalation.signals import Cue

PHASES: Final = ("contemplation", "agreement", "preparation", "flight", "return", "reflection")
"""The phases of a customer's journey, in the order in which they are lived."""

FAILED_RULE: Final = "the concierge failed"
DISAGREE_RULE: Final = "the documents disagree"
"""The name under which a failure of our own is recorded among the rules that matched."""

DEFAULT_MESSAGE: Final = "default"
"""The message that is told where a rule names none; it has built-in words."""

PLACEHOLDERS: Final = ("steward", "acknowledge_within", "local_time")
"""What a message may use: the steward's name, how long they have to acknowledge, and their local time."""

_DEFAULT_WORDS: Final = (
    "I have asked {steward} to look at this with you, and passed on what you wrote: you need not explain it "
    "again. It is {local_time} where they are. If nobody has picked it up within {acknowledge_within}, "
    "the next person is asked."
)
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


class Severity(IntEnum):
    """How sensitive a moment is. From `care` on, somebody is called."""

    none = 0
    watch = 1
    care = 2
    urgent = 3
    critical = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What a severity asks of the people on the ladder.

    `acknowledge_within` is the time that each rung has (None: nobody is called); `notify_everyone` calls all
    rungs at once.
    """

    acknowledge_within: timedelta | None = None
    notify_everyone: bool = False


DEFAULT_TERMS: Final[Mapping[Severity, Terms]] = {
    Severity.none: Terms(),
    Severity.watch: Terms(),
    Severity.care: Terms(acknowledge_within=timedelta(hours=4)),
    Severity.urgent: Terms(acknowledge_within=timedelta(minutes=15)),
    Severity.critical: Terms(acknowledge_within=timedelta(minutes=2), notify_everyone=True),
}
"""What holds for a severity that a pack leaves out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unanswered:
    """At least so many abstentions, counted over `within` (None: since a person last took over)."""

    at_least: int
    within: timedelta | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class When:
    """The conditions of a rule. All that are given must hold; None asks nothing; of several values any one
    suffices.

    `intensity` is the least intensity (0..1) of the cue that matched, and means nothing without `cue`.
    """

    cue: tuple[str, ...] | None = None
    intensity: float | None = None
    phase: tuple[str, ...] | None = None
    strain: float | None = None
    messages: int | None = None
    unanswered: tuple[Unanswered, ...] | None = None
    unread_language: tuple[bool, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One line of a provider's policy: when it holds, the moment is of this severity."""

    name: str
    when: When
    severity: Severity
    topic: str | None = None
    tell_customer: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A provider's whole policy: terms for every severity, rules in file order, messages by name."""

    terms: Mapping[Severity, Terms] = field(default_factory=lambda: dict(DEFAULT_TERMS))
    rules: tuple[Rule, ...] = ()
    messages: Mapping[str, str] = field(default_factory=lambda: {DEFAULT_MESSAGE: _DEFAULT_WORDS})


@dataclass(frozen=True, kw_only=True, slots=True)
class Signals:
    """Everything that the policy looks at for one message.

    `unanswered` are the times of the abstentions since a person last took over; `failed` says that a model,
    an index or a time-out failed in this turn; `disagree`, that two documents answer differently.
    """

    now: datetime
    cues: tuple[Cue, ...] = ()
    phase: str
    strain: float = 0.0
    messages: int = 0
    unanswered: tuple[datetime, ...] = ()
    unread_language: bool = False
    failed: bool = False
    disagree: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What the policy says of a moment.

    `rules` names every rule that matched, in file order (our own two last). `topic` and `message` come
    from the first rule of the highest severity; `message` is None where nobody is called, because its words
    announce a person.
    """

    severity: Severity
    rules: tuple[str, ...] = ()
    topic: str | None = None
    message: str | None = None

    @property
    def calls_somebody(self) -> bool:
        """Whether a person is to be called."""
        return self.severity >= Severity.care


def decide(policy: Policy, signals: Signals) -> Decision:
    """Which rules match, and what that makes of the moment: the highest wins, of equals the file's first."""
    matched = tuple(_matched(policy, signals))
    if not matched:
        return Decision(severity=Severity.none)
    first = max(matched, key=lambda rule: rule.severity)  # max keeps the first of equals
    calls = first.severity >= Severity.care
    return Decision(
        severity=first.severity,
        rules=tuple(rule.name for rule in matched),
        topic=first.topic,
        message=(first.tell_customer or DEFAULT_MESSAGE) if calls else None,
    )


def words(
    policy: Policy,
    message: str | None,
    *,
    steward: str,
    acknowledge_within: timedelta | None,
    local_time: datetime,
) -> str:
    """The words that a customer is told: the named message (or the default one) with its placeholders filled.

    `local_time` is the time in the steward's own zone.
    """
    text = policy.messages.get(message or DEFAULT_MESSAGE) or policy.messages.get(DEFAULT_MESSAGE, _DEFAULT_WORDS)
    fill = {
        "steward": steward,
        "acknowledge_within": spoken(acknowledge_within) if acknowledge_within else "a few hours",
        "local_time": f"{local_time:%H:%M}",
    }
    return _PLACEHOLDER.sub(lambda found: fill.get(found[1], found[0]), text)


def placeholders(text: str) -> tuple[str, ...]:
    """The names between braces in a message, in order, whether they may be used or not."""
    return tuple(_PLACEHOLDER.findall(text))


def spoken(span: timedelta) -> str:
    """A span of time as a person says it, in the largest unit that divides it: "4 hours", "90 seconds"."""
    seconds = int(span.total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            return _counted(seconds // size, unit)
    return _counted(seconds, "second")


def with_defaults(terms: Mapping[Severity, Terms], messages: Mapping[str, str], rules: tuple[Rule, ...]) -> Policy:
    """A policy in which whatever a pack leaves out (terms, the words of `default`) is filled in."""
    return Policy(
        terms={**DEFAULT_TERMS, **terms},
        messages={DEFAULT_MESSAGE: _DEFAULT_WORDS, **messages},
        rules=rules,
    )


_FAILURE: Final = Rule(name=FAILED_RULE, when=When(), severity=Severity.care)
_DISAGREEMENT: Final = Rule(name=DISAGREE_RULE, when=When(), severity=Severity.care)


def _matched(policy: Policy, signals: Signals) -> Iterator[Rule]:
    for rule in policy.rules:
        if _holds(rule.when, signals):
            yield rule
    if signals.failed:
        yield _FAILURE
    if signals.disagree:
        yield _DISAGREEMENT


def _holds(when: When, signals: Signals) -> bool:
    return (
        _cue_holds(when, signals.cues)
        and (when.phase is None or signals.phase in when.phase)
        and (when.strain is None or signals.strain >= when.strain)
        and (when.messages is None or signals.messages >= when.messages)
        and (when.unanswered is None or any(_unanswered_holds(least, signals) for least in when.unanswered))
        and (when.unread_language is None or signals.unread_language in when.unread_language)
    )


def _cue_holds(when: When, cues: tuple[Cue, ...]) -> bool:
    if when.cue is None:
        return True
    least = when.intensity if when.intensity is not None else 0.0
    return any(cue.name in when.cue and cue.intensity >= least for cue in cues)


def _unanswered_holds(least: Unanswered, signals: Signals) -> bool:
    counted = [at for at in signals.unanswered if least.within is None or signals.now - at <= least.within]
    return len(counted) >= least.at_least


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
