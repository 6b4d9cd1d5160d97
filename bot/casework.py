"""What people do about an escalation: it is called for, climbs, is acknowledged, answered, handed over, resolved.

Each step is one transaction: the events, the timer, the hold on the conversation, what the customer is told and what
other desks are told. `escalation.case` decides; here the decision takes effect, in one place, whatever desk it came
from.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.desks import CONCIERGE, DeskOf, Desks
from bot.errors import BotError
from bot.following import Following
from bot.ledger import conversations, outbox, transcript
from bot.ledger.buttons import Meaning
from bot.ledger.conversations import Conversation
from bot.ledger.engine import reading, writing
from bot.ledger.outbox import Origin, Outgoing
from bot.messages import Purpose
from bot.notices import Notices
from bot.pack import Pack, care_for
from escalation import care, case, record
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
    Raised,
    Resolved,
    TookOver,
    Unreached,
)
from escalation.policy import Severity, Terms

ANSWER_TIMER = "answer"
ATTEMPTS = 5

Also = Callable[[AsyncConnection], Awaitable[None]]
"""Something that must become true in the same transaction as a step."""


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

    def __init__(self, pack: Pack, engine: AsyncEngine, desk_of: DeskOf) -> None:
        self._pack = pack
        self._engine = engine
        self._notices = Notices(pack)
        self.desks = Desks(pack, desk_of)
        self.following = Following(self.desks, self._notices)

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
                    await self._tell_customer(connection, later, self._notices.moved_on(found, asked, now), now)
                    return True
            except record.StaleEscalation:
                continue
        return False

    # ── what stewards do ─────────────────────────────────────────────────────────────────────────────────────────────

    async def acknowledge(
        self, escalation: int, steward: str, now: datetime, *, also: Also | None = None
    ) -> Escalation:
        """ "I have seen it." It also accepts what was offered."""
        return await self._step(escalation, steward, now, lambda one: case.acknowledge(one, steward, now), also=also)

    async def take_over(self, escalation: int, steward: str, now: datetime, *, also: Also | None = None) -> Escalation:
        """The concierge falls silent in the customer's conversation, within this transaction."""
        return await self._step(escalation, steward, now, lambda one: case.take_over(one, steward, now), also=also)

    async def offer(
        self, escalation: int, steward: str, *, to: str, brief: str, now: datetime, also: Also | None = None
    ) -> Escalation:
        """Asks another steward to take it, with a brief for them."""
        if to not in self._pack.stewards:
            known = ", ".join(sorted(self._pack.stewards))
            raise NotAllowed(f"Nobody is called {to!r} among the stewards. They are: {known}.")

        def decide(one: Escalation) -> tuple[Event, ...]:
            answer_by = now + self._notices.within(one.severity)
            return case.offer(one, steward, to=to, brief=brief, answer_by=answer_by, now=now)

        return await self._step(escalation, steward, now, decide, also=also)

    async def decline(self, escalation: int, steward: str, now: datetime, *, also: Also | None = None) -> Escalation:
        """The steward to whom it was offered does not take it."""
        return await self._step(escalation, steward, now, lambda one: case.decline(one, steward, now), also=also)

    async def hand_back(self, escalation: int, steward: str, now: datetime, *, also: Also | None = None) -> Escalation:
        """The concierge may speak again."""
        return await self._step(escalation, steward, now, lambda one: case.hand_back(one, steward, now), also=also)

    async def resolve(
        self, escalation: int, steward: str, *, outcome: str, now: datetime, also: Also | None = None
    ) -> Escalation:
        """It is over, and how."""
        return await self._step(
            escalation, steward, now, lambda one: case.resolve(one, steward, outcome=outcome, now=now), also=also
        )

    async def note(
        self, escalation: int, steward: str, text: str, now: datetime, *, also: Also | None = None
    ) -> Escalation:
        """Writes something down for other stewards."""
        return await self._step(escalation, steward, now, lambda one: case.note(one, steward, text, now), also=also)

    async def reply(
        self,
        escalation: int,
        steward: str,
        text: str,
        now: datetime,
        *,
        origin: Origin | None = None,
        also: Also | None = None,
    ) -> Escalation:
        """Says something to the customer in the steward's name; it takes the conversation over first.

        `origin` is the message in which the steward wrote it: it is confirmed there once it was delivered.
        """
        if not text.strip():
            raise NotAllowed("There is nothing to send: write what the customer should read.")

        async def send(connection: AsyncConnection, one: Escalation) -> None:
            place = await self._direct(connection, one)
            if place is None:
                raise Nowhere(
                    f"Escalation {one.id} began in a shared room and its customer has no direct conversation with the "
                    "concierge yet; reach them yourself, then resolve it with what came of it."
                )
            said = f"{one.id}:{one.position}:{now.isoformat()}:{crc32(text.strip().encode()):08x}"
            draft = outbox.Draft(
                key=f"reply:{said}",
                address=place.address,
                text=text.strip(),
                purpose=Purpose.RELAY,
                author=self._notices.steward(steward),
                conversation=place.id,
                confirms=origin,
                escalation=one.id,
            )
            row = await outbox.put(connection, draft, now=now)
            if row is None:
                return
            await transcript.say(
                connection, conversation=place.id, at=now, role="steward", author=steward, text=draft.text, outbox=row
            )
            told = f"{self._notices.steward(steward)} to {self._notices.who(one)}: {draft.text}"
            await self.desks.show(
                connection, one, told, now, about=f"said:{said}", but=origin.address if origin else None
            )

        def decide(one: Escalation) -> tuple[Event, ...]:
            return case.take_over(one, steward, now)

        return await self._step(escalation, steward, now, decide, then=send, also=also)

    async def not_delivered(self, connection: AsyncConnection, out: Outgoing, why: str, now: datetime) -> None:
        """What could not be delivered: a steward's words are told to them; whom nobody could ask is not waited for."""
        number = out.draft.escalation
        found = await record.load(connection, number) if number is not None else None
        if found is None:
            return
        if out.draft.purpose is Purpose.RELAY:
            who = found.holder or found.owner
            text = self._notices.lost(found, out.draft.text, why)
            await self.desks.tell(connection, found, (who,) if who else (), text, now, about=f"lost:{out.id}")
            return
        for steward in out.draft.asks:
            states = await outbox.asked_for(connection, found.id, steward)
            if not {"pending", "sending", "sent"} & set(states):
                found = await self._take(connection, found, case.unreached(found, steward, why, now), now)

    async def in_doubt(self, connection: AsyncConnection, out: Outgoing, now: datetime) -> None:
        """A steward's words may or may not have reached the customer: the steward looks, and decides."""
        number = out.draft.escalation
        found = await record.load(connection, number) if number is not None else None
        who = found and (found.holder or found.owner)
        if found is None or not who:
            return
        text = self._notices.in_doubt(found, out.id, out.draft.text)
        choices = tuple(Meaning(action=action, kind="post", number=out.id) for action in ("again", "arrived"))
        await self.desks.tell(connection, found, (who,), text, now, about=f"doubt:{out.id}", buttons=choices)

    async def settle(self, post: int, steward: str, *, again: bool, now: datetime, also: Also | None = None) -> None:
        """The steward has looked at a message in doubt: it is sent again, or taken for delivered."""
        async with writing(self._engine) as connection:
            out = await outbox.by_id(connection, post)
            number = out.draft.escalation if out is not None else None
            found = await record.load(connection, number) if number is not None else None
            if found is None or not self.may_act(steward, found):
                raise NotAllowed(f"There is no message {post} of yours that is in doubt.")
            if not await outbox.settle(connection, post, again=again, now=now):
                raise NotAllowed(f"Message {post} is no longer in doubt.")
            if also is not None:
                await also(connection)

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
        then: Callable[[AsyncConnection, Escalation], Awaitable[None]] | None = None,
        also: Also | None = None,
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
                        await then(connection, later)
                    if also is not None:
                        await also(connection)
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
            await self.desks.refresh(connection, later, now)
            await self._set_timer(connection, later.id, later.answer_by, now)
            notice = self._notices.step(before, events)
            if notice:
                await self._tell_customer(connection, later, notice, now)
        return later

    async def _effect(
        self, connection: AsyncConnection, before: Escalation, later: Escalation, event: Event, now: datetime
    ) -> None:
        match event:
            case Notified():
                await self.desks.ask(connection, later, event.stewards, self._notices.please(later, event), now)
            case Acknowledged():
                await self._tell(connection, later, event, [one for one in later.asked if one != event.steward], now)
            case TookOver():
                await self._hold(connection, later, event.steward, now)
            case Offered():
                text = self._notices.at_desks(later, event)
                await self.desks.ask(connection, later, (event.to,), text, now)
            case Accepted():
                if later.holder is not None:
                    await self._hold(connection, later, event.steward, now)
                await self._tell(connection, later, event, (before.owner,), now)
            case Declined():
                await self._tell(connection, later, event, (before.owner,), now)
            case Noted():
                others = [one for one in (later.owner, later.holder) if one != event.steward]
                await self._tell(connection, later, event, others, now)
            case Unreached():
                text = self._notices.at_desks(later, event)
                await self.desks.show(connection, later, text, now, about=f"unreached:{later.position}")
            case HandedBack() | Resolved():
                await conversations.release(connection, later.id, now=now)
            case _:
                pass

    async def _tell(
        self,
        connection: AsyncConnection,
        one: Escalation,
        event: Event,
        stewards: Sequence[str | None],
        now: datetime,
    ) -> None:
        known = [steward for steward in stewards if steward]
        await self.desks.tell(connection, one, known, self._notices.at_desks(one, event), now)

    def asked_words(self, called: Called, message: str | None, now: datetime) -> str:
        """What the customer is told after somebody was called."""
        return self._notices.asked(called.escalation, called.asked, message, now)

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

    async def _hold(self, connection: AsyncConnection, escalation: Escalation, steward: str, now: datetime) -> None:
        """The steward holds every direct conversation of the customer: no app is left in which the concierge speaks."""
        place = await self._direct(connection, escalation)
        theirs = await conversations.all_direct_with(connection, escalation.customer) if escalation.customer else ()
        for one in {each.id: each for each in (*theirs, *((place,) if place else ()))}:
            await conversations.hold(connection, one, steward=steward, escalation=escalation.id, now=now)

    async def _direct(self, connection: AsyncConnection, escalation: Escalation) -> Conversation | None:
        """Where the customer may be told of an escalation: never a shared room; where they wrote last."""
        begun = await conversations.by_id(connection, escalation.conversation)
        if escalation.customer is None:
            return begun if begun.direct else None
        latest = await conversations.direct_with(connection, escalation.customer)
        return latest or (begun if begun.direct else None)

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
            await self.desks.tell(connection, later, (who,), self._notices.grew(later), now)
        await self.desks.refresh(connection, later, now)

    async def _set_timer(
        self, connection: AsyncConnection, escalation: int, due_at: datetime | None, now: datetime
    ) -> None:
        await record.set_timer(connection, kind=ANSWER_TIMER, subject=escalation, due_at=due_at, now=now)
