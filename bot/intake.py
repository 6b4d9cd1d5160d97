"""What channels may ask of the house, and nothing else of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.desk.hearing import DeskTurns
from bot.ledger import conversations, outbox
from bot.ledger.engine import reading
from bot.messages import Address, Form, Identity, Inbound
from bot.work import Work


class HouseIntake:
    """The door that channels knock at (`bot.messages.Intake`)."""

    def __init__(self, work: Work, desk: DeskTurns, engine: AsyncEngine) -> None:
        self._work = work
        self._desk = desk
        self._engine = engine

    async def receive(self, inbound: Inbound) -> bool:
        """Commits an event. Raises RecordUnavailable where it cannot be kept."""
        return await self._work.receive(inbound)

    async def form(self, token: str, by: Identity) -> Form | None:
        """What a button asks of this person before it does something."""
        return await self._desk.form(token, by)

    async def last_seen(self, channel: str) -> Sequence[tuple[Address, str]]:
        """Each conversation of a channel, with the order of the newest message that is kept of it; where nobody has
        answered yet (a desk with cards only), with the name of the first that was said there.
        """
        async with reading(self._engine) as connection:
            first = await outbox.first_said(connection, channel)
            return tuple({**first, **dict(await conversations.last_seen(connection, channel))}.items())
