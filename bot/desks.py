"""Where stewards are told of things: a card an escalation, and the thread under it that is the conversation.

A desk that has no threads (a terminal) gets sentences instead. What a desk shows is put into the outbox here, in the
transaction that it is about; a card is written only when it is sent, so that it is never older than its delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.ledger import cards, outbox
from bot.ledger.buttons import Meaning
from bot.ledger.cards import Place
from bot.ledger.inbox import Received
from bot.messages import Act, Address, Attachment, Identity, Purpose
from bot.notices import Notices
from bot.pack import Pack
from escalation.case import Escalation

CONCIERGE = "Concierge"
TOPIC_LENGTH = 128


class Shape(StrEnum):
    """What a desk can show. `PLAIN`: sentences. `THREAD`: cards with a thread under each. `TOPIC`: a topic a card."""

    PLAIN = "plain"
    THREAD = "thread"
    TOPIC = "topic"


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """A place where a steward is told of things; `direct` says that nobody else reads there."""

    address: Address
    shape: Shape = Shape.PLAIN
    direct: bool = True


DeskOf = Callable[[str], Sequence[Desk]]


class Desks:
    """Every steward's desks, over one record."""

    def __init__(self, pack: Pack, desk_of: DeskOf) -> None:
        self._pack = pack
        self._desk_of = desk_of
        self._notices = Notices(pack)

    async def ask(
        self, connection: AsyncConnection, escalation: Escalation, stewards: Sequence[str], text: str, now: datetime
    ) -> None:
        """Shows an escalation to stewards and asks them to acknowledge it."""
        for desk, there in self._by_desk(stewards):
            draft = self._draft(escalation, desk, text, key=f"ask:{escalation.position}")
            draft = replace(draft, asks=there, escalation=escalation.id)
            if desk.shape is Shape.PLAIN:
                await outbox.put(connection, draft, now=now)
                continue
            place, opens = await self._place(connection, escalation, desk, now)
            mentions = () if desk.direct else self._identities(there, desk.address)
            said = replace(draft, card=place.id, opens=opens, mentions=mentions)
            await outbox.put(connection, said, now=now)

    async def tell(
        self,
        connection: AsyncConnection,
        escalation: Escalation,
        stewards: Sequence[str],
        text: str,
        now: datetime,
        *,
        about: str = "",
        buttons: tuple[Meaning, ...] = (),
        but: Address | None = None,
    ) -> None:
        """Tells stewards something about an escalation: under its card where they have one; not at the desk `but`."""
        for desk, there in self._by_desk(stewards):
            if desk.address == but:
                continue
            draft = self._draft(escalation, desk, text, key=about or f"tell:{escalation.position}")
            if desk.shape is not Shape.PLAIN:
                place, opens = await self._place(connection, escalation, desk, now)
                if opens:
                    shown = self._draft(escalation, desk, text, key=f"card:{escalation.position}")
                    await outbox.put(connection, replace(shown, card=place.id, opens=True), now=now)
                mentions = () if desk.direct else self._identities(there, desk.address)
                draft = replace(draft, card=place.id, mentions=mentions, buttons=buttons)
            await outbox.put(connection, draft, now=now)

    async def show(
        self,
        connection: AsyncConnection,
        escalation: Escalation,
        text: str,
        now: datetime,
        *,
        about: str,
        attachments: tuple[Attachment, ...] = (),
        but: Address | None = None,
    ) -> tuple[Address, ...]:
        """Says something under every card of an escalation, but for the desk where it was said; returns where."""
        shown: list[Address] = []
        for place in await cards.of(connection, escalation.id):
            shown.append(place.address)
            if place.address == but:
                continue
            desk = self._desk_at(place.address)
            draft = self._draft(escalation, desk, text, key=about)
            await outbox.put(connection, replace(draft, card=place.id, attachments=attachments), now=now)
        return tuple(shown)

    async def refresh(
        self, connection: AsyncConnection, escalation: Escalation, now: datetime, *, about: str = ""
    ) -> None:
        """Brings every card of an escalation up to date; `about` names what was done beside its own steps."""
        for place in await cards.of(connection, escalation.id):
            if not place.message and await outbox.opening_waits(connection, place.id):
                continue  # it is written when it is sent
            desk = self._desk_at(place.address)
            draft = self._draft(escalation, desk, "", key=f"refresh:{about or escalation.position}")
            await outbox.put(connection, replace(draft, card=place.id, act=Act.EDIT), now=now)

    async def hand_on(
        self,
        connection: AsyncConnection,
        message: Received,
        steward: str,
        text: str,
        now: datetime,
        *,
        plain: bool = False,
    ) -> None:
        """Passes a customer's message to a steward, beside any escalation; `plain`: only where they have no threads."""
        for desk in self.plain(steward) if plain else self._desk_of(steward):
            draft = outbox.Draft(
                key=f"relay:{message.id}:{desk.address}",
                address=desk.address,
                direct=desk.direct,
                text=text,
                purpose=Purpose.DESK,
                author=CONCIERGE,
                conversation=None,
                attachments=message.attachments,
                mentions=() if desk.direct else self._identities((steward,), desk.address),
            )
            await outbox.put(connection, draft, now=now)

    def plain(self, steward: str) -> tuple[Desk, ...]:
        """A steward's desks that have no threads."""
        return tuple(desk for desk in self._desk_of(steward) if desk.shape is Shape.PLAIN)

    def at(self, address: Address) -> Desk | None:
        """The desk at an address, or None where there is none."""
        every = (desk for steward in self._pack.stewards for desk in self._desk_of(steward))
        return next((desk for desk in every if desk.address == address), None)

    # ── pieces ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _place(
        self, connection: AsyncConnection, escalation: Escalation, desk: Desk, now: datetime
    ) -> tuple[Place, bool]:
        """An escalation's card at a desk, and whether it has yet to be sent: it is new there, or never arrived."""
        place, new = await cards.ensure(connection, escalation.id, desk.address)
        opens = new or (not place.message and await outbox.opening_failed(connection, place.id))
        if opens and not place.thread:
            await self._open(connection, escalation, desk, place, now)
        return place, opens

    async def _open(
        self, connection: AsyncConnection, escalation: Escalation, desk: Desk, place: Place, now: datetime
    ) -> None:
        if desk.shape is not Shape.TOPIC:
            return
        draft = self._draft(escalation, desk, "", key=f"topic:{escalation.position}")
        name = f"#{escalation.id} {self._notices.who(escalation)} · {escalation.severity.name}"[:TOPIC_LENGTH]
        await outbox.put(connection, replace(draft, card=place.id, act=Act.TOPIC, target=name), now=now)

    def _draft(self, escalation: Escalation, desk: Desk, text: str, *, key: str) -> outbox.Draft:
        return outbox.Draft(
            key=f"escalation:{escalation.id}:{key}:{desk.address}",
            address=desk.address,
            direct=desk.direct,
            text=text,
            purpose=Purpose.DESK,
            author=CONCIERGE,
            conversation=None,
        )

    def _by_desk(self, stewards: Iterable[str]) -> list[tuple[Desk, tuple[str, ...]]]:
        """Each desk once, with the stewards who are told there."""
        found: dict[Address, tuple[Desk, tuple[str, ...]]] = {}
        for steward in dict.fromkeys(stewards):
            for desk in self._desk_of(steward):
                _, there = found.get(desk.address, (desk, ()))
                found[desk.address] = (desk, (*there, steward))
        return list(found.values())

    def _desk_at(self, address: Address) -> Desk:
        # a desk that was moved in the settings meanwhile: its card is still there, and nobody knows who else reads it
        return self.at(address) or Desk(address=address, shape=Shape.THREAD, direct=False)

    def _identities(self, stewards: Sequence[str], address: Address) -> tuple[Identity, ...]:
        known = (
            one for name in stewards if name in self._pack.stewards for one in self._pack.stewards[name].identities
        )
        return tuple(one for one in known if one.channel == address.channel and one.team in ("", address.team))
