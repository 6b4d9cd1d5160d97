"""What customers and stewards are told of an escalation's steps. Pure.

The customer is told who was asked, who has seen it, and who has moved on, by name; nobody unknown is told a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot import replies
from bot.pack import Pack
from escalation import case
from escalation.case import (
    Accepted,
    Acknowledged,
    Declined,
    Escalation,
    Event,
    HandedBack,
    Noted,
    Notified,
    Offered,
    Resolved,
    TookOver,
    Unreached,
)
from escalation.policy import Severity, spoken, words

SOMEBODY = "a person of our team"
SHOWN = 600  # characters of an answer that stewards see beside the conversation


class Notices:
    """Words for steps, over one pack."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack

    # ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def steward(self, steward: str) -> str:
        """A steward's name; a pack may have lost somebody whom the record still knows."""
        found = self._pack.stewards.get(steward)
        return found.name if found else steward

    def customer(self, customer: str) -> str:
        """A customer's name, likewise."""
        found = self._pack.customers.get(customer)
        return found.name if found else customer

    def who(self, escalation: Escalation) -> str:
        """Whom an escalation is about, as stewards call them."""
        return "somebody we do not know" if escalation.customer is None else self.customer(escalation.customer)

    # ── to the customer ──────────────────────────────────────────────────────────────────────────────────────────────

    def asked(self, one: Escalation, asked: Notified | None, message: str | None, now: datetime) -> str:
        """Somebody was called for; `asked` is None where somebody has been asked before. `message` is the pack's."""
        if one.customer is None:
            return replies.stranger_asked(self._pack.organisations[self._pack.provider].name)
        if asked is None:
            who = one.holder or one.owner or one.named
            return replies.already_with(self.steward(who) if who else SOMEBODY)
        steward = self._pack.stewards[asked.stewards[0]]
        told = words(
            self._pack.policy,
            message,
            steward=steward.name,
            acknowledge_within=self.within(one.severity),
            local_time=now.astimezone(steward.timezone),
        )
        return f"{told}\n\n{replies.asked_off_duty(steward.name)}" if asked.off_duty else told

    def moved_on(self, before: Escalation, asked: Notified, now: datetime) -> str:
        """The ladder has climbed."""
        last = before.named
        steward = self._pack.stewards[asked.stewards[0]]
        local, within = now.astimezone(steward.timezone), spoken(self.within(before.severity))
        name = self.steward(steward.id) if before.customer else SOMEBODY
        if last is None or steward.id == last or before.customer is None:
            return replies.asked_again(name, local=local, within=within)
        return replies.moved_on(self.steward(last), name, local=local, within=within)

    def step(self, before: Escalation, events: Sequence[Event]) -> str | None:
        """What the customer is told of a step: of several events in one step, the last that concerns them."""
        told: str | None = None
        for event in events:
            told = self._of(before, event) or told
        return told and told[0].upper() + told[1:]

    def _of(self, before: Escalation, event: Event) -> str | None:
        name = self.steward(event.steward) if before.customer and hasattr(event, "steward") else SOMEBODY
        match event:
            case Acknowledged():
                return replies.seen(name)
            case TookOver():
                return replies.took_over(name)
            case Accepted() if before.owner is not None:
                return replies.handed_over(self.steward(before.owner) if before.customer else SOMEBODY, name)
            case HandedBack():
                return replies.handed_back(name)
            case Resolved():
                return replies.resolved(name)
        return None

    def within(self, severity: Severity) -> timedelta:
        """How long somebody has to acknowledge."""
        return self._pack.policy.terms[severity].acknowledge_within or case.UNHURRIED

    # ── to stewards ──────────────────────────────────────────────────────────────────────────────────────────────────

    def please(self, one: Escalation, event: Notified) -> str:
        """Asks them to acknowledge."""
        topic = f", {one.topic}" if one.topic else ""
        return (
            f"Escalation {one.id}: {self.who(one)} — {one.severity.name}{topic} "
            f"({', '.join(one.rules)}). Please acknowledge by {event.answer_by:%H:%M} UTC."
        )

    def at_desks(self, one: Escalation, event: Event) -> str:
        """What other stewards are told of a step; '' for one of which they are told nothing."""
        match event:
            case Acknowledged():
                return f"{self.steward(event.steward)} has escalation {one.id} ({self.who(one)})."
            case Offered():
                return (
                    f"{self.steward(event.steward)} would like to hand escalation {one.id} ({self.who(one)}) over "
                    f"to you: {event.brief or 'no brief was given'}. Accept or decline it."
                )
            case Accepted():
                return f"{self.steward(event.steward)} has accepted escalation {one.id} ({self.who(one)})."
            case Declined():
                how = "has not answered your offer of" if event.lapsed else "cannot take"
                return f"{self.steward(event.steward)} {how} escalation {one.id}; it is still with you."
            case Noted():
                return f"Note by {self.steward(event.steward)}: {event.text}"
            case Unreached():
                return f"{self.steward(event.steward)} could not be reached ({event.why}); the next is asked now."
        return ""

    def grew(self, one: Escalation) -> str:
        """It is more severe than it was."""
        return f"Escalation {one.id} ({self.who(one)}) is {one.severity.name} now: {', '.join(one.rules)}."

    def lost(self, one: Escalation, text: str, why: str) -> str:
        """A steward's words could not be delivered."""
        return f"This did not reach {self.who(one)}: “{short(text)}” ({why})"

    def in_doubt(self, one: Escalation, post: int, text: str) -> str:
        """A steward's words may or may not have been delivered."""
        return (
            f"I cannot say whether this reached {self.who(one)}: “{short(text)}”. The platform did not "
            f"answer, and it cannot be looked up. Send it again (//again {post}), or leave it (//arrived {post})?"
        )


def short(text: str, length: int = 200) -> str:
    """The beginning of a text, on one line."""
    folded = " ".join(text.split())
    return folded if len(folded) <= length else folded[: length - 1].rstrip() + "…"
