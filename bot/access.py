"""Who is reading here, and which documents may be used for them. Pure; unknown means no."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from bot.pack.values import Customer, Mission, Pack, Person, Room, Steward

Kind = Literal["customer", "steward", "unknown", "room"]

EVERYONE = frozenset({"everyone"})
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """For whom a turn composes: what may be used (a passage is, when one of its audiences is a grant), and
    what they are.

    `kind` is "room" in every shared room, whoever speaks there; "unknown" is a direct conversation with a
    stranger.
    """

    grants: frozenset[str]
    kind: Kind


def reader(pack: Pack, sender: Person | None, room: Room | None, present: Collection[Person | None] = ()) -> Reader:
    """The reader of an answer to `sender` (None: a stranger), alone or in a shared room.

    `present` are the others in the room, None standing for a stranger; the sender counts as present too.
    """
    if room is not None:
        return Reader(grants=room_grants(pack, room, (sender, *present)), kind="room")
    kinds: dict[type, Kind] = {Customer: "customer", Steward: "steward"}
    return Reader(grants=direct_grants(pack, sender), kind=kinds.get(type(sender), "unknown"))


def direct_grants(pack: Pack, person: Person | None) -> frozenset[str]:
    """What somebody may read in a direct conversation; a stranger nothing."""
    match person:
        case Customer():
            return _customer_grants(pack, person)
        case Steward():
            return _steward_grants(pack, person)
    return NOTHING


def room_grants(pack: Pack, room: Room, present: Collection[Person | None]) -> frozenset[str]:
    """What may be said in a shared room while these people are there (None: a stranger): what the weakest
    may read.
    """
    if room.mission is None:
        return EVERYONE
    mission = pack.missions[room.mission]
    if all(_belongs(pack, mission, person) for person in present):
        return EVERYONE | _mission_grants(mission)
    return EVERYONE


def _belongs(pack: Pack, mission: Mission, person: Person | None) -> bool:
    """Whether a mission's room is theirs: its customer, somebody of its customer's organisation, or a
    steward.
    """
    if person is None or isinstance(person, Steward):
        return person is not None
    organisation = pack.customers[mission.customer].organisation
    return person.id == mission.customer or (organisation is not None and person.organisation == organisation)


def _mission_grants(mission: Mission) -> frozenset[str]:
    return frozenset({f"mission:{mission.id}", f"flight:{mission.flight}"})


def _organisation_grants(customer: Customer) -> frozenset[str]:
    return NOTHING if customer.organisation is None else frozenset({f"organisation:{customer.organisation}"})


def _customer_grants(pack: Pack, customer: Customer) -> frozenset[str]:
    missions = (_mission_grants(mission) for mission in pack.missions_of(customer.id))
    return EVERYONE.union(_organisation_grants(customer), *missions)


def _steward_grants(pack: Pack, steward: Steward) -> frozenset[str]:
    grants = EVERYONE | {"stewards"}
    for mission in pack.missions.values():
        if steward.id in pack.care.get(mission.id, pack.care["default"]).names:
            grants |= _mission_grants(mission) | _organisation_grants(pack.customers[mission.customer])
    return grants
