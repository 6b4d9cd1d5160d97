"""A room that is shared with a customer's company, and people in it whom nobody knows: the weakest reader decides."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path

from conftest import Stores
from fakes import ScriptedAnswerer, found
from slack_server import Fault, Message
from slack_town import WITHIN, card_once, opened, quiet, said, whispered
from town import INES_ON_TELEGRAM, Town, labels, town

from bot import replies
from bot.app import House
from bot.desk.hearing import NOT_YOURS
from bot.ledger import transcript
from bot.ledger.engine import reading
from escalation import record
from escalation.case import Escalation
from knowledge.answer import Abstention, Answer

NOTHING = "That button is from before and does nothing any more."
NOT_HERE = "What everyone in this room may read doesn't say."
UNSAID = re.compile(r"escalat|steward|urgent|asks_for_person|cue|Ines|Amara|acknowledg|a person of our team", re.I)


class Shelves(ScriptedAnswerer):
    """Answers from documents that not everybody may read: each thing stands in one for somebody."""

    needs = {"kit": "everyone", "furnace": "mission:crystals", "contract": "organisation:brightwell"}

    def answer(
        self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()
    ) -> Answer | Abstention:
        self.asked.append((question, grants, on))
        there = [thing for thing, audience in self.needs.items() if thing in question and audience in grants]
        return found(f"Of the {there[0]}: it is blue.") if there else Abstention(score=0.1)


def asks(here: Town, thing: str) -> Message:
    """Walter asks about something in the room, and mentions the concierge."""
    return here.slack.says(here.walter, here.lab, f"{here.slack.bot.mention} What about the {thing}?")


def buttons(card: Message) -> list[tuple[str, str]]:
    """What the buttons of a card send: action and token."""
    rows = [block["elements"] for block in card.blocks if block["type"] == "actions"]
    return [(one["action_id"], one["value"]) for row in rows for one in row]


async def open_ones(house: House) -> tuple[Escalation, ...]:
    """What is open in the record."""
    async with reading(house.engine) as connection:
        return tuple(await record.all_open(connection))


def let_in(here: Town) -> None:
    """Somebody of Walter's company comes into the room, of whom nobody knows anything."""
    here.slack.joins(here.outsider, here.lab)


def in_room(here: Town) -> list[str]:
    """Everything that anybody could have read of the concierge in the room, whispers with it."""
    whispers = [one for one in here.slack.whispers if one.channel is here.lab]
    return [str(one.body) for one in (*here.slack.posts(here.lab), *whispers)]


@asynccontextmanager
async def shared_room(folder: Path, stores: Stores, **named: object) -> AsyncIterator[tuple[Town, House]]:
    """The town and its house, with documents that are not everybody's."""
    async with town(folder) as here:
        here.answerer = Shelves()
        async with opened(here, stores, **named) as house:
            yield here, house


async def test_a_mention_is_answered_in_its_thread_with_what_all_may_read(tmp_path: Path, stores: Stores) -> None:
    """While only the mission's own people read there its documents are quoted; what is one person's comes to them."""
    async with shared_room(tmp_path, stores) as (here, house):
        alone = here.slack.dm(here.walter)
        asked = asks(here, "kit")
        answer = await said(here, here.lab, "Of the kit")
        assert answer.thread_ts == asked.ts
        assert labels(answer) == ["That did not answer it", "I need a person"]
        asks(here, "furnace")
        await said(here, here.lab, "Of the furnace")
        asked = asks(here, "contract")
        assert (await said(here, here.lab, NOT_HERE)).thread_ts == asked.ts
        offer = await said(here, alone, "You asked in a shared room: “What about the contract?”")
        assert len(here.answerer.asked) == 3, "nothing is looked up for one of them before they want it"
        here.presses(here.walter, offer, "Look it up for me")
        await said(here, alone, "Of the contract: it is blue.")
        await quiet(here, house)
        assert len(here.slack.posts(here.lab)) == 3, "a mention comes in two events, and is answered once"
        assert not any("contract: it is blue" in one for one in in_room(here))


async def test_while_a_stranger_reads_there_only_what_is_everybodys_is_said(tmp_path: Path, stores: Stores) -> None:
    """The mission's own documents come to its customer alone; the stranger is answered from the public ones only."""
    async with shared_room(tmp_path, stores) as (here, house):
        slack, alone = here.slack, here.slack.dm(here.walter)
        let_in(here)
        asks(here, "kit")
        await said(here, here.lab, "Of the kit")
        asks(here, "furnace")
        await said(here, here.lab, NOT_HERE)
        here.presses(here.walter, await said(here, alone, "You asked in a shared room"), "Look it up for me")
        await said(here, alone, "Of the furnace")
        slack.says(here.outsider, here.lab, f"{slack.bot.mention} What about the kit?")
        answer = await said(here, here.lab, "Of the kit", 2)
        assert labels(answer) == [], "buttons are for customers"
        slack.says(here.outsider, here.lab, f"{slack.bot.mention} What about the furnace?")
        await said(here, here.lab, NOT_HERE, 2)
        await quiet(here, house)
        assert not any("furnace: it is blue" in one for one in in_room(here))
        assert not slack.posts(slack.dm(here.outsider))
        assert len(slack.posts(here.lab)) == 4

        slack.leaves(here.outsider, here.lab)
        asks(here, "furnace")
        await said(here, here.lab, "Of the furnace")


async def test_a_stranger_presses_what_is_not_theirs(tmp_path: Path, stores: Stores) -> None:
    """The buttons under somebody's answer, and a steward's token that was put into one: a polite no, nothing done."""
    async with shared_room(tmp_path, stores) as (here, house):
        slack = here.slack
        let_in(here)
        asks(here, "kit")
        answer = await said(here, here.lab, "Of the kit")
        for label in labels(answer):
            here.presses(here.outsider, answer, label)
        await slack.until(lambda: len(slack.whispered(here.lab, here.outsider)) == 2, WITHIN)
        await quiet(here, house)
        assert not await open_ones(house)
        assert not slack.posts(here.desk)
        async with reading(house.engine) as connection:
            assert not await transcript.known_gaps(connection)

        here.presses(here.walter, answer, "I need a person")
        await said(here, slack.dm(here.walter), "I have asked Ines Prado")
        card = await card_once(here, here.desk)
        before = await open_ones(house)
        for name, token in buttons(card):
            slack.presses(here.outsider, answer, name, token)
            slack.presses(here.walter, answer, name, token)
        await slack.until(lambda: len(slack.whispered(here.lab, here.outsider)) == 2 + len(labels(card)), WITHIN)
        await quiet(here, house)
        assert await open_ones(house) == before
        assert not slack.views, "no form is opened for them"
        told = [one.text for one in slack.whispered(here.lab, here.outsider)]
        assert told == [replies.not_yours()] * 2 + [NOTHING] * (len(told) - 2)
        asked = slack.posts(slack.dm(here.walter))[-1]
        slack.presses(here.walter, asked, "press:9", token)
        await whispered(here, asked.channel, here.walter, NOT_YOURS)
        await quiet(here, house)
        assert await open_ones(house) == before
        assert not [one for one in in_room(here) if UNSAID.search(one)]


async def test_bots_and_stewards_who_talk_to_a_customer_are_not_answered(tmp_path: Path, stores: Stores) -> None:
    """Only a mention, or the customer going on in a thread of the concierge, is; a steward who mentions it is, too."""
    async with shared_room(tmp_path, stores) as (here, house):
        slack, robot = here.slack, here.slack.add_bot("weather")
        here.lab.members.append(robot)
        first = asks(here, "kit")
        await said(here, here.lab, "Of the kit")
        slack.says(robot, here.lab, f"{slack.bot.mention} What about the kit?")
        slack.says(here.ines, here.lab, "Walter, what about the kit?")
        slack.says(here.ines, here.lab, "Walter, what about the kit?", first)
        slack.says(here.walter, here.lab, f"{here.ines.mention} what about the kit?", first)
        slack.says(here.walter, here.lab, "What about the kit?")
        await quiet(here, house)
        assert len(slack.posts(here.lab)) == 1
        slack.says(here.walter, here.lab, "And what about the kit of the others?", first)
        assert (await said(here, here.lab, "Of the kit", 2)).thread_ts == first.ts
        slack.says(here.ines, here.lab, f"{slack.bot.mention} What about the kit?")
        await said(here, here.lab, "Of the kit", 3)
        await quiet(here, house)
        assert len(slack.posts(here.lab)) == 3


async def test_an_answer_is_withheld_when_somebody_comes_in_before_it_is_sent(tmp_path: Path, stores: Stores) -> None:
    """Slack wants the first try again a second later: by then a stranger reads there, and the answer is another."""
    async with shared_room(tmp_path, stores) as (here, house):
        here.slack.faults.add("chat.postMessage", Fault.TOO_MANY(1))
        asks(here, "furnace")
        await here.slack.until(lambda: here.slack.called("chat.postMessage"), WITHIN)
        let_in(here)
        await said(here, here.lab, "I had an answer, but not one for everyone who reads here now.")
        await quiet(here, house)
        assert len(here.slack.posts(here.lab)) == 1
        assert not any("furnace: it is blue" in one for one in in_room(here))


async def test_the_room_hears_nothing_of_an_escalation_from_beginning_to_end(tmp_path: Path, stores: Stores) -> None:
    """Asked for in the room, it is dealt with in the stewards' room and told to the customer alone."""
    async with shared_room(tmp_path, stores) as (here, house):
        slack, alone = here.slack, here.slack.dm(here.walter)
        slack.says(here.walter, here.lab, f"{slack.bot.mention} asks_for_person distrust! What about the kit?")
        await said(here, here.lab, "Of the kit")
        await said(here, alone, "I have asked Ines Prado")
        card = await card_once(here, here.desk)
        here.presses(here.ines, card, "Take over")
        await said(here, alone, "Ines Prado is with you now")
        slack.says(here.ines, here.desk, "// he does not trust us", card)
        slack.says(here.ines, here.desk, "Walter, what can I do?", card)
        await said(here, alone, "Walter, what can I do?")
        asks(here, "kit")
        await said(here, here.lab, "Of the kit", 2)
        slack.says(here.ines, here.desk, "//resolve he was content", card)
        await said(here, alone, "Ines Prado has closed this.")
        await quiet(here, house)
        assert not [one for one in in_room(here) if UNSAID.search(one)]
        assert not any("trust" in one or "content" in one for one in slack.said(alone))


# ── a stewards' room that is shared ──────────────────────────────────────────────────────────────────────────────────


async def test_no_card_goes_to_a_stewards_room_that_is_shared_and_another_desk_has_it(
    tmp_path: Path, stores: Stores
) -> None:
    """The room was connected to another company: the steward is reached in the other app, and nobody is passed over."""
    async with town(tmp_path) as here, here.opened(here.settings(stores, slack_desk=here.slack_desk)) as house:
        slack, telegram, dm = here.slack, here.telegram, here.slack.dm(here.lena)
        slack.shares(here.desk, here.outsider.team)
        telegram.private_says(INES_ON_TELEGRAM, "/start")
        slack.says(here.lena, dm, "asks_for_person, please")
        await said(here, dm, "I have asked Ines Prado")
        await telegram.until(lambda: any("Lena Voss" in one for one in telegram.said(INES_ON_TELEGRAM)), WITHIN)
        await quiet(here, house)
        (one,) = await open_ones(house)
        assert one.asked == ("ines",)
        assert not slack.posts(here.desk)


async def test_where_no_desk_is_left_the_next_is_asked_at_once_and_then_nobody_is_pestered(
    tmp_path: Path, stores: Stores
) -> None:
    """The only room was connected to another company: it climbs without waiting, once round the ladder."""
    async with shared_room(tmp_path, stores) as (here, house):
        slack, dm = here.slack, here.slack.dm(here.lena)
        slack.shares(here.desk, here.outsider.team)
        slack.says(here.lena, dm, "asks_for_person, please")
        await said(here, dm, "I have asked Ines Prado")
        await said(here, dm, "Ines Prado has not picked this up yet, so I have now asked Amara Okafor")
        await said(here, dm, "Amara Okafor has not picked this up yet, so I have now asked Ines Prado")
        await quiet(here, house)
        await house.work.sweep()  # whatever is due is done
        await quiet(here, house)
        assert not slack.posts(here.desk), "nothing of it goes there"
        (one,) = await open_ones(house)
        assert one.answer_by is not None
        assert one.answer_by > here.clock(), "who cannot be reached again is asked again in time, not at once"
        assert len(slack.said(dm)) == 3

        slack.unshares(here.desk, here.outsider.team)
        here.clock.ahead += timedelta(minutes=16)
        await said(here, dm, "Ines Prado has not picked this up yet, so I have now asked Amara Okafor", 2)
        here.presses(here.amara, await card_once(here, here.desk), "Acknowledge")
        await said(here, dm, "Amara Okafor has seen your message.")
