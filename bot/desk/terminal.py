"""A steward's desk in the terminal: one line is one command."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.casework import Casework
from bot.desk import commands
from bot.desk.briefing import dossier
from bot.errors import BotError
from bot.growing.keeping import Keeping
from bot.growing.publishing import Publisher
from bot.ledger.engine import reading, writing
from bot.messages import readable
from bot.pack import Pack
from escalation import EscalationError, record
from escalation.case import Escalation
from escalation.dossier import render
from escalation.record import Correction

HELP = """\
list                         the open escalations in your care
show N                       the dossier of escalation N
ack N                        "I have seen it": the customer is told
reply N what you write       answer the customer in your name; you hold the conversation from then on
take N                       hold the conversation without writing yet
back N                       let the concierge speak again
hand N to STEWARD: brief     ask another steward to take it; they accept with `accept N`
accept N  ·  decline N       answer such a request
resolve N how it ended       close it
cues CUSTOMER                their cue log, with numbers
correct C yes|no [0..1] why  say what you see in cue number C; it is kept beside the log
keep N "title" for AUDIENCE  propose your last answer of escalation N as a document; after a colon, other words for it
proposals                    what waits for a second steward, word for word
approve P  ·  reject P why   decide what another steward has proposed
withdraw P why               take what was approved out of the documents
help  ·  quit"""


_INTENSITY = re.compile(r"0?\.[0-9]{1,6}|[01]|1\.0{1,6}")


class TerminalDesk:
    """Hears commands of one steward and answers with text."""

    def __init__(
        self,
        pack: Pack,
        engine: AsyncEngine,
        casework: Casework,
        steward: str,
        clock: Callable[[], datetime],
        keeping: Keeping | None = None,
    ) -> None:
        self._keeping = keeping or Keeping(pack, casework.desks, Publisher(pack, engine))
        self._pack = pack
        self._engine = engine
        self._casework = casework
        self._steward = steward
        self._clock = clock
        self._verbs: dict[str, Callable[[str], Awaitable[str]]] = {
            "list": self._list,
            "show": self._show,
            "ack": self._acknowledge,
            "reply": self._reply,
            "take": self._take,
            "back": self._back,
            "hand": self._hand,
            "accept": self._acknowledge,
            "decline": self._decline,
            "resolve": self._resolve,
            "cues": self._cues,
            "correct": self._correct,
            "keep": self._keep,
            "proposals": self._proposals,
            "approve": self._approve,
            "reject": self._reject,
            "withdraw": self._withdraw,
            "help": self._help,
        }

    async def hear(self, line: str) -> str:
        """Does what a line says and returns what the steward should read; their mistakes are told, not raised."""
        verb, _, rest = readable(line).strip().partition(" ")
        do = self._verbs.get(verb.lower())
        if do is None:
            return f"There is no command {verb!r}.\n{HELP}"
        try:
            return await do(rest.strip())
        except (BotError, EscalationError, _Usage) as error:
            return str(error)

    async def _help(self, _rest: str) -> str:
        return HELP

    async def _list(self, _rest: str) -> str:
        found = await self._casework.open_for_steward(self._steward)
        if not found:
            return "Nothing is open in your care."
        return "\n".join(self._line(one) for one in found)

    def _line(self, one: Escalation) -> str:
        customer = self._pack.customers.get(one.customer or "")
        who = customer.name if customer else "somebody we do not know"
        steward = self._pack.stewards.get(one.owner or "")
        owner = f"with {steward.name}" if steward else "nobody has acknowledged it"
        by = f", answer by {one.answer_by:%H:%M} UTC" if one.answer_by else ""
        offered = " — offered to you" if one.offered_to == self._steward else ""
        return f"#{one.id}  {one.severity.name:<8} {who} — {', '.join(one.rules)} — {owner}{by}{offered}"

    async def _show(self, rest: str) -> str:
        one = await self._mine(rest)
        return render(await dossier(self._pack, self._engine, one, self._steward, self._clock()))

    async def _acknowledge(self, rest: str) -> str:
        one = await self._casework.acknowledge(_number(rest), self._steward, self._clock())
        return f"Escalation {one.id} is yours; the customer has been told that you have seen it."

    async def _reply(self, rest: str) -> str:
        number, _, text = rest.partition(" ")
        one = await self._casework.reply(_number(number), self._steward, text, self._clock())
        return (
            f"Sent. You hold the conversation of escalation {one.id}; `back {one.id}` lets the concierge speak again."
        )

    async def _take(self, rest: str) -> str:
        one = await self._casework.take_over(_number(rest), self._steward, self._clock())
        return f"You hold the conversation of escalation {one.id}; the concierge is silent."

    async def _back(self, rest: str) -> str:
        one = await self._casework.hand_back(_number(rest), self._steward, self._clock())
        return f"The concierge speaks again in the conversation of escalation {one.id}."

    async def _hand(self, rest: str) -> str:
        number, _, to_brief = rest.partition(" to ")
        to, _, brief = to_brief.partition(":")
        if not to.strip():
            raise _Usage("Write it as: hand N to STEWARD: what they should know")
        one = await self._casework.offer(
            _number(number), self._steward, to=to.strip(), brief=brief.strip(), now=self._clock()
        )
        name = self._pack.stewards[to.strip()].name
        return f"{name} has been asked to take escalation {one.id}. It stays with you until they accept."

    async def _decline(self, rest: str) -> str:
        one = await self._casework.decline(_number(rest), self._steward, self._clock())
        return f"Escalation {one.id} stays with {self._pack.stewards[one.owner].name if one.owner else 'the ladder'}."

    async def _resolve(self, rest: str) -> str:
        number, _, outcome = rest.partition(" ")
        one = await self._casework.resolve(_number(number), self._steward, outcome=outcome, now=self._clock())
        return f"Escalation {one.id} is resolved: {one.outcome}"

    async def _cues(self, rest: str) -> str:
        mine = {one.customer for one in await self._casework.open_for_steward(self._steward)}
        if rest not in mine and not self._casework.cares_for(self._steward, rest):
            raise _Usage(f"No customer {rest!r} is in your care.")
        async with reading(self._engine) as connection:
            log = await record.cues_of(connection, customer=rest, count=30)
        lines = [
            f"{one.id:>5}  {one.at:%d %b %H:%M}  {one.cue.name} {one.cue.intensity:.1f}  “{'”, “'.join(one.cue.words)}”"
            + "".join(f"  [{c.steward}: {'yes' if c.was_there else 'no'} {c.note}]" for c in one.corrections)
            for one in log
        ]
        return "\n".join(lines) or "No cue has been logged."

    async def _correct(self, rest: str) -> str:
        number, _, said = rest.partition(" ")
        there, _, note = said.partition(" ")
        if there not in ("yes", "no"):
            raise _Usage("Write it as: correct C yes|no [0..1] why")
        first, _, after = note.partition(" ")
        intensity, note = (float(first), after) if _INTENSITY.fullmatch(first) else (None, note)
        correction = Correction(
            at=self._clock(), steward=self._steward, was_there=there == "yes", intensity=intensity, note=note
        )
        async with writing(self._engine) as connection:
            logged = await record.cue(connection, _number(number))
            if (
                logged is None
                or logged.customer is None
                or not self._casework.cares_for(self._steward, logged.customer)
            ):
                raise _Usage(f"There is no cue {number} of a customer in your care.")
            await record.correct(connection, logged.id, correction)
        return "Kept beside the log; what was logged stays as it was."

    async def _keep(self, rest: str) -> str:
        number, _, title = rest.partition(" ")
        wanted = commands.keep(title)
        if wanted is None:
            raise _Usage(f"Write it as: keep N {commands.HOW_TO_KEEP}")
        escalation = await self._mine(number)
        async with writing(self._engine) as connection:
            one = await record.load(connection, escalation)
            assert one is not None
            return await self._keeping.propose(connection, one, wanted, by=self._steward, now=self._clock())

    async def _proposals(self, _rest: str) -> str:
        async with reading(self._engine) as connection:
            return await self._keeping.waiting_for(connection, self._steward)

    async def _approve(self, rest: str) -> str:
        number, now = _number(rest), self._clock()
        return await self._decided(lambda c: self._keeping.decide(c, number, approve=True, by=self._steward, now=now))

    async def _reject(self, rest: str) -> str:
        (number, why), by, now = _reasoned("reject", rest), self._steward, self._clock()
        return await self._decided(lambda c: self._keeping.decide(c, number, approve=False, by=by, why=why, now=now))

    async def _withdraw(self, rest: str) -> str:
        (number, why), by, now = _reasoned("withdraw", rest), self._steward, self._clock()
        return await self._decided(lambda c: self._keeping.withdraw(c, number, by=by, why=why, now=now))

    async def _decided(self, decide: Callable[[AsyncConnection], Awaitable[str]]) -> str:
        async with writing(self._engine) as connection:
            told = await decide(connection)
        trouble = await self._keeping.now()  # whoever leaves the desk after this has not left it half done
        return f"{told}\nNot among the documents yet: {trouble}" if trouble else told

    async def _mine(self, rest: str) -> int:
        number = _number(rest)
        async with reading(self._engine) as connection:
            found = await record.load(connection, number)
        if found is None or not self._casework.may_act(self._steward, found):
            raise _Usage(f"There is no escalation {number} in your care.")
        return number


class _Usage(BotError):
    """A command was written in a way that cannot be understood."""


def _reasoned(verb: str, text: str) -> tuple[int, str]:
    number, _, why = text.partition(" ")
    if not why.strip():
        raise _Usage(f"Write it as: {verb} P why")
    return _number(number), why.strip()


def _number(text: str) -> int:
    cleaned = text.strip().lstrip("#")
    if not cleaned.isdecimal() or len(cleaned) > 9:
        raise _Usage(f"{text.strip()!r} is not a number of the list; `list` shows them.")
    return int(cleaned)
