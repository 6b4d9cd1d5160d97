"""What channels may ask of the house, and nothing else of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.clock import Clock
from bot.desk.hearing import DeskTurns
from bot.ledger import conversations, outbox
from bot.ledger.doorstep import Doorstep, Left
from bot.ledger.engine import RecordUnavailable, reading
from bot.messages import Address, Form, Identity, Inbound
from bot.work import Work

logger = logging.getLogger(__name__)

AT_ONCE = 200
TRIES_AGAIN = timedelta(seconds=2)


class HouseIntake:
    """The door that channels knock at (`bot.messages.Intake`).

    With a doorstep an event is kept when it stands there: channels need not wait for the record.
    """

    def __init__(
        self, work: Work, desk: DeskTurns, engine: AsyncEngine, clock: Clock, doorstep: Doorstep | None
    ) -> None:
        self._work = work
        self._desk = desk
        self._engine = engine
        self._clock = clock
        self._doorstep = doorstep
        self._carrying = asyncio.Lock()

    async def receive(self, inbound: Inbound) -> bool:
        """Commits an event. Raises RecordUnavailable where it cannot be kept."""
        if self._doorstep is None:
            return await self._work.receive(inbound)
        return await self._doorstep.put(inbound, self._clock())

    async def form(self, token: str, by: Identity) -> Form | None:
        """What a button asks of this person before it does something."""
        return await self._desk.form(token, by)

    async def last_seen(self, channel: str) -> Sequence[tuple[Address, str]]:
        """Each conversation of a channel, with the order of the newest message that is kept of it; where nobody has
        answered yet (a desk with cards only), with the name of the first that was said there.
        """
        await self.carry_in()
        async with reading(self._engine) as connection:
            first = await outbox.first_said(connection, channel)
            return tuple({**first, **dict(await conversations.last_seen(connection, channel))}.items())

    async def carry_in(self) -> None:
        """Carries what stands on the doorstep into the record. Raises RecordUnavailable."""
        async with self._carrying:
            while self._doorstep is not None and (left := await self._doorstep.waiting(AT_ONCE)):
                carried = await self._carried(left)
                await self._doorstep.carried_in(carried)
                if len(carried) < len(left):
                    return  # the rest is tried again after a while

    async def waiting_since(self) -> datetime | None:
        """When the event came that has stood on the doorstep longest. Raises RecordUnavailable."""
        left = await self._doorstep.waiting(1) if self._doorstep is not None else ()
        return left[0].at if left else None

    async def _carried(self, left: Sequence[Left]) -> Sequence[Left]:
        """Together, or else one by one: what the record does not take must not keep the others waiting."""
        try:
            await self._work.receive_all([(one.inbound, one.at) for one in left])
        except RecordUnavailable:
            raise
        except Exception:  # whatever it is, it is one event's; the others are carried in
            logger.exception("events could not be carried in together")
            return [one for one in left if await self._is_carried(one)]
        return left

    async def _is_carried(self, one: Left) -> bool:
        try:
            await self._work.receive_all([(one.inbound, one.at)])
        except RecordUnavailable:
            raise
        except Exception:  # it stays, and is tried again: nothing that a platform handed over is thrown away
            logger.exception("event %s could not be carried in; it is tried again", one.inbound.event_key)
            return False
        return True

    async def keep_carrying_in(self) -> None:
        """Carries in whatever comes, for as long as it runs."""
        while self._doorstep is not None:
            try:
                async with asyncio.timeout(TRIES_AGAIN.total_seconds()):
                    await self._doorstep.something.wait()
            except TimeoutError:
                pass  # what failed before is tried again
            self._doorstep.something.clear()
            try:
                await self.carry_in()
            except RecordUnavailable as error:
                logger.error("%s", error)
