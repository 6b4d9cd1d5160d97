"""Where integration tests take place: addresses, a scene over a house, and waiting for what must come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count

import pytest
from fakes import Hands, Recorder, ScriptedAnswerer, ScriptedReader

from bot.app import House
from bot.ledger import conversations, transcript
from bot.ledger.conversations import Conversation
from bot.ledger.engine import reading
from bot.ledger.transcript import Entry
from bot.messages import Address, Attachment, Identity, Inbound, Kind
from escalation import record
from escalation.case import Escalation

LENA = Address(channel="telegram", room="1001")
WALTER = Address(channel="telegram", room="1002")
STRANGER = Address(channel="telegram", room="9999")
ROOM = Address(channel="telegram", room="-100")


def desk(steward: str) -> Address:
    """Where a steward is told of things in these tests."""
    return Address(channel="telegram", room=f"desk:{steward}")


async def until(holds: Callable[[], Awaitable[bool]], what: str, within: float = 20.0) -> None:
    """Returns as soon as a condition holds; fails the test where it does not in time (seconds)."""
    deadline = time.monotonic() + within
    while not await holds():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {within:g} s")
        await asyncio.sleep(0.01)


@dataclass(kw_only=True, slots=True)
class Scene:
    """A house with scripted edges, and what a test wants to do and see in it."""

    house: House
    clock: Hands
    reader: ScriptedReader
    answerer: ScriptedAnswerer
    channel: Recorder
    numbers: count[int]

    async def arrives(
        self,
        said: str,
        *,
        at: Address = LENA,
        by: str | None = None,
        kind: Kind = Kind.MESSAGE,
        about: str | None = None,
        present: tuple[str, ...] = (),
        addressed: bool = True,
        thread: str = "",
        attachments: tuple[Attachment, ...] = (),
    ) -> Inbound:
        """Hands an event over as a channel would; nobody has looked at it yet."""
        number = next(self.numbers)
        inbound = Inbound(
            event_key=f"event:{number}",
            message_key=f"message:{number}",
            address=at,
            sender=Identity(channel=at.channel, user=by or at.room),
            text=said,
            sent_at=self.clock(),
            order=f"{number:08d}",
            direct=at != ROOM,
            kind=kind,
            about=about,
            present=tuple(Identity(channel=at.channel, user=one) for one in present),
            addressed=addressed,
            thread=thread,
            attachments=attachments,
        )
        assert await self.house.work.receive(inbound)
        return inbound

    async def says(self, said: str, *, at: Address = LENA, by: str | None = None) -> list[str]:
        """A message and all that comes of it at once; returns what arrived where it was written."""
        before = len(self.channel.at(at))
        await self.arrives(said, at=at, by=by)
        await self.settle()
        return self.channel.at(at)[before:]

    async def settle(self) -> None:
        """Does what is due, as the sweeper would."""
        await self.house.work.sweep()

    async def later(self, **span: float) -> None:
        """Time passes, and what has become due is done."""
        self.clock.forward(**span)
        await self.settle()

    def heard(self, address: Address = LENA) -> list[str]:
        """What has arrived at an address."""
        return self.channel.at(address)

    async def place(self, address: Address = LENA) -> Conversation:
        async with reading(self.house.engine) as connection:
            found = await conversations.at(connection, address)
        assert found is not None
        return found

    async def transcript(self, address: Address = LENA) -> list[Entry]:
        place = await self.place(address)
        async with reading(self.house.engine) as connection:
            return list(await transcript.latest(connection, place.id, count=100))

    async def escalations(self) -> tuple[Escalation, ...]:
        async with reading(self.house.engine) as connection:
            return await record.all_open(connection)

    async def escalation(self) -> Escalation:
        """The one that is open."""
        (one,) = await self.escalations()
        return one
