"""Lets stewards follow a conversation: what a customer writes, what the concierge answers, what cannot be read here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.desks import CONCIERGE, Desks
from bot.ledger.conversations import Conversation
from bot.ledger.inbox import Received
from bot.messages import Address, Kind
from bot.notices import SHOWN, Notices, short
from escalation import record
from escalation.case import Escalation


class Following:
    """What stewards see of conversations, beside the steps of an escalation."""

    def __init__(self, desks: Desks, notices: Notices) -> None:
        self._desks = desks
        self._notices = notices

    async def message(
        self, connection: AsyncConnection, conversation: Conversation, message: Received, subject: str, now: datetime
    ) -> None:
        """Shows what a customer writes to those who look after it: under the cards of the escalation that was open
        already, and to whoever holds the conversation.
        """
        if message.kind is not Kind.MESSAGE:
            return
        who = self._notices.customer(conversation.customer) if conversation.customer else "They"
        text = f"{who}: {_with_attachments(message)}"
        one = await _followed(connection, conversation, subject)
        shown: tuple[Address, ...] = ()
        if one is not None and message.id not in one.messages[:1]:
            shown = await self._desks.show(
                connection, one, text, now, about=f"relay:{message.id}", attachments=message.attachments
            )
        if conversation.holder is not None and (not shown or self._desks.plain(conversation.holder)):
            await self._desks.hand_on(connection, message, conversation.holder, text, now, plain=bool(shown))

    async def change(
        self, connection: AsyncConnection, conversation: Conversation, message: Received, now: datetime
    ) -> None:
        """Shows what a customer changed or took back, likewise: whoever has read it should know."""
        if not conversation.direct:
            return
        who = self._notices.customer(conversation.customer) if conversation.customer else "They"
        edited = message.kind is Kind.EDIT
        text = f"{who} changed a message: {message.text}" if edited else f"{who} took a message back."
        one = await _followed(connection, conversation, conversation.customer or f"conversation:{conversation.id}")
        if one is not None:
            await self._desks.show(connection, one, text, now, about=f"change:{message.id}")
        if conversation.holder is not None:
            await self._desks.hand_on(connection, message, conversation.holder, text, now, plain=one is not None)

    async def answer(
        self,
        connection: AsyncConnection,
        conversation: Conversation,
        subject: str,
        text: str,
        *,
        messages: Sequence[int],
        row: int,
        now: datetime,
    ) -> None:
        """Shows what the concierge answers to `messages`, under the cards of the escalation that was open already."""
        one = await record.open_for(connection, subject)
        if one is not None and conversation.direct and one.messages[0] not in messages:
            told = f"{CONCIERGE} to {self._notices.who(one)}: {short(text, SHOWN)}"
            await self._desks.show(connection, one, told, now, about=f"answer:{row}")

    async def hand_on(
        self, connection: AsyncConnection, message: Received, *, customer: str, steward: str, now: datetime
    ) -> None:
        """Passes to a customer's steward what the concierge cannot read; nobody is called for it."""
        text = f"{self._notices.customer(customer)} sent something that I cannot read: {_with_attachments(message)}"
        await self._desks.hand_on(connection, message, steward, text, now)


async def _followed(connection: AsyncConnection, conversation: Conversation, subject: str) -> Escalation | None:
    if conversation.held_for is not None:
        return await record.load(connection, conversation.held_for)
    return await record.open_for(connection, subject) if conversation.direct else None


def _with_attachments(message: Received) -> str:
    """A message's words, with what came beside them named."""
    named = [f"[{one.what}]" + (f" {one.link}" if one.link else "") for one in message.attachments]
    return " ".join(part for part in (message.text, *named) if part)
