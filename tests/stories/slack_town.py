"""The town with Slack alone, and what its stories wait for and look at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from conftest import Stores
from slack_server import Channel, Message, User, View
from sqlalchemy import func, select
from town import Town, town, until

from bot.app import House
from bot.ledger import conversations, inbox, transcript
from bot.ledger.engine import reading
from bot.ledger.tables import inbox as inbox_table
from bot.ledger.tables import outbox as outbox_table
from bot.ledger.transcript import Entry
from bot.messages import SLACK, Address

WITHIN = 20.0
ANSWER = "Your kit may weigh 1.5 kg.\n— Handbook, Baggage\n\nPlease note: Weights change."
"""What everybody is answered about their kit."""


@asynccontextmanager
async def slack_town(folder: Path, stores: Stores, **named: object) -> AsyncIterator[tuple[Town, House]]:
    """Everybody, and the house at work; the stewards in their room, unless that is named otherwise."""
    async with town(folder) as here, opened(here, stores, **named) as house:
        yield here, house


@asynccontextmanager
async def opened(here: Town, stores: Stores, **named: object) -> AsyncIterator[House]:
    """The house at work, once more."""
    settings = here.settings(stores, **{"telegram_token": None, "slack_desk": here.slack_desk, **named})
    async with here.opened(settings) as house:
        yield house


async def said(here: Town, channel: Channel, text: str, count: int = 1) -> Message:
    """Returns the last message of the concierge with that in it, as soon as there are so many."""

    def those() -> list[Message]:
        return [one for one in here.slack.posts(channel) if text in one.text]

    await here.slack.until(lambda: len(those()) >= count, WITHIN)
    return those()[-1]


async def whispered(here: Town, channel: Channel, user: User, text: str) -> Message:
    """Returns what only that person was shown, as soon as it is there."""

    def those() -> list[Message]:
        return [one for one in here.slack.whispered(channel, user) if text in one.text]

    await here.slack.until(those, WITHIN)
    return those()[-1]


async def card_once(here: Town, channel: Channel) -> Message:
    """Returns the newest card in a room, as soon as there is one."""

    def there() -> bool:
        return any(block["type"] == "header" for one in here.slack.posts(channel) for block in one.blocks)

    await here.slack.until(there, WITHIN)
    return here.card(channel)


def answers(here: Town, channel: Channel, text: str) -> int:
    """How often the concierge has said something."""
    return sum(text in one for one in here.slack.said(channel))


async def quiet(here: Town, house: House) -> None:
    """Returns when all that Slack delivered is dealt with, and all that is to be said there is said."""
    await here.slack.settled(WITHIN)

    async def nothing_waits() -> bool:
        await house.intake.carry_in()
        rows = select(func.count()).select_from(outbox_table)
        left = rows.where(outbox_table.c.channel == SLACK, outbox_table.c.state.in_(("pending", "sending")))
        async with reading(house.engine) as connection:
            if await inbox.count_waiting(connection):
                return False
            return not (await connection.execute(left)).scalar_one()

    await until(nothing_waits, "everything is said")


async def kept(here: Town, house: House, channel: Channel) -> tuple[Entry, ...]:
    """What the record says was said in a conversation."""
    async with reading(house.engine) as connection:
        place = await conversations.at(connection, Address(channel=SLACK, team=here.slack.team.id, room=channel.id))
        return await transcript.latest(connection, place.id, count=100) if place else ()


async def taken_in(house: House) -> int:
    """How many messages the record has of all that was ever said to the house."""
    rows = select(func.count()).select_from(inbox_table).where(inbox_table.c.kind == "message")
    async with reading(house.engine) as connection:
        return int((await connection.execute(rows)).scalar_one())


async def opens(here: Town, where: Message, label: str, by: User) -> View:
    """Somebody presses a button that has a form: returns the form that is in front of them then."""
    seen = len(here.slack.views)
    here.presses(by, where, label)
    await here.slack.until(lambda: len(here.slack.views) > seen, WITHIN)
    return here.slack.modal(by)


def options(form: View) -> dict[str, str]:
    """What a form lets one choose from: values by their labels."""
    asked = next(block["element"] for block in form.body["blocks"] if block.get("block_id") == "choice")
    return {str(one["text"]["text"]): str(one["value"]) for one in asked["options"]}
