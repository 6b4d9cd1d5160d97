"""Shared rooms: who reads there at this moment, what may be said to all of them, and whether the concierge is meant.

The weakest reader decides, and whoever cannot be identified is the weakest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot import access
from bot.ledger import invitations, outbox
from bot.ledger.engine import reading
from bot.messages import Address, Channel, Identity, Inbound, Kind
from bot.pack import Customer, Pack, Person, Room
from bot.people import belonging, find, room_at
from knowledge.question import is_question

MOST_LIKELY = 30  # people about whom a platform can be asked one by one before a post
Answers = Literal["mentioned", "people"]


class Rooms:
    """The rooms of one pack, as their channels see them."""

    def __init__(
        self, pack: Pack, engine: AsyncEngine, channels: Sequence[Channel], *, answers: Answers = "mentioned"
    ) -> None:
        self._pack = pack
        self._engine = engine
        self._channels = {channel.name: channel for channel in channels}
        self._answers = answers

    async def present(self, address: Address, bound: Mapping[Identity, str]) -> tuple[Person | None, ...]:
        """Everybody who reads in a room, None standing for somebody unknown.

        A room whose channel this process does not run is taken as the event described it: as empty.
        """
        channel = self._channels.get(address.channel)
        if channel is None:
            return ()
        room = room_at(self._pack, address)
        likely = self._identities(belonging(self._pack, room), address, bound) if room else ()
        readers = await channel.readers(address, likely)
        return (None,) if readers is None else tuple(find(self._pack, one, bound) for one in readers)

    async def grants(self, address: Address) -> frozenset[str]:
        """What may be said in a room at this moment."""
        room = room_at(self._pack, address)
        if room is None:
            return access.EVERYONE
        async with reading(self._engine) as connection:
            bound = await invitations.bound(connection)
        return access.room_grants(self._pack, room, await self.present(address, bound))

    async def has_customers(self, address: Address) -> bool:
        """Whether a known customer reads in a room of ours, whatever the settings say that it is for."""
        channel = self._channels.get(address.channel)
        if channel is None:
            return False
        async with reading(self._engine) as connection:
            bound = await invitations.bound(connection)
        likely = self._identities(tuple(self._pack.customers.values()), address, bound)
        readers = await channel.readers(address, likely[:MOST_LIKELY]) or ()
        return any(isinstance(find(self._pack, one, bound), Customer) for one in readers)

    def _identities(
        self, people: Sequence[Person], address: Address, bound: Mapping[Identity, str]
    ) -> tuple[Identity, ...]:
        ids = {person.id for person in people}
        named = [one for person in people for one in person.identities]
        invited = [one for one, customer in bound.items() if customer in ids]
        return tuple(one for one in (*named, *invited) if one.channel == address.channel)

    async def addressed(self, connection: AsyncConnection, inbound: Inbound, person: Person | None) -> bool:
        """Whether the concierge is meant: where it is mentioned or answered, where a customer goes on in a thread in
        which it spoke, and (by setting) where one of the mission's own people asks and names nobody else.

        A steward who writes in a room talks to the customer, unless they name the concierge.
        """
        if inbound.addressed or inbound.direct:
            return inbound.addressed
        if inbound.kind is not Kind.MESSAGE or inbound.to_others or not isinstance(person, Customer):
            return False
        if inbound.thread and await outbox.spoke_in(connection, inbound.address, inbound.thread):
            return True
        room = room_at(self._pack, inbound.address)
        return self._answers == "people" and self._is_of(room, person) and is_question(inbound.text.strip())

    def _is_of(self, room: Room | None, person: Person) -> bool:
        return room is not None and person in belonging(self._pack, room)
