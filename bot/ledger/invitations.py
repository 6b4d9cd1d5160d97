"""Invitations and the identities that they bind: who of a platform is which customer, beyond what the pack says."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.ledger.tables import identities, invitations
from bot.messages import Identity

ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # what is not mistaken for something else when it is typed
LENGTH: Final = 20  # of 32 signs: 100 bits
_CODE: Final = re.compile(rf"(?:/start(?:@\w+)?\s+)?([{ALPHABET}]{{{LENGTH}}})", re.IGNORECASE)


def code_in(text: str) -> str | None:
    """The invitation's code, where a message is nothing else (Telegram puts "/start" before it)."""
    found = _CODE.fullmatch(text.strip())
    return found[1].upper() if found else None


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


async def invite(connection: AsyncConnection, customer: str, *, now: datetime, until: datetime) -> str:
    """Makes an invitation and returns its code, which is told once and not kept."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    await connection.execute(
        insert(invitations).values(digest=_digest(code), customer=customer, created_at=now, expires_at=until)
    )
    return code


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """An identity is this customer's from now on."""

    customer: str


async def redeem(connection: AsyncConnection, code: str, identity: Identity, *, now: datetime) -> Bound | None:
    """Binds an identity to the customer whom a code invites; None where the code is wrong, used or too old.

    All three are told alike: whoever guesses learns nothing.
    """
    query = update(invitations).where(
        invitations.c.digest == _digest(code), invitations.c.used_at.is_(None), invitations.c.expires_at > now
    )
    if (await connection.execute(query.values(used_at=now))).rowcount != 1:
        return None
    invited = invitations.c.digest == _digest(code)
    customer = str((await connection.execute(select(invitations.c.customer).where(invited))).scalar_one())
    number = await _bind(connection, identity, customer, now)
    await connection.execute(update(invitations).where(invited).values(identity=number))
    return Bound(customer=customer)


async def _bind(connection: AsyncConnection, identity: Identity, customer: str, now: datetime) -> int:
    who = (
        (identities.c.channel == identity.channel)
        & (identities.c.team == identity.team)
        & (identities.c.user == identity.user)
    )
    row = insert(identities).values(
        channel=identity.channel, team=identity.team, user=identity.user, customer=customer, bound_at=now
    )
    try:
        async with connection.begin_nested():
            await connection.execute(row)
    except IntegrityError:  # an earlier invitation had bound it: the newer one counts
        await connection.execute(update(identities).where(who).values(customer=customer, bound_at=now))
    return int((await connection.execute(select(identities.c.id).where(who))).scalar_one())


async def bound(connection: AsyncConnection) -> Mapping[Identity, str]:
    """Every identity that an invitation has bound, and whose it is."""
    rows = await connection.execute(select(identities))
    return {Identity(channel=row.channel, team=row.team, user=row.user): row.customer for row in rows}


async def unbind(connection: AsyncConnection, customer: str) -> int:
    """Forgets every identity that invitations have bound to a customer, and says how many there were."""
    theirs = select(identities.c.id).where(identities.c.customer == customer)
    await connection.execute(update(invitations).where(invitations.c.identity.in_(theirs)).values(identity=None))
    result = await connection.execute(identities.delete().where(identities.c.customer == customer))
    return int(result.rowcount)
