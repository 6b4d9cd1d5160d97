"""Stewards' answers are proposed as documents, and a second steward decides; each step is one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.desk.commands import Keep
from bot.desks import Desks
from bot.growing import proposals
from bot.growing.proposals import NotKept
from bot.growing.publishing import Publisher, cannot_write
from bot.ledger import kept
from bot.ledger.engine import RecordUnavailable
from bot.ledger.kept import Draft, Kept, Spoken, State, Written
from bot.messages import Address
from bot.pack import Pack, care_for
from escalation import record
from escalation.case import Escalation
from knowledge.errors import KnowledgeError
from knowledge.question import is_question

LOOKED_AT = 20
"""So many of the customer's last messages may hold the question that a reply answers."""


class Keeping:
    """What can be done about kept answers, over one pack, and who is told of it.

    `publisher` has files written once something is decided.
    """

    def __init__(self, pack: Pack, desks: Desks, publisher: Publisher) -> None:
        self._pack = pack
        self._desks = desks
        self._publisher = publisher

    async def propose(
        self,
        connection: AsyncConnection,
        escalation: Escalation,
        keep: Keep,
        *,
        by: str,
        ref: str = "",
        here: Address | None = None,
        now: datetime,
    ) -> str:
        """Proposes what a steward said last to the customer of an escalation (or in the line `ref`), for an audience.

        Those who may decide are shown every word at their desks (but not `here`, where it is told anyway); returns the
        same for whoever proposed it. Raises NotKept.
        """
        reply = await kept.last_reply(connection, escalation.id, ref=ref)
        if reply is None:
            raise NotKept(f"Nobody has answered the customer of escalation {escalation.id}: there is nothing to keep.")
        draft = await self._draft(connection, escalation, keep, reply)
        proposals.check(self._pack, draft, by)
        one = await self._known(connection, await kept.propose(connection, draft, by=by, now=now))
        told = f"{proposals.shown(self._pack, one)}\n\n{proposals.how_to_decide(self._pack, one)}"
        asked = self._approvers(one, escalation.mission)
        await self._desks.tell(connection, escalation, asked, told, now, about=f"kept:{one.id}", but=here)
        return told

    def _approvers(self, one: Kept, mission: str | None) -> Sequence[str]:
        """Who is asked to decide: of those who may, those who look after the customer; where none of them, all."""
        may = [
            steward
            for steward in self._pack.stewards
            if steward != one.proposed_by and one.draft.audience in proposals.audiences(self._pack, steward)
        ]
        near = care_for(self._pack, one.draft.customer, mission).names
        return [steward for steward in may if steward in near] or may

    async def _draft(self, connection: AsyncConnection, escalation: Escalation, keep: Keep, reply: Spoken) -> Draft:
        written = await kept.written_before(connection, reply, tuple(escalation.messages), count=LOOKED_AT)
        asked = await self._asked(connection, written)
        audience = keep.audience or proposals.narrowest(self._pack, escalation.customer, escalation.mission)
        if audience is None:
            raise NotKept('This customer has no mission: say for whom it is, as in //keep "title" for everyone.')
        return Draft(
            title=keep.title.strip(),
            question=(keep.question or (asked.text if asked else "")).strip(),
            answer=(keep.answer or reply.text).strip(),
            audience=audience,
            answered_by=reply.steward,
            answered_at=reply.at,
            escalation=escalation.id,
            asked=asked.message if asked else None,
            customer=escalation.customer,
        )

    async def _asked(self, connection: AsyncConnection, written: Sequence[Written]) -> Written | None:
        """Of what a customer wrote, newest first, the question: who asks for a person has seldom asked it with that."""
        logged = await record.cues_in(connection, [one.message for one in written])
        called = {one.message for one in logged if one.cue.name == "asks_for_person"}
        ranked = sorted(written, key=lambda one: (not is_question(one.text), one.message in called))
        return next(iter(ranked), None)

    async def decide(
        self,
        connection: AsyncConnection,
        number: int,
        *,
        approve: bool,
        by: str,
        why: str = "",
        here: Address | None = None,
        now: datetime,
    ) -> str:
        """Approves or declines a proposal, and tells whoever proposed it; returns what whoever decided is told.

        Raises NotKept. Of two who decide at once, one does.
        """
        found = await kept.by_id(connection, number)
        proposals.check_decision(self._pack, found, number, by, approve=approve)
        if not await kept.decide(connection, number, approve=approve, by=by, why=why, now=now):
            raise NotKept(f"Somebody else has just decided proposal {number}.")
        one = await self._known(connection, number)
        await self._tell_proposer(connection, one, by, here, now)
        if not approve:
            return f"Proposal {number} is declined. Nothing is published."
        trouble = cannot_write(self._pack)
        if trouble is None:
            return f"Approved. Whoever may read {one.draft.audience} is answered from it in a moment."
        return (
            f"Approved, but not among the documents yet: {trouble}. The record keeps it, and `concierge ingest` writes "
            "it once it can."
        )

    async def withdraw(
        self,
        connection: AsyncConnection,
        number: int,
        *,
        by: str,
        why: str,
        here: Address | None = None,
        now: datetime,
    ) -> str:
        """Takes a kept answer out of the documents; otherwise as `decide`."""
        proposals.check_withdrawal(self._pack, await kept.by_id(connection, number), number, by)
        if not await kept.withdraw(connection, number, by=by, why=why, now=now):
            raise NotKept(f"Somebody else has just withdrawn kept answer {number}.")
        await self._tell_proposer(connection, await self._known(connection, number), by, here, now)
        return f"Kept answer {number} is withdrawn. In a moment nobody is answered from it any more."

    async def _tell_proposer(
        self, connection: AsyncConnection, one: Kept, by: str, here: Address | None, now: datetime
    ) -> None:
        escalation = await record.load(connection, one.draft.escalation)
        if escalation is None or one.proposed_by == by:
            return
        about = f"kept:{one.id}:{one.state}"
        told = proposals.decision(self._pack, one)
        await self._desks.tell(connection, escalation, (one.proposed_by,), told, now, about=about, but=here)

    async def waiting_for(self, connection: AsyncConnection, steward: str) -> str:
        """The proposals that a steward may decide or has made, word for word."""
        own = proposals.audiences(self._pack, steward)
        found = [one for one in await kept.every(connection, State.PROPOSED) if one.draft.audience in own]
        return "\n\n———\n\n".join(proposals.shown(self._pack, one) for one in found) or proposals.NOTHING_WAITS

    def soon(self) -> None:
        """To be called once a decision is committed."""
        self._publisher.soon()

    async def now(self) -> str:
        """Has what is decided published before anything else is done; returns what was in the way, or ''."""
        try:
            return "; ".join((await self._publisher.publish()).troubles)
        except (RecordUnavailable, KnowledgeError) as error:
            return str(error)

    async def _known(self, connection: AsyncConnection, number: int) -> Kept:
        found = await kept.by_id(connection, number)
        assert found is not None
        return found
