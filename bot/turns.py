"""Whose turn it is: what waits in a conversation is the concierge's to answer, or a desk's to do; in order."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.concierge import Concierge, Turn
from bot.desk.hearing import DeskTurns, Matter
from bot.ledger import conversations, inbox, invitations
from bot.ledger.engine import reading
from bot.ledger.inbox import Received


class TurnTaker(Protocol):
    """What answers a conversation."""

    async def take_turn(self, conversation: int, now: datetime) -> object | None:
        """Answers what waits; None where nothing does."""
        ...


class Turns:
    """Takes turns in conversations of customers and at desks alike; a steward's direct chat can be both."""

    def __init__(self, engine: AsyncEngine, concierge: Concierge, desk: DeskTurns) -> None:
        self._engine = engine
        self._concierge = concierge
        self._desk = desk

    async def take_turn(self, conversation: int, now: datetime) -> Turn | bool | None:
        """Answers what waits, as far as it is of one kind; None where nothing waits any more."""
        async with reading(self._engine) as connection:
            waiting = await inbox.waiting(connection, conversation)
            if not waiting:
                return None
            place = await conversations.by_id(connection, conversation)
            bound = await invitations.bound(connection)
            leading: list[Received] = []
            matter: Matter | None = None
            for message in waiting:
                matter = await self._desk.matter(connection, place, message, bound)
                if matter is not None:
                    break
                leading.append(message)
        if leading:
            return await self._concierge.take_turn(conversation, now, frozenset(one.id for one in leading))
        assert matter is not None
        return await self._desk.take(matter, now)
