"""Invitations: good once, for a while, and for nobody who guesses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fakes import MONDAY
from hypothesis import given
from hypothesis import strategies as st
from scenes import Scene
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import replies
from bot.ledger import invitations, tables
from bot.ledger.engine import open_engine, reading, writing
from bot.ledger.invitations import ALPHABET, LENGTH, Bound, code_in
from bot.messages import SLACK, Address, Identity

PHONE = Identity(channel="telegram", user="5001")
LAPTOP = Identity(channel=SLACK, team="T0", user="U5001")
SOMEBODY = Identity(channel="telegram", user="6666")
DAY = timedelta(days=1)


async def invited(engine: AsyncEngine, customer: str = "lena") -> str:
    async with writing(engine) as connection:
        return await invitations.invite(connection, customer, now=MONDAY, until=MONDAY + DAY)


async def redeemed(engine: AsyncEngine, code: str, by: Identity = PHONE, now: object = MONDAY) -> Bound | None:
    async with writing(engine) as connection:
        return await invitations.redeem(connection, code, by, now=now)  # type: ignore[arg-type]  # a datetime


async def who_is_bound(engine: AsyncEngine) -> dict[Identity, str]:
    async with reading(engine) as connection:
        return dict(await invitations.bound(connection))


@given(st.text(alphabet=ALPHABET, min_size=LENGTH, max_size=LENGTH))
def test_a_code_is_found_however_it_was_sent(code: str) -> None:
    """Typed in small letters, with blanks around it, or by Telegram's own link."""
    for text in (code, f"  {code.lower()}\n", f"/start {code}", f"/start@concierge_bot {code}"):
        assert code_in(text) == code


@given(st.text(max_size=40))
def test_a_message_that_says_more_is_no_code(text: str) -> None:
    """Words beside it make it a message."""
    assert code_in(f"{text} and more words") is None


async def test_a_code_binds_whoever_sends_it_and_only_once(engine: AsyncEngine) -> None:
    """The second who has it, by whatever way, is nobody."""
    code = await invited(engine)
    assert await redeemed(engine, code) == Bound(customer="lena")
    assert await redeemed(engine, code, SOMEBODY) is None
    assert await redeemed(engine, code, PHONE) is None
    assert await who_is_bound(engine) == {PHONE: "lena"}


async def test_a_code_is_good_until_its_moment(engine: AsyncEngine) -> None:
    """A second before, not from the moment on."""
    late, in_time = await invited(engine), await invited(engine)
    assert await redeemed(engine, late, SOMEBODY, MONDAY + DAY) is None
    assert await redeemed(engine, in_time, PHONE, MONDAY + DAY - timedelta(seconds=1)) == Bound(customer="lena")
    assert await who_is_bound(engine) == {PHONE: "lena"}


async def test_the_code_itself_is_not_kept(engine: AsyncEngine) -> None:
    """Whoever reads the record cannot use what they find there."""
    code = await invited(engine)
    async with reading(engine) as connection:
        rows = (await connection.execute(tables.invitations.select())).all()
    assert code not in repr(rows)
    assert await redeemed(engine, rows[0].digest[:LENGTH].upper()) is None


async def test_two_identities_are_one_customer(engine: AsyncEngine) -> None:
    """A phone and a laptop, each by an invitation of its own."""
    for identity in (PHONE, LAPTOP):
        await redeemed(engine, await invited(engine), identity)
    assert await who_is_bound(engine) == {PHONE: "lena", LAPTOP: "lena"}


async def test_the_newer_invitation_counts(engine: AsyncEngine) -> None:
    """An identity that was bound to one customer by mistake is another's afterwards."""
    await redeemed(engine, await invited(engine, "lena"))
    await redeemed(engine, await invited(engine, "walter"))
    assert await who_is_bound(engine) == {PHONE: "walter"}


async def test_who_is_unbound_is_a_stranger_again(engine: AsyncEngine) -> None:
    """With every app of theirs; nobody else is touched."""
    for identity, customer in ((PHONE, "lena"), (LAPTOP, "lena"), (SOMEBODY, "walter")):
        await redeemed(engine, await invited(engine, customer), identity)
    async with writing(engine) as connection:
        assert await invitations.unbind(connection, "lena") == 2
    assert await who_is_bound(engine) == {SOMEBODY: "walter"}


@pytest.fixture
async def engines(record_url: str) -> AsyncIterator[list[AsyncEngine]]:
    """The record as eight processes have it open."""
    opened = [open_engine(record_url) for _ in range(8)]
    yield opened
    for one in opened:
        await one.dispose()


async def test_of_many_who_redeem_at_the_same_moment_one_is_bound(engines: list[AsyncEngine]) -> None:
    """A link that was forwarded to a group, pressed by all of them at once."""
    code = await invited(engines[0])
    crowd = [Identity(channel="telegram", user=str(7000 + n)) for n in range(len(engines))]
    found = await asyncio.gather(*(redeemed(one, code, who) for one, who in zip(engines, crowd, strict=True)))
    assert sorted(one is not None for one in found) == [False] * 7 + [True]
    assert list((await who_is_bound(engines[0])).values()) == ["lena"]


async def test_one_person_who_presses_many_links_at_once_is_one_row(engines: list[AsyncEngine]) -> None:
    """Eight codes for one identity at the same moment: each is used up, none fails."""
    codes = [await invited(engines[0]) for _ in engines]
    found = await asyncio.gather(*(redeemed(one, code) for one, code in zip(engines, codes, strict=True)))
    assert found == [Bound(customer="lena")] * 8
    assert await who_is_bound(engines[0]) == {PHONE: "lena"}


# ── in a conversation ────────────────────────────────────────────────────────────────────────────────────────────────

PHONE_CHAT = Address(channel="telegram", room="5001")


async def test_who_redeems_is_welcomed_and_known_from_then_on(scene: Scene) -> None:
    """The next question is answered with what the customer may read."""
    code = await invited(scene.house.engine)
    (welcome,) = await scene.says(code, at=PHONE_CHAT)
    assert welcome == replies.welcome("Lena Voss", "Ines Prado")
    await scene.says("How heavy may my kit be?", at=PHONE_CHAT)
    assert scene.answerer.asked[-1][1] == {"everyone", "mission:portrait", "flight:aurora-2"}


async def test_wrong_used_and_old_codes_are_told_alike(scene: Scene) -> None:
    """Whoever guesses learns nothing from the words."""
    used, old = await invited(scene.house.engine), await invited(scene.house.engine)
    await redeemed(scene.house.engine, used)
    guessed = await scene.says("A" * LENGTH, at=Address(channel="telegram", room="6666"))
    again = await scene.says(used, at=Address(channel="telegram", room="6667"))
    scene.clock.forward(days=2)
    late = await scene.says(old, at=Address(channel="telegram", room="6668"))
    assert guessed == again == late == [replies.code_not_valid()]
    assert await who_is_bound(scene.house.engine) == {PHONE: "lena"}


async def test_a_code_in_a_shared_room_binds_nobody(scene: Scene) -> None:
    """Everybody there has read it, so it is not the sender's alone; it can still be used directly."""
    code = await invited(scene.house.engine)
    await scene.says(code, at=Address(channel="telegram", room="-100"), by="6666")
    assert await who_is_bound(scene.house.engine) == {}


async def test_a_steward_or_customer_who_pastes_a_code_does_not_use_it_up(scene: Scene) -> None:
    """They are known already; the customer for whom it was made can still use it."""
    code = await invited(scene.house.engine)
    await scene.says(code, at=Address(channel="telegram", room="2003"))
    assert await redeemed(scene.house.engine, code) == Bound(customer="lena")
