"""What comes from Slack: Bolt and slack-sdk as they are, a local Slack, and a house that can fail."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from fake_intake import FakeIntake
from fakes import Hands
from slack_sdk.oauth.installation_store.models.installation import Installation
from slack_sdk.web.async_client import AsyncWebClient
from slack_server import Channel, Fault, Message, SlackServer
from sqlalchemy import MetaData

from bot.channels.slack.connecting import SlackRefuses
from bot.channels.slack.facts import padded
from bot.channels.slack.hearing import SlackHearing
from bot.channels.slack.installing import SCOPES, Installations, SignedStates, tables
from bot.channels.slack.reconciling import OVERLAP
from bot.ledger.engine import open_engine, writing
from bot.messages import Address, Attachment, Form, Identity, Kind, Pressed

FORM = Form(title="A wrong cue", submit="Say so", choose="What is wrong", choices=(("all", "All of it"),), write="Why")
PLAIN: dict[str, Any] = {
    "type": "button",
    "text": {"type": "plain_text", "text": "Take it"},
    "action_id": "press:0",
    "value": "token-1",
}
ASKING = {**PLAIN, "action_id": "ask:1", "value": "token-2"}
BUTTONS: list[dict[str, Any]] = [{"type": "actions", "elements": [PLAIN, ASKING]}]


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
async def slack(hands: Hands) -> AsyncIterator[SlackServer]:
    async with SlackServer(clock=hands) as server:
        yield server


@pytest.fixture
def house() -> FakeIntake:
    return FakeIntake()


class Naps:
    """Waits that are over at once, and how long they would have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


def hearing(slack: SlackServer, house: FakeIntake, **more: Any) -> SlackHearing:
    """What hears this Slack, in both ways."""
    given: dict[str, Any] = {
        "token": slack.bot_token,
        "signing_secret": slack.signing_secret,
        "app_token": slack.app_token,
        "now": slack.clock,
        "ping_seconds": 0.1,
        "overlap": timedelta(),
    }
    return SlackHearing(house, api=slack.base_url, **{**given, **more})


@asynccontextmanager
async def served(slack: SlackServer, heard: SlackHearing) -> AsyncIterator[str]:
    """An application with the routes, to which Slack delivers. Gives its address."""
    site = web.Application()
    site.add_routes(heard.routes())
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    slack.request_url = f"{url}/slack/events"
    try:
        yield url
    finally:
        slack.request_url = None
        await runner.cleanup()


async def posted(slack: SlackServer, room: Channel) -> Message:
    """A post of the concierge with two buttons, the second of which opens a form."""
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.base_url)
    await client.chat_postMessage(channel=room.id, text="?", blocks=BUTTONS)
    return slack.posts(room)[-1]


def seen(house: FakeIntake, message: Message, team: str) -> None:
    """The house has kept that message as the newest of its room."""
    house.seen.append((Address(channel="slack", room=message.channel.id, team=team), padded(message.ts)))


# ── kept, then acknowledged ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", ["http", "socket"])
async def test_nothing_is_acknowledged_before_it_is_kept(slack: SlackServer, house: FakeIntake, way: str) -> None:
    """While the record is being written Slack has no answer."""
    lena, heard, gate = slack.add_user("Lena"), hearing(slack, house), asyncio.Event()
    house.wait_for(gate)
    async with served(slack, heard) if way == "http" else heard.connected():
        slack.says(lena, slack.dm(lena), "kit?")
        await house.until(lambda: len(house.tried) == 1)
        assert slack.deliveries[0].in_flight
        gate.set()
        await slack.until(lambda: slack.deliveries[0].acknowledged)
    assert house.texts == ["kit?"]


async def test_what_is_being_kept_is_acknowledged_before_the_socket_closes(
    slack: SlackServer, house: FakeIntake
) -> None:
    """The house goes to sleep in order: Slack need not tell it again."""
    lena, gate = slack.add_user("Lena"), asyncio.Event()
    house.wait_for(gate)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(hearing(slack, house).connected())
        slack.says(lena, slack.dm(lena), "kit?")
        await house.until(lambda: len(house.tried) == 1)
        closing = asyncio.create_task(stack.aclose())
        await posted(slack, slack.dm(lena))
        await slack.until(lambda: slack.deliveries[1].acknowledged)  # the connection is still there
        gate.set()
        await closing
    assert slack.deliveries[0].acknowledged
    assert house.texts == ["kit?"]


async def test_what_could_not_be_kept_comes_again(slack: SlackServer, house: FakeIntake) -> None:
    """Over HTTP a 500, and Slack tries at once: it is kept once."""
    lena = slack.add_user("Lena")
    house.fail(1)
    async with served(slack, hearing(slack, house)):
        slack.says(lena, slack.dm(lena), "kit?")
        await slack.until(lambda: slack.deliveries[0].acknowledged)
    assert [attempt.status for attempt in slack.deliveries[0].attempts] == [500, 200]
    assert house.texts == ["kit?"]
    assert house.kept[0].direct


async def test_over_a_socket_it_comes_with_the_next_connection(slack: SlackServer, house: FakeIntake) -> None:
    """An envelope that could not be kept gets no acknowledgement."""
    lena = slack.add_user("Lena")
    house.fail(1)
    async with hearing(slack, house).connected():
        await slack.connected()
        slack.says(lena, slack.dm(lena), "kit?")
        await house.until(lambda: len(house.tried) == 1)
        assert not slack.deliveries[0].acknowledged
        slack.drop_sockets()
        await slack.until(lambda: slack.deliveries[0].acknowledged, within=20)
    assert house.texts == ["kit?"]


async def test_no_event_is_lost_while_the_token_cannot_be_checked(slack: SlackServer, house: FakeIntake) -> None:
    """Bolt's own authorization would answer 200 here, and the event would be gone."""
    lena = slack.add_user("Lena")
    slack.faults.add("auth.test", Fault.TOO_MANY())
    async with served(slack, hearing(slack, house)):
        slack.says(lena, slack.dm(lena), "kit?")
        await slack.until(lambda: slack.deliveries[0].acknowledged)
    assert [attempt.status for attempt in slack.deliveries[0].attempts] == [500, 200]
    assert house.texts == ["kit?"]


async def test_the_log_has_no_words_of_a_customer(
    slack: SlackServer, house: FakeIntake, caplog: pytest.LogCaptureFixture
) -> None:
    """Not when something fails, and not when everything is logged."""
    caplog.set_level(logging.DEBUG)
    lena = slack.add_user("Lena")
    house.fail(1)
    heard = hearing(slack, house)
    async with served(slack, heard):
        slack.says(lena, slack.dm(lena), "a secret wish")
        await slack.until(lambda: slack.deliveries[0].acknowledged)
    async with heard.connected():
        await slack.connected()
        slack.says(lena, slack.dm(lena), "a secret wish")
        await slack.until(lambda: slack.deliveries[-1].acknowledged)
    ours = [one.getMessage() for one in caplog.records if one.name.startswith(("bot.", "slack"))]
    assert any("could not be kept: IntakeDown" in line for line in ours)
    assert "wish" not in caplog.text


async def test_forged_and_old_requests_are_refused(slack: SlackServer, house: FakeIntake) -> None:
    """A wrong secret and a signature of ten minutes ago: 401, and nothing is kept."""
    lena, secret = slack.add_user("Lena"), slack.signing_secret
    async with served(slack, hearing(slack, house)):
        slack.signing_secret = "another"
        slack.says(lena, slack.dm(lena), "forged")
        await slack.settled()
        slack.signing_secret = secret
        slack.signs_at = lambda: time.time() - 600
        slack.says(lena, slack.dm(lena), "old")
        await slack.settled()
    assert {attempt.status for delivery in slack.deliveries for attempt in delivery.attempts} == {401}
    assert house.tried == []


async def test_without_a_secret_nobody_can_speak_for_slack(slack: SlackServer, house: FakeIntake) -> None:
    """There is no route to speak at."""
    assert hearing(slack, house, signing_secret=None).routes() == []
    assert [route.path for route in hearing(slack, house).routes()] == ["/slack/events"]


async def test_slack_asks_whether_it_is_really_us(slack: SlackServer, house: FakeIntake) -> None:
    """The challenge of a new address is answered, if it is signed."""
    body = '{"type": "url_verification", "challenge": "c-1", "token": "unused"}'
    async with served(slack, hearing(slack, house)) as url, aiohttp.ClientSession() as session:
        headers = {"Content-Type": "application/json", **slack.signed(body)}
        async with session.post(f"{url}/slack/events", data=body, headers=headers) as answer:
            assert (answer.status, "c-1" in await answer.text()) == (200, True)
        async with session.post(f"{url}/slack/events", data=body) as answer:
            assert answer.status == 401


# ── everything once, whatever it is ──────────────────────────────────────────────────────────────────────────────────


async def test_doubled_events_are_kept_once(slack: SlackServer, house: FakeIntake) -> None:
    """A redelivery has the same event; a mention and its twin have the same message."""
    lena = slack.add_user("Lena")
    room = slack.add_channel("portrait", lena)
    async with served(slack, hearing(slack, house)):
        slack.says(lena, room, f"{slack.bot.mention} kit?")
        await slack.settled()
        slack.deliver(slack.deliveries[0])
        await slack.settled()
    assert len(house.tried) == 3
    assert house.texts == ["kit?"]
    assert house.kept[0].addressed
    assert all(delivery.acknowledged for delivery in slack.deliveries)


async def test_what_happens_to_messages_and_rooms(slack: SlackServer, house: FakeIntake) -> None:
    """An edit, a deletion, a file, sharing, a guest who joins, a new id: each in its place."""
    other = slack.add_team("Brightwell")
    lena, walter = slack.add_user("Lena"), slack.add_user("Walter", other)
    room = slack.add_channel("portrait", lena)
    async with served(slack, hearing(slack, house)):
        first, second = slack.says(lena, room, "one"), slack.says(lena, room, "two")
        await slack.settled()
        slack.edits(first, "uno")
        slack.deletes(second)
        slack.shares(room, other)
        slack.joins(walter, room, inviter=lena)
        file = slack.add_file("plan.pdf", lena)
        slack.says(lena, room, "Look.", files=[file])
        old = slack.changes_id(room)
        await slack.settled()
    by_kind = {kind: [one for one in house.kept if one.kind is kind] for kind in Kind}
    one, two, look = sorted(by_kind[Kind.MESSAGE], key=lambda message: message.order)
    [edit], [gone], [moved] = by_kind[Kind.EDIT], by_kind[Kind.DELETION], by_kind[Kind.MOVED]
    assert (edit.text, edit.about, gone.about) == ("uno", one.message_key, two.message_key)
    assert look.attachments == (Attachment(what="the file plan.pdf", ref=file["id"], link=file["permalink"]),)
    assert {(join.sender.user, join.sender.team) for join in by_kind[Kind.JOIN]} == {
        ("", other.id),
        (walter.id, other.id),
    }
    assert (moved.about, moved.address.room) == (old, room.id)
    assert all(delivery.acknowledged for delivery in slack.deliveries)


async def test_what_concerns_nobody_is_acknowledged(slack: SlackServer, house: FakeIntake) -> None:
    """Our own posts, other programs, a reaction, an unknown event, a form that is put away: 200 and no row."""
    lena, robot = slack.add_user("Lena"), slack.add_bot("calendar")
    room = slack.add_channel("portrait", lena, robot)
    async with served(slack, hearing(slack, house)):
        await posted(slack, room)
        slack.says(robot, room, "Lunch.")
        said = slack.says(lena, slack.add_channel("elsewhere", lena, with_bot=False), "not for us")
        slack.reacts(lena, slack.posts(room)[0])
        slack.emit({"type": "something_new", "user": lena.id, "event_ts": said.ts})
        await slack.settled()
    assert len(slack.deliveries) == 4
    assert {attempt.status for delivery in slack.deliveries for attempt in delivery.attempts} == {200}
    assert house.tried == []


async def test_the_page_of_the_concierge(slack: SlackServer, house: FakeIntake) -> None:
    """Opening it is an event with the person's direct conversation as its place."""
    lena = slack.add_user("Lena")
    async with served(slack, hearing(slack, house)):
        slack.opens_home(lena)
        await slack.settled()
    [found] = house.kept
    assert (found.kind, found.address.room, found.sender.user) == (Kind.HOME, slack.dm(lena).id, lena.id)


async def test_people_of_other_organisations_have_their_own_team(slack: SlackServer, house: FakeIntake) -> None:
    """In a shared room each speaker is known by the team that they belong to, also when they edit or delete."""
    other = slack.add_team("Brightwell")
    ines, walter = slack.add_user("Ines"), slack.add_user("Walter", other)
    room = slack.add_channel("crystals", ines, walter)
    async with served(slack, hearing(slack, house)):
        for user in (ines, walter):
            message = slack.says(user, room, f"{slack.bot.mention} hello")
            await slack.settled()
            slack.edits(message, f"{slack.bot.mention} good morning")
            slack.deletes(message)
            await slack.settled()
    assert {one.address.team for one in house.kept} == {slack.team.id}
    teams = {(one.sender.user, one.sender.team, one.kind) for one in house.kept}
    kinds = (Kind.MESSAGE, Kind.EDIT, Kind.DELETION)
    assert teams == {(user.id, user.team.id, kind) for user in (ines, walter) for kind in kinds}


async def test_a_mention_that_hides_its_team_is_looked_up(slack: SlackServer, house: FakeIntake) -> None:
    """An organisation's workspace: Slack knows the person's team. Where it does not say, the sender is unknown."""
    grid = slack.add_team("Grid", enterprise=True)
    greta = slack.add_user("Greta", grid)
    room = slack.add_channel("crystals", greta)
    with slack.held() as held:
        slack.says(greta, room, f"{slack.bot.mention} hello")
        slack.says(greta, room, f"{slack.bot.mention} again")
    mentions = [delivery for delivery in held if delivery.event["type"] == "app_mention"]
    slack.faults.add("users.info", Fault.REFUSED("user_not_found"))
    async with served(slack, hearing(slack, house)):
        for mention in mentions:
            slack.deliver(mention)
            await slack.settled()
    assert [one.sender.team for one in house.kept] == ["", grid.id]


# ── presses and forms ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_outsider_presses_as_themselves(slack: SlackServer, house: FakeIntake) -> None:
    """The house decides what they may: it is told who they are."""
    other = slack.add_team("Brightwell")
    walter = slack.add_user("Walter", other)
    room = slack.add_channel("crystals", walter)
    post = await posted(slack, room)
    async with served(slack, hearing(slack, house)):
        press = slack.presses(walter, post, "press:0")
        await slack.settled()
    [found] = house.kept
    assert found.sender == Identity(channel="slack", user=walter.id, team=other.id)
    assert (found.address, found.ref) == (Address(channel="slack", room=room.id, team=slack.team.id), post.ts)
    assert found.pressed == Pressed(token="token-1", handle=walter.id)
    assert press.acknowledged


async def test_a_press_that_cannot_be_kept_is_not_acknowledged(slack: SlackServer, house: FakeIntake) -> None:
    """Slack shows the person that it failed; it does not try again by itself."""
    ines = slack.add_user("Ines")
    post = await posted(slack, slack.dm(ines))
    house.fail(1)
    async with served(slack, hearing(slack, house)):
        press = slack.presses(ines, post, "press:0")
        await slack.settled()
        assert not press.acknowledged
        slack.presses(ines, post, "press:0")
        await slack.settled()
    assert [one.kind for one in house.kept] == [Kind.PRESS]


async def test_a_form_from_the_button_to_the_press(slack: SlackServer, house: FakeIntake) -> None:
    """The button opens it and is no press; what is sent off is, and closes it; over a socket as well."""
    ines = slack.add_user("Ines")
    post = await posted(slack, slack.dm(ines))
    house.forms["token-2"] = FORM
    async with hearing(slack, house).connected():
        await slack.connected()
        slack.presses(ines, post, "ask:1")
        await slack.until(lambda: slack.views and slack.deliveries[-1].acknowledged)
        assert house.kept == []
        form = slack.modal(ines)
        assert form.body["private_metadata"] == "token-2"
        slack.submits(form, {"choice": "all", "words": "She meant the cake."})
        await slack.until(lambda: not form.open)
    [found] = house.kept
    assert found.pressed == Pressed(token="token-2", choice="all", words="She meant the cake.", handle=ines.id)
    assert found.address == Address(channel="slack", room=ines.id, team=slack.team.id)


async def test_a_form_stays_open_until_its_press_is_kept(slack: SlackServer, house: FakeIntake) -> None:
    """What somebody wrote is not lost: they send it off again."""
    ines = slack.add_user("Ines")
    post = await posted(slack, slack.dm(ines))
    house.forms["token-2"] = FORM
    async with served(slack, hearing(slack, house)):
        slack.presses(ines, post, "ask:1")
        await slack.settled()
        form = slack.modal(ines)
        house.fail(1)
        for expected in (True, False):
            slack.submits(form, {"choice": "all", "words": "She meant the cake."})
            await slack.settled()
            assert form.open is expected
    assert len(house.kept) == 1


@pytest.mark.parametrize("fault", [Fault.REFUSED("expired_trigger_id"), Fault.TOO_MANY(), Fault.DROPPED])
async def test_a_form_that_does_not_open_is_a_press(slack: SlackServer, house: FakeIntake, fault: Fault) -> None:
    """The house hears of it all the same, and so of a button that asks this person nothing."""
    ines = slack.add_user("Ines")
    post = await posted(slack, slack.dm(ines))
    house.forms["token-2"] = FORM
    slack.faults.add("views.open", fault)
    async with served(slack, hearing(slack, house)):
        slack.presses(ines, post, "ask:1")
        await slack.settled()
        house.forms.clear()
        slack.presses(ines, post, "ask:1")
        await slack.settled()
    assert [one.pressed for one in house.kept] == [Pressed(token="token-2", handle=ines.id)] * 2
    assert all(delivery.acknowledged for delivery in slack.deliveries if delivery.kind == "interactive")


# ── what was missed ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_said_while_the_socket_was_gone_is_read(slack: SlackServer, house: FakeIntake) -> None:
    """Slack lost the events: a new connection brings them from the history, once, and in one wording."""
    lena = slack.add_user("Lena")
    dm = slack.dm(lena)
    async with hearing(slack, house).connected():
        await slack.connected()
        first = slack.says(lena, dm, "one")
        await slack.until(lambda: slack.deliveries[-1].acknowledged)
        seen(house, first, slack.team.id)
        with slack.held():
            slack.edits(slack.says(lena, dm, "two"), "zwei")
            slack.says(lena, dm, "three")
        slack.drop_sockets()
        await house.until(lambda: len(house.kept) == 3, within=20)
        slack.says(lena, dm, "four")
        await slack.until(lambda: slack.deliveries[-1].acknowledged)
    assert house.texts == ["one", "zwei", "three", "four"]
    assert {one.direct for one in house.kept} == {True}


async def test_an_event_does_not_hide_the_gap_before_it(slack: SlackServer) -> None:
    """The house has said what its newest messages are before it is given an event of the new connection."""
    lena, asked = slack.add_user("Lena"), asyncio.Event()
    dm = slack.dm(lena)
    with slack.held():
        first = slack.says(lena, dm, "one")
        slack.says(lena, dm, "lost")

    class Slow(FakeIntake):
        async def last_seen(self, channel: str) -> list[tuple[Address, str]]:
            await asked.wait()
            newest = max([padded(first.ts), *(one.order for one in self.kept)])
            return [(Address(channel="slack", room=dm.id, team=slack.team.id), newest)]

    house = Slow()
    async with hearing(slack, house).connected():
        slack.says(lena, dm, "heard")
        await posted(slack, dm)
        await slack.until(lambda: slack.deliveries[-1].acknowledged)  # our own post, which Bolt drops
        assert house.tried == []
        asked.set()
        await house.until(lambda: len(house.kept) == 2)
    assert sorted(house.texts) == ["heard", "lost"]


async def test_history_is_read_with_its_threads(slack: SlackServer, house: FakeIntake) -> None:
    """Answers in threads that were begun before, many pages, a mention: all that is newer, oldest first, once."""
    lena, robot = slack.add_user("Lena"), slack.add_bot("calendar")
    other = slack.add_team("Brightwell")
    walter = slack.add_user("Walter", other)
    room = slack.add_channel("portrait", lena, robot, walter)
    old = slack.says(lena, room, "begun long ago")
    last = slack.says(lena, room, "the last that was seen")
    seen(house, last, slack.team.id)
    slack.says(robot, room, "Lunch.")
    slack.says(walter, room, "answered in the thread", thread=old)
    slack.says(lena, room, "for all", thread=old, subtype="thread_broadcast")
    for number in range(450):
        slack.says(lena, room, f"{number}")
    slack.says(walter, room, f"{slack.bot.mention} hello")
    heard = hearing(slack, house)
    assert await heard.reconcile() == 453
    assert house.texts == ["answered in the thread", "for all", *map(str, range(450)), "hello"]
    assert [one.sender.team for one in house.kept if one.sender.user == walter.id] == [other.id] * 2
    assert house.kept[0].thread == old.ts
    assert (house.kept[-1].addressed, house.kept[0].addressed, house.kept[-1].direct) == (True, False, False)
    assert house.kept[0].event_key == f"slack:history:{house.kept[0].message_key}"
    assert await heard.reconcile() == 0


async def test_a_hole_between_two_readings_is_found(slack: SlackServer, house: FakeIntake) -> None:
    """Slack lost one event amid others: the next reading begins where the last one ended, and goes back no further."""
    lena = slack.add_user("Lena")
    room = slack.add_channel("portrait", lena)
    for number in range(250):
        last = slack.says(lena, room, f"{number}")
    seen(house, last, slack.team.id)
    heard = hearing(slack, house)
    slack.says(lena, room, "one")
    assert await heard.reconcile() == 1
    slack.says(lena, room, "lost")
    house.seen.clear()
    seen(house, slack.says(lena, room, "kept, so far as the house knows"), slack.team.id)
    assert await heard.reconcile() == 2
    assert [one.text for one in house.tried] == ["one", "lost", "kept, so far as the house knows"]
    assert len(slack.called("conversations.history")) == 2


async def test_a_hole_that_an_earlier_process_left_is_found(slack: SlackServer, house: FakeIntake) -> None:
    """It ended while something newer was kept already: the start reads from before that, but not from before it came
    in.
    """
    lena = slack.add_user("Lena")
    room = slack.add_channel("portrait", lena, with_bot=False)
    slack.says(lena, room, "not for the concierge")
    slack.joins(slack.bot, room)
    with slack.held():
        slack.says(lena, room, "lost")
    seen(house, slack.says(lena, room, "kept, so far as the house knows"), slack.team.id)
    assert await hearing(slack, house, overlap=OVERLAP).reconcile() == 2
    assert house.texts == ["lost", "kept, so far as the house knows"]


async def test_slack_asks_to_wait(slack: SlackServer, house: FakeIntake) -> None:
    """429 with its Retry-After: that long, and on with it."""
    lena = slack.add_user("Lena")
    seen(house, slack.says(lena, slack.dm(lena), "one"), slack.team.id)
    slack.says(lena, slack.dm(lena), "two")
    slack.faults.add("conversations.history", Fault.TOO_MANY(7), Fault(status=429, error="ratelimited"))
    naps = Naps()
    assert await hearing(slack, house, sleep=naps).reconcile() == 1
    assert naps.seconds == [7, 1]


async def test_rooms_that_cannot_be_read_stop_no_other(
    slack: SlackServer, house: FakeIntake, caplog: pytest.LogCaptureFixture
) -> None:
    """One is gone, one has thrown us out, one fails just now: that one is read the next time."""
    lena = slack.add_user("Lena")
    gone, left, weak, well = (slack.add_channel(name, lena) for name in ("gone", "left", "weak", "well"))
    for room in (gone, left, weak, well):
        seen(house, slack.says(lena, room, "one"), slack.team.id)
        slack.says(lena, room, f"two in {room.name}")
    del slack.channels[gone.id]
    left.members.remove(slack.bot)
    house.seen.append((Address(channel="slack", room=lena.id, team=slack.team.id), padded("1.0")))
    house.seen.append((Address(channel="slack", room=well.id, team="T9"), padded("1.0")))
    slack.faults.add("conversations.history", Fault.REFUSED("channel_not_found"), Fault.REFUSED("not_in_channel"))
    slack.faults.add("conversations.history", Fault.ERROR)
    heard = hearing(slack, house)
    assert await heard.reconcile() == 1
    assert house.texts == ["two in well"]
    assert f"slack:{slack.team.id}:{gone.id} cannot be read: channel_not_found" in caplog.text
    assert "two" not in caplog.text
    assert await heard.reconcile() == 1
    assert house.texts == ["two in well", "two in weak"]


async def test_it_is_tried_again_until_all_is_read(slack: SlackServer, house: FakeIntake) -> None:
    """A house that cannot keep, a Slack that cannot tell: neither ends the catching up."""
    lena = slack.add_user("Lena")
    with slack.held():
        seen(house, slack.says(lena, slack.dm(lena), "one"), slack.team.id)
        slack.says(lena, slack.dm(lena), "two")
    slack.faults.add("conversations.history", Fault.ERROR)
    house.fail(1)
    naps = Naps()
    async with hearing(slack, house, sleep=naps).connected():
        await house.until(lambda: house.texts == ["two"])
    assert naps.seconds == [30, 30]


async def test_a_ticket_that_is_used_up_is_replaced(house: FakeIntake, hands: Hands) -> None:
    """slack-sdk would try for ever with an address that is good no longer."""

    class Stale(SlackServer):
        tickets = 0

        def _connections_open(self, given: dict[str, Any]) -> dict[str, Any]:
            found = SlackServer._connections_open(self, given)
            self.tickets += 1
            if self.tickets <= 2:
                self._tickets.clear()
            return found

        _methods = {**SlackServer._methods, "apps.connections.open": _connections_open}  # type: ignore[dict-item]

    async with Stale(clock=hands) as slack:
        lena = slack.add_user("Lena")
        async with hearing(slack, house).connected():
            await slack.connected(within=20)
            slack.says(lena, slack.dm(lena), "kit?")
            await slack.until(lambda: slack.deliveries[0].acknowledged)
    assert house.texts == ["kit?"]


async def test_a_token_that_slack_does_not_take_says_so(slack: SlackServer, house: FakeIntake) -> None:
    """At once, and not as a connection that never comes; a Slack that is away is waited for."""
    with pytest.raises(SlackRefuses, match="connections:write"):
        async with hearing(slack, house, app_token="xapp-else").connected():
            pytest.fail("it is connected")
    slack.faults.add("apps.connections.open", Fault.ERROR)
    async with hearing(slack, house).connected():
        await slack.connected(within=20)


# ── installations ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def store(bare_url: str) -> AsyncIterator[Installations]:
    """The tables of the installations, in each kind of record."""
    engine = open_engine(bare_url)
    metadata = MetaData()
    tables(metadata)
    async with writing(engine) as connection:
        await connection.run_sync(metadata.create_all)
    yield Installations(client_id="1.2", engine=engine)
    await engine.dispose()


def installation(token: str, at: datetime, **more: Any) -> Installation:
    given = {"app_id": "A1", "team_id": "T1", "user_id": "U1", "bot_id": "B1", "bot_user_id": "UBOT", **more}
    return Installation(bot_token=token, installed_at=at.timestamp(), **given)


async def test_the_newest_token_of_a_workspace_is_used(store: Installations) -> None:
    """Also where it belongs to an organisation; a workspace that removed the app is forgotten, unless it came back."""
    at = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
    await store.async_save(installation("xoxb-1", at))
    await store.async_save(installation("xoxb-2", at + timedelta(hours=1)))
    await store.async_save(installation("xoxb-3", at, team_id="T2", enterprise_id="E1"))
    assert await store.of("T1") == ("xoxb-2", "UBOT", "B1")
    assert await store.of("T2") == ("xoxb-3", "UBOT", "B1")
    assert await store.of("T3") is None
    await store.remove("T1", at + timedelta(minutes=30))
    assert await store.of("T1") == ("xoxb-2", "UBOT", "B1")
    await store.remove("T1", at + timedelta(hours=2))
    assert await store.of("T1") is None
    assert await store.of("T2") is not None


async def test_each_workspace_is_heard_and_answered_with_its_own_token(
    slack: SlackServer, house: FakeIntake, store: Installations
) -> None:
    """Where the app is not installed nothing is kept, and there is no client."""
    lena = slack.add_user("Lena")
    heard = hearing(slack, house, token=None, store=store)
    async with served(slack, heard):
        slack.says(lena, slack.dm(lena), "too early")
        await slack.settled()
        mine = {"team_id": slack.team.id, "bot_id": slack.bot.bot_id, "bot_user_id": slack.bot.id}
        await store.async_save(installation(slack.bot_token, slack.clock(), **mine))
        slack.says(lena, slack.dm(lena), "kit?")
        await posted(slack, slack.dm(lena))
        await slack.settled()
        client = await heard.client_for(slack.team.id)
        assert client is not None
        assert client is await heard.client_for(slack.team.id)
        assert client.token == slack.bot_token
        slack.clock.forward(hours=1)  # type: ignore[attr-defined]
        slack.emit({"type": "app_uninstalled"})
        await slack.settled()
    assert house.texts == ["kit?"]
    assert await heard.client_for(slack.team.id) is None
    assert await heard.client_for("T9") is None


async def test_one_token_is_for_one_workspace(slack: SlackServer, house: FakeIntake) -> None:
    """Slack is asked once whose it is."""
    heard = hearing(slack, house)
    found = await asyncio.gather(*(heard.client_for(slack.team.id) for _ in range(3)))
    assert found[0] is found[1] is found[2] is not None
    assert await heard.client_for("T9") is None
    assert len(slack.called("auth.test")) == 1
    with pytest.raises(ValueError, match="bot token"):
        hearing(slack, house, token=None)


class Installing(SlackServer):
    """Slack, to which a browser is sent to install an app."""

    async def _called(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["method"] != "oauth.v2.access":
            return await super()._called(request)
        given = await request.post()
        client = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        if (client, given["code"]) != ("1.2:a client secret", "code-1"):
            return web.json_response({"ok": False, "error": "invalid_code"})
        found = {"ok": True, "access_token": self.bot_token, "token_type": "bot", "scope": "chat:write"}
        found |= {"bot_user_id": self.bot.id, "app_id": self.app_id, "authed_user": {"id": "U1"}, "enterprise": None}
        return web.json_response({**found, "team": {"id": self.team.id, "name": self.team.name}})


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")  # slack-sdk 3.47 with aiohttp 3.14
async def test_a_workspace_installs_the_app(house: FakeIntake, store: Installations) -> None:
    """From the page to the token; a state that is forged, old, or another browser's installs nothing."""
    async with Installing() as slack:
        hands = Hands(datetime.now(UTC))
        oauth = {"token": None, "store": store, "client_id": "1.2", "client_secret": "a client secret", "now": hands}
        heard = hearing(slack, house, **oauth)
        async with served(slack, heard) as url, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser:

            async def back(state: str, cookie: str, code: str = "code-1") -> int:
                parameters, headers = {"state": state, "code": code}, {"Cookie": f"slack-app-oauth-state={cookie}"}
                async with browser.get(f"{url}/slack/oauth_redirect", params=parameters, headers=headers) as answer:
                    return answer.status

            async with browser.get(f"{url}/slack/install") as page:
                state = page.cookies["slack-app-oauth-state"].value
                assert "chat:write" in await page.text()
            assert await back(state, "another") == 400
            assert await back(f"9{state}", f"9{state}") == 401
            assert await back(state, state, "code-2") == 401
            assert await heard.client_for(slack.team.id) is None
            assert await back(state, state) == 200
            assert await heard.client_for(slack.team.id) is not None
            hands.forward(minutes=11)
            assert await back(state, state) == 401


async def test_a_state_is_good_for_ten_minutes(hands: Hands) -> None:
    """And only with the secret that signed it."""
    states = SignedStates("secret", hands)
    state = await states.async_issue()
    assert await states.async_consume(state)
    assert not await SignedStates("another", hands).async_consume(state)
    assert not await states.async_consume("")
    hands.forward(minutes=10)
    assert not await states.async_consume(state)


@pytest.mark.parametrize("mode", ["http", "socket"])
def test_a_browser_is_asked_for_what_the_manifest_asks(mode: str) -> None:
    """No scope more, and none less."""
    manifest = yaml.safe_load(Path(f"docs/slack-manifest-{mode}.yaml").read_text())
    assert sorted(manifest["oauth_config"]["scopes"]["bot"]) == list(SCOPES)
