"""What is in a message: its cues, what the documents say to it, and what policy makes of both.

Pipelines do not decide: `escalation.policy` and `knowledge` do; this module asks them and gives their values on.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, Protocol, TypeVar

from bot import access, replies
from bot.desk.actions import MESSAGE
from bot.ledger.buttons import Meaning
from bot.ledger.conversations import Conversation
from bot.ledger.inbox import Received
from bot.messages import Identity, Kind
from bot.pack import Customer, Pack, Person, Steward
from bot.people import find
from escalation.cues import TROUBLED, Cue, CueReader, Reading
from escalation.policy import Decision, Severity, Signals, decide
from escalation.strain import Moment, strain, troubled_messages
from knowledge.answer import Abstention, Answer, Sentence
from knowledge.claims import Think
from knowledge.question import is_courtesy, is_question

logger = logging.getLogger(__name__)

T = TypeVar("T")

ANSWER_WITHIN = timedelta(seconds=20)
THINKING_AT_ONCE: Final = max(2, os.cpu_count() or 2)  # threads: more would not be faster, and keep the loop waiting
EARLIER: Final = 4  # how many of the customer's own earlier messages a reader or a search may look at


class Answerer(Protocol):
    """What the turn needs of `knowledge`."""

    def answer(
        self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()
    ) -> Answer | Abstention:
        """The documents' sentences, or that they do not say."""
        ...


class Teller(Protocol):
    """The same, in a chat model's words where these have been checked."""

    async def answer(
        self,
        question: str,
        grants: frozenset[str],
        on: date,
        before: Sequence[str] = (),
        *,
        think: Think = ...,
        by: float | None = None,
        tell: Callable[[Sentence], None] | None = None,
    ) -> Answer | Abstention:
        """`think` runs what keeps a processor busy; `by` is when the turn gives up, in the event loop's time; `tell`
        hears sentences as they are checked, which no conversation may.
        """
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
    """What the record says of the conversation before this turn; `bound` are the identities that invitations bound,
    `pressed` what the buttons mean that were pressed, and `asked` the messages that these are about, by inbox row.
    """

    moments: tuple[Moment, ...]
    unanswered: tuple[datetime, ...]
    said: tuple[str, ...]
    bound: Mapping[Identity, str]
    pressed: Mapping[int, Meaning]
    asked: Mapping[int, Received]


@dataclass(frozen=True, kw_only=True, slots=True)
class Considered:
    """One message with all that was found in it and decided about it. `found` is None where nothing was looked up.

    `offers`: what a room may read does not say, and there is more that the asker may. `pressed` is the button that was
    pressed, where it is a press; `may_press` says whether it was theirs to press.
    """

    message: Received
    setting: Setting
    reading: Reading
    question: bool
    found: Answer | Abstention | Failure | None
    decision: Decision
    strain: float
    offers: bool = False
    pressed: Meaning | None = None
    may_press: bool = True


class Considering:
    """Considers messages, with one reader of cues and one set of documents."""

    def __init__(self, pack: Pack, answerer: Answerer, reader: CueReader, teller: Teller | None = None) -> None:
        """`teller`: answers in a chat model's words, where one is configured."""
        self._pack = pack
        self._answerer = answerer
        self._teller = teller
        self._reader = reader
        self._room_to_think = asyncio.Semaphore(THINKING_AT_ONCE)

    async def consider(self, setting: Setting, message: Received, past: Past, now: datetime) -> Considered:
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
        moment = Moment(at=when(message, now), intensity=_trouble(reading_))
        moments = (*past.moments, moment)
        signals = replace(
            _signals(
                replace(past, moments=moments), setting, now, cues=reading_.cues, found=found if question else None
            ),
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
            offers=question and self._knows_more(setting, found),
        )

    def _knows_more(self, setting: Setting, found: Answer | Abstention | Failure | None) -> bool:
        """Whether the asker may read what their room may not. Nobody looks whether it says anything."""
        grants = access.direct_grants(self._pack, setting.person)
        return not setting.conversation.direct and isinstance(found, Abstention) and not grants <= setting.grants

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
        if meaning.action == "here":
            return await self._answer_here(pressed, past, now)
        if meaning.action == "person":
            return self._call_a_person(pressed, past, now)
        if self._asker(past, message) != setting.person:
            return replace(pressed, may_press=False)  # somebody else's question
        signals = _signals(replace(past, unanswered=(*past.unanswered, now)), setting, now)
        return replace(pressed, decision=decide(self._pack.policy, signals))

    def _asker(self, past: Past, message: Received) -> Person | None:
        asked = past.asked.get(message.id)
        return find(self._pack, asked.sender, past.bound) if asked is not None else None

    def _call_a_person(self, pressed: Considered, past: Past, now: datetime) -> Considered:
        """Whoever presses it needs no reader of cues to be understood, and no rule of the pack to be heard."""
        cue = Cue(name="asks_for_person", intensity=1.0, words=())
        decision = decide(self._pack.policy, _signals(past, pressed.setting, now, cues=(cue,)))
        if not decision.calls_somebody:
            decision = Decision(severity=Severity.care, rules=("pressed for a person",))
        return replace(pressed, reading=Reading(cues=(cue,), version="pressed"), decision=decision)

    async def _answer_here(self, pressed: Considered, past: Past, now: datetime) -> Considered:
        """Answers to somebody alone what they had asked in a room."""
        asked, setting = past.asked.get(pressed.message.id), pressed.setting
        theirs = self._asker(past, pressed.message) == setting.person
        if asked is None or not theirs or not setting.conversation.direct:
            return replace(pressed, may_press=False)
        found = await self._look_up(setting, asked.text.strip(), past, now, addressed=True)
        signals = _signals(past, setting, now, found=found)
        return replace(pressed, question=True, found=found, decision=decide(self._pack.policy, signals))

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
            async with self._room_to_think, asyncio.timeout(ANSWER_WITHIN.total_seconds()):
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
            if self._teller is not None:
                async with asyncio.timeout(ANSWER_WITHIN.total_seconds()) as limit:
                    return await self._teller.answer(
                        text, setting.grants, now.date(), past.said, think=self._think, by=limit.when()
                    )
            async with self._room_to_think, asyncio.timeout(ANSWER_WITHIN.total_seconds()):
                return await asyncio.to_thread(self._answerer.answer, text, setting.grants, now.date(), past.said)
        except Exception as error:  # the turn's edge: an index that fails is a signal, not an end
            logger.exception("the answer failed")
            return Failure(what=f"answer: {type(error).__name__}")

    async def _think(self, do: Callable[[], T], /) -> T:
        """In a thread; nobody keeps a place there while a model far away is waited for."""
        async with self._room_to_think:
            return await asyncio.to_thread(do)


def with_message(past: Past, one: Considered, now: datetime) -> Past:
    """The past, as the next message of the same turn finds it."""
    missed = (now,) if one.question and leaves_open(one.found) else ()
    moment = Moment(at=when(one.message, now), intensity=_trouble(one.reading))
    return replace(
        past,
        moments=(*past.moments, moment),
        unanswered=(*past.unanswered, *missed),
        said=(*past.said, one.message.text)[-EARLIER:],
    )


def leaves_open(found: Answer | Abstention | Failure | None) -> bool:
    """Whether something that was asked is not answered, in whole or in part."""
    return isinstance(found, Abstention | Failure) or (isinstance(found, Answer) and bool(found.missing))


def _signals(
    past: Past,
    setting: Setting,
    now: datetime,
    *,
    cues: Sequence[Cue] = (),
    found: Answer | Abstention | Failure | None = None,
) -> Signals:
    """What policy looks at; `found` is what was found for a question, if one was asked."""
    return Signals(
        now=now,
        cues=tuple(cues),
        phase=setting.phase,
        strain=strain(past.moments, now),
        messages=troubled_messages(past.moments, now),
        unanswered=(*past.unanswered, now) if leaves_open(found) else past.unanswered,
        failed=isinstance(found, Failure),
        disagree=isinstance(found, Answer) and bool(found.conflict),
    )


def when(message: Received, now: datetime) -> datetime:
    # a platform's clock may run ahead of ours; nobody wrote in the future
    return min(message.sent_at, now)


def _trouble(read: Reading) -> float:
    return max((cue.intensity for cue in read.cues if cue.name in TROUBLED), default=0.0)
