"""What stewards do at their desks in chat apps: presses and forms, words under a card, the page they open.

Every press and every line is authorised here, whatever a platform showed to whom: only a steward in whose care or on
whose ladder the customer is may act. Each is one transaction with the inbox row that carried it, so that a crash
neither loses it nor does it twice.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.casework import Casework, NotAllowed
from bot.desk import actions, commands
from bot.desk.actions import ACTIONS, ESCALATION, MESSAGE, POST
from bot.desk.commands import Do, Keep, Note, Promised, ToCustomer, Unclear
from bot.desks import CONCIERGE
from bot.errors import BotError
from bot.growing.keeping import Keeping
from bot.ledger import buttons, cards, inbox, invitations, outbox
from bot.ledger.buttons import Meaning
from bot.ledger.cards import Place
from bot.ledger.conversations import Conversation
from bot.ledger.engine import RecordUnavailable, reading, writing
from bot.ledger.inbox import Received
from bot.ledger.outbox import Origin
from bot.messages import Act, Form, Identity, Kind, Purpose
from bot.pack import Customer, Pack, Steward, care_for
from bot.people import find
from escalation import EscalationError, promises, record
from escalation.care import order
from escalation.case import Escalation
from escalation.record import Correction

NOT_YOURS = "That is not yours to press. Nothing was done."
NOT_SENT = "Only a steward of this customer can write to them from here. Nothing was sent."
NO_CARD = "I cannot tell which escalation this belongs to, so nothing was sent. Write under its card."
NOT_EDITED = "What was sent stays as it was: the customer has your first words. Write again what should be different."
_INTENSITY = re.compile(r"(0?\.[0-9]{1,6}|[01]|1\.0{1,6})(?:\s+(.*))?", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Matter:
    """What an inbox row is at a desk: a button (`meaning`), something under a card (`place`), or a page (neither)."""

    message: Received
    conversation: Conversation
    person: Customer | Steward | None
    meaning: Meaning | None = None
    place: Place | None = None

    @property
    def steward(self) -> str:
        """Who acts. Raises NotAllowed where it is no steward: outsiders can press buttons, too."""
        if not isinstance(self.person, Steward):
            raise NotAllowed(NOT_YOURS if self.meaning else NOT_SENT)
        return self.person.id


class _Done(Exception):
    """Another process has dealt with the row: nothing of this one may stand."""


class DeskTurns:
    """Hears desks, over one pack and one record."""

    def __init__(self, pack: Pack, engine: AsyncEngine, casework: Casework, keeping: Keeping) -> None:
        self._pack = pack
        self._engine = engine
        self._casework = casework
        self._keeping = keeping

    # ── what is a desk's matter ──────────────────────────────────────────────────────────────────────────────────────

    async def matter(
        self,
        connection: AsyncConnection,
        conversation: Conversation,
        message: Received,
        bound: Mapping[Identity, str],
    ) -> Matter | None:
        """What a row is at a desk; None where it is a conversation's, and the concierge's to answer."""
        person = find(self._pack, message.sender, bound)
        matter = Matter(message=message, conversation=conversation, person=person)
        if message.kind is Kind.HOME:
            return matter
        if message.pressed is not None:
            meaning = await buttons.meaning_of(connection, message.pressed.token)
            known = meaning is not None and meaning.action in ACTIONS
            if meaning is not None and meaning.kind == MESSAGE:
                return None
            # a desk's button does nothing in a shared room, whoever presses it: what it asks and tells is not for there
            here = conversation.direct or await cards.is_desk(connection, conversation.address)
            return replace(matter, meaning=meaning) if known and here else matter
        if not isinstance(person, Steward) and not await cards.is_desk(connection, conversation.address):
            return None
        place = await cards.under(connection, conversation.address, thread=message.thread, answers=message.answers)
        if message.answers and message.kind is Kind.MESSAGE:
            token = await outbox.prompted(connection, conversation.address, message.answers)
            meaning = await buttons.meaning_of(connection, token) if token else None
            if meaning is not None:
                return replace(matter, meaning=meaning, place=place)
        if place is not None:
            return replace(matter, place=place)
        stray = message.thread and message.kind is Kind.MESSAGE and not message.addressed
        return matter if stray and await cards.is_desk(connection, conversation.address) else None

    async def form(self, token: str, by: Identity) -> Form | None:
        """What a button asks of this person before it does something."""
        async with reading(self._engine) as connection:
            meaning = await buttons.meaning_of(connection, token)
            person = find(self._pack, by, await invitations.bound(connection))
            if meaning is None or meaning.kind != ESCALATION or not isinstance(person, Steward):
                return None
            one = await record.load(connection, meaning.number)
            if one is None or not self._casework.may_act(person.id, one):
                return None
            return actions.form(meaning, await self._choices(connection, meaning, one))

    async def _choices(
        self, connection: AsyncConnection, meaning: Meaning, one: Escalation
    ) -> tuple[tuple[str, str], ...]:
        chain = care_for(self._pack, one.customer, one.mission)
        return actions.choices(
            meaning,
            one,
            names={each.id: each.name for each in self._pack.stewards.values()},
            order=order(chain, one.topic, self._pack.stewards),
            cues=await record.cues_in(connection, one.messages),
        )

    # ── dealing with it ──────────────────────────────────────────────────────────────────────────────────────────────

    async def take(self, matter: Matter, now: datetime) -> bool:
        """Does what a steward asked for, and tells them; False where another process has done it."""
        try:
            await self._deal(matter, now)
        except _Done:
            return False
        except RecordUnavailable:
            raise  # nobody did anything wrong: the row stays, and is taken again
        except BotError as error:
            return await self._refuse(matter, str(error), now)
        except EscalationError as error:
            return await self._refuse(matter, self._with_names(str(error)), now)
        return True

    def _with_names(self, text: str) -> str:
        """An escalation knows stewards by their ids; people know them by their names."""
        ids = re.compile(rf"\b({'|'.join(map(re.escape, self._pack.stewards))})\b")
        return ids.sub(lambda found: self._pack.stewards[found[0]].name, text)

    async def _deal(self, matter: Matter, now: datetime) -> None:
        message = matter.message
        if message.kind is Kind.HOME:
            await self._alone(matter, now, self._show_home)
        elif message.pressed is not None and matter.meaning is None:
            raise NotAllowed("That button is from before and does nothing any more.")
        elif matter.meaning is not None:
            pressed = message.pressed
            choice = (pressed.choice if pressed else "") or matter.meaning.choice
            words = pressed.words if pressed else message.text.strip()
            await self._press(matter, matter.meaning, choice, words, now)
        elif message.kind in (Kind.EDIT, Kind.DELETION):
            told = None if message.text.startswith(commands.INTERNAL) else NOT_EDITED
            await self._alone(matter, now, self._saying(told))
        elif message.kind is not Kind.MESSAGE:
            await self._alone(matter, now, self._saying(None))
        elif matter.place is None:
            raise NotAllowed(NO_CARD)
        else:
            await self._line(matter, matter.place.escalation, now)

    async def _line(self, matter: Matter, escalation: int, now: datetime) -> None:
        steward, message = matter.steward, matter.message
        match commands.heard(message.text):
            case ToCustomer(text=text):
                if message.attachments:
                    names = ", ".join(one.what for one in message.attachments)
                    raise NotAllowed(f"I can pass on words only, not {names}; nothing was sent. Send the words alone.")
                origin = Origin(address=matter.conversation.address, ref=message.ref, direct=matter.conversation.direct)
                await self._casework.reply(
                    escalation, steward, text, now, origin=origin, also=self._telling(matter, None, now)
                )
            case Note(text=text):
                await self._casework.note(escalation, steward, text, now, also=self._confirming(matter, now))
            case Promised(due=due, what=what):
                await self._promise(matter, escalation, due=due, what=what, now=now)
            case Keep() as wanted:
                await self._propose(matter, escalation, wanted, now)
            case Unclear(told=told):
                raise NotAllowed(told)
            case Do(action="proposals"):
                await self._alone(matter, now, self._show_proposals)
            case Do(action="approve" | "reject" | "withdraw" as action, choice=number, words=why):
                await self._decide(matter, action, int(number), why, now)
            case Do(action="help"):
                await self._alone(matter, now, self._saying(commands.HELP))
            case Do(action="cues"):
                await self._show_cues(matter, escalation, now)
            case Do(action="kept", choice=number):
                await self._kept(matter, int(number), now)
            case Do(action="again" | "arrived" as action, choice=number):
                meaning = Meaning(action=action, kind=POST, number=int(number))
                await self._press(matter, meaning, "", "", now)
            case Do(action=action, choice=choice, words=words):
                meaning = Meaning(action=action, kind=ESCALATION, number=escalation)
                await self._press(matter, meaning, choice, words, now)

    async def _press(self, matter: Matter, meaning: Meaning, choice: str, words: str, now: datetime) -> None:
        steward, number, house = matter.steward, meaning.number, self._casework
        match meaning.action:
            case "acknowledge":
                told = "Acknowledged. The customer has been told that you have seen it."
                await house.acknowledge(number, steward, now, also=self._telling(matter, told, now))
            case "accept":
                if (await self._mine(matter, number)).offered_to != steward:
                    raise NotAllowed(f"Escalation {number} is not offered to you.")
                told = "It is yours now. The customer has been told."
                await house.acknowledge(number, steward, now, also=self._telling(matter, told, now))
            case "take":
                told = "You hold the conversation; the concierge is silent. Write under the card."
                await house.take_over(number, steward, now, also=self._telling(matter, told, now))
            case "back":
                told = "The concierge speaks again. The escalation stays yours until it is resolved."
                await house.hand_back(number, steward, now, also=self._telling(matter, told, now))
            case "decline":
                told = "Declined. It stays where it was."
                await house.decline(number, steward, now, also=self._telling(matter, told, now))
            case "again" | "arrived":
                told = "It is sent again." if meaning.action == "again" else "Noted: it arrived."
                again = meaning.action == "again"
                await house.settle(number, steward, again=again, now=now, also=self._telling(matter, told, now))
            case "hand" if choice:
                told = f"{self._name(choice)} has been asked. It stays with you until they accept."
                await house.offer(
                    number, steward, to=choice, brief=words, now=now, also=self._telling(matter, told, now)
                )
            case "resolve" if words:
                told = "Resolved. The customer has been told that you have closed it."
                await house.resolve(number, steward, outcome=words, now=now, also=self._telling(matter, told, now))
            case "correct" if choice:
                await self._correct(matter, number, choice, words, now)
            case _:
                await self._ask_for_more(matter, meaning, now)

    # ── what needs more than a press, where no form could be opened ──────────────────────────────────────────────────

    async def _ask_for_more(self, matter: Matter, meaning: Meaning, now: datetime) -> None:
        await self._mine(matter, meaning.number)

        async def ask(connection: AsyncConnection, matter: Matter, now: datetime) -> None:
            one = await record.load(connection, meaning.number)
            assert one is not None
            if matter.message.pressed is not None:
                await self._tell(connection, matter, "I have asked for it below.", now)
            if ACTIONS[meaning.action].chooses:
                chosen_from = await self._choices(connection, meaning, one)
                offered = tuple(replace(meaning, choice=value) for value, _ in chosen_from)
                labels = "\n".join(f"{n}. {label}" for n, (_, label) in enumerate(chosen_from, 1))
                text = f"{ACTIONS[meaning.action].label}\n{labels}" if offered else "There is nothing to choose from."
                await self._say(connection, matter, text, now, offered=offered)
                return
            token = await buttons.token_for(connection, meaning)
            asked = actions.form(meaning, ())
            text = f"{asked.write if asked else ''} Answer this message, or write //{meaning.action} and the words."
            await self._say(connection, matter, text, now, prompt=token)

        await self._alone(matter, now, ask)

    # ── cues and promises ────────────────────────────────────────────────────────────────────────────────────────────

    async def _correct(self, matter: Matter, escalation: int, choice: str, words: str, now: datetime) -> None:
        number, _, there = choice.partition(":")
        found = _INTENSITY.fullmatch(words.strip())
        intensity, note = (float(found[1]), found[2] or "") if found else (None, words.strip())
        correction = Correction(
            at=now, steward=matter.steward, was_there=there == "yes", intensity=intensity, note=note
        )

        async def correct(connection: AsyncConnection, matter: Matter, now: datetime) -> None:
            logged = await record.cue(connection, int(number)) if number.isdecimal() else None
            customer = logged.customer if logged else None
            if logged is None or customer is None or not self._casework.cares_for(matter.steward, customer):
                raise NotAllowed(f"There is no cue {number} of a customer in your care.")
            await record.correct(connection, logged.id, correction)
            await self._refresh(connection, matter, escalation, now)
            await self._tell(connection, matter, "Kept beside the log; what was logged stays as it was.", now)

        await self._alone(matter, now, correct)

    async def _show_cues(self, matter: Matter, escalation: int, now: datetime) -> None:
        one = await self._mine(matter, escalation)
        async with reading(self._engine) as connection:
            log = await record.cues_of(connection, customer=one.customer, count=20) if one.customer else ()
        lines = [
            f"{each.id}. {each.at:%d %b %H:%M} UTC · {each.cue.name} {each.cue.intensity:.1f} · "
            f"“{'”, “'.join(each.cue.words)}”" + "".join(f" · {c.steward}: {_said(c)}" for c in each.corrections)
            for each in log
        ]
        await self._alone(matter, now, self._saying("\n".join(lines) or "No cue has been logged."))

    async def _promise(self, matter: Matter, escalation: int, *, due: date, what: str, now: datetime) -> None:
        one = await self._mine(matter, escalation)
        customer = one.customer
        if customer is None:
            raise NotAllowed("Nobody knows who this is, so no promise can be kept in their list.")

        async def promise(connection: AsyncConnection, matter: Matter, now: datetime) -> None:
            number = await promises.make(
                connection, customer=customer, steward=matter.steward, what=what, due=due, now=now
            )
            await self._refresh(connection, matter, escalation, now)
            told = f"Promise {number} is in the list, due {due}; //kept {number} ends it."
            await self._tell(connection, matter, told, now)

        await self._alone(matter, now, promise)

    async def _kept(self, matter: Matter, number: int, now: datetime) -> None:
        async def keep(connection: AsyncConnection, matter: Matter, now: datetime) -> None:
            found = await promises.by_id(connection, number)
            if found is None or not self._casework.cares_for(matter.steward, found.customer):
                raise NotAllowed(f"There is no promise {number} to a customer in your care.")
            await promises.keep(connection, number, now=now)
            if matter.place is not None:
                await self._refresh(connection, matter, matter.place.escalation, now)
            await self._tell(connection, matter, f"Promise {number} is kept.", now)

        await self._alone(matter, now, keep)

    # ── answers that are kept as documents ───────────────────────────────────────────────────────────────────────────

    async def _propose(self, matter: Matter, escalation: int, wanted: Keep, now: datetime) -> None:
        one = await self._mine(matter, escalation)

        async def propose(connection: AsyncConnection, matter: Matter, now: datetime) -> None:
            told = await self._keeping.propose(
                connection,
                one,
                wanted,
                by=matter.steward,
                ref=matter.message.answers,
                here=matter.conversation.address,
                now=now,
            )
            await self._tell(connection, matter, told, now)

        await self._alone(matter, now, propose)

    async def _show_proposals(self, connection: AsyncConnection, matter: Matter, now: datetime) -> None:
        await self._tell(connection, matter, await self._keeping.waiting_for(connection, matter.steward), now)

    async def _decide(self, matter: Matter, action: str, number: int, why: str, now: datetime) -> None:
        async def decide(connection: AsyncConnection, matter: Matter, now: datetime) -> None:
            by, here = matter.steward, matter.conversation.address
            if action == "withdraw":
                told = await self._keeping.withdraw(connection, number, by=by, why=why, here=here, now=now)
            else:
                told = await self._keeping.decide(
                    connection, number, approve=action == "approve", by=by, why=why, here=here, now=now
                )
            await self._tell(connection, matter, told, now)

        await self._alone(matter, now, decide)
        self._keeping.soon()

    # ── one transaction each ─────────────────────────────────────────────────────────────────────────────────────────

    async def _mine(self, matter: Matter, escalation: int) -> Escalation:
        async with reading(self._engine) as connection:
            found = await record.load(connection, escalation)
        if found is None or not self._casework.may_act(matter.steward, found):
            raise NotAllowed(f"There is no escalation {escalation} in your care.")
        return found

    async def _alone(
        self, matter: Matter, now: datetime, do: Callable[[AsyncConnection, Matter, datetime], Awaitable[None]]
    ) -> None:
        """Something that is no step of an escalation."""
        async with writing(self._engine) as connection:
            await self._finish(connection, matter, now)
            await do(connection, matter, now)

    def _telling(self, matter: Matter, text: str | None, now: datetime) -> Callable[[AsyncConnection], Awaitable[None]]:
        async def also(connection: AsyncConnection) -> None:
            await self._finish(connection, matter, now)
            if text is not None:
                await self._tell(connection, matter, text, now)

        return also

    def _confirming(self, matter: Matter, now: datetime) -> Callable[[AsyncConnection], Awaitable[None]]:
        async def also(connection: AsyncConnection) -> None:
            await self._finish(connection, matter, now)
            await self._say(connection, matter, "", now, act=Act.REACT)

        return also

    def _saying(self, text: str | None) -> Callable[[AsyncConnection, Matter, datetime], Awaitable[None]]:
        async def say(connection: AsyncConnection, matter: Matter, now: datetime) -> None:
            if text is not None:
                await self._tell(connection, matter, text, now)

        return say

    async def _refresh(self, connection: AsyncConnection, matter: Matter, escalation: int, now: datetime) -> None:
        """Shows on the cards what is no step of an escalation, but belongs to its customer."""
        one = await record.load(connection, escalation)
        if one is not None:
            await self._casework.desks.refresh(connection, one, now, about=f"row:{matter.message.id}")

    async def _finish(self, connection: AsyncConnection, matter: Matter, now: datetime) -> None:
        if not await inbox.finish(connection, [matter.message.id], now=now):
            raise _Done

    async def _refuse(self, matter: Matter, why: str, now: datetime) -> bool:
        """A polite no, to whoever tried."""
        try:
            await self._alone(matter, now, self._saying(why))
        except _Done:
            return False
        return True

    async def _show_home(self, connection: AsyncConnection, matter: Matter, now: datetime) -> None:
        await self._say(connection, matter, "", now, act=Act.HOME)

    # ── words back ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _tell(self, connection: AsyncConnection, matter: Matter, text: str, now: datetime) -> None:
        """To a press, in the ear of whoever pressed; to a line, under it."""
        pressed = matter.message.pressed
        await self._say(connection, matter, text, now, act=Act.WHISPER if pressed and pressed.handle else Act.SAY)

    async def _say(
        self,
        connection: AsyncConnection,
        matter: Matter,
        text: str,
        now: datetime,
        *,
        act: Act = Act.SAY,
        offered: tuple[Meaning, ...] = (),
        prompt: str = "",
    ) -> None:
        message, pressed = matter.message, matter.message.pressed
        target = {Act.WHISPER: pressed.handle if pressed else "", Act.REACT: message.ref}.get(act, "")
        # the no to an outsider says nothing of desks: it reaches them in whatever room they pressed
        outsider = act is Act.WHISPER and not isinstance(matter.person, Steward)
        draft = outbox.Draft(
            key=f"desk:{message.id}:{act}{':ask' if offered or prompt else ''}",
            address=matter.conversation.address,
            direct=matter.conversation.direct,
            text=text,
            purpose=Purpose.NOTICE if outsider else Purpose.DESK,
            author=CONCIERGE,
            conversation=None,
            act=act,
            target=target,
            recipient=message.sender,
            thread=message.thread,
            under="" if message.thread else message.ref,
            buttons=offered,
            card=matter.place.id if matter.place and act is Act.SAY else None,
            prompt=prompt,
        )
        await outbox.put(connection, draft, now=now)

    def _name(self, steward: str) -> str:
        found = self._pack.stewards.get(steward)
        return found.name if found else steward


def _said(correction: Correction) -> str:
    return ("yes" if correction.was_there else "no") + (f", {correction.note}" if correction.note else "")
