"""What people do about an escalation: it is called for, climbs, is acknowledged, answered, handed over, resolved.

Each step is one transaction: the events, the timer, the hold on the conversation, what the customer is told and what
other desks are told. `escalation.case` decides; here the decision takes effect, in one place, whatever desk it came
from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot import replies
from bot.errors import BotError
from bot.ledger import conversations, outbox, transcript
from bot.ledger.conversations import Conversation
from bot.ledger.engine import reading, writing
from bot.ledger.inbox import Received
from bot.messages import Address, Purpose
from bot.pack import Pack, Steward, care_for
from escalation import care, case, record
from escalation.case import (
    Accepted,
    Acknowledged,
    Declined,
    Escalation,
    Event,
    HandedBack,
    Notified,
    Offered,
    Raised,
    Resolved,
    TookOver,
)
from escalation.policy import Severity, Terms, spoken, words

CONCIERGE = "Concierge"
SOMEBODY = "a person of our team"
ANSWER_TIMER = "answer"
ATTEMPTS = 5


class NotAllowed(BotError):
    """A steward tried to act for a customer who is neither in their care nor on their ladder."""


class Nowhere(BotError):
    """There is no direct conversation in which the customer could be answered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Called:
    """What came of calling for somebody: the escalation, whether it is new, and who was asked now."""

    escalation: Escalation
    new: bool
    asked: Notified | None


class Casework:
    """The steps, over one record. `desk_of` says where a steward is told of things."""

    def __init__(self, pack: Pack, engine: AsyncEngine, desk_of: Callable[[str], Sequence[Address]]) -> None:
        self._pack = pack
        self._engine = engine
        self._desk_of = desk_of

    # ── what the turn and the clock do ───────────────────────────────────────────────────────────────────────────────

    async def call(
        self,
        connection: AsyncConnection,
        raised: Raised,
        *,
        subject: str,
        customer: str | None,
        mission: str | None,
        conversation: int,
    ) -> Called:
        """Opens an escalation, or joins the one that is open; asks whoever is to be asked now."""
        before = await record.open_for(connection, subject)
        if before is None:
            escalation = await record.open_one(
                connection, raised, subject=subject, customer=customer, mission=mission, conversation=conversation
            )
            asked: Notified | None = self._ask(escalation, raised.at)
        else:
            joined = case.join(before, raised)
            escalation = await record.append(connection, before, (joined,))
            asked = self._ask(escalation, raised.at) if case.must_ask_again(before, escalation) else None
            await self._tell_owner_it_grew(connection, before, escalation, raised.at)
        if asked is not None:
            escalation = await self._take(connection, escalation, (asked,), raised.at)
        return Called(escalation=escalation, new=before is None, asked=asked)

    async def climb(self, escalation: int, now: datetime) -> bool:
        """Moves on where nobody answered in time. False where there was nothing to do."""
        for _ in range(ATTEMPTS):
            try:
                async with writing(self._engine) as connection:
                    found = await record.load(connection, escalation)
                    if found is None or not case.is_due(found, now):
                        # the timer is old: what it waited for has happened, or was put off
                        due_at = found.answer_by if found is not None and found.open else None
                        await self._set_timer(connection, escalation, due_at, now)
                        return False
                    if found.offered_to is not None:
                        events = case.decline(found, found.offered_to, now, lapsed=True)
                        await self._take(connection, found, events, now)
                        return True
                    asked = self._ask(found, now)
                    later = await self._take(connection, found, (asked,), now)
                    await self._tell_customer(connection, later, self._moved_on(found, asked, now), now)
                    return True
            except record.StaleEscalation:
                continue
        return False

    # ── what stewards do ─────────────────────────────────────────────────────────────────────────────────────────────

    async def acknowledge(self, escalation: int, steward: str, now: datetime) -> Escalation:
        """ "I have seen it." It also accepts what was offered."""
        return await self._step(escalation, steward, now, lambda one: case.acknowledge(one, steward, now))

    async def take_over(self, escalation: int, steward: str, now: datetime) -> Escalation:
        """The concierge falls silent in the customer's conversation, within this transaction."""
        return await self._step(escalation, steward, now, lambda one: case.take_over(one, steward, now))

    async def offer(self, escalation: int, steward: str, *, to: str, brief: str, now: datetime) -> Escalation:
        """Asks another steward to take it, with a brief for them."""
        if to not in self._pack.stewards:
            known = ", ".join(sorted(self._pack.stewards))
            raise NotAllowed(f"Nobody is called {to!r} among the stewards. They are: {known}.")

        def decide(one: Escalation) -> tuple[Event, ...]:
            answer_by = now + self._within(one.severity)
            return case.offer(one, steward, to=to, brief=brief, answer_by=answer_by, now=now)

        return await self._step(escalation, steward, now, decide)

    async def decline(self, escalation: int, steward: str, now: datetime) -> Escalation:
        """The steward to whom it was offered does not take it."""
        return await self._step(escalation, steward, now, lambda one: case.decline(one, steward, now))

    async def hand_back(self, escalation: int, steward: str, now: datetime) -> Escalation:
        """The concierge may speak again."""
        return await self._step(escalation, steward, now, lambda one: case.hand_back(one, steward, now))

    async def resolve(self, escalation: int, steward: str, *, outcome: str, now: datetime) -> Escalation:
        """It is over, and how."""
        return await self._step(
            escalation, steward, now, lambda one: case.resolve(one, steward, outcome=outcome, now=now)
        )

    async def reply(self, escalation: int, steward: str, text: str, now: datetime) -> Escalation:
        """Says something to the customer in the steward's name; it takes the conversation over first."""
        if not text.strip():
            raise NotAllowed("There is nothing to send: write what the customer should read.")

        async def send(connection: AsyncConnection, one: Escalation) -> None:
            place = await self._direct(connection, one)
            if place is None:
                raise Nowhere(
                    f"Escalation {one.id} began in a shared room and its customer has no direct conversation with the "
                    "concierge yet; reach them yourself, then resolve it with what came of it."
                )
            draft = outbox.Draft(
                key=f"reply:{one.id}:{one.position}:{now.isoformat()}:{crc32(text.strip().encode()):08x}",
                address=place.address,
                text=text.strip(),
                purpose=Purpose.RELAY,
                author=self._name(steward),
                conversation=place.id,
            )
            row = await outbox.put(connection, draft, now=now)
            if row is not None:
                await transcript.say(
                    connection,
                    conversation=place.id,
                    at=now,
                    role="steward",
                    author=steward,
                    text=draft.text,
                    outbox=row,
                )

        def decide(one: Escalation) -> tuple[Event, ...]:
            return case.take_over(one, steward, now)

        return await self._step(escalation, steward, now, decide, then=send)

    async def open_for_steward(self, steward: str) -> tuple[Escalation, ...]:
        """The open escalations on which a steward may act: the most severe first, then the oldest."""
        async with reading(self._engine) as connection:
            return tuple(one for one in await record.all_open(connection) if self.may_act(steward, one))

    def may_act(self, steward: str, escalation: Escalation) -> bool:
        """Only those in whose care or on whose ladder the customer is, who were asked, or to whom it was offered."""
        involved = (*self._order(escalation), *escalation.asked, escalation.offered_to, escalation.owner)
        return steward in involved

    def cares_for(self, steward: str, customer: str) -> bool:
        """Whether a customer is in a steward's care, or the steward on the ladder of one of their missions."""
        missions = tuple(one.id for one in self._pack.missions_of(customer)) or (None,)
        return customer in self._pack.customers and any(
            steward in care_for(self._pack, customer, mission).names for mission in missions
        )

    # ── one step ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _step(
        self,
        escalation: int,
        steward: str,
        now: datetime,
        decide: Callable[[Escalation], tuple[Event, ...]],
        *,
        then: Callable[[AsyncConnection, Escalation], object] | None = None,
    ) -> Escalation:
        for attempt in range(ATTEMPTS):
            try:
                async with writing(self._engine) as connection:
                    found = await record.load(connection, escalation)
                    if found is None or not self.may_act(steward, found):
                        # the same words for both: a number is not a way to learn who has an escalation
                        raise NotAllowed(f"There is no escalation {escalation} in your care.")
                    # first the conversation, then the escalation, as a turn does: the other way round they deadlock
                    place = await self._direct(connection, found)
                    if place is not None:
                        await conversations.by_id(connection, place.id, lock=True)
                    later = await self._take(connection, found, decide(found), now)
                    if then is not None:
                        outcome = then(connection, later)
                        if hasattr(outcome, "__await__"):
                            await outcome
                    return later
            except record.StaleEscalation:
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    async def _take(
        self, connection: AsyncConnection, before: Escalation, events: Sequence[Event], now: datetime
    ) -> Escalation:
        later = await record.append(connection, before, events)
        for event in events:
            await self._effect(connection, before, later, event, now)
        if events:
            await self._set_timer(connection, later.id, later.answer_by, now)
            notice = self._notice(before, events)
            if notice:
                await self._tell_customer(connection, later, notice, now)
        return later

    async def _effect(
        self, connection: AsyncConnection, before: Escalation, later: Escalation, event: Event, now: datetime
    ) -> None:
        match event:
            case Notified():
                for steward in event.stewards:
                    await self._tell_desk(connection, later, steward, self._card(later, event), now)
            case Acknowledged():
                for steward in later.asked:
                    if steward != event.steward:
                        text = f"{self._name(event.steward)} has escalation {later.id} ({self._who(later)})."
                        await self._tell_desk(connection, later, steward, text, now)
            case TookOver():
                await self._hold(connection, later, event.steward, now)
            case Offered():
                text = (
                    f"{self._name(event.steward)} would like to hand escalation {later.id} ({self._who(later)}) over "
                    f"to you: {event.brief or 'no brief was given'}. Accept or decline it."
                )
                await self._tell_desk(connection, later, event.to, text, now)
            case Accepted():
                if later.holder is not None:
                    await self._hold(connection, later, event.steward, now)
                if before.owner is not None:
                    text = f"{self._name(event.steward)} has accepted escalation {later.id} ({self._who(later)})."
                    await self._tell_desk(connection, later, before.owner, text, now)
            case Declined():
                if before.owner is not None:
                    how = "has not answered your offer of" if event.lapsed else "cannot take"
                    text = f"{self._name(event.steward)} {how} escalation {later.id}; it is still with you."
                    await self._tell_desk(connection, later, before.owner, text, now)
            case HandedBack() | Resolved():
                await conversations.release(connection, later.id, now=now)
            case _:
                pass

    # ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def asked_words(self, called: Called, message: str | None, now: datetime) -> str:
        """What the customer is told after somebody was called."""
        one, asked = called.escalation, called.asked
        if one.customer is None:
            return replies.stranger_asked(self._pack.organisations[self._pack.provider].name)
        if asked is None:
            who = one.holder or one.owner or one.named
            return replies.already_with(self._name(who) if who else SOMEBODY)
        steward = self._pack.stewards[asked.stewards[0]]
        told = words(
            self._pack.policy,
            message,
            steward=steward.name,
            acknowledge_within=self._within(one.severity),
            local_time=now.astimezone(steward.timezone),
        )
        return f"{told}\n\n{replies.asked_off_duty(steward.name)}" if asked.off_duty else told

    def _moved_on(self, before: Escalation, asked: Notified, now: datetime) -> str:
        last = before.named
        steward = self._pack.stewards[asked.stewards[0]]
        local, within = now.astimezone(steward.timezone), spoken(self._within(before.severity))
        name = self._name(steward.id) if before.customer else SOMEBODY
        if last is None or steward.id == last or before.customer is None:
            return replies.asked_again(name, local=local, within=within)
        return replies.moved_on(self._name(last), name, local=local, within=within)

    def _notice(self, before: Escalation, events: Sequence[Event]) -> str | None:
        """What the customer is told of a step: of several events in one step, the last that concerns them."""
        told: str | None = None
        for event in events:
            name = self._name(event.steward) if before.customer and hasattr(event, "steward") else SOMEBODY
            match event:
                case Acknowledged():
                    told = replies.seen(name)
                case TookOver():
                    told = replies.took_over(name)
                case Accepted() if before.owner is not None:
                    told = replies.handed_over(self._name(before.owner) if before.customer else SOMEBODY, name)
                case HandedBack():
                    told = replies.handed_back(name)
                case Resolved():
                    told = replies.resolved(name)
                case _:
                    pass
        return told and told[0].upper() + told[1:]

    def _card(self, escalation: Escalation, event: Notified) -> str:
        by = event.answer_by.strftime("%H:%M UTC")
        topic = f", {escalation.topic}" if escalation.topic else ""
        return (
            f"Escalation {escalation.id}: {self._who(escalation)} — {escalation.severity.name}{topic} "
            f"({', '.join(escalation.rules)}). Please acknowledge by {by}."
        )

    def _who(self, escalation: Escalation) -> str:
        if escalation.customer is None:
            return "somebody we do not know"
        return self._customer(escalation.customer)

    def _customer(self, customer: str) -> str:
        found = self._pack.customers.get(customer)  # a pack may have lost somebody whom the record still knows
        return found.name if found else customer

    def _name(self, steward: str) -> str:
        found: Steward | None = self._pack.stewards.get(steward)
        return found.name if found else steward

    # ── where things go ──────────────────────────────────────────────────────────────────────────────────────────────

    def _order(self, escalation: Escalation) -> tuple[str, ...]:
        chain = care_for(self._pack, escalation.customer, escalation.mission)
        return care.order(chain, escalation.topic, self._pack.stewards)

    def _ask(self, escalation: Escalation, now: datetime) -> Notified:
        return case.ask(
            escalation,
            order=self._order(escalation),
            stewards=self._pack.stewards,
            terms=self._terms(escalation.severity),
            now=now,
        )

    def _terms(self, severity: Severity) -> Terms:
        return self._pack.policy.terms[severity]

    def _within(self, severity: Severity) -> timedelta:
        return self._terms(severity).acknowledge_within or case.UNHURRIED

    async def _hold(self, connection: AsyncConnection, escalation: Escalation, steward: str, now: datetime) -> None:
        place = await self._direct(connection, escalation)
        if place is not None:
            await conversations.hold(connection, place.id, steward=steward, escalation=escalation.id, now=now)

    async def _direct(self, connection: AsyncConnection, escalation: Escalation) -> Conversation | None:
        """Where the customer may be told of an escalation: never a shared room."""
        begun = await conversations.by_id(connection, escalation.conversation)
        if begun.direct:
            return begun
        return None if escalation.customer is None else await conversations.direct_with(connection, escalation.customer)

    async def tell_directly(
        self, connection: AsyncConnection, escalation: Escalation, text: str, now: datetime
    ) -> None:
        """Tells the customer directly what a shared room must not hear, unless a person holds that conversation."""
        place = await self._direct(connection, escalation)
        if place is not None and place.holder is None:
            await self._tell_customer(connection, escalation, text, now)

    async def _tell_customer(
        self, connection: AsyncConnection, escalation: Escalation, text: str, now: datetime
    ) -> None:
        place = await self._direct(connection, escalation)
        if place is None:
            return
        draft = outbox.Draft(
            key=f"escalation:{escalation.id}:{escalation.position}:customer",
            address=place.address,
            text=text,
            purpose=Purpose.NOTICE,
            author=CONCIERGE,
            conversation=place.id,
        )
        row = await outbox.put(connection, draft, now=now)
        if row is not None:
            await transcript.say(
                connection, conversation=place.id, at=now, role="concierge", author="", text=text, outbox=row
            )

    async def _tell_owner_it_grew(
        self, connection: AsyncConnection, before: Escalation, later: Escalation, now: datetime
    ) -> None:
        who = later.owner or later.holder
        if who is not None and later.severity > before.severity:
            text = f"Escalation {later.id} ({self._who(later)}) is {later.severity.name} now: {', '.join(later.rules)}."
            await self._tell_desk(connection, later, who, text, now)

    async def tell_holder(
        self, connection: AsyncConnection, conversation: Conversation, message: Received, now: datetime
    ) -> None:
        """Relays what a customer writes to the steward who holds the conversation."""
        assert conversation.holder is not None
        who = self._customer(conversation.customer) if conversation.customer else "They"
        await self._relay(connection, message, conversation.holder, f"{who}: {_with_attachments(message)}", now)

    async def hand_on(
        self, connection: AsyncConnection, message: Received, *, customer: str, steward: str, now: datetime
    ) -> None:
        """Passes to a customer's steward what the concierge cannot read; nobody is called for it."""
        text = f"{self._customer(customer)} sent something that I cannot read: {_with_attachments(message)}"
        await self._relay(connection, message, steward, text, now)

    async def _relay(
        self, connection: AsyncConnection, message: Received, steward: str, text: str, now: datetime
    ) -> None:
        for number, address in enumerate(self._desk_of(steward)):
            draft = outbox.Draft(
                key=f"relay:{message.id}:{number}",
                address=address,
                text=text,
                purpose=Purpose.DESK,
                author=CONCIERGE,
                conversation=None,
                attachments=message.attachments,
            )
            await outbox.put(connection, draft, now=now)

    async def _tell_desk(
        self, connection: AsyncConnection, escalation: Escalation, steward: str, text: str, now: datetime
    ) -> None:
        for number, address in enumerate(self._desk_of(steward)):
            draft = outbox.Draft(
                key=f"escalation:{escalation.id}:{escalation.position}:{steward}:{number}",
                address=address,
                text=text,
                purpose=Purpose.DESK,
                author=CONCIERGE,
                conversation=None,
            )
            await outbox.put(connection, draft, now=now)

    async def _set_timer(
        self, connection: AsyncConnection, escalation: int, due_at: datetime | None, now: datetime
    ) -> None:
        await record.set_timer(connection, kind=ANSWER_TIMER, subject=escalation, due_at=due_at, now=now)


def _with_attachments(message: Received) -> str:
    """A message's words, with what came beside them named."""
    named = [f"[{one.what}]" + (f" {one.link}" if one.link else "") for one in message.attachments]
    return " ".join(part for part in (message.text, *named) if part)
