"""Who somebody is, by the pack: identities to customers and stewards, addresses to rooms. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from bot.messages import TERMINAL, Address, Identity
from bot.pack import Customer, Pack, Room, Steward, phase

NOBODY: Final[Mapping[Identity, str]] = MappingProxyType({})
_FIRST = ("flight", "return", "preparation", "agreement", "reflection")


def find(pack: Pack, identity: Identity, bound: Mapping[Identity, str] = NOBODY) -> Customer | Steward | None:
    """The customer or steward behind an identity, or None for somebody whom nobody knows.

    `bound` are the identities that invitations have bound to customers; what the pack says comes first. In the terminal
    a person is named by their id in the pack: whoever has a shell there has the record too.
    """
    if identity.channel == TERMINAL:
        return pack.customers.get(identity.user) or pack.stewards.get(identity.user)
    return pack.known_as(identity) or pack.customers.get(bound.get(identity, ""))


def room_at(pack: Pack, address: Address) -> Room | None:
    """The shared room of the pack at an address."""
    room = pack.room(address.room)
    return room if room and (room.channel, room.team) == (address.channel, address.team) else None


def mission_of(pack: Pack, customer: str | None, now: datetime) -> str | None:
    """The mission that a customer's direct conversation is about: of several, the one whose phase comes first."""
    theirs = [one for one in pack.missions.values() if one.customer == customer]
    ranked = sorted(theirs, key=lambda one: _FIRST.index(phase(pack.flights[one.flight], now)))
    return ranked[0].id if ranked else None


def mission_in(pack: Pack, customer: str | None, room: Room | None, now: datetime) -> str | None:
    """The mission for which somebody who writes in a room is cared for: the room's, unless they have only others."""
    own = mission_of(pack, customer, now)
    theirs = {one.id for one in pack.missions_of(customer)} if customer else set()
    return own if room is None or room.mission is None or (theirs and room.mission not in theirs) else room.mission


def belonging(pack: Pack, room: Room) -> tuple[Customer | Steward, ...]:
    """Those who belong in a mission's room: its customer, their organisation's people, and the stewards."""
    if room.mission is None:
        return ()
    customer = pack.customers[pack.missions[room.mission].customer]
    colleagues = [
        one
        for one in pack.customers.values()
        if one.id == customer.id or (customer.organisation and one.organisation == customer.organisation)
    ]
    return (*colleagues, *pack.stewards.values())
