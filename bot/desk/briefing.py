"""Gathers a dossier from the record and the pack, for whatever desk shows it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot import access
from bot.casework import NotAllowed
from bot.desk import cards
from bot.ledger import inbox, transcript
from bot.ledger.engine import reading
from bot.ledger.transcript import Entry
from bot.messages import Card, Section
from bot.pack import Customer, Pack, Steward, care_for, phase
from bot.people import mission_of
from escalation import promises, record
from escalation.case import Escalation
from escalation.dossier import Dossier, Promised, Said, Voyage, days_from
from escalation.promises import Promise
from escalation.strain import WINDOW, strain

logger = logging.getLogger(__name__)

Suggest = Callable[[str, frozenset[str], date], Sequence[str]]
"""Where documents that a reader may see could help with a text, best first."""

LAST = 8


async def dossier(pack: Pack, engine: AsyncEngine, escalation: int, steward: str, now: datetime) -> Dossier:
    """The dossier of an escalation as it stands. The caller has checked that the steward may see it."""
    async with reading(engine) as connection:
        one = await record.load(connection, escalation)
        if one is None:
            raise NotAllowed(f"There is no escalation {escalation} in your care.")
        return await gather(pack, connection, one, steward, now)


async def gather(pack: Pack, connection: AsyncConnection, one: Escalation, steward: str, now: datetime) -> Dossier:
    """The same in a transaction that reads; but for suggestions, which take a look into the index."""
    customer = pack.customers.get(one.customer or "")
    names = {each.id: each.name for each in pack.stewards.values()}
    who = customer.name if customer else "Somebody we do not know"
    entries = await transcript.latest(connection, one.conversation, count=LAST)
    logged = await record.cues_in(connection, one.messages)
    strongest = max(logged, key=lambda each: each.cue.intensity, default=None)
    telling = strongest.message if strongest else one.messages[0]
    return Dossier(
        escalation=one,
        who=who,
        organisation=pack.organisations[customer.organisation].name if customer and customer.organisation else None,
        language=customer.language if customer else "an unknown language",
        voyages=tuple(_voyages(pack, one, now)),
        quote=await inbox.text_of(connection, telling),
        cues=logged,
        moments=await record.moments(connection, one.conversation, customer=one.customer, since=now - WINDOW),
        last=tuple(_said(pack, entry, who) for entry in entries),
        answered_from=await transcript.sources(connection, one.conversation, count=4),
        earlier=tuple(e for e in await record.of_customer(connection, one.customer) if e.id != one.id)
        if one.customer
        else (),
        names=names,
        local_time=_local(pack, steward, now),
        now=now,
        promises=tuple(
            Promised(what=each.what, due=each.due, overdue=each.overdue(now.date()))
            for each in (await promises.open_to(connection, one.customer) if one.customer else ())
        ),
        notes=tuple(Said(at=each.at, who=names.get(each.steward, each.steward), text=each.text) for each in one.notes),
    )


def _local(pack: Pack, steward: str, now: datetime) -> datetime:
    return now.astimezone(pack.stewards[steward].timezone) if steward in pack.stewards else now


async def suggestions(pack: Pack, dossier: Dossier, suggest: Suggest, now: datetime) -> tuple[str, ...]:
    """Documents that may help with what the customer wrote, as far as that customer may read them: what a steward finds
    here they can pass on. None where the index fails: a card does not wait for it.
    """
    customer = pack.customers.get(dossier.escalation.customer or "")
    if customer is None or not dossier.quote.strip():
        return ()
    try:
        found = await asyncio.to_thread(suggest, dossier.quote, access.direct_grants(pack, customer), now.date())
    except Exception:  # the turn's edge, as for an answer: the card is worth more than its suggestions
        logger.exception("no documents could be suggested")
        return ()
    return tuple(found)


async def home(pack: Pack, connection: AsyncConnection, person: Customer | Steward | None, now: datetime) -> Card:
    """What somebody sees on the page that the concierge keeps for them; only a steward's says anything of others."""
    if not isinstance(person, Steward):
        provider = pack.organisations[pack.provider].name
        text = f"I am the concierge of {provider}. Write to me under Messages."
        return Card(title="Concierge", sections=(Section(text=text),))
    local, mine = _local(pack, person.id, now), []
    for one in await record.all_open(connection):
        if person.id in (*_chain(pack, one), *one.asked, one.offered_to, one.owner, one.holder):
            mine.append(_open_case(pack, one))
    care = [await _in_care(pack, connection, each, now) for each in _cared_for(pack, person.id)]
    owed = [_owed(pack, each, now) for each in await promises.open_by(connection, person.id)]
    return cards.home(steward=person.name, local_time=local, cases=mine, care=care, owed=owed)


def _chain(pack: Pack, one: Escalation) -> tuple[str, ...]:
    return care_for(pack, one.customer, one.mission).names


def _open_case(pack: Pack, one: Escalation) -> cards.OpenCase:
    customer = pack.customers.get(one.customer or "")
    owner = pack.stewards.get(one.holder or one.owner or "")
    return cards.OpenCase(
        id=one.id,
        who=customer.name if customer else "Somebody we do not know",
        severity=one.severity,
        state=one.state,
        since=one.opened_at,
        moment=one.topic or ", ".join(one.rules),
        answer_by=one.answer_by,
        steward=owner.name if owner else "",
    )


def _cared_for(pack: Pack, steward: str) -> list[Customer]:
    """The customers whose steward this is; those on whose ladder they stand are somebody else's until it climbs."""
    theirs = []
    for customer in pack.customers.values():
        missions = tuple(one.id for one in pack.missions_of(customer.id)) or (None,)
        if any(care_for(pack, customer.id, mission).steward == steward for mission in missions):
            theirs.append(customer)
    return theirs


async def _in_care(pack: Pack, connection: AsyncConnection, customer: Customer, now: datetime) -> cards.InCare:
    moments = await record.moments(connection, None, customer=customer.id, since=now - WINDOW)
    number = mission_of(pack, customer.id, now)
    mission = pack.missions[number] if number else None
    flight = pack.flights[mission.flight] if mission else None
    return cards.InCare(
        who=customer.name,
        mission=mission.id if mission else "no mission yet",
        phase=phase(flight, now) if flight else "contemplation",
        days=days_from(flight.launch, flight.landing, now) if flight else "",
        strain=strain(moments, now) if moments else None,
    )


def _owed(pack: Pack, one: Promise, now: datetime) -> cards.Owed:
    customer = pack.customers.get(one.customer)
    return cards.Owed(
        due=one.due, who=customer.name if customer else one.customer, what=one.what, overdue=one.overdue(now.date())
    )


def _voyages(pack: Pack, one: Escalation, now: datetime) -> list[Voyage]:
    theirs = pack.missions_of(one.customer) if one.customer else ()
    first = sorted(theirs, key=lambda mission: mission.id != one.mission)
    voyages = []
    for mission in first:
        flight = pack.flights[mission.flight]
        voyages.append(
            Voyage(
                name=mission.id,
                flight=flight.name,
                kind=mission.kind,
                goal=mission.goal,
                success=mission.success,
                phase=phase(flight, now),
                days=days_from(flight.launch, flight.landing, now),
                visibility=mission.visibility,
            )
        )
    return voyages


def _said(pack: Pack, entry: Entry, customer: str) -> Said:
    if entry.role == "steward":
        person = pack.person(entry.author)
        who = person.name if person else entry.author
    else:
        who = {"customer": customer, "concierge": "Concierge"}.get(entry.role, "Stranger")
    text = f"[taken back] {entry.text}" if entry.deleted_at else entry.text
    return Said(at=entry.at, who=who, text=text)
