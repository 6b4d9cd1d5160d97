"""An escalation's life, as events: raised → notified → acknowledged → with a person → resolved.

Pure: every function takes the escalation as it is and the moment, and returns the events that follow, or raises
CaseError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from escalation import EscalationError
from escalation.care import Steward, next_rung, on_duty
from escalation.policy import Severity, Terms

UNHURRIED = timedelta(hours=4)
"""How long somebody has to answer where a pack names no time."""


class CaseError(EscalationError):
    """A steward asked for a step that the escalation cannot take now."""


class State(StrEnum):
    """How far an escalation has come."""

    RAISED = "raised"
    NOTIFIED = "notified"
    ACKNOWLEDGED = "acknowledged"
    WITH_PERSON = "with a person"
    RESOLVED = "resolved"


@dataclass(frozen=True, kw_only=True, slots=True)
class Raised:
    """Policy called for somebody. `message` is the inbox row that did it."""

    at: datetime
    severity: Severity
    rules: tuple[str, ...]
    topic: str | None
    message: int
    kind: Literal["raised"] = "raised"


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """A later decision joined the open escalation; it can raise its severity, never lower it."""

    at: datetime
    severity: Severity
    rules: tuple[str, ...]
    topic: str | None
    message: int
    kind: Literal["joined"] = "joined"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notified:
    """Stewards were asked, the first is named to the customer. By `answer_by` one should acknowledge."""

    at: datetime
    stewards: tuple[str, ...]
    round: int
    answer_by: datetime
    off_duty: bool = False
    kind: Literal["notified"] = "notified"


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledged:
    """A steward has seen it and answers for it."""

    at: datetime
    steward: str
    kind: Literal["acknowledged"] = "acknowledged"


@dataclass(frozen=True, kw_only=True, slots=True)
class TookOver:
    """A steward holds the conversation; the concierge is silent."""

    at: datetime
    steward: str
    kind: Literal["took_over"] = "took_over"


@dataclass(frozen=True, kw_only=True, slots=True)
class Offered:
    """A steward asks another one to take it. Until that one accepts, nothing changes hands."""

    at: datetime
    steward: str
    to: str
    brief: str
    answer_by: datetime
    kind: Literal["offered"] = "offered"


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """The steward to whom it was offered has it now."""

    at: datetime
    steward: str
    kind: Literal["accepted"] = "accepted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Declined:
    """The offer was refused, or nobody answered it in time (`lapsed`)."""

    at: datetime
    steward: str
    lapsed: bool = False
    kind: Literal["declined"] = "declined"


@dataclass(frozen=True, kw_only=True, slots=True)
class HandedBack:
    """The steward gives the conversation back to the concierge; the escalation stays theirs until it is resolved."""

    at: datetime
    steward: str
    kind: Literal["handed_back"] = "handed_back"


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """It is over; `outcome` says how, in the steward's words."""

    at: datetime
    steward: str
    outcome: str
    kind: Literal["resolved"] = "resolved"


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted:
    """A steward wrote something down for other stewards; the customer never sees it."""

    at: datetime
    steward: str
    text: str
    kind: Literal["noted"] = "noted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreached:
    """No desk of a steward who was asked could be reached: nobody waits for them any longer."""

    at: datetime
    steward: str
    why: str
    kind: Literal["unreached"] = "unreached"


Event = (
    Raised
    | Joined
    | Notified
    | Acknowledged
    | TookOver
    | Offered
    | Accepted
    | Declined
    | HandedBack
    | Resolved
    | Noted
    | Unreached
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Escalation:
    """An escalation as its events have made it.

    `asked`: everybody who was asked, in order; `asked_now`: those of the present round of the ladder; `named`: the one
    of whom the customer was told last;
    `owner`: who acknowledged it; `holder`: who holds the conversation; `position`: how many events there are.
    """

    id: int
    subject: str
    customer: str | None
    mission: str | None
    conversation: int
    severity: Severity
    topic: str | None
    rules: tuple[str, ...]
    messages: tuple[int, ...]
    opened_at: datetime
    position: int
    state: State = State.RAISED
    asked: tuple[str, ...] = ()
    asked_now: tuple[str, ...] = ()
    named: str | None = None
    round: int = 0
    owner: str | None = None
    holder: str | None = None
    offered_to: str | None = None
    brief: str = ""
    answer_by: datetime | None = None
    outcome: str | None = None
    notes: tuple[Noted, ...] = ()

    @property
    def open(self) -> bool:
        return self.state is not State.RESOLVED


def begin(
    *, id: int, subject: str, customer: str | None, mission: str | None, conversation: int, event: Raised
) -> Escalation:
    """The escalation that a first event makes."""
    return Escalation(
        id=id,
        subject=subject,
        customer=customer,
        mission=mission,
        conversation=conversation,
        severity=event.severity,
        topic=event.topic,
        rules=event.rules,
        messages=(event.message,),
        opened_at=event.at,
        position=1,
    )


def after(escalation: Escalation, events: Iterable[Event]) -> Escalation:
    """The escalation after further events."""
    for event in events:
        escalation = replace(_apply(escalation, event), position=escalation.position + 1)
    return escalation


def _apply(escalation: Escalation, event: Event) -> Escalation:
    match event:
        case Raised():
            raise CaseError("An escalation is raised once, by its first event.")
        case Joined():
            higher = event.severity > escalation.severity
            return replace(
                escalation,
                severity=max(event.severity, escalation.severity),
                topic=event.topic if higher and event.topic else escalation.topic,
                rules=tuple(dict.fromkeys((*escalation.rules, *event.rules))),
                messages=tuple(dict.fromkeys((*escalation.messages, event.message))),
            )
        case Notified():
            before = escalation.asked_now if event.round == escalation.round else ()
            return replace(
                escalation,
                state=State.NOTIFIED if escalation.owner is None else escalation.state,
                asked=tuple(dict.fromkeys((*escalation.asked, *event.stewards))),
                asked_now=tuple(dict.fromkeys((*before, *event.stewards))),
                named=event.stewards[0],
                round=event.round,
                answer_by=event.answer_by if escalation.owner is None else None,
            )
        case Acknowledged():
            return replace(escalation, state=State.ACKNOWLEDGED, owner=event.steward, answer_by=None)
        case TookOver():
            return replace(escalation, state=State.WITH_PERSON, holder=event.steward)
        case Offered():
            return replace(escalation, offered_to=event.to, brief=event.brief, answer_by=event.answer_by)
        case Accepted():
            holder = event.steward if escalation.holder else None
            return replace(escalation, owner=event.steward, holder=holder, offered_to=None, answer_by=None)
        case Declined():
            return replace(escalation, offered_to=None, answer_by=None)
        case Noted():
            return replace(escalation, notes=(*escalation.notes, event))
        case Unreached():
            return replace(escalation, answer_by=event.at)
        case HandedBack():
            return replace(escalation, state=State.ACKNOWLEDGED, holder=None)
        case Resolved():
            return replace(
                escalation,
                state=State.RESOLVED,
                holder=None,
                offered_to=None,
                answer_by=None,
                outcome=event.outcome,
            )


def join(escalation: Escalation, raised: Raised) -> Joined:
    """A later decision on the same subject, as it joins the open escalation."""
    return Joined(
        at=raised.at, severity=raised.severity, rules=raised.rules, topic=raised.topic, message=raised.message
    )


def ask(
    escalation: Escalation,
    *,
    order: tuple[str, ...],
    stewards: Mapping[str, Steward],
    terms: Terms,
    now: datetime,
) -> Notified:
    """Whom to ask now: the next on the ladder who is on duty and has not been asked in this round.

    When nobody is left the ladder starts again. When nobody at all is on duty the first is asked all the same, and the
    event says so. With `notify_everyone` all who were not asked in this round are, whatever their hours.
    """
    within = terms.acknowledge_within or UNHURRIED
    round_, asked = escalation.round or 1, escalation.asked_now
    if not set(order) - set(asked) or (next_rung(order, stewards, asked, now) is None and asked):
        round_, asked = round_ + 1, ()
    first = next_rung(order, stewards, asked, now)
    named = first or next(one for one in order if one not in asked)
    others = tuple(one for one in order if one != named and one not in asked) if terms.notify_everyone else ()
    return Notified(
        at=now,
        stewards=(named, *others),
        round=round_,
        answer_by=now + within,
        off_duty=not on_duty(stewards[named], now),
    )


def must_ask_again(before: Escalation, escalation: Escalation) -> bool:
    """Whether a decision that joined calls for asking anew: the severity rose and nobody has acknowledged it."""
    return escalation.severity > before.severity and escalation.owner is None


def is_due(escalation: Escalation, now: datetime) -> bool:
    """Whether the time to answer has run out."""
    return escalation.open and escalation.answer_by is not None and escalation.answer_by <= now


def acknowledge(escalation: Escalation, steward: str, now: datetime) -> tuple[Event, ...]:
    """A steward says that they have seen it. Saying it twice changes nothing."""
    _still_open(escalation)
    if escalation.offered_to == steward:
        return (Accepted(at=now, steward=steward),)
    if escalation.owner == steward:
        return ()
    if escalation.owner is not None:
        raise CaseError(
            f"{escalation.owner} has acknowledged escalation {escalation.id}; they can hand it over to you."
        )
    return (Acknowledged(at=now, steward=steward),)


def take_over(escalation: Escalation, steward: str, now: datetime) -> tuple[Event, ...]:
    """A steward takes the conversation; it acknowledges the escalation too."""
    if escalation.open and escalation.holder == steward:
        return ()
    events = acknowledge(escalation, steward, now)
    if escalation.holder is not None and any(isinstance(event, Accepted) for event in events):
        return events  # accepting what somebody held already moves the conversation
    return (*events, TookOver(at=now, steward=steward))


def offer(
    escalation: Escalation, steward: str, *, to: str, brief: str, answer_by: datetime, now: datetime
) -> tuple[Event, ...]:
    """The steward who has it asks another to take it."""
    _still_open(escalation)
    if to == steward:
        raise CaseError("An escalation is handed over to somebody else.")
    _is_theirs(escalation, steward, "hand it over")
    return (Offered(at=now, steward=steward, to=to, brief=brief, answer_by=answer_by),)


def decline(escalation: Escalation, steward: str, now: datetime, *, lapsed: bool = False) -> tuple[Event, ...]:
    """The steward to whom it was offered does not take it."""
    _still_open(escalation)
    if escalation.offered_to != steward:
        raise CaseError(f"Escalation {escalation.id} is not offered to {steward}.")
    return (Declined(at=now, steward=steward, lapsed=lapsed),)


def hand_back(escalation: Escalation, steward: str, now: datetime) -> tuple[Event, ...]:
    """The steward who holds the conversation lets the concierge speak again."""
    _still_open(escalation)
    if escalation.holder != steward:
        raise CaseError(f"{steward} does not hold the conversation of escalation {escalation.id}.")
    return (HandedBack(at=now, steward=steward),)


def resolve(escalation: Escalation, steward: str, *, outcome: str, now: datetime) -> tuple[Event, ...]:
    """The steward who has it says that it is over, and how."""
    _still_open(escalation)
    events = acknowledge(escalation, steward, now) if escalation.owner is None else ()
    if not events:
        _is_theirs(escalation, steward, "resolve it")
    if not outcome.strip():
        raise CaseError("Say in a few words how it ended: the next steward will read it.")
    return (*events, Resolved(at=now, steward=steward, outcome=outcome.strip()))


def note(escalation: Escalation, steward: str, text: str, now: datetime) -> tuple[Event, ...]:
    """A steward writes something down for the others; also when it is over."""
    return (Noted(at=now, steward=steward, text=text.strip()),) if text.strip() else ()


def unreached(escalation: Escalation, steward: str, why: str, now: datetime) -> tuple[Event, ...]:
    """No desk of a steward could be reached. Where they are the one who is waited for, the next is due at once; but
    only once round the ladder: where nobody can be reached asking faster does not help, and the customer hears each.
    """
    waited_for = escalation.offered_to or (escalation.named if escalation.owner is None else None)
    if not escalation.open or waited_for != steward or escalation.answer_by is None or escalation.answer_by <= now:
        return ()
    if escalation.round > 1 and not escalation.offered_to:
        return ()
    return (Unreached(at=now, steward=steward, why=why),)


def _still_open(escalation: Escalation) -> None:
    if not escalation.open:
        raise CaseError(f"Escalation {escalation.id} is resolved: {escalation.outcome}.")


def _is_theirs(escalation: Escalation, steward: str, step: str) -> None:
    if steward not in (escalation.owner, escalation.holder):
        owner = escalation.owner or "nobody yet"
        raise CaseError(f"Escalation {escalation.id} is with {owner}: only they can {step}. Acknowledge it first.")
