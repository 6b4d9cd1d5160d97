"""One turn: what waits in a conversation is read, understood, answered, and kept — in a single transaction.

    take what waits → who reads here → cues → answer or abstention → policy → ONE transaction

Pipelines do not decide: `escalation.policy`, `bot.access` and `knowledge` do; this module asks them in order and
gives their values to the record.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot import access, replies
from bot.casework import CONCIERGE, Casework
from bot.ledger import conversations, inbox, outbox, transcript
from bot.ledger.conversations import Conversation
from bot.ledger.engine import reading, writing
from bot.ledger.inbox import Received
from bot.ledger.transcript import Outcome
from bot.messages import Kind, Purpose
from bot.pack import Customer, Pack, Steward, care_for, phase_of
from bot.people import find, mission_in, mission_of, room_at
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
    """What the record says of the conversation before this turn."""

    moments: tuple[Moment, ...]
    unanswered: tuple[datetime, ...]
    said: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Considered:
    """One message with all that was found in it and decided about it. `found` is None where nothing was looked up."""

    message: Received
    setting: Setting
    reading: Reading
    question: bool
    found: Answer | Abstention | Failure | None
    decision: Decision
    strain: float


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
        self, pack: Pack, engine: AsyncEngine, answerer: Answerer, reader: CueReader, casework: Casework
    ) -> None:
        self._pack = pack
        self._engine = engine
        self._answerer = answerer
        self._reader = reader
        self._casework = casework

    async def take_turn(self, conversation: int, now: datetime) -> Turn | None:
        """Answers everything that waits in a conversation, together. None where nothing waits any more."""
        for _ in range(ATTEMPTS):
            async with reading(self._engine) as connection:
                waiting = await inbox.waiting(connection, conversation)
                if not waiting:
                    return None
                place = await conversations.by_id(connection, conversation)
                past = await self._past(connection, place, now)
            try:
                return await self._answer(place, waiting, past, now)
            except (_Overtaken, record.StaleEscalation):
                continue  # look again: what is still waiting is taken anew
        return None

    async def _past(self, connection: AsyncConnection, place: Conversation, now: datetime) -> Past:
        entries = await transcript.latest(connection, place.id, count=4 * EARLIER)
        said = [one.text for one in entries if one.role in ("customer", "stranger") and one.deleted_at is None]
        return Past(
            moments=await record.moments(connection, place.id, since=now - WINDOW),
            unanswered=await transcript.unanswered(connection, place.id, since=place.held_at or place.released_at),
            said=tuple(said[-EARLIER:]),
        )

    async def _answer(self, place: Conversation, waiting: tuple[Received, ...], past: Past, now: datetime) -> Turn:
        considered: list[Considered] = []
        for message in waiting:
            if message.kind is not Kind.MESSAGE:
                continue
            one = await self._consider(self._setting(place, message, now), message, past, now)
            considered.append(one)
            past = _with(past, one, now)
        async with writing(self._engine) as connection:
            return await self._commit(connection, place, waiting, tuple(considered), now)

    # ── who reads here ───────────────────────────────────────────────────────────────────────────────────────────────

    def _setting(self, place: Conversation, message: Received, now: datetime) -> Setting:
        person = find(self._pack, message.sender)
        customer = person.id if isinstance(person, Customer) else None
        if place.direct:
            grants, mission = access.direct_grants(self._pack, person), mission_of(self._pack, customer, now)
            phase = phase_of(self._pack, customer, None, now)
        else:
            room = room_at(self._pack, place.address)
            present = [find(self._pack, one) for one in message.present]
            grants = access.room_grants(self._pack, room, [person, *present]) if room else frozenset({"everyone"})
            mission = mission_in(self._pack, customer, room, now)
            phase = phase_of(self._pack, customer, room.mission if room else None, now)
        return Setting(conversation=place, person=person, grants=grants, mission=mission, phase=phase)

    # ── what is in a message ─────────────────────────────────────────────────────────────────────────────────────────

    async def _consider(self, setting: Setting, message: Received, past: Past, now: datetime) -> Considered:
        text = message.text.strip()
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
        )

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
            if here.holder is not None:
                await self._casework.tell_holder(connection, here, one.message, now)
            else:
                handed_on = await self._hand_on(connection, one, now)
                parts += [said for said in (self._words(one, notice, handed_on),) if said]
        for message in waiting:  # after the messages were kept: what changes may be one of them
            await self._keep_change(connection, message, now)
        if here.holder is not None or not parts:
            return Turn(considered=considered, told=(), held=here.holder is not None)
        text = "\n\n".join(_without_trifles(parts))
        await self._put(connection, here, considered, text, now)
        return Turn(considered=considered, told=(text,))

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
            text=message.text,
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
        draft = outbox.Draft(
            key=f"answer:{considered[-1].message.id}",  # a message is finished once, and so is its turn
            address=here.address,
            text=text,
            purpose=Purpose.ANSWER,
            author=CONCIERGE,
            conversation=here.id,
            thread=considered[-1].message.thread,
        )
        row = await outbox.put(connection, draft, now=now)
        await transcript.say(
            connection, conversation=here.id, at=now, role="concierge", author="", text=text, outbox=row
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

    def _said(self, one: Considered, *, steward: str | None) -> str:
        text = one.message.text.strip()
        match one.found:
            case Answer():
                return replies.answer(one.found)
            case Failure():
                return replies.failed()
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
