"""One turn: what waits in a conversation is read, understood, answered, and kept — in a single transaction.

    take what waits → who reads here → cues → answer or abstention → policy → ONE transaction

Pipelines do not decide: `escalation.policy`, `bot.access` and `knowledge` do; this module asks them in order and
gives their values to the record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot import access, replies
from bot.casework import Casework
from bot.considering import EARLIER, Answerer, Considered, Considering, Past, Setting, Teller, when, with_message
from bot.desk.actions import MESSAGE
from bot.desks import CONCIERGE
from bot.ledger import answered, buttons, conversations, inbox, invitations, outbox, transcript
from bot.ledger.answered import Place
from bot.ledger.buttons import Meaning
from bot.ledger.conversations import Conversation
from bot.ledger.engine import reading, writing
from bot.ledger.inbox import Received
from bot.ledger.transcript import Outcome
from bot.messages import Act, Address, Kind, Purpose
from bot.pack import Customer, Pack, Person, Steward, care_for, phase_of
from bot.people import find, mission_in, mission_of, room_at
from bot.rooms import Rooms
from bot.speaking import Speaking, buttons_for, said_by, without_trifles
from escalation import record
from escalation.case import Raised
from escalation.cues import CueReader
from escalation.strain import WINDOW
from knowledge.answer import Abstention, Answer, Citation

ATTEMPTS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What a turn came to: the messages as they were considered, and all that customers are told by it."""

    considered: tuple[Considered, ...]
    told: tuple[str, ...]
    held: bool = False


class _Overtaken(Exception):
    """Another turn finished these messages, or the conversation changed hands: nothing of this one may stand."""


class Concierge:
    """Takes turns, over one pack and one record."""

    def __init__(
        self,
        pack: Pack,
        engine: AsyncEngine,
        answerer: Answerer,
        reader: CueReader,
        casework: Casework,
        rooms: Rooms,
        teller: Teller | None = None,
    ) -> None:
        self._pack = pack
        self._engine = engine
        self._considering = Considering(pack, answerer, reader, teller)
        self._speaking = Speaking(pack)
        self._casework = casework
        self._rooms = rooms

    async def take_turn(self, conversation: int, now: datetime, rows: frozenset[int] | None = None) -> Turn | None:
        """Answers everything that waits in a conversation (or those `rows` of it), together. None where nothing waits
        any more.
        """
        for _ in range(ATTEMPTS):
            async with reading(self._engine) as connection:
                every = await inbox.waiting(connection, conversation)
                waiting = tuple(one for one in every if rows is None or one.id in rows)
                if not waiting:
                    return None
                place = await conversations.by_id(connection, conversation)
                past = await self._past(connection, place, waiting, now)
            try:
                return await self._answer(place, waiting, past, now)
            except (_Overtaken, record.StaleEscalation):
                continue  # look again: what is still waiting is taken anew
        return None

    async def _past(
        self, connection: AsyncConnection, place: Conversation, waiting: Sequence[Received], now: datetime
    ) -> Past:
        entries = await transcript.latest(connection, place.id, count=4 * EARLIER)
        said = [one.text for one in entries if one.role in ("customer", "stranger") and one.deleted_at is None]
        meanings = [(one.id, await buttons.meaning_of(connection, one.pressed.token)) for one in waiting if one.pressed]
        pressed = {row: meaning for row, meaning in meanings if meaning is not None}
        return Past(
            moments=await record.moments(connection, place.id, customer=place.customer, since=now - WINDOW),
            unanswered=await transcript.unanswered(connection, place.id, since=place.held_at or place.released_at),
            said=tuple(said[-EARLIER:]),
            bound=await invitations.bound(connection),
            pressed=pressed,
            asked={
                row: await inbox.by_id(connection, one.number) for row, one in pressed.items() if one.kind == MESSAGE
            },
        )

    async def _answer(self, place: Conversation, waiting: tuple[Received, ...], past: Past, now: datetime) -> Turn:
        considered: list[Considered] = []
        messages = [one for one in waiting if one.kind in (Kind.MESSAGE, Kind.PRESS)]
        present = await self._rooms.present(place.address, past.bound) if messages and not place.direct else ()
        for message in messages:
            one = await self._considering.consider(
                self._setting(place, message, past, present, now), message, past, now
            )
            considered.append(one)
            past = with_message(past, one, now)
        async with writing(self._engine) as connection:
            return await self._commit(connection, place, waiting, tuple(considered), now)

    # ── who reads here ───────────────────────────────────────────────────────────────────────────────────────────────

    def _setting(
        self, place: Conversation, message: Received, past: Past, present: Sequence[Person | None], now: datetime
    ) -> Setting:
        person = find(self._pack, message.sender, past.bound)
        customer = person.id if isinstance(person, Customer) else None
        if place.direct:
            grants, mission = access.direct_grants(self._pack, person), mission_of(self._pack, customer, now)
            phase = phase_of(self._pack, customer, None, now)
        else:
            room = room_at(self._pack, place.address)
            told = [find(self._pack, one, past.bound) for one in message.present]
            readers = [person, *told, *present]
            grants = access.room_grants(self._pack, room, readers) if room else access.EVERYONE
            mission = mission_in(self._pack, customer, room, now)
            phase = phase_of(self._pack, customer, room.mission if room else None, now)
        return Setting(conversation=place, person=person, grants=grants, mission=mission, phase=phase)

    # ── the one transaction ──────────────────────────────────────────────────────────────────────────────────────────

    async def _commit(
        self,
        connection: AsyncConnection,
        place: Conversation,
        waiting: tuple[Received, ...],
        considered: tuple[Considered, ...],
        now: datetime,
    ) -> Turn:
        here = await conversations.by_id(connection, place.id, lock=True)
        if not await inbox.finish(connection, [one.id for one in waiting], now=now):
            raise _Overtaken
        if place.holder is not None and here.holder is None:
            raise _Overtaken  # it was handed back meanwhile: these messages are the concierge's to answer now
        parts: list[str] = []
        for one in considered:
            await self._keep(connection, one, now, held=here.holder is not None)
            notice = await self._call(connection, one, now)
            welcome = await self._welcome(connection, one, now)
            await self._casework.following.message(connection, here, one.message, one.setting.subject, now)
            await self._answer_press(connection, one, now)
            if here.holder is None:
                await self._offer(connection, one, now)
                handed_on = await self._hand_on(connection, one, now)
                parts += [said for said in (welcome or self._speaking.words(one, notice, handed_on),) if said]
        for message in waiting:  # after the messages were kept: what changes may be one of them
            await self._keep_change(connection, here, message, now)
        if here.holder is not None or not parts:
            return Turn(considered=considered, told=(), held=here.holder is not None)
        text = "\n\n".join(without_trifles(parts))
        await self._put(connection, here, considered, text, now)
        return Turn(considered=considered, told=(text,))

    async def _welcome(self, connection: AsyncConnection, one: Considered, now: datetime) -> str | None:
        """An invitation's code binds whoever sends it directly to the customer who was invited."""
        message, place = one.message, one.setting.conversation
        code = invitations.code_in(message.text) if place.direct and message.kind is Kind.MESSAGE else None
        if code is None or one.setting.person is not None:
            return None
        bound = await invitations.redeem(connection, code, message.sender, now=now)
        customer = self._pack.customers.get(bound.customer) if bound else None
        if customer is None:
            return replies.code_not_valid()
        await conversations.ensure(connection, place.address, direct=True, customer=customer.id, now=now)
        chain = care_for(self._pack, customer.id, mission_of(self._pack, customer.id, now))
        return replies.welcome(customer.name, self._pack.stewards[chain.steward].name)

    async def _answer_press(self, connection: AsyncConnection, one: Considered, now: datetime) -> None:
        message = one.message
        if message.pressed is None:
            return
        if one.may_press and one.pressed is not None and one.pressed.action == "gap":
            await transcript.note_gap(
                connection,
                message=one.pressed.number,
                conversation=one.setting.conversation.id,
                customer=one.setting.customer,
                at=now,
            )
        told = replies.passed_on() if one.may_press else replies.not_yours()
        draft = outbox.Draft(
            key=f"press:{message.id}",
            address=one.setting.conversation.address,
            direct=one.setting.conversation.direct,
            text=told,
            purpose=Purpose.NOTICE,
            author=CONCIERGE,
            conversation=one.setting.conversation.id,
            act=Act.WHISPER,
            target=message.pressed.handle,
            recipient=message.sender,
            thread=message.thread,
        )
        await outbox.put(connection, draft, now=now)

    async def _offer(self, connection: AsyncConnection, one: Considered, now: datetime) -> None:
        """Offers the asker to look, for them alone, where their room may not read."""
        if not one.offers or not one.message.addressed:
            return
        place = await self._direct(connection, one, now)
        if place is None or place.holder is not None:
            return
        text = replies.offered_from_a_room(one.message.text.strip())
        draft = outbox.Draft(
            key=f"offer:{one.message.id}",
            address=place.address,
            text=text,
            purpose=Purpose.ANSWER,
            author=CONCIERGE,
            conversation=place.id,
            buttons=(Meaning(action="here", kind=MESSAGE, number=one.message.id),),
        )
        row = await outbox.put(connection, draft, now=now)
        await transcript.say(
            connection, conversation=place.id, at=now, role="concierge", author="", text=text, outbox=row
        )

    async def _direct(self, connection: AsyncConnection, one: Considered, now: datetime) -> Conversation | None:
        """Where a customer who wrote in a room is reached alone; both platforms take a person's id for that."""
        if one.setting.customer is None:
            return None
        found = await conversations.direct_with(connection, one.setting.customer)
        here, sender = one.setting.conversation.address, one.message.sender
        if found is not None or sender.channel != here.channel:
            return found
        alone = Address(channel=sender.channel, team=here.team, room=sender.user)
        return await conversations.ensure(connection, alone, direct=True, customer=one.setting.customer, now=now)

    async def _keep_change(
        self, connection: AsyncConnection, here: Conversation, message: Received, now: datetime
    ) -> None:
        if message.about is None or message.kind not in (Kind.EDIT, Kind.DELETION):
            return
        at = when(message, now)
        if message.kind is Kind.EDIT:
            known = await transcript.edit(connection, message.about, text=message.text, at=at)
        else:
            known = await transcript.delete(connection, message.about, at=at)
        if known:
            await self._casework.following.change(connection, here, message, now)

    async def _keep(self, connection: AsyncConnection, one: Considered, now: datetime, *, held: bool) -> None:
        place, message = one.setting.conversation.id, one.message
        role = {Customer: "customer", Steward: "steward"}.get(type(one.setting.person), "stranger")
        await transcript.say(
            connection,
            conversation=place,
            at=when(message, now),
            role=role,
            author=one.setting.person.id if one.setting.person else "",
            text=said_by(one),
            message_key=message.message_key,
            inbox=message.id,
        )
        at = when(message, now)
        await record.log(
            connection, one.reading, conversation=place, message=message.id, customer=one.setting.customer, at=at
        )
        if one.found is not None and not held:
            await transcript.note_outcome(connection, place, _outcome(one, now))

    async def _call(self, connection: AsyncConnection, one: Considered, now: datetime) -> str | None:
        if not one.decision.calls_somebody:
            return None
        raised = Raised(
            at=now,
            severity=one.decision.severity,
            rules=one.decision.rules,
            topic=one.decision.topic,
            message=one.message.id,
        )
        called = await self._casework.call(
            connection,
            raised,
            subject=one.setting.subject,
            customer=one.setting.customer,
            mission=one.setting.mission,
            conversation=one.setting.conversation.id,
        )
        notice = self._casework.asked_words(called, one.decision.message, now)
        if one.setting.conversation.direct:
            return notice
        await self._direct(connection, one, now)
        await self._casework.tell_directly(connection, called.escalation, notice, now)
        return None

    async def _hand_on(self, connection: AsyncConnection, one: Considered, now: datetime) -> str | None:
        """What cannot be read here goes to a person who can: what the customer is told of it, if there was anything."""
        setting, message = one.setting, one.message
        if not message.attachments or not message.addressed:
            return None
        what = replies.listed(each.what for each in message.attachments)
        if setting.customer is None:
            return replies.cannot_open(what)
        chain = care_for(self._pack, setting.customer, setting.mission)
        await self._casework.following.hand_on(
            connection, message, customer=setting.customer, steward=chain.steward, now=now
        )
        name = self._pack.stewards[chain.steward].name
        return replies.handed_on(what, name) if setting.conversation.direct else replies.cannot_open(what)

    async def _put(
        self,
        connection: AsyncConnection,
        here: Conversation,
        considered: Sequence[Considered],
        text: str,
        now: datetime,
    ) -> None:
        last = considered[-1]
        draft = outbox.Draft(
            key=f"answer:{last.message.id}",  # a message is finished once, and so is its turn
            address=here.address,
            direct=here.direct,
            text=text,
            purpose=Purpose.ANSWER,
            author=CONCIERGE,
            conversation=here.id,
            thread=last.message.thread,
            under="" if here.direct else last.message.ref,
            buttons=buttons_for(considered),
            # all that any of the messages was answered from: whoever wrote the last of them may read less
            grants=frozenset() if here.direct else frozenset().union(*(one.setting.grants for one in considered)),
        )
        row = await outbox.put(connection, draft, now=now)
        await transcript.say(
            connection, conversation=here.id, at=now, role="concierge", author="", text=text, outbox=row
        )
        if row is not None:
            messages = [one.message.id for one in considered]
            await answered.note_said(connection, messages, row)
            await self._casework.following.answer(
                connection, here, last.setting.subject, text, messages=messages, row=row, now=now
            )


def _outcome(one: Considered, now: datetime) -> Outcome:
    cited: list[Place] = []
    nearest: list[Place] = []
    places: list[str] = []
    match one.found:
        case Answer() as found:
            outcome, score = "partly" if found.missing else "answered", found.score
            cited = [_place(sentence.citation, sentence.text) for sentence in found.sentences]
            places = [replies.cited(sentence.citation) for sentence in found.sentences]
        case Abstention() as found:
            outcome, score = "abstained", found.score
            nearest = [_place(citation) for citation in found.nearest]
        case _:
            outcome, score = "failed", 0.0
    return Outcome(
        inbox=one.message.id,
        at=now,
        outcome=outcome,
        question=one.question,
        score=score,
        citations=tuple(dict.fromkeys(places)),
        asked=one.pressed.number if one.pressed else None,
        cited=cited,
        nearest=nearest,
    )


def _place(citation: Citation, said: str = "") -> Place:
    return Place(
        document=citation.document,
        title=citation.title,
        anchor=citation.anchor,
        passage=citation.passage,
        said=said,
    )
