"""Posts on their way to Slack, with the client that talks to the real one: each act, each failure, who reads there."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from fakes import Hands
from slack_sdk.web.async_client import AsyncWebClient
from slack_server import Channel as Room
from slack_server import Fault, SlackServer, User

from bot.channels.slack.sending import SLACK_PACE, SlackChannel, web_client
from bot.messages import Act, Address, Button, Card, Channel, Identity, Post, Purpose, Section, SendError, Sent

CARD = Card(title="Urgent: Lena Brandt", sections=(Section(title="Why now", text="“I want to go home.”"),))
BUTTON = Button(label="Take it", token="t-1")


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
async def slack(hands: Hands) -> AsyncIterator[SlackServer]:
    async with SlackServer(clock=hands, echoes=False) as server:
        yield server


@pytest.fixture
def channel(slack: SlackServer, hands: Hands) -> SlackChannel:
    return over(slack, hands, web_client(slack.bot_token, slack.base_url))


@pytest.fixture
def lena(slack: SlackServer) -> User:
    return slack.add_user("Lena")


@pytest.fixture
def amara(slack: SlackServer) -> User:
    return slack.add_user("Amara")


@pytest.fixture
def desk(slack: SlackServer, amara: User) -> Room:
    return slack.add_channel("stewards", amara, private=True)


def over(slack: SlackServer, hands: Hands, client: AsyncWebClient) -> SlackChannel:
    """The channel of the one team in which the app is installed."""

    async def client_for(team: str) -> AsyncWebClient | None:
        return client if team == slack.team.id else None

    return SlackChannel(client_for=client_for, now=hands)


def at(room: Room | User, team: str = "") -> Address:
    host = room.host if isinstance(room, Room) else room.team
    return Address(channel="slack", room=room.id, team=team or host.id)


def who(user: User) -> Identity:
    return Identity(channel="slack", user=user.id, team=user.team.id)


def post(room: Room | User, text: str = "The window seat is yours.", **given: Any) -> Post:
    return replace(Post(id=7, address=at(room), text=text, purpose=Purpose.ANSWER, author="concierge"), **given)


def for_desk(room: Room, **given: Any) -> Post:
    return post(room, "Lena needs you.", **({"purpose": Purpose.DESK, "direct": False} | given))


async def refused(channel: SlackChannel, what: Post) -> SendError:
    with pytest.raises(SendError) as caught:
        await channel.send(what)
    return caught.value


def failing(slack: SlackServer, method: str, fault: Fault) -> None:
    """A question that fails; aiohttp asks it a second time where the connection of a GET ends, and of no POST."""
    times = {"auth.test": 1, "users.info": 3}.get(method, 2)  # two people are asked about at once
    slack.faults.add(method, *[fault] * (times if fault is Fault.DROPPED else 1))


# ── the acts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_it_is_a_channel(channel: SlackChannel) -> None:
    """It delivers to every address of Slack and to no other."""
    as_channel: Channel = channel
    assert (as_channel.name, as_channel.exclusive, as_channel.pace) == ("slack", False, SLACK_PACE)
    assert as_channel.hosts(Address(channel="slack", room="C1", team="T1"))
    assert not as_channel.hosts(Address(channel="telegram", room="1"))


async def test_a_message_is_kept_with_our_number_and_nothing_else_of_ours(
    slack: SlackServer, channel: SlackChannel, lena: User
) -> None:
    """In the words that were meant, without previews of links."""
    room = slack.dm(lena)
    sent = await channel.send(post(room, "Bring a pen & paper.", buttons=(BUTTON,)))
    (kept,) = slack.posts(room)
    assert sent == Sent(id=kept.ts, thread=kept.ts)
    assert kept.text == "Bring a pen &amp; paper."
    assert kept.metadata == {"event_type": "concierge_post", "event_payload": {"id": 7}}
    (call,) = slack.called("chat.postMessage")
    assert call["unfurl_links"] is call["unfurl_media"] is False
    assert not {"username", "icon_url", "icon_emoji"} & call.parameters.keys()


async def test_a_message_to_a_person_lands_in_the_direct_conversation(
    slack: SlackServer, channel: SlackChannel, lena: User
) -> None:
    """Slack takes a person's id for a room; so does everything else that is done there."""
    sent = await channel.send(post(lena))
    room = slack.dm(lena)
    assert slack.said(room) == ["The window seat is yours."]
    await channel.send(post(lena, "The aisle seat.", act=Act.EDIT, target=sent.id))
    assert slack.said(room) == ["The aisle seat."]
    assert await channel.find(post(lena)) == sent


async def test_an_answer_opens_or_uses_the_thread_of_what_it_answers(
    slack: SlackServer, channel: SlackChannel, lena: User
) -> None:
    """And says which thread that is."""
    room = slack.add_channel("flight-7", lena)
    asked = slack.says(lena, room, "Which seat?")
    first = await channel.send(post(room, under=asked.ts))
    assert first.thread == asked.ts
    more = slack.says(lena, room, "And lunch?", thread=asked)
    assert (await channel.send(post(room, "At noon.", under=more.ts))).thread == asked.ts
    assert (await channel.send(post(room, "Or one.", thread=asked.ts, under=more.ts))).thread == asked.ts
    assert [kept.thread_ts for kept in slack.posts(room)] == [asked.ts] * 3


async def test_a_card_with_buttons_and_mentions_is_taken(
    slack: SlackServer, channel: SlackChannel, desk: Room, amara: User
) -> None:
    """The stand-in refuses blocks that Slack would refuse."""
    await channel.send(for_desk(desk, card=CARD, buttons=(BUTTON,), mentions=(who(amara),)))
    (kept,) = slack.posts(desk)
    assert kept.text == f"{amara.mention} Lena needs you."
    assert [one["type"] for one in kept.blocks] == ["rich_text", "header", "rich_text", "actions"]


async def test_words_that_are_too_long_for_blocks_arrive_whole(
    slack: SlackServer, channel: SlackChannel, lena: User
) -> None:
    """As the text of a message without blocks."""
    words = "The crew sleeps well. " * 1_500
    await channel.send(post(slack.dm(lena), words))
    (kept,) = slack.posts(slack.dm(lena))
    assert (kept.text, kept.blocks) == (words.strip(), [])


async def test_a_message_is_changed_in_its_place(slack: SlackServer, channel: SlackChannel, desk: Room) -> None:
    """The card of an escalation follows its state; a long one fits as well."""
    sent = await channel.send(for_desk(desk, card=CARD, buttons=(BUTTON,)))
    long = Card(title="Resolved", sections=(Section(text="It is over. " * 1_000),) * 9)
    again = await channel.send(for_desk(desk, card=long, act=Act.EDIT, target=sent.id, thread=sent.thread))
    assert again == sent
    (kept,) = slack.posts(desk)
    assert kept.blocks[0]["text"]["text"] == "Resolved"
    assert slack.called("chat.update")[0]["parse"] == "none"


async def test_a_delivery_is_confirmed_once(slack: SlackServer, channel: SlackChannel, desk: Room, amara: User) -> None:
    """A reaction that is there already is as good as a new one; what is handed on may be confirmed in a room."""
    asked = slack.says(amara, desk, "Tell her I am on my way.")
    tick = post(desk, "", act=Act.REACT, target=asked.ts, purpose=Purpose.RELAY, direct=False)
    assert await channel.send(tick) == await channel.send(tick) == Sent(id=asked.ts)
    assert [(one["name"], one["count"]) for one in asked.body["reactions"]] == [("white_check_mark", 1)]


async def test_a_press_is_answered_to_one_person(
    slack: SlackServer, channel: SlackChannel, desk: Room, amara: User
) -> None:
    """Nobody else sees it."""
    said = post(desk, "Jonas has it.", act=Act.WHISPER, to=who(amara), direct=False, purpose=Purpose.NOTICE)
    sent = await channel.send(said)
    (whispered,) = slack.whispered(desk, amara)
    assert (whispered.text, whispered.ts) == ("Jonas has it.", sent.id)
    assert slack.said(desk) == []


async def test_a_page_is_shown_on_the_home_tab(slack: SlackServer, channel: SlackChannel, amara: User) -> None:
    """To the person whom it is kept for."""
    sent = await channel.send(post(amara, "", act=Act.HOME, to=who(amara), card=CARD))
    assert slack.home(amara).id == sent.id
    assert slack.home(amara).body["blocks"][0]["text"]["text"] == "Urgent: Lena Brandt"


@pytest.mark.parametrize(
    "given",
    [
        {"act": Act.TOPIC, "target": "Lena"},
        {"act": Act.HOME, "card": None},
        {"act": Act.HOME, "card": CARD, "to": None},
        {"act": Act.WHISPER, "to": Identity(channel="telegram", user="1")},
    ],
)
async def test_what_slack_cannot_do_is_refused_for_good(
    slack: SlackServer, channel: SlackChannel, lena: User, given: dict[str, Any]
) -> None:
    """Trying again would not help."""
    error = await refused(channel, post(slack.dm(lena), **given))
    assert (error.retry, error.in_doubt) == (False, False)
    assert slack.said(slack.dm(lena)) == []


# ── what must not leave the house ────────────────────────────────────────────────────────────────────────────────────


async def test_a_desk_in_a_shared_room_is_refused(slack: SlackServer, channel: SlackChannel, amara: User) -> None:
    """Nothing for stewards where another organisation reads, be it said, changed or whispered."""
    guest = slack.add_user("Guest", slack.add_team("Novalis"))
    room = slack.add_channel("shared", amara, guest, private=True)
    for given in ({}, {"act": Act.EDIT, "target": "1.2"}, {"act": Act.WHISPER, "to": who(amara)}):
        error = await refused(channel, for_desk(room, **given))
        assert (error.retry, error.in_doubt) == (False, False)
        assert "Slack Connect" in str(error)
    assert {call.method for call in slack.calls} == {"conversations.info"}
    await channel.send(post(room, direct=False))
    assert slack.said(room) == ["The window seat is yours."]


async def test_a_desk_that_becomes_shared_is_refused_from_then_on(
    slack: SlackServer, channel: SlackChannel, desk: Room
) -> None:
    """It is asked before each post."""
    await channel.send(for_desk(desk))
    desk.connected.append(slack.add_team("Novalis"))
    assert not (await refused(channel, for_desk(desk))).retry
    assert slack.said(desk) == ["Lena needs you."]


@pytest.mark.parametrize(
    "told",
    [
        {"is_pending_ext_shared": True},
        {"is_pending_ext_shared": None},
        {"is_ext_shared": None},
        {"is_ext_shared": "false"},
        {"is_org_shared": None},
    ],
)
async def test_what_slack_does_not_say_counts_as_shared(
    slack: SlackServer, channel: SlackChannel, desk: Room, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invitation that is on its way is enough."""
    body = slack._channel_body(desk)
    changed = {name: value for name, value in (body | told).items() if value is not None}
    monkeypatch.setattr(slack, "_channel_body", lambda room: changed)
    assert not (await refused(channel, for_desk(desk))).retry
    assert slack.said(desk) == []


async def test_a_desk_may_be_shared_within_the_organisation(
    slack: SlackServer, channel: SlackChannel, amara: User
) -> None:
    """Workspaces of one enterprise are one organisation."""
    room = slack.add_channel("stewards", amara, private=True, org_shared=True)
    await channel.send(for_desk(room))
    assert slack.said(room) == ["Lena needs you."]


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.DROPPED, Fault.TOO_MANY(3), Fault.REFUSED("internal_error")])
async def test_where_nobody_can_say_whether_it_is_shared_it_is_not_sent_yet(
    slack: SlackServer, channel: SlackChannel, desk: Room, fault: Fault
) -> None:
    """It waits, and nothing is in doubt: the question was all that went out."""
    failing(slack, "conversations.info", fault)
    error = await refused(channel, for_desk(desk))
    assert (error.retry, error.in_doubt) == (True, False)
    assert slack.said(desk) == []
    await channel.send(for_desk(desk))
    assert slack.said(desk) == ["Lena needs you."]


async def test_what_is_handed_on_goes_to_one_person_only(
    slack: SlackServer, channel: SlackChannel, lena: User, desk: Room
) -> None:
    """Both the post and the kind of room have to say that it is direct."""
    relay = post(desk, "I am on my way.", purpose=Purpose.RELAY, author="Amara Okafor")
    for wrong in (replace(relay, direct=False), relay, replace(relay, address=at(slack.dm(lena)), direct=False)):
        assert not (await refused(channel, wrong)).retry
    assert slack.calls == []
    await channel.send(replace(relay, address=at(slack.dm(lena))))
    assert slack.said(slack.dm(lena)) == ["Amara Okafor: I am on my way."]


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_where_the_app_is_not_installed_it_waits(channel: SlackChannel, lena: User) -> None:
    """It may be installed there tomorrow."""
    error = await refused(channel, replace(post(lena), address=Address(channel="slack", room=lena.id, team="T9")))
    assert error.retry
    assert "not installed in T9" in str(error)


async def test_slack_says_how_long_to_wait(slack: SlackServer, channel: SlackChannel, lena: User) -> None:
    """And nothing tries again by itself."""
    slack.faults.add("chat.postMessage", Fault.TOO_MANY(17))
    error = await refused(channel, post(lena))
    assert (error.retry, error.in_doubt, error.after) == (True, False, timedelta(seconds=17))
    assert len(slack.called("chat.postMessage")) == 1


@pytest.mark.parametrize(
    "fault", [Fault.KEPT_ERROR, Fault.KEPT_DROPPED, Fault(error="fatal_error", kept=True)], ids=["500", "drop", "fatal"]
)
async def test_a_message_whose_reply_was_lost_is_found_again(
    slack: SlackServer, channel: SlackChannel, lena: User, fault: Fault
) -> None:
    """It was kept once, and `find` says what Slack calls it."""
    room = slack.dm(lena)
    slack.faults.add("chat.postMessage", fault)
    error = await refused(channel, post(room))
    assert (error.retry, error.in_doubt) == (True, True)
    (kept,) = slack.posts(room)
    assert await channel.find(post(room)) == Sent(id=kept.ts, thread=kept.ts)


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.DROPPED], ids=["500", "drop"])
async def test_a_message_that_never_arrived_is_not_found(
    slack: SlackServer, channel: SlackChannel, lena: User, fault: Fault
) -> None:
    """So that it can be sent again."""
    room = slack.dm(lena)
    slack.faults.add("chat.postMessage", fault)
    assert (await refused(channel, post(room))).in_doubt
    assert await channel.find(post(room)) is None


async def test_a_message_without_an_answer_in_time_is_in_doubt(slack: SlackServer, hands: Hands, lena: User) -> None:
    """Slack may have kept it, as it has here."""
    client = web_client(slack.bot_token, slack.base_url)
    client.timeout = 1
    channel, never = over(slack, hands, client), asyncio.Event()
    slack.faults.add("chat.postMessage", Fault.SLOW(never))
    error = await refused(channel, post(lena))
    assert (error.retry, error.in_doubt) == (True, True)
    assert await channel.find(post(lena)) is not None


async def test_where_slack_was_never_reached_nothing_is_in_doubt(slack: SlackServer, hands: Hands, lena: User) -> None:
    """Nobody listens there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    channel = over(slack, hands, web_client(slack.bot_token, f"http://127.0.0.1:{port}/api/"))
    for what in (post(slack.dm(lena)), post(slack.dm(lena), act=Act.WHISPER, to=who(lena))):
        error = await refused(channel, what)
        assert (error.retry, error.in_doubt) == (True, False)


@pytest.mark.parametrize("fault", [Fault.KEPT_ERROR, Fault.KEPT_DROPPED], ids=["500", "drop"])
async def test_only_a_new_message_can_be_in_doubt(
    slack: SlackServer, channel: SlackChannel, lena: User, fault: Fault
) -> None:
    """A change, a reaction and a page are simply sent again; what answers a press is not worth it."""
    room = slack.dm(lena)
    sent = await channel.send(post(room))
    again = {
        "chat.update": post(room, act=Act.EDIT, target=sent.id),
        "reactions.add": post(room, act=Act.REACT, target=sent.id),
        "views.publish": post(room, act=Act.HOME, to=who(lena), card=CARD),
    }
    for method, what in again.items():
        slack.faults.add(method, fault)
        error = await refused(channel, what)
        assert (error.retry, error.in_doubt) == (True, False)
        await channel.send(what)
    slack.faults.add("chat.postEphemeral", fault)
    error = await refused(channel, post(room, act=Act.WHISPER, to=who(lena)))
    assert (error.retry, error.in_doubt) == (False, False)


@pytest.mark.parametrize("fault", ["service_unavailable", "request_timeout", "ratelimited", "team_added_to_org"])
async def test_what_slack_could_not_do_just_now_is_tried_again(
    slack: SlackServer, channel: SlackChannel, lena: User, fault: str
) -> None:
    """It says that it has not been done."""
    slack.faults.add("chat.postMessage", Fault.REFUSED(fault))
    error = await refused(channel, post(lena))
    assert (error.retry, error.in_doubt) == (True, False)


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ("channel_not_found", "invite"),
        ("not_in_channel", "invite"),
        ("is_archived", "archived"),
        ("account_inactive", "install the app again"),
        ("invalid_auth", "install the app again"),
        ("token_revoked", "install the app again"),
        ("user_not_found", "person"),
        ("msg_too_long", "too long"),
        ("something_new", "something_new"),
    ],
)
async def test_a_refusal_is_final_and_says_what_to_do(
    slack: SlackServer, channel: SlackChannel, lena: User, fault: str, advice: str
) -> None:
    """In words for whoever has to do it, and without the customer's."""
    slack.faults.add("chat.postMessage", Fault.REFUSED(fault))
    error = await refused(channel, post(lena, "my own words"))
    assert (error.retry, error.in_doubt) == (False, False)
    assert advice in str(error)
    assert "my own words" not in str(error)


@pytest.mark.parametrize("fault", ["message_not_found", "cant_update_message"])
async def test_a_change_of_what_is_not_ours_is_refused(
    slack: SlackServer, channel: SlackChannel, lena: User, fault: str
) -> None:
    """The message is gone, or somebody else's."""
    theirs = slack.says(lena, slack.dm(lena), "Hello")
    target = theirs.ts if fault == "cant_update_message" else "1700000000.000001"
    error = await refused(channel, post(slack.dm(lena), act=Act.EDIT, target=target))
    assert not error.retry
    assert fault in str(error)


@pytest.mark.parametrize("status", [200, 502])
async def test_an_answer_that_is_not_slacks_leaves_a_message_in_doubt(
    slack: SlackServer, hands: Hands, lena: User, status: int
) -> None:
    """As a proxy may give it: text, a page, JSON that is no object, or an object that says nothing."""
    answers = [("text/plain", "busy"), ("text/html", "<p>busy"), ("application/json", "[1]")]
    answers += [("application/json", "{"), ("application/json", '{"ok": true}')]
    pending = list(answers)

    async def answer(request: web.Request) -> web.Response:
        kind, body = pending.pop(0)
        return web.Response(status=status, text=body, content_type=kind)

    app = web.Application()
    app.router.add_post("/api/{method}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        channel = over(slack, hands, web_client("xoxb-1", f"http://127.0.0.1:{runner.addresses[0][1]}/api/"))
        for _ in answers:
            error = await refused(channel, post(lena))
            assert (error.retry, error.in_doubt) == (True, True)
    finally:
        await runner.cleanup()


async def test_requests_are_not_logged(
    slack: SlackServer, channel: SlackChannel, lena: User, caplog: pytest.LogCaptureFixture
) -> None:
    """slack-sdk would log them whole wherever everything is logged."""
    with caplog.at_level(logging.DEBUG):
        await channel.send(post(lena, "my own words"))
    assert "my own words" not in caplog.text


# ── looking a message up ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_message_in_a_thread_is_found_there(slack: SlackServer, channel: SlackChannel, lena: User) -> None:
    """However long the thread is, and among others of ours."""
    room = slack.add_channel("flight-7", lena)
    asked = slack.says(lena, room, "Which seat?")
    for n in range(150):
        slack.says(lena, room, f"No {n}", thread=asked)
    await channel.send(post(room, id=6, thread=asked.ts))
    sent = await channel.send(post(room, thread=asked.ts))
    assert await channel.find(post(room, thread=asked.ts)) == sent == Sent(id=sent.id, thread=asked.ts)
    assert await channel.find(post(room, id=8, thread=asked.ts)) is None


async def test_a_message_is_looked_for_among_the_newest(slack: SlackServer, channel: SlackChannel, lena: User) -> None:
    """Two hundred of them, without a guess at the time."""
    room = slack.dm(lena)
    sent = await channel.send(post(room))
    for n in range(199):
        slack.says(lena, room, f"No {n}")
    assert await channel.find(post(room)) == sent
    slack.says(lena, room, "one more")
    assert await channel.find(post(room)) is None
    assert all("oldest" not in call.parameters for call in slack.called("conversations.history"))


async def test_only_the_own_bots_message_is_it(slack: SlackServer, channel: SlackChannel, lena: User) -> None:
    """Another installation in the same room counts its posts as we do."""
    other = slack.add_bot("concierge on trial")
    room = slack.add_channel("flight-7", lena, other)
    slack.says(other, room, "Hello", metadata={"event_type": "concierge_post", "event_payload": {"id": 7}})
    assert await channel.find(post(room)) is None
    sent = await channel.send(post(room))
    assert await channel.find(post(room)) == sent


async def test_what_is_not_a_new_message_is_not_looked_for(
    slack: SlackServer, channel: SlackChannel, lena: User
) -> None:
    """It can be sent again without harm."""
    for act in set(Act) - {Act.SAY}:
        assert await channel.find(post(lena, act=act, target="1.2")) is None
    assert slack.calls == []


@pytest.mark.parametrize("method", ["auth.test", "conversations.history"])
@pytest.mark.parametrize(
    ("fault", "retry"), [(Fault.ERROR, True), (Fault.TOO_MANY(), True), (Fault.REFUSED("missing_scope"), False)]
)
async def test_where_slack_cannot_be_asked_nobody_says_that_it_is_not_there(
    slack: SlackServer, channel: SlackChannel, lena: User, method: str, fault: Fault, retry: bool
) -> None:
    """Otherwise it would be sent twice."""
    slack.faults.add(method, fault)
    with pytest.raises(SendError) as caught:
        await channel.find(post(slack.dm(lena)))
    assert (caught.value.retry, caught.value.in_doubt) == (retry, False)


# ── who reads there ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_readers_are_everybody_but_the_concierge(
    slack: SlackServer, channel: SlackChannel, lena: User, amara: User
) -> None:
    """Strangers with their own team, whatever their name says, and other bots."""
    stranger = slack.add_user("Lena", slack.add_team("Novalis"))
    recorder = slack.add_bot("meeting notes")
    room = slack.add_channel("flight-7", lena, amara, stranger, recorder, private=True)
    found = await channel.readers(at(room), ())
    assert found is not None
    assert set(found) == {who(lena), who(amara), who(stranger), who(recorder)}


async def test_a_room_that_the_whole_workspace_may_read_has_readers_whom_nobody_can_name(
    slack: SlackServer, channel: SlackChannel, lena: User
) -> None:
    """Members of a public channel are not all who read there."""
    assert await channel.readers(at(slack.add_channel("open-to-all", lena)), ()) is None


async def test_readers_of_a_direct_conversation(slack: SlackServer, channel: SlackChannel, lena: User) -> None:
    """One person, however the conversation is named."""
    assert await channel.readers(at(slack.dm(lena)), ()) == (who(lena),)
    assert await channel.readers(at(lena), ()) == (who(lena),)


@pytest.mark.parametrize("method", ["auth.test", "conversations.info", "conversations.members", "users.info"])
@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.DROPPED, Fault.TOO_MANY(), Fault.REFUSED("missing_scope")])
async def test_readers_are_all_known_or_none_is(
    slack: SlackServer, channel: SlackChannel, lena: User, amara: User, method: str, fault: Fault
) -> None:
    """One failure is enough not to know; afterwards it is asked again."""
    room = slack.add_channel("flight-7", lena, amara, private=True)
    failing(slack, method, fault)
    assert await channel.readers(at(room), (who(lena),)) is None
    assert set(await channel.readers(at(room), ()) or ()) == {who(lena), who(amara)}


async def test_a_reader_without_a_team_is_not_known(slack: SlackServer, channel: SlackChannel) -> None:
    """Slack need not say it of people from elsewhere."""
    room = slack.add_channel("flight-7", slack.add_user("Somebody", team_id=None), private=True)
    assert await channel.readers(at(room), ()) is None


async def test_readers_of_a_room_that_is_not_there_or_not_ours(
    slack: SlackServer, channel: SlackChannel, lena: User
) -> None:
    """Nobody can say."""
    assert await channel.readers(Address(channel="slack", room="C9", team=slack.team.id), ()) is None
    assert await channel.readers(Address(channel="slack", room=slack.dm(lena).id, team="T9"), ()) is None


async def test_a_room_with_too_many_people_is_not_known(slack: SlackServer, channel: SlackChannel) -> None:
    """Two hundred, with the concierge, are asked about; of one more nobody is."""
    people = [slack.add_user(f"No {n}") for n in range(200)]
    small, large = (
        slack.add_channel("small", *people[:199], private=True),
        slack.add_channel("large", *people, private=True),
    )
    assert await channel.readers(at(large), ()) is None
    assert slack.called("users.info") == []
    assert len(await channel.readers(at(small), ()) or ()) == 199


async def test_whose_team_somebody_is_of_is_remembered_for_ten_minutes(
    slack: SlackServer, channel: SlackChannel, hands: Hands, lena: User, amara: User
) -> None:
    """Who is in the room is asked each time."""
    room = slack.add_channel("flight-7", lena, private=True)
    await channel.readers(at(room), ())
    hands.forward(minutes=9)
    room.members.append(amara)
    assert set(await channel.readers(at(room), ()) or ()) == {who(lena), who(amara)}
    assert [call["user"] for call in slack.called("users.info")] == [lena.id, amara.id]
    hands.forward(minutes=1)
    await channel.readers(at(room), ())
    assert [call["user"] for call in slack.called("users.info")] == [lena.id, amara.id, lena.id]


# ── beside messages ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_status_is_asked_for_in_threads_and_lost_without_harm(
    slack: SlackServer, channel: SlackChannel, lena: User
) -> None:
    """The stand-in knows no such method; where there is no thread there is nothing to ask for."""
    room = slack.dm(lena)
    await channel.typing(at(room), "")
    await channel.typing(Address(channel="slack", room=room.id, team="T9"), "1.2")
    assert slack.calls == []
    slack.faults.add("assistant.threads.setStatus", Fault.DROPPED, Fault.ERROR)
    for _ in range(3):
        await channel.typing(at(room), "1700000000.000001")
    asked = slack.called("assistant.threads.setStatus")
    assert [(call["channel_id"], call["thread_ts"]) for call in asked] == [(room.id, "1700000000.000001")] * 3


async def test_a_direct_conversation_is_opened(slack: SlackServer, channel: SlackChannel, lena: User) -> None:
    """With people of the team, and with others while they share a room."""
    stranger = slack.add_user("Novalis's Lena", slack.add_team("Novalis"))
    assert await channel.direct(who(lena), slack.team.id) == at(slack.dm(lena))
    assert await channel.direct(who(stranger), slack.team.id) is None
    slack.add_channel("shared", stranger)
    assert await channel.direct(who(stranger), slack.team.id) == at(slack.dm(stranger))
    assert await channel.direct(Identity(channel="telegram", user="1"), slack.team.id) is None


async def test_a_direct_conversation_that_cannot_be_opened_now_is_not_refused(
    slack: SlackServer, channel: SlackChannel, lena: User
) -> None:
    """Otherwise a moment's trouble would leave a steward without a desk."""
    slack.faults.add("conversations.open", Fault.ERROR)
    with pytest.raises(SendError) as caught:
        await channel.direct(who(lena), slack.team.id)
    assert caught.value.retry


async def test_nothing_of_ours_but_numbers_leaves_the_house(
    slack: SlackServer, channel: SlackChannel, desk: Room
) -> None:
    """What a platform carries along holds an outbox number and tokens."""
    await channel.send(for_desk(desk, card=CARD, buttons=(BUTTON,)))
    call = slack.called("chat.postMessage")[0]
    assert json.dumps(call["metadata"]) == '{"event_type": "concierge_post", "event_payload": {"id": 7}}'
    assert [one["value"] for block in call["blocks"] if block["type"] == "actions" for one in block["elements"]] == [
        "t-1"
    ]
