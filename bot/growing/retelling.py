"""Tells customers that what they were told has been replaced since, and what the documents say now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot import access, replies
from bot.casework import Casework
from bot.considering import EARLIER, Answerer
from bot.desk.actions import answer_buttons
from bot.desks import CONCIERGE
from bot.growing.gaps import who_asked
from bot.growing.outdated import Became, Gone, Outdated, Standing
from bot.ledger import answered, conversations, invitations, outbox, transcript
from bot.ledger.answered import Retold
from bot.ledger.engine import reading, writing
from bot.messages import Identity, Purpose
from bot.pack import Customer, Pack, care_for
from bot.people import mission_of
from knowledge.answer import Answer
from knowledge.passages import Passage


class Knows(Answerer, Protocol):
    """What answers, and can say what there is to answer from."""

    def passages(self) -> Sequence[Passage]:
        """All passages, whoever may see them."""
        ...


class Whether(StrEnum):
    """Whether a customer can be told, or has been."""

    OPEN = "not told yet"
    TOLD = "told"
    HELD = "held: tell them yourself"
    NOWHERE = "no direct conversation: tell them yourself"
    NO_CUSTOMER = "no customer: tell them yourself"


@dataclass(frozen=True, kw_only=True, slots=True)
class Concerned:
    """Somebody who was given an answer that is outdated, and whether they know. `customer` is an id of the pack."""

    outdated: Outdated
    who: str
    customer: str | None
    whether: Whether
    told: Retold | None = None


class Retelling:
    """Finds and tells them, over one record and what is known today."""

    def __init__(self, pack: Pack, engine: AsyncEngine, casework: Casework, knowing: Knows) -> None:
        self._pack = pack
        self._engine = engine
        self._casework = casework
        self._knowing = knowing

    async def concerned(self, now: datetime, *, since: datetime | None) -> tuple[Concerned, ...]:
        """Everybody who was given an answer that does not stand today, newest answer first.

        Raises RecordUnavailable and KnowledgeError.
        """
        passages = await asyncio.to_thread(self._knowing.passages)
        standing = Standing(passages, self._pack.documents, now.date())
        async with reading(self._engine) as connection:
            found = standing.outdated(await answered.given(connection, since=since))
            bound, told = await invitations.bound(connection), await answered.retold(connection)
            return tuple([await self._one(connection, each, bound, told) for each in found])

    async def _one(
        self,
        connection: AsyncConnection,
        outdated: Outdated,
        bound: Mapping[Identity, str],
        told: Mapping[int, Sequence[Retold]],
    ) -> Concerned:
        person = who_asked(self._pack, outdated.given.asked, bound)
        customer = person.id if isinstance(person, Customer) else None
        last = next(reversed(told.get(outdated.given.id, ())), None)
        if last is not None and last.stands:
            whether = Whether.TOLD
        elif customer is None:
            whether = Whether.NO_CUSTOMER
        else:
            place = await conversations.direct_with(connection, customer)
            whether = Whether.NOWHERE if place is None else Whether.HELD if place.holder else Whether.OPEN
        who = person.name if person else "somebody"
        return Concerned(outdated=outdated, who=who, customer=customer, whether=whether, told=last)

    def may_tell(self, one: Concerned, steward: str) -> bool:
        """Whether there is something to tell, to somebody who is in this steward's care."""
        known = one.customer is not None and self._casework.cares_for(steward, one.customer)
        return known and one.whether is Whether.OPEN

    async def words(self, one: Concerned, now: datetime) -> str:
        """What the customer would be told: what was said when, and what the documents say to them today."""
        assert one.customer is not None
        asked = one.outdated.given.asked
        grants = access.direct_grants(self._pack, self._pack.customers[one.customer])
        async with reading(self._engine) as connection:
            before = await answered.said_before(connection, asked.message, count=EARLIER)
        today = await asyncio.to_thread(self._knowing.answer, asked.question, grants, now.date(), before)
        chain = care_for(self._pack, one.customer, mission_of(self._pack, one.customer, now))
        return replies.outdated(
            asked.at,
            asked.question,
            [_said(gone, grants) for gone in one.outdated.gone],
            today if isinstance(today, Answer) else None,
            in_a_room=not asked.direct,
            steward=self._pack.stewards[chain.steward].name,
        )

    async def tell(self, one: Concerned, text: str, *, by: str, now: datetime) -> Whether:
        """Puts a notice into the customer's direct conversation, unless they were told meanwhile, or a person holds it.

        Once an answer, whoever else tells at the same moment.
        """
        assert one.customer is not None
        answer = one.outdated.given.id
        async with writing(self._engine) as connection:
            place = await conversations.direct_with(connection, one.customer)
            if place is None:
                return Whether.NOWHERE
            if (await conversations.by_id(connection, place.id, lock=True)).holder is not None:
                return Whether.HELD
            earlier = (await answered.retold(connection)).get(answer, ())
            if any(each.stands for each in earlier):
                return Whether.TOLD
            draft = outbox.Draft(
                key=f"outdated:{answer}:{len(earlier)}",  # what a person kept from being said may be said later
                address=place.address,
                text=text,
                purpose=Purpose.ANSWER,  # withheld where a person takes over before it is sent
                author=CONCIERGE,
                conversation=place.id,
                buttons=answer_buttons(one.outdated.given.asked.message),
            )
            row = await outbox.put(connection, draft, now=now)
            if row is not None:
                await transcript.say(
                    connection, conversation=place.id, at=now, role="concierge", author="", text=text, outbox=row
                )
                await answered.note_retold(connection, answer=answer, post=row, steward=by, at=now)
        return Whether.TOLD


def _said(gone: Gone, grants: frozenset[str]) -> replies.NoLonger:
    """What was quoted, and what its reader may know of what became of it: a document that they may not see is not
    named.
    """
    place = gone.place
    known = gone.by is not None and not gone.by.audience.isdisjoint(grants)
    by = gone.by.title if gone.by is not None and known else ""
    became = {
        Became.REPLACED: f"has been replaced by {by}" if by else "has been replaced",
        Became.CHANGED: "has been changed",
        Became.WITHDRAWN: "has been withdrawn",
    }
    return replies.NoLonger(
        said=place.said, source=replies.source(place.title, place.anchor), became=became[gone.became]
    )
