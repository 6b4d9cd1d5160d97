"""Gathers a dossier from the record and the pack, for whatever desk shows it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.casework import NotAllowed
from bot.ledger import inbox, transcript
from bot.ledger.engine import reading
from bot.ledger.transcript import Entry
from bot.pack import Pack, phase
from escalation import record
from escalation.case import Escalation
from escalation.dossier import Dossier, Said, Voyage, days_from
from escalation.strain import WINDOW

LAST = 8


async def dossier(pack: Pack, engine: AsyncEngine, escalation: int, steward: str, now: datetime) -> Dossier:
    """The dossier of an escalation as it stands. The caller has checked that the steward may see it."""
    async with reading(engine) as connection:
        one = await record.load(connection, escalation)
        if one is None:
            raise NotAllowed(f"There is no escalation {escalation} in your care.")
        return await _gather(pack, connection, one, steward, now)


async def _gather(pack: Pack, connection: AsyncConnection, one: Escalation, steward: str, now: datetime) -> Dossier:
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
        moments=await record.moments(connection, one.conversation, since=now - WINDOW),
        last=tuple(_said(pack, entry, who) for entry in entries),
        answered_from=await transcript.sources(connection, one.conversation, count=4),
        earlier=tuple(e for e in await record.of_customer(connection, one.customer) if e.id != one.id)
        if one.customer
        else (),
        names=names,
        local_time=now.astimezone(pack.stewards[steward].timezone) if steward in pack.stewards else now,
        now=now,
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
