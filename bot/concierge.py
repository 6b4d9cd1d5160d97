"""One turn: what waits in a conversation is read, understood, answered, and kept — in a single transaction.

    take what waits → who reads here → cues → answer or abstention → policy → ONE transaction

Pipelines do not decide: `escalation.policy`, `bot.access` and `knowledge` do; this module asks them in order and
gives their values to the record.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot import access, replies
from bot.casework import Casework
from bot.desk.actions import ACTIONS, MESSAGE, answer_buttons
from bot.desks import CONCIERGE
from bot.ledger import buttons, conversations, inbox, invitations, outbox, transcript
from bot.ledger.buttons import Meaning
from bot.ledger.conversations import Conversation
from bot.ledger.engine import reading, writing
from bot.ledger.inbox import Received
from bot.ledger.transcript import Outcome
from bot.messages import Act, Address, Identity, Kind, Purpose
from bot.pack import Customer, Pack, Person, Steward, care_for, phase_of
from bot.people import find, mission_in, mission_of, room_at
from bot.rooms import Rooms
from escalation import record
from escalation.case import Raised
from escalation.cues import TROUBLED, CueReader, Reading
from escalation.policy import Decision, Severity, Signals, decide
from escalation.strain import WINDOW, Moment, strain, troubled_messages
from knowledge.answer import Abstention, Answer
from knowledge.question import is_courtesy, is_question

logger = logging.getLogger(__name__)

ANSWER_WITHIN = timedelta(seconds=20)
EARLIER = 4  # how many of the customer's own earlier messages a reader or a search may look at
ATTEMPTS = 5


class Answerer(Protocol):
    """What the turn needs of `knowledge`."""

    def answer(
        self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()
    ) -> Answer | Abstention:
        """The documents' sentences, or that they do not say."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Something of ours failed or took too long; `what` names it for the log."""

    what: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """Where a turn takes place: who writes, what may be told to whoever reads there, on which mission."""

    conversation: Conversation
    person: Customer | Steward | None
    grants: frozenset[str]
    mission: str | None
    phase: str

    @property
    def customer(self) -> str | None:
        return self.person.id if isinstance(self.person, Customer) else None

    @property
    def subject(self) -> str:
        return self.customer or f"conversation:{self.conversation.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """What the record says of the conversation before this turn; `bound` are the identities that invitations bound, and
    `pressed` what the buttons mean that were pressed, by inbox row.
    """

    moments: tuple[Moment, ...]
    unanswered: tuple[datetime, ...]
    said: tuple[str, ...]
    bound: Mapping[Identity, str]
    pressed: Mapping[int, Meaning]


@dataclass(frozen=True, kw_only=True, slots=True)
class Considered:
    """One message with all that was found in it and decided about it. `found` is None where nothing was looked up.

    `privately` is what was found in a shared room that only the asker may read. `pressed` is the button that was
    pressed, where it is a press; `may_press` says whether it was theirs to press.
    """

    message: Received
    setting: Setting
    reading: Reading
    question: bool
    found: Answer | Abstention | Failure | None
    decision: Decision
    strain: float
    privately: Answer | None = None
    pressed: Meaning | None = None
    may_press: bool = True


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
        self, pack: Pack, engine: AsyncEngine, answerer: Answerer, reader: CueReader, casework: Casework, rooms: Rooms
    ) -> None:
        self._pack = pack
        self._engine = engine
        self._answerer = answerer
        self._reader = reader
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
        return Past(
            moments=await record.moments(connection, place.id, customer=place.customer, since=now - WINDOW),
            unanswered=await transcript.unanswered(connection, place.id, since=place.held_at or place.released_at),
            said=tuple(said[-EARLIER:]),
            bound=await invitations.bound(connection),
            pressed={row: meaning for row, meaning in meanings if meaning is not None},
        )

    async def _answer(self, place: Conversation, waiting: tuple[Received, ...], past: Past, now: datetime) -> Turn:
        considered: list[Considered] = []
        messages = [one for one in waiting if one.kind in (Kind.MESSAGE, Kind.PRESS)]
        present = await self._rooms.present(place.address, past.bound) if messages and not place.direct else ()
        for message in messages:
            one = await self._consider(self._setting(place, message, past, present, now), message, past, now)
            considered.append(one)
            past = _with(past, one, now)
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

    # ── what is in a message ─────────────────────────────────────────────────────────────────────────────────────────

    async def _consider(self, setting: Setting, message: Received, past: Past, now: datetime) -> Considered:
        text = message.text.strip()
        if message.kind is Kind.PRESS:
            return await self._consider_press(setting, message, past, now)
        if isinstance(setting.person, Steward):
            return await self._for_steward(setting, message, text, past, now)
        # neither waits for the other: what is found for a message that nobody could read is put aside
        read, looked_up = await asyncio.gather(
            self._read(text, past), self._look_up(setting, text, past, now, addressed=message.addressed)
        )
        reading_ = read if isinstance(read, Reading) else Reading(cues=(), version="failed")
        question = is_question(text)
        found = None if reading_.unread_language else looked_up
        moment = Moment(at=_when(message, now), intensity=_trouble(reading_))
        moments = (*past.moments, moment)
        missed = (now,) if question and isinstance(found, Abstention | Failure) else ()
        signals = Signals(
            now=now,
            cues=reading_.cues,
            phase=setting.phase,
            strain=strain(moments, now),
            messages=troubled_messages(moments, now),
            unanswered=(*past.unanswered, *missed),
            unread_language=reading_.unread_language,
            failed=isinstance(found, Failure) or isinstance(read, Failure),
        )
        return Considered(
            message=message,
            setting=setting,
            reading=reading_,
            question=question,
            found=found,
            decision=decide(self._pack.policy, signals),
            strain=signals.strain,
            privately=await self._privately(setting, message, text, found, past, now) if question else None,
        )

    async def _privately(
        self,
        setting: Setting,
        message: Received,
        text: str,
        found: Answer | Abstention | Failure | None,
        past: Past,
        now: datetime,
    ) -> Answer | None:
        """What the asker may read and the room may not."""
        grants = access.direct_grants(self._pack, setting.person)
        if setting.conversation.direct or not isinstance(found, Abstention) or grants <= setting.grants:
            return None
        alone = replace(setting, grants=grants)
        answer = await self._look_up(alone, text, past, now, addressed=message.addressed)
        return answer if isinstance(answer, Answer) else None

    async def _consider_press(self, setting: Setting, message: Received, past: Past, now: datetime) -> Considered:
        """A button under an answer says what its customer could also write: that they need a person, or that the answer
        was none. Nobody presses for somebody else.
        """
        meaning = past.pressed.get(message.id)
        theirs = meaning is not None and meaning.kind == MESSAGE and not isinstance(setting.person, Steward)
        may = theirs and (setting.customer is not None or setting.conversation.direct)
        pressed = Considered(
            message=message,
            setting=setting,
            reading=Reading(cues=(), version="not read"),
            question=False,
            found=None,
            decision=Decision(severity=Severity.none),
            strain=0.0,
            pressed=meaning,
            may_press=may,
        )
        if not may or meaning is None:
            return pressed
        if meaning.action == "person":
            said = await self._read(replies.A_PERSON, past)
            reading_ = said if isinstance(said, Reading) else pressed.reading
            signals = Signals(
                now=now,
                cues=reading_.cues,
                phase=setting.phase,
                strain=strain(past.moments, now),
                messages=troubled_messages(past.moments, now),
                unanswered=past.unanswered,
                failed=isinstance(said, Failure),
            )
            return replace(pressed, reading=reading_, decision=decide(self._pack.policy, signals))
        signals = Signals(
            now=now,
            cues=(),
            phase=setting.phase,
            strain=strain(past.moments, now),
            messages=troubled_messages(past.moments, now),
            unanswered=(*past.unanswered, now),
        )
        return replace(pressed, decision=decide(self._pack.policy, signals))

    async def _for_steward(
        self, setting: Setting, message: Received, text: str, past: Past, now: datetime
    ) -> Considered:
        """A steward asks like anybody; nobody reads their mood, and nobody is called on their account."""
        return Considered(
            message=message,
            setting=setting,
            reading=Reading(cues=(), version="not read"),
            question=is_question(text),
            found=await self._look_up(setting, text, past, now, addressed=message.addressed),
            decision=Decision(severity=Severity.none),
            strain=0.0,
        )

    async def _read(self, text: str, past: Past) -> Reading | Failure:
        try:
            async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
                return await asyncio.to_thread(self._reader.read, text, past.said)
        except Exception as error:  # the turn's edge: a reader that fails is a signal, not an end
            logger.exception("the reader of cues failed")
            return Failure(what=f"cues: {type(error).__name__}")

    async def _look_up(
        self, setting: Setting, text: str, past: Past, now: datetime, *, addressed: bool
    ) -> Answer | Abstention | Failure | None:
        if not text or len(text) > replies.TOO_LONG or is_courtesy(text) or not setting.grants:
            return None
        if not addressed:
            return None
        if setting.conversation.holder is not None:
            return None
        try:
            async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
                return await asyncio.to_thread(self._answerer.answer, text, setting.grants, now.date(), past.said)
        except Exception as error:  # the turn's edge: an index that fails is a signal, not an end
            logger.exception("the answer failed")
            return Failure(what=f"answer: {type(error).__name__}")

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
            await self._casework.follow(connection, here, one.message, one.setting.subject, now)
            await self._answer_press(connection, one, now)
            if here.holder is None:
                await self._tell_privately(connection, one, now)
                handed_on = await self._hand_on(connection, one, now)
                parts += [said for said in (welcome or self._words(one, notice, handed_on),) if said]
        for message in waiting:  # after the messages were kept: what changes may be one of them
            await self._keep_change(connection, message, now)
        if here.holder is not None or not parts:
            return Turn(considered=considered, told=(), held=here.holder is not None)
        text = "\n\n".join(_without_trifles(parts))
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

    async def _tell_privately(self, connection: AsyncConnection, one: Considered, now: datetime) -> None:
        """Answers the asker directly what their room may not hear."""
        if one.privately is None or not one.message.addressed or one.setting.customer is None:
            return
        place = await self._direct(connection, one, now)
        if place.holder is not None:
            return
        text = replies.from_a_room(one.message.text.strip(), replies.answer(one.privately))
        draft = outbox.Draft(
            key=f"privately:{one.message.id}",
            address=place.address,
            text=text,
            purpose=Purpose.ANSWER,
            author=CONCIERGE,
            conversation=place.id,
            buttons=answer_buttons(one.message.id),
        )
        row = await outbox.put(connection, draft, now=now)
        await transcript.say(
            connection, conversation=place.id, at=now, role="concierge", author="", text=text, outbox=row
        )

    async def _direct(self, connection: AsyncConnection, one: Considered, now: datetime) -> Conversation:
        """Where somebody who wrote in a room is reached alone; both platforms take a person's id for that."""
        assert one.setting.customer is not None
        found = await conversations.direct_with(connection, one.setting.customer)
        if found is not None:
            return found
        here, sender = one.setting.conversation.address, one.message.sender
        alone = Address(channel=sender.channel, team=here.team, room=sender.user)
        return await conversations.ensure(connection, alone, direct=True, customer=one.setting.customer, now=now)

    async def _keep_change(self, connection: AsyncConnection, message: Received, now: datetime) -> None:
        if message.about is not None and message.kind is Kind.EDIT:
            await transcript.edit(connection, message.about, text=message.text, at=_when(message, now))
        elif message.about is not None and message.kind is Kind.DELETION:
            await transcript.delete(connection, message.about, at=_when(message, now))

    async def _keep(self, connection: AsyncConnection, one: Considered, now: datetime, *, held: bool) -> None:
        place, message = one.setting.conversation.id, one.message
        role = {Customer: "customer", Steward: "steward"}.get(type(one.setting.person), "stranger")
        await transcript.say(
            connection,
            conversation=place,
            at=_when(message, now),
            role=role,
            author=one.setting.person.id if one.setting.person else "",
            text=_said_by(one),
            message_key=message.message_key,
            inbox=message.id,
        )
        at = _when(message, now)
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
        if one.setting.customer is not None:
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
        await self._casework.hand_on(connection, message, customer=setting.customer, steward=chain.steward, now=now)
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
            buttons=_buttons_for(considered),
            grants=frozenset() if here.direct else last.setting.grants,
        )
        row = await outbox.put(connection, draft, now=now)
        await transcript.say(
            connection, conversation=here.id, at=now, role="concierge", author="", text=text, outbox=row
        )
        if row is not None:
            messages = [one.message.id for one in considered]
            await self._casework.follow_answer(
                connection, here, last.setting.subject, text, messages=messages, row=row, now=now
            )

    # ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _words(self, one: Considered, notice: str | None, handed_on: str | None) -> str:
        """What is said about one message: its answer, and who has been asked. In a room, the answer alone.

        Nothing is said there to those who talk to each other.
        """
        if not one.message.addressed:
            return ""
        if handed_on is not None:
            said = "" if not one.message.text.strip() and notice is None else self._in_words(one, notice)
            return f"{said}\n\n{handed_on}" if said else handed_on
        return self._in_words(one, notice)

    def _in_words(self, one: Considered, notice: str | None) -> str:
        if one.pressed is not None or one.message.kind is Kind.PRESS:
            return self._of_press(one, notice)
        if not one.setting.conversation.direct:
            return self._said(one, steward=None)
        if one.setting.person is None:
            return notice or replies.stranger(self._pack.organisations[self._pack.provider].name)
        if notice is None:
            return self._said(one, steward=self._steward_of(one.setting))
        if one.decision.severity is Severity.critical or one.found is None:
            return notice  # nothing stands before it
        if isinstance(one.found, Abstention) and not one.question:
            return notice
        return f"{self._said(one, steward=None)}\n\n{notice}"

    def _of_press(self, one: Considered, notice: str | None) -> str:
        if not one.may_press or not one.setting.conversation.direct:
            return ""
        gap = one.pressed is not None and one.pressed.action == "gap"
        return notice or (replies.did_not_answer(self._steward_of(one.setting)) if gap else "")

    def _said(self, one: Considered, *, steward: str | None) -> str:
        text = one.message.text.strip()
        match one.found:
            case Answer():
                return replies.answer(one.found)
            case Failure():
                return replies.failed()
            case Abstention() if one.question and not one.setting.conversation.direct:
                return replies.not_in_this_room()
            case Abstention() if one.question:
                return replies.not_in_the_documents(steward)
            case _ if not text:
                return replies.empty()
            case _ if one.reading.unread_language:
                return replies.unread_language()
            case _ if len(text) > replies.TOO_LONG:
                return replies.too_long()
            case _ if one.found is None and is_courtesy(text) and not one.reading.cues:
                return replies.courtesy()
            case _ if one.setting.conversation.direct:
                return replies.heard(one.reading, steward)
            case _:
                return replies.courtesy()

    def _steward_of(self, setting: Setting) -> str | None:
        if setting.customer is None:
            return None
        return self._pack.stewards[care_for(self._pack, setting.customer, setting.mission).steward].name


def _with(past: Past, one: Considered, now: datetime) -> Past:
    """The past, as the next message of the same turn finds it."""
    missed = (now,) if one.question and isinstance(one.found, Abstention | Failure) else ()
    moment = Moment(at=_when(one.message, now), intensity=_trouble(one.reading))
    return replace(
        past,
        moments=(*past.moments, moment),
        unanswered=(*past.unanswered, *missed),
        said=(*past.said, one.message.text)[-EARLIER:],
    )


def _said_by(one: Considered) -> str:
    if one.message.kind is not Kind.PRESS:
        return one.message.text
    return f"[pressed: {ACTIONS[one.pressed.action].label if one.pressed else 'an old button'}]"


def _buttons_for(considered: Sequence[Considered]) -> tuple[Meaning, ...]:
    """Under what was looked up: that it did not help, and that a person is needed."""
    looked_up = [one for one in considered if one.setting.customer and isinstance(one.found, Answer | Abstention)]
    return answer_buttons(looked_up[-1].message.id) if looked_up else ()


def _when(message: Received, now: datetime) -> datetime:
    # a platform's clock may run ahead of ours; nobody wrote in the future
    return min(message.sent_at, now)


def _trouble(read: Reading) -> float:
    return max((cue.intensity for cue in read.cues if cue.name in TROUBLED), default=0.0)


def _outcome(one: Considered, now: datetime) -> Outcome:
    match one.found:
        case Answer() as found:
            outcome, score = "answered", found.score
            places = [replies.cited(sentence.citation) for sentence in found.sentences]
        case Abstention() as found:
            outcome, score, places = "abstained", found.score, []
        case _:
            outcome, score, places = "failed", 0.0, []
    return Outcome(
        inbox=one.message.id,
        at=now,
        outcome=outcome,
        question=one.question,
        score=score,
        citations=tuple(dict.fromkeys(places)),
    )


def _without_trifles(parts: Sequence[str]) -> list[str]:
    """Of several replies in one turn, a mere "I'm here" goes where something was said; nothing is said twice."""
    unique = list(dict.fromkeys(parts))
    return [one for one in unique if one != replies.courtesy()] or unique
