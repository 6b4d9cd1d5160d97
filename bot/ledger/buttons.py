"""Buttons: an opaque token for each thing that can be pressed, and what it means. Platforms see only the token."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.ledger.tables import buttons as table

TOKEN_BYTES = 16  # 128 bits: not to be guessed, and 22 characters of the 64 bytes that Telegram allows


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """What pressing a button does: an action, on a subject ("escalation:4", "message:17", "post:9"), with one choice
    already made where the action has any.
    """

    action: str
    kind: str
    number: int
    choice: str = ""

    @property
    def subject(self) -> str:
        return f"{self.kind}:{self.number}"


async def token_for(connection: AsyncConnection, meaning: Meaning) -> str:
    """The token of a button: made at first, the same ever after."""
    query = select(table.c.token).where(
        table.c.action == meaning.action, table.c.subject == meaning.subject, table.c.choice == meaning.choice
    )
    found = (await connection.execute(query)).scalar_one_or_none()
    if found is not None:
        return str(found)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = insert(table).values(token=token, action=meaning.action, subject=meaning.subject, choice=meaning.choice)
    try:
        async with connection.begin_nested():
            await connection.execute(row)
    except IntegrityError:  # another process made it at the same moment
        return str((await connection.execute(query)).scalar_one())
    return token


async def meaning_of(connection: AsyncConnection, token: str) -> Meaning | None:
    """What a token means, or None for one that was never given out."""
    row = (await connection.execute(select(table).where(table.c.token == token))).one_or_none()
    if row is None:
        return None
    kind, _, number = row.subject.partition(":")
    return Meaning(action=row.action, kind=kind, number=int(number), choice=row.choice)
