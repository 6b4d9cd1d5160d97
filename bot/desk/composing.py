"""Posts as they are sent: cards written from the record at that moment, buttons with their tokens, threads by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.desk import actions, briefing, cards
from bot.desk.briefing import Suggest
from bot.ledger import cards as places
from bot.ledger.buttons import Meaning, token_for
from bot.ledger.engine import reading, writing
from bot.ledger.outbox import Outgoing
from bot.messages import Act, Button, Card, Post
from bot.pack import Pack
from bot.people import find
from escalation import record


class Composer:
    """Completes posts, over one pack and one record."""

    def __init__(self, pack: Pack, engine: AsyncEngine, suggest: Suggest) -> None:
        self._pack = pack
        self._engine = engine
        self._suggest = suggest

    async def dress(self, out: Outgoing, now: datetime) -> Post | None:
        """The post as it is to be sent; None where there is nothing to send any more."""
        post = out.post
        if out.draft.act is Act.HOME:
            return replace(post, card=await self._home(out, now))
        if out.draft.buttons:
            post = replace(post, buttons=await self._buttons(out.draft.buttons))
        return post if out.draft.card is None else await self._on_a_card(out, post, now)

    async def _on_a_card(self, out: Outgoing, post: Post, now: datetime) -> Post | None:
        assert out.draft.card is not None
        async with reading(self._engine) as connection:
            place = await places.by_id(connection, out.draft.card)
        post = replace(post, thread=place.thread)
        if out.draft.act is Act.EDIT:
            if not place.message:
                return None  # the card itself never arrived
            return replace(post, target=place.message, card=await self._card(place.escalation, now))
        if out.draft.opens:
            return replace(post, card=await self._card(place.escalation, now))
        return post if place.thread else replace(post, under=place.message)

    async def _card(self, escalation: int, now: datetime) -> Card:
        async with reading(self._engine) as connection:
            one = await record.load(connection, escalation)
            assert one is not None, "a card is put into the outbox with its escalation"
            steward = one.holder or one.owner or one.named or ""
            dossier = await briefing.gather(self._pack, connection, one, steward, now)
        buttons = await self._buttons(
            [Meaning(action=action, kind=actions.ESCALATION, number=one.id) for action in actions.actions_on(one)]
        )
        suggested = await briefing.suggestions(self._pack, dossier, self._suggest, now)
        return cards.card(replace(dossier, suggested=suggested), buttons=buttons, now=now)

    async def _buttons(self, meanings: Sequence[Meaning]) -> tuple[Button, ...]:
        names = {one.id: one.name for one in self._pack.stewards.values()}
        async with writing(self._engine) as connection:
            return tuple([actions.button(one, await token_for(connection, one), names) for one in meanings])

    async def _home(self, out: Outgoing, now: datetime) -> Card:
        person = find(self._pack, out.draft.recipient) if out.draft.recipient else None
        async with reading(self._engine) as connection:
            return await briefing.home(self._pack, connection, person, now)
