"""A customer's private chat with the concierge in Telegram, heard by polling and by webhook."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from conftest import Stores
from fakes import found
from phones import SECRET, TELEGRAM_ALONE, by_webhook, labels, phone, words
from sqlalchemy import func, select
from telegram_server import Fault
from town import FORUM, INES_ON_TELEGRAM, LENA_ON_TELEGRAM, STRANGER_ON_TELEGRAM, Town, town, until

from bot.app import House
from bot.channels.telegram.hearing import SECRET_HEADER
from bot.inviting import invitation
from bot.ledger import conversations, outbox, transcript
from bot.ledger.engine import reading
from bot.ledger.tables import inbox
from bot.ledger.tables import outbox as posts
from bot.ledger.transcript import Entry
from bot.messages import TELEGRAM, TERMINAL, Address
from bot.settings import Settings

WAYS = ("polling", "webhook")
ANSWER = "Your kit may weigh 1.5 kg."
LENA = Address(channel=TELEGRAM, room=str(LENA_ON_TELEGRAM))


def settings(here: Town, stores: Stores, way: str = "polling") -> Settings:
    """An installation with Telegram alone."""
    return here.settings(stores, **TELEGRAM_ALONE, **(by_webhook() if way == "webhook" else {}))


async def kept_of(house: House, address: Address) -> tuple[Entry, ...]:
    """What the record says was said in a conversation."""
    async with reading(house.engine) as connection:
        place = await conversations.at(connection, address)
        return await transcript.latest(connection, place.id, count=100) if place else ()


async def doubts(house: House) -> int:
    async with reading(house.engine) as connection:
        return await outbox.doubts(connection)


async def received(house: House) -> int:
    async with reading(house.engine) as connection:
        return int((await connection.execute(select(func.count()).select_from(inbox))).scalar_one())


async def is_at_rest(house: House) -> bool:
    """Whether all is answered and delivered, but for what waits for a terminal that nobody has open."""
    waits = select(inbox.c.id).where(inbox.c.done_at.is_(None))
    on_its_way = select(posts.c.id).where(posts.c.state.in_(("pending", "sending")), posts.c.channel != TERMINAL)
    await house.intake.carry_in()
    async with reading(house.engine) as connection:
        rows = [(await connection.execute(query.limit(1))).first() for query in (waits, on_its_way)]
    return rows == [None, None]


# ── a conversation ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", WAYS)
async def test_a_customer_is_answered_and_looked_after(tmp_path: Path, stores: Stores, way: str) -> None:
    """Asked, answered with its source, worried, seen, spoken to, handed back, closed: in her private chat."""
    async with town(tmp_path) as here, here.opened(settings(here, stores, way)):
        lena, forum = phone(here, LENA_ON_TELEGRAM), phone(here, INES_ON_TELEGRAM, FORUM)
        lena.says("How heavy may my kit be?")
        answer = await lena.reads("1.5 kg")
        assert words(answer) == f"{ANSWER}\n— Handbook, Baggage\n\nPlease note: Weights change."
        assert labels(answer) == ["That did not answer it", "I need a person"]

        assert await lena.presses("I need a person") == "I have noted it."
        await lena.reads("I have asked Ines Prado")
        ines = await forum.opens_topic()
        await ines.reads("Lena Voss")
        await ines.presses("Acknowledge")
        await lena.reads("Ines Prado has seen your message.")
        await ines.presses("Take over")
        await lena.reads("Ines Prado is with you now")

        lena.says("How heavy may my easel be? It is no kit.")
        await ines.reads("Lena Voss: How heavy may my easel be? It is no kit.")
        mine = ines.says("Four kilograms, Lena.")
        reply = await lena.reads("Four kilograms, Lena.")
        assert words(reply) == "Ines Prado\nFour kilograms, Lena."
        await ines.sees_delivered(mine)
        assert lena.screen.count("1.5 kg") == 1, "the concierge is silent while a person is there"

        await ines.presses("Give back to the concierge")
        await lena.reads("has left this conversation to me again")
        lena.says("And how heavy may my kit be?")
        await lena.reads("1.5 kg", 2)
        ines.says("//resolve she knows")
        await lena.reads("Ines Prado has closed this.")


@pytest.mark.parametrize("way", WAYS)
async def test_what_comes_twice_or_late_is_answered_once(tmp_path: Path, stores: Stores, way: str) -> None:
    """Telegram delivers some updates again and some in the wrong order; each question has one answer."""
    async with town(tmp_path) as here, here.opened(settings(here, stores, way)) as house:
        here.answerer.answers = {one: found(f"The {one} is packed.") for one in ("suit", "easel", "brush", "camera")}
        lena = phone(here, LENA_ON_TELEGRAM)
        lena.says("Where is my suit?")
        await lena.reads("The suit is packed.")
        here.telegram.redeliver()
        with here.telegram.out_of_order():
            lena.says("Where is my easel?")
            lena.says("Where is my brush?")
        await lena.reads("The brush is packed.")
        here.telegram.redeliver(here.telegram.updates[0])
        lena.says("Where is my camera?")
        await lena.reads("The camera is packed.")
        await here.telegram.until(lambda: not here.telegram.pending)
        await until(lambda: is_at_rest(house), "nothing is on its way")
        assert [lena.screen.count(f"The {one} is packed.") for one in here.answerer.answers] == [1, 1, 1, 1]
        assert await received(house) == 4


async def test_an_edit_is_in_the_record_and_not_answered_again(tmp_path: Path, stores: Stores) -> None:
    """What a customer changes stands in the record as they changed it; their answer stays the one they had."""
    async with town(tmp_path) as here, here.opened(settings(here, stores)) as house:
        lena = phone(here, LENA_ON_TELEGRAM)
        asked = lena.says("How heavy may my kit be?")
        await lena.reads("1.5 kg")
        here.telegram.edits(LENA_ON_TELEGRAM, asked, "How heavy may my second kit be?")

        async def is_edited() -> bool:
            first = (await kept_of(house, LENA))[0]
            return first.edited_at is not None and first.text == "How heavy may my second kit be?"

        await until(is_edited, "the edit is in the record")
        lena.says("Thank you")
        await lena.reads("I'm here whenever you need something.")
        assert lena.screen.count("1.5 kg") == 1


async def test_what_cannot_be_read_goes_to_a_person_who_can(tmp_path: Path, stores: Stores) -> None:
    """A photo with a question, a voice, a sticker, a place, a file: handed on as they are, and the customer told."""
    async with town(tmp_path) as here, here.opened(settings(here, stores)):
        telegram = here.telegram
        lena, forum = phone(here, LENA_ON_TELEGRAM), phone(here, INES_ON_TELEGRAM, FORUM)
        lena.says("How heavy may this kit be?", **telegram.photo())
        first = await lena.reads("I cannot open a photo myself, so I have handed it on to Ines Prado.")
        assert words(first).startswith(ANSWER), "its words were a question"
        for what, told in (
            (telegram.voice(seconds=12), "a voice message of 12 s"),
            (telegram.sticker("🚀"), "a sticker 🚀"),
            (telegram.location(5.23, -52.77), "a place (5.23, -52.77)"),
            (telegram.document("plan.pdf"), "the file plan.pdf"),
        ):
            lena.says(**what)
            await lena.reads(f"I cannot open {told} myself")
            await forum.reads(f"Lena Voss sent something that I cannot read: [{told}]")
        await forum.reads("How heavy may this kit be? [a photo]")
        kinds = ("photo", "voice", "sticker", "location", "document")
        await telegram.until(lambda: all(any(kind in one for one in forum.posts) for kind in kinds))
        assert [sum(kind in one for one in forum.posts) for kind in kinds] == [1, 1, 1, 1, 1]


async def test_an_answer_that_was_none_is_noted(tmp_path: Path, stores: Stores) -> None:
    """ "That did not answer it" says who would know, and leaves a gap in the list of gaps."""
    async with town(tmp_path) as here, here.opened(settings(here, stores)) as house:
        lena = phone(here, LENA_ON_TELEGRAM)
        lena.says("How heavy may my kit be?")
        answer = await lena.reads("1.5 kg")
        assert await lena.presses("That did not answer it") == "I have noted it."
        await lena.reads("I have noted that the documents did not answer you. Ines Prado would know")
        assert await lena.presses("That did not answer it", within=answer) == "I have noted it."
        async with reading(house.engine) as connection:
            gaps = await transcript.known_gaps(connection)
        assert [(one.customer, one.question) for one in gaps] == [("lena", "How heavy may my kit be?")]


# ── when things go wrong ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_faults_lose_no_answer_and_double_only_what_was_in_doubt(tmp_path: Path, stores: Stores) -> None:
    """Told to wait, refused, cut off, kept without a word, slow: all arrive; what may stand twice is counted."""
    slow = asyncio.Event()
    faults = (
        ("suit", Fault.TOO_MANY(1), 1, 0),
        ("easel", Fault.ERROR, 1, 1),
        ("brush", Fault.KEPT_ERROR, 2, 2),
        ("camera", Fault.DROPPED, 1, 3),
        ("canvas", Fault.KEPT_DROPPED, 2, 4),
        ("paint", Fault.SLOW(slow), 1, 4),
    )
    async with town(tmp_path) as here, here.opened(settings(here, stores)) as house:
        here.answerer.answers = {what: found(f"The {what} is packed.") for what, *_ in faults}
        lena = phone(here, LENA_ON_TELEGRAM)
        for what, fault, times, in_doubt in faults:
            here.telegram.faults.add("sendMessage", fault)
            lena.says(f"Where is my {what}?")
            await lena.reads(f"The {what} is packed.", times)
            slow.set()
            await until(lambda: is_at_rest(house), f"the answer about the {what} is delivered")
            assert (lena.screen.count(f"The {what} is packed."), await doubts(house)) == (times, in_doubt), what


async def test_a_poll_that_breaks_off_costs_no_message(tmp_path: Path, stores: Stores) -> None:
    """The long poll is cut, and refused once: what was written meanwhile is answered once."""
    async with town(tmp_path) as here, here.opened(settings(here, stores)):
        lena = phone(here, LENA_ON_TELEGRAM)
        await here.telegram.until(lambda: here.telegram.polled)
        here.telegram.faults.add("getUpdates", Fault.ERROR, Fault.TOO_MANY(1), Fault.DROPPED)
        here.telegram.drop_poll()
        lena.says("How heavy may my kit be?")
        await lena.reads("1.5 kg")
        lena.says("Thank you")
        await lena.reads("I'm here whenever you need something.")
        assert lena.screen.count("1.5 kg") == 1


@pytest.mark.parametrize("way", WAYS)
async def test_what_was_written_while_nobody_was_there_is_answered_once(
    tmp_path: Path, stores: Stores, way: str
) -> None:
    """The house goes down in the middle of an answer; questions, an edit and a press wait until it is back."""
    async with town(tmp_path) as here:
        given, lena = settings(here, stores, way), phone(here, LENA_ON_TELEGRAM)
        here.answerer.answers |= {"suit": found("The suit is packed."), "easel": found("The easel is packed.")}
        async with here.opened(given):
            first = lena.says("How heavy may my kit be?")
            await lena.reads("1.5 kg")
            here.telegram.faults.add("sendMessage", Fault.TOO_MANY(1))
            lena.says("Where is my suit?")
            await here.telegram.until(lambda: len(here.telegram.called("sendMessage")) == 2)
        assert "The suit is packed." not in lena.screen
        lena.says("Where is my easel?")
        here.telegram.edits(LENA_ON_TELEGRAM, first, "How heavy may my second kit be?")
        (answer,) = [one for one in lena.posts if "1.5 kg" in words(one)]
        (person,) = [one for row in answer["reply_markup"]["inline_keyboard"] for one in row if "person" in one["text"]]
        query = here.telegram.presses(LENA_ON_TELEGRAM, answer, person["callback_data"])
        async with here.opened(given) as house:
            await lena.reads("I have asked Ines Prado")
            await lena.answered(query)
            await lena.reads("The suit is packed.")
            await lena.reads("The easel is packed.")
            await until(lambda: is_at_rest(house), "nothing is on its way")
            assert (await kept_of(house, LENA))[0].text == "How heavy may my second kit be?"
            assert await received(house) == 5
        said = ("1.5 kg", "The suit is packed.", "The easel is packed.", "I have asked Ines Prado")
        assert [lena.screen.count(one) for one in said] == [1, 1, 1, 1]


async def test_only_telegram_can_call_the_webhook(tmp_path: Path, stores: Stores) -> None:
    """Whoever does not know the secret gets a 403, and nothing of what they send is kept."""
    async with town(tmp_path) as here:
        given = settings(here, stores, "webhook")
        async with here.opened(given) as house, aiohttp.ClientSession() as session:
            lena = phone(here, LENA_ON_TELEGRAM)
            lena.says("How heavy may my kit be?")
            await lena.reads("1.5 kg")
            forged = here.telegram.updates[0] | {"update_id": 1}
            for headers in ({}, {SECRET_HEADER: "a guess"}, {SECRET_HEADER: SECRET + "x"}):
                async with session.post(str(given.telegram_webhook), json=forged, headers=headers) as answer:
                    assert answer.status == 403
            async with session.post(str(given.telegram_webhook), data=b"{", headers={SECRET_HEADER: SECRET}) as answer:
                assert answer.status == 400
            await until(lambda: is_at_rest(house), "nothing is on its way")
            assert (await received(house), lena.screen.count("1.5 kg")) == (1, 1)


# ── who somebody is ──────────────────────────────────────────────────────────────────────────────────────────────────


async def code_for(here: Town, given: Settings, lasts: timedelta) -> str:
    """What is behind the link that a steward passes on to Noor."""
    told = await invitation(here.pack, given, "noor", here.clock(), lasts)
    link = re.search(r"https://t\.me/concierge_bot\?start=(\w+)", told)
    assert link is not None, told
    return link[1]


async def test_an_invitation_makes_a_stranger_known(tmp_path: Path, stores: Stores) -> None:
    """Unknown, somebody learns nothing; with the link they are Noor, who is cared for like everybody."""
    async with town(tmp_path) as here:
        given = settings(here, stores)
        async with here.opened(given):
            noor = phone(here, STRANGER_ON_TELEGRAM)
            noor.says("How heavy may my kit be?")
            await noor.reads("I don't know you here yet.")
            assert not here.answerer.asked, "nothing is even looked up for a stranger"
            noor.says(f"/start {await code_for(here, given, timedelta(hours=1))}")
            await noor.reads("Welcome, Noor Haddad.")
            noor.says("How heavy may my kit be?")
            await noor.reads("1.5 kg")
            noor.says("asks_for_person, please")
            await noor.reads("I have asked Ines Prado")
            forum = phone(here, INES_ON_TELEGRAM, FORUM)
            await forum.reads("Noor Haddad")


async def test_invitations_that_are_old_used_or_guessed_are_refused_alike(tmp_path: Path, stores: Stores) -> None:
    """All three hear the same words, and stay strangers."""
    async with town(tmp_path) as here:
        given = settings(here, stores)
        async with here.opened(given):
            used = await code_for(here, given, timedelta(hours=3))
            old = await code_for(here, given, timedelta(hours=1))
            here.telegram.user(9001, "Noor")
            noor = phone(here, 9001)
            noor.says(f"/start {used}")
            await noor.reads("Welcome, Noor Haddad.")
            here.clock.ahead += timedelta(hours=2)
            stranger = phone(here, STRANGER_ON_TELEGRAM)
            for number, code in enumerate((used, old, "A" * len(used)), 1):
                stranger.says(f"/start {code}")
                await stranger.reads("That invitation does not work", number)
            assert len(set(stranger.said)) == 1
            stranger.says("How heavy may my kit be?")
            await stranger.reads("I don't know you here yet.")
