"""The values of a mission pack, as the rest of the house sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from bot.messages import Identity
from escalation import care
from escalation.care import Care
from escalation.policy import Policy
from knowledge.metadata import DocumentMeta

__all__ = [
    "CHANNELS",
    "ROLES",
    "VISIBILITIES",
    "Care",
    "Customer",
    "Flight",
    "Identity",
    "Mission",
    "Organisation",
    "Pack",
    "Person",
    "Room",
    "Steward",
]

ROLES: Final = ("provider", "broker", "vehicle", "destination", "agency", "customer")
"""What an organisation can be to a flight."""

VISIBILITIES: Final = ("open", "selective", "private")
"""How a customer wants to be seen. It never changes what they may read."""

CHANNELS: Final = ("slack", "telegram", "terminal")
"""Where people can be met. A Slack identity or room needs the team (workspace) that it belongs to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Organisation:
    """A company or agency, and what it is to the flights (one of ROLES)."""

    id: str
    name: str
    role: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Flight:
    """One flight. `launch` and `landing` are in UTC; `operators` are organisations' ids by role."""

    id: str
    name: str
    launch: datetime
    landing: datetime
    training_starts: date
    operators: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Mission:
    """What one customer flies for, and what they call success, in their own words."""

    id: str
    flight: str
    customer: str
    kind: str
    goal: str
    success: tuple[str, ...]
    visibility: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Customer:
    """A person who flies, sends something, or is still thinking about it."""

    id: str
    name: str
    language: str
    organisation: str | None
    identities: tuple[Identity, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Steward(care.Steward):
    """A steward, and how the channels know them."""

    identities: tuple[Identity, ...]


Person = Customer | Steward
"""Somebody whom the pack knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """A shared channel or group.

    Its id is unique in the pack; without a mission only what everyone may read is said there.
    """

    channel: str
    team: str
    room: str
    mission: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pack:
    """Everything about one provider's flights, whole and valid. Mappings are by id, in the order of the
    file.

    `care` is by mission and always has "default". `warnings` are what an operator should know and need not
    mend now.
    """

    provider: str
    organisations: Mapping[str, Organisation]
    flights: Mapping[str, Flight]
    missions: Mapping[str, Mission]
    customers: Mapping[str, Customer]
    stewards: Mapping[str, Steward]
    care: Mapping[str, Care]
    rooms: tuple[Room, ...]
    policy: Policy
    documents: tuple[DocumentMeta, ...]
    folder: Path
    warnings: tuple[str, ...]

    def missions_of(self, customer: str) -> tuple[Mission, ...]:
        """A customer's missions, in the order of the file."""
        return tuple(mission for mission in self.missions.values() if mission.customer == customer)

    def room(self, room: str) -> Room | None:
        """The shared room with this id, None where the pack names none."""
        return next((one for one in self.rooms if one.room == room), None)

    def person(self, who: str) -> Person | None:
        """The customer or steward with this id; no id belongs to both."""
        return self.customers.get(who) or self.stewards.get(who)

    def known_as(self, identity: Identity) -> Person | None:
        """The person whom the pack names under this identity, None for a stranger."""
        people: tuple[Person, ...] = (*self.customers.values(), *self.stewards.values())
        return next((person for person in people if identity in person.identities), None)
