"""Where a flight, and with it a customer, stands in time; and who looks after them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Final

from bot.pack.values import Flight, Pack
from escalation.care import Care

RETURN: Final = timedelta(days=30)
"""How long after landing the return lasts; its last moment included."""

_OF_SEVERAL: Final = ("flight", "return", "preparation", "agreement", "reflection")


def phase(flight: Flight, now: datetime) -> str:
    """The phase of a flight's missions at an aware moment.

    Each begins at its first moment; days are UTC's.
    """
    if now < datetime.combine(flight.training_starts, time(), UTC):
        return "agreement"
    if now < flight.launch:
        return "preparation"
    if now < flight.landing:
        return "flight"
    return "return" if now <= flight.landing + RETURN else "reflection"


def phase_of(pack: Pack, customer: str | None, room_mission: str | None, now: datetime) -> str:
    """The phase in which somebody speaks.

    A customer without a mission is in contemplation, wherever they write. In a room bound to a mission that
    mission's phase counts; else, of several missions, the first that applies of flight, return,
    preparation, agreement, reflection.
    """
    missions = pack.missions_of(customer) if customer is not None else ()
    if customer is not None and not missions:
        return "contemplation"
    if room_mission is not None:
        return phase(pack.flights[pack.missions[room_mission].flight], now)
    phases = {phase(pack.flights[mission.flight], now) for mission in missions}
    return next((name for name in _OF_SEVERAL if name in phases), "contemplation")


def care_for(pack: Pack, customer: str | None, mission: str | None) -> Care:
    """Who stands beside a customer in a conversation about a mission (None: no room says which one it is).

    Without a mission it is the care of the first of the customer's missions that has its own, else the
    default.
    """
    if mission is not None:
        return pack.care.get(mission, pack.care["default"])
    own = (pack.care.get(one.id) for one in pack.missions_of(customer)) if customer is not None else iter(())
    return next((care for care in own if care is not None), pack.care["default"])
