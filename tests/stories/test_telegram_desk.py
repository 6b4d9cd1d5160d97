"""A steward's desk in Telegram: a forum with a topic an escalation, or a private chat with a card in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from conftest import Stores
from phones import TELEGRAM_ALONE, Phone, labels, phone, words
from telegram_server import Fault
from town import (
    AMARA_ON_TELEGRAM,
    FORUM,
    INES_ON_TELEGRAM,
    LENA_ON_TELEGRAM,
    STRANGER_ON_TELEGRAM,
    Town,
    town,
    until,
)

from bot.app import House
from bot.desk.hearing import NO_CARD, NOT_EDITED, NOT_SENT, NOT_YOURS
from bot.ledger import outbox
from bot.ledger.engine import reading
from escalation import record

OPEN = ["Acknowledge", "Take over", "Resolve…", "Correct a cue…"]
HELD = ["Give back to the concierge", "Hand over…", "Resolve…", "Correct a cue…"]


@asynccontextmanager
async def forum(tmp_path: Path, stores: Stores) -> AsyncIterator[tuple[Town, House, Phone, Phone]]:
    """The town with Telegram alone, where Lena has asked for a person: her phone, and Ines's at the topic of it."""
    async with town(tmp_path) as here, here.opened(here.settings(stores, **TELEGRAM_ALONE)) as house:
        lena = phone(here, LENA_ON_TELEGRAM)
        lena.says("asks_for_person: I feel such anxiety! about the way down")
        await lena.reads("I have asked Ines Prado")
        ines = await phone(here, INES_ON_TELEGRAM, FORUM).opens_topic()
        await ines.reads("Lena Voss")
        yield here, house, lena, ines


async def is_taken(ines: Phone, lena: Phone) -> None:
    await ines.presses("Take over")
    await lena.reads("Ines Prado is with you now")


# ── the forum ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_escalation_has_a_topic_with_its_card(tmp_path: Path, stores: Stores) -> None:
    """The topic is named for it; the card says who, why and what for; its buttons are what can be done now."""
    async with forum(tmp_path, stores) as (here, _, lena, ines):
        (made,) = here.telegram.called("createForumTopic")
        assert made["name"] == "#1 Lena Voss · urgent"
        (card,) = ines.posts
        for told in ("Lena Voss", "I feel such anxiety! about the way down", "One finished canvas comes home dry."):
            assert told in words(card)
        assert labels(card) == OPEN
        assert "tg://user?id=2001" in str(card["entities"]), "Ines is called, not everybody"
        told = await ines.presses("Acknowledge")
        assert told == "Acknowledged. The customer has been told that you have seen it."
        await lena.reads("Ines Prado has seen your message.")
        await ines.reads("Ines Prado has seen it. The concierge still answers.")
        await is_taken(ines, lena)
        await ines.reads("Ines Prado holds the conversation.")
        assert labels(ines.posts[0]) == HELD
        lena.says("asks_for_person, again")
        await ines.reads("Lena Voss: asks_for_person, again")
        assert len(here.telegram.called("createForumTopic")) == 1, "what joins it stands in the same topic"


async def test_the_topic_is_the_conversation(tmp_path: Path, stores: Stores) -> None:
    """What either writes appears at the other's, in order, files too; notes stay where they are."""
    async with forum(tmp_path, stores) as (here, _, lena, ines):
        mine = ines.says("I am here, Lena.")
        await lena.reads("Ines Prado\nI am here, Lena.")
        await ines.sees_delivered(mine)
        lena.says("Thank you.")
        lena.says("This is my room.", **here.telegram.photo())
        await ines.reads("Lena Voss: This is my room. [a photo]")
        await here.telegram.until(lambda: any("photo" in one for one in ines.posts))
        assert not any("photo" in one for one in phone(here, INES_ON_TELEGRAM, FORUM).posts if one not in ines.posts)
        noted = ines.says("// she sounds calmer than she writes")
        await ines.sees_delivered(noted)
        ines.says("//take the day off, Lena")
        await ines.reads("Write //take alone.")
        ines.says("//sleep well")
        await ines.reads("There is no command //sleep; nothing was sent.")
        ines.says("//help")
        await ines.reads("What you write here goes to the customer in your name")
        ines.says("", **here.telegram.photo())
        await ines.reads("I can pass on words only, not a photo; nothing was sent.")
        last = ines.says("Sleep well.")
        await ines.sees_delivered(last)
        told = [one for one in lena.said if one.startswith("Ines Prado\n")]
        assert told == ["Ines Prado\nI am here, Lena.", "Ines Prado\nSleep well."]
        assert "calmer" not in lena.screen
        order = [ines.screen.index(one) for one in ("Lena Voss: Thank you.", "Lena Voss: This is my room.")]
        assert order == sorted(order)


async def test_handing_over_resolving_and_correcting_by_buttons(tmp_path: Path, stores: Stores) -> None:
    """Where Telegram has no forms: a choice is a row of buttons, and words are an answer to the message that asks."""
    async with forum(tmp_path, stores) as (here, house, lena, ines):
        amara = Phone(telegram=here.telegram, user=AMARA_ON_TELEGRAM, room=FORUM, thread=ines.thread)
        await is_taken(ines, lena)
        assert await ines.presses("Hand over…") == "I have asked for it below."
        asked = await ines.reads("Hand over…\n1. Amara Okafor")
        assert labels(asked) == ["Amara Okafor"]
        assert await ines.presses("Amara Okafor") == "Amara Okafor has been asked. It stays with you until they accept."
        await ines.reads("Ines Prado would like to hand escalation 1 (Lena Voss) over to you")
        assert "tg://user?id=2002" in str(ines.posts[-1]["entities"])
        assert await ines.presses("Accept") == "Escalation 1 is not offered to you."
        assert await amara.presses("Accept") == "It is yours now. The customer has been told."
        await lena.reads("Ines Prado has handed over to Amara Okafor, who has accepted")
        amara.says("I am Amara, Lena.")
        await lena.reads("Amara Okafor\nI am Amara, Lena.")

        await amara.presses("Correct a cue…")
        choice = await amara.reads("Correct a cue…\n1. ")
        number = next(one for one in labels(choice) if one.endswith("was not there")).partition(":")[0]
        assert "Kept beside the log" in await amara.presses(f"{number}: was not there")
        async with reading(house.engine) as connection:
            logged = await record.cue(connection, int(number))
        assert logged is not None
        assert [(one.steward, one.was_there) for one in logged.corrections] == [("amara", False)]

        await amara.presses("Resolve…")
        prompt = await amara.reads("How did it end? Answer this message")
        amara.says("called her, she is calmer", reply_to=prompt)
        await lena.reads("Amara Okafor has closed this.")
        await ines.reads("By Amara Okafor: “called her, she is calmer”")
        assert labels(ines.posts[0]) == []
        async with reading(house.engine) as connection:
            found = await record.load(connection, 1)
        assert found is not None
        assert (found.open, found.outcome) == (False, "called her, she is calmer")
        assert "calmer" not in lena.screen


async def test_whoever_is_no_steward_does_nothing_in_the_forum(tmp_path: Path, stores: Stores) -> None:
    """Somebody in the forum whom nobody knows writes and presses: a polite no, and nothing changes."""
    async with forum(tmp_path, stores) as (here, house, lena, ines):
        here.telegram.joins(FORUM, STRANGER_ON_TELEGRAM)
        stranger = Phone(telegram=here.telegram, user=STRANGER_ON_TELEGRAM, room=FORUM, thread=ines.thread)
        before = lena.said
        for label in OPEN:
            assert await stranger.presses(label) == NOT_YOURS
        for number, line in enumerate(("Pay me first.", "//ack", "//resolve done", "// a note"), 1):
            stranger.says(line)
            await ines.reads(NOT_SENT, number)
        await is_taken(ines, lena)
        assert lena.said[: len(before)] == before
        assert len(lena.said) == len(before) + 1
        async with reading(house.engine) as connection:
            found = await record.load(connection, 1)
        assert found is not None
        assert (found.owner, found.holder, found.notes) == ("ines", "ines", ())


async def test_what_is_written_beside_the_topics_goes_nowhere(tmp_path: Path, stores: Stores) -> None:
    """In the general topic stewards talk among themselves; in a topic of their own they hear that nothing was sent."""
    async with forum(tmp_path, stores) as (here, _, lena, ines):
        before = lena.said
        phone(here, INES_ON_TELEGRAM, FORUM).says("What shall we tell her?")
        lunch = Phone(
            telegram=here.telegram,
            user=INES_ON_TELEGRAM,
            room=FORUM,
            thread=here.telegram.topic(FORUM, INES_ON_TELEGRAM, "Lunch"),
        )
        lunch.says("Pizza?")
        await lunch.reads(NO_CARD)
        mine = ines.says("I am here, Lena.")
        await ines.sees_delivered(mine)
        assert lena.said[len(before) :] == [lena.said[-2], "Ines Prado\nI am here, Lena."]
        assert "Ines Prado is with you now" in lena.said[-2]


async def test_what_a_steward_changes_afterwards_stays_as_it_was_sent(tmp_path: Path, stores: Stores) -> None:
    """An edit under a card changes nothing at the customer's, and the steward is told so."""
    async with forum(tmp_path, stores) as (here, _, lena, ines):
        mine = ines.says("I call you at six.")
        await ines.sees_delivered(mine)
        here.telegram.edits(INES_ON_TELEGRAM, mine, "I call you at seven.")
        await ines.reads(NOT_EDITED)
        assert "seven" not in lena.screen


# ── when it is in doubt ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_reply_in_doubt_is_for_the_steward_to_settle(tmp_path: Path, stores: Stores) -> None:
    """It is not sent again by itself: "It arrived" leaves it, "Send it again" sends it again, for stewards only."""
    async with forum(tmp_path, stores) as (here, house, lena, ines):
        await is_taken(ines, lena)
        await settled(house)
        here.telegram.faults.add("sendMessage", Fault.KEPT_DROPPED)
        ines.says("First, Lena.")
        await ines.reads("I cannot say whether this reached Lena Voss: “First, Lena.”")
        assert await ines.presses("It arrived") == "Noted: it arrived."
        await settled(house)
        here.telegram.faults.add("sendMessage", Fault.DROPPED)
        second = ines.says("Second, Lena.")
        asked = await ines.reads("I cannot say whether this reached Lena Voss: “Second, Lena.”")
        assert labels(asked) == ["Send it again", "It arrived"]
        here.telegram.joins(FORUM, STRANGER_ON_TELEGRAM)
        stranger = Phone(telegram=here.telegram, user=STRANGER_ON_TELEGRAM, room=FORUM, thread=ines.thread)
        assert await stranger.presses("Send it again") == NOT_YOURS
        assert "Second" not in lena.screen
        assert await ines.presses("Send it again") == "It is sent again."
        await lena.reads("Second, Lena.")
        await ines.sees_delivered(second)
        assert "no longer in doubt" in await ines.presses("Send it again")
        await settled(house)
        assert [lena.screen.count(one) for one in ("First, Lena.", "Second, Lena.")] == [1, 1]
        async with reading(house.engine) as connection:
            assert await outbox.doubts(connection) == 2


async def test_a_reply_in_doubt_settled_by_command(tmp_path: Path, stores: Stores) -> None:
    """`//again N` does what the button does, and says under it that it did."""
    async with forum(tmp_path, stores) as (here, house, lena, ines):
        await is_taken(ines, lena)
        await settled(house)
        here.telegram.faults.add("sendMessage", Fault.KEPT_ERROR)
        ines.says("First, Lena.")
        asked = words(await ines.reads("I cannot say whether this reached Lena Voss"))
        number = asked.partition("(//again ")[2].partition(")")[0]
        ines.says(f"//again {number}")
        await ines.reads("It is sent again.")
        await lena.reads("First, Lena.", 2)


async def settled(house: House) -> None:
    """Waits until no message is on its way, but for those to screens that nobody has open."""

    async def holds() -> bool:
        async with reading(house.engine) as connection:
            return not [
                one for one in await outbox.places_waiting(connection, now=house.clock()) if one.channel != "terminal"
            ]

    await until(holds, "nothing is on its way")


async def test_faults_at_the_desk_leave_one_card_that_is_right(tmp_path: Path, stores: Stores) -> None:
    """The topic comes late and the card's edits fail at first: there is one card, and it says how it stands."""
    async with town(tmp_path) as here, here.opened(here.settings(stores, **TELEGRAM_ALONE)):
        telegram, lena = here.telegram, phone(here, LENA_ON_TELEGRAM)
        telegram.faults.add("createForumTopic", Fault.TOO_MANY(1))
        telegram.faults.add("editMessageText", Fault.ERROR, Fault.KEPT_DROPPED)
        lena.says("asks_for_person, please")
        ines = await phone(here, INES_ON_TELEGRAM, FORUM).opens_topic()
        await ines.presses("Acknowledge")
        await lena.reads("Ines Prado has seen your message.")
        await ines.reads("Ines Prado has seen it.")
        assert len([one for one in ines.posts if "Lena Voss" in words(one)]) == 1


# ── a private chat ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_steward_works_from_their_private_chat(tmp_path: Path, stores: Stores) -> None:
    """The card is a message; an answer to it, or to anything under it, reaches the customer."""
    given = {**TELEGRAM_ALONE, "telegram_desk": None}
    async with town(tmp_path) as here, here.opened(here.settings(stores, **given)):
        ines, lena = phone(here, INES_ON_TELEGRAM), phone(here, LENA_ON_TELEGRAM)
        ines.says("Hello")
        await ines.reads("I'm here whenever you need something.")
        lena.says("asks_for_person, please")
        await lena.reads("I have asked Ines Prado")
        card = await ines.reads("Lena Voss")
        assert labels(card) == OPEN
        assert await ines.presses("Acknowledge") == "Acknowledged. The customer has been told that you have seen it."
        await lena.reads("Ines Prado has seen your message.")
        first = ines.says("I am here, Lena.", reply_to=card)
        await lena.reads("Ines Prado\nI am here, Lena.")
        await ines.sees_delivered(first)
        lena.says("Can you call me?")
        under = await ines.reads("Lena Voss: Can you call me?")
        assert under["reply_to_message"]["message_id"] == card["message_id"]
        second = ines.says("At six.", reply_to=under)
        await lena.reads("Ines Prado\nAt six.")
        await ines.sees_delivered(second)
        note = ines.says("// call at six", reply_to=under)
        await ines.sees_delivered(note)
        ines.says("How heavy may a kit be?")
        answer = await ines.reads("1.5 kg")
        assert "reply_to_message" not in answer, "what answers no card is a question like anybody's"
        await ines.presses("Resolve…")
        prompt = await ines.reads("How did it end? Answer this message")
        ines.says("called at six", reply_to=prompt)
        await lena.reads("Ines Prado has closed this.")
        assert [one for one in lena.said if one.startswith("Ines Prado\n")] == [
            "Ines Prado\nI am here, Lena.",
            "Ines Prado\nAt six.",
        ]


async def test_the_ladder_climbs_from_private_chat_to_private_chat(tmp_path: Path, stores: Stores) -> None:
    """Ines lets the time pass: Amara gets the card, Lena is told, and Ines's card says who has it."""
    given = {**TELEGRAM_ALONE, "telegram_desk": None}
    async with town(tmp_path) as here, here.opened(here.settings(stores, **given)):
        ines, amara = phone(here, INES_ON_TELEGRAM), phone(here, AMARA_ON_TELEGRAM)
        lena = phone(here, LENA_ON_TELEGRAM)
        for one in (ines, amara):
            one.says("Hello")
            await one.reads("I'm here whenever you need something.")
        lena.says("asks_for_person, please")
        await ines.reads("Lena Voss")
        assert "Lena Voss" not in amara.screen
        here.clock.ahead += timedelta(minutes=16)
        await lena.reads("Ines Prado has not picked this up yet, so I have now asked Amara Okafor")
        await amara.reads("Lena Voss")
        await amara.presses("Acknowledge")
        await lena.reads("Amara Okafor has seen your message.")
        await ines.reads("Amara Okafor has seen it.")
