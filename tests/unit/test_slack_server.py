"""The stand-in for Slack, driven by the clients that talk to the real one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from fakes import Hands
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_server import Fault, SlackServer, block_problems

Heard = list[dict[str, Any]]
BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Take it"}, "action_id": "take", "value": "case-1"}
ACTIONS: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Lena needs you."}},
    {"type": "actions", "elements": [BUTTON]},
]
FORM = {
    "type": "modal",
    "callback_id": "note",
    "title": {"type": "plain_text", "text": "A note"},
    "submit": {"type": "plain_text", "text": "Keep"},
    "blocks": [
        {
            "type": "input",
            "block_id": "words",
            "label": {"type": "plain_text", "text": "What happened"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
async def slack(hands: Hands) -> AsyncIterator[SlackServer]:
    async with SlackServer(clock=hands, echoes=False) as server:
        yield server


@pytest.fixture
def client(slack: SlackServer) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.base_url, retry_handlers=[])


async def refused(call: Awaitable[Any]) -> str:
    """The error with which a call is refused."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


def listening(slack: SlackServer, client: AsyncWebClient) -> tuple[AsyncApp, Heard]:
    """An app of Bolt that keeps every payload, as the durable inbox will: in global middleware, before the ack."""
    app = AsyncApp(client=client, signing_secret=slack.signing_secret)
    heard: Heard = []

    @app.use
    async def keep(body: dict[str, Any], context: Any, next: Callable[[], Awaitable[Any]]) -> None:
        heard.append({**body, "actor_team": context.actor_team_id, "installed_team": context.team_id})
        await next()

    @app.event("message")
    @app.event({"type": "app_mention"})
    async def nothing() -> None: ...

    @app.action("take")
    @app.view("note")
    async def acknowledge(ack: Any) -> None:
        await ack()

    return app, heard


@asynccontextmanager
async def over_http(
    slack: SlackServer, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> AsyncIterator[None]:
    """Something that listens where Slack delivers to."""
    site = web.Application()
    site.router.add_post("/slack/events", answer)
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def bolt_over_http(slack: SlackServer, client: AsyncWebClient) -> AsyncIterator[Heard]:
    app, heard = listening(slack, client)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    async with over_http(slack, answer):
        yield heard


@asynccontextmanager
async def bolt_over_a_socket(
    slack: SlackServer, client: AsyncWebClient, app: AsyncApp | None = None
) -> AsyncIterator[Heard]:
    found, heard = (app, []) if app else listening(slack, client)
    handler = AsyncSocketModeHandler(found, slack.app_token, web_client=client, ping_interval=0.5)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await slack.connected()
    try:
        yield heard
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


# --- methods ---


async def test_the_client_learns_who_it_is(slack: SlackServer, client: AsyncWebClient) -> None:
    """`auth.test` names the installed team and the bot; another token is refused."""
    told = await client.auth_test()
    assert (told["team_id"], told["user_id"], told["bot_id"]) == (slack.team.id, slack.bot.id, slack.bot.bot_id)
    assert await refused(AsyncWebClient(token="xoxb-else", base_url=slack.base_url).auth_test()) == "invalid_auth"
    assert await refused(client.apps_connections_open(app_token=slack.bot_token)) == "not_allowed_token_type"


async def test_strangers_are_those_who_share_no_room(slack: SlackServer, client: AsyncWebClient) -> None:
    """`is_stranger` alone does not find everybody from outside; the team does."""
    other = slack.add_team("Brightwell")
    own, guest, stranger = slack.add_user("Ines"), slack.add_user("Walter", other), slack.add_user("Nobody", other)
    slack.add_channel("crystals", own, guest)
    seen = [(await client.users_info(user=user.id))["user"] for user in (own, guest, stranger, slack.bot)]
    assert [one["team_id"] for one in seen] == [slack.team.id, other.id, other.id, slack.team.id]
    assert [one.get("is_stranger") for one in seen] == [None, False, True, None]
    assert [one["is_bot"] for one in seen] == [False, False, False, True]
    assert {one["id"] for one in (await client.users_list())["members"]} == {own.id, slack.bot.id}


async def test_a_room_says_how_it_is_shared(slack: SlackServer, client: AsyncWebClient) -> None:
    """Sharing with another organisation is one thing, sharing inside one another; private rooms hide."""
    other, own = slack.add_team("Brightwell"), slack.add_user("Ines")
    guest = slack.add_user("Walter", other)
    outside, inside = slack.add_channel("crystals", own, guest, private=True), slack.add_channel("all", org_shared=True)
    public, hidden = slack.add_channel("public", with_bot=False), slack.add_channel("h", private=True, with_bot=False)
    told = [(await client.conversations_info(channel=one.id))["channel"] for one in (outside, inside, public)]
    assert [one["is_ext_shared"] for one in told] == [True, False, False]
    assert [one["is_shared"] for one in told] == [True, True, False]
    assert [one["is_private"] for one in told] == [True, False, False]
    assert [one["is_member"] for one in told] == [True, True, False]
    assert await refused(client.conversations_info(channel=hidden.id)) == "channel_not_found"
    members = await client.conversations_members(channel=outside.id, limit=2)
    rest = await client.conversations_members(channel=outside.id, cursor=members["response_metadata"]["next_cursor"])
    assert members["members"] + rest["members"] == [own.id, guest.id, slack.bot.id]


async def test_history_is_read_in_pages_from_a_moment_on(slack: SlackServer, client: AsyncWebClient) -> None:
    """Newest first, without answers in threads, exclusive unless asked; what is said meanwhile moves no page."""
    lena = slack.add_user("Lena")
    room = slack.add_channel("portrait", lena)
    first, *rest = [slack.says(lena, room, f"{number}") for number in range(5)]
    slack.says(lena, room, "in a thread", thread=first)
    page = await client.conversations_history(channel=room.id, oldest=first.ts, limit=3)
    slack.says(lena, room, "meanwhile")
    cursor = page["response_metadata"]["next_cursor"]
    then = await client.conversations_history(channel=room.id, oldest=first.ts, limit=3, cursor=cursor)
    assert [one["text"] for one in page["messages"] + then["messages"]] == ["4", "3", "2", "1"]
    assert (page["has_more"], then["has_more"]) == (True, False)
    whole = await client.conversations_history(channel=room.id, oldest=rest[-1].ts, inclusive=True)
    assert [one["text"] for one in whole["messages"]] == ["meanwhile", "4"]
    thread = await client.conversations_replies(channel=room.id, ts=first.ts)
    assert [(one["text"], one.get("reply_count")) for one in thread["messages"]] == [("0", 1), ("in a thread", None)]
    stamps = [message.ts for message in room.messages]
    assert stamps == sorted(set(stamps))


async def test_a_post_can_be_found_again_by_its_metadata(slack: SlackServer, client: AsyncWebClient) -> None:
    """Metadata is shown only to who asks for it, and an answer in a thread stays there."""
    lena = slack.add_user("Lena")
    room = slack.add_channel("portrait", lena)
    asked = slack.says(lena, room, "kit?")
    mark = {"event_type": "outbox", "event_payload": {"id": 7}}
    await client.chat_postMessage(channel=room.id, text="1.5 kg.", thread_ts=asked.ts, metadata=mark)
    plain = await client.conversations_replies(channel=room.id, ts=asked.ts)
    assert "metadata" not in plain["messages"][1]
    told = await client.conversations_replies(channel=room.id, ts=asked.ts, include_all_metadata=True)
    assert told["messages"][1]["metadata"] == mark
    assert slack.said(room) == ["1.5 kg."]
    assert slack.called("chat.postMessage")[0]["thread_ts"] == asked.ts


async def test_a_post_must_have_a_place(slack: SlackServer, client: AsyncWebClient) -> None:
    """No such room, not in it, a thread that is not there, nothing to say."""
    room, closed = slack.add_channel("portrait"), slack.add_channel("elsewhere", with_bot=False)
    assert await refused(client.chat_postMessage(channel="C404", text="x")) == "channel_not_found"
    assert await refused(client.chat_postMessage(channel=closed.id, text="x")) == "not_in_channel"
    lost = client.chat_postMessage(channel=room.id, text="x", thread_ts="1111111111.000001")
    assert await refused(lost) == "thread_not_found"
    with pytest.warns(UserWarning, match="text"):
        assert await refused(client.chat_postMessage(channel=room.id, text="")) == "no_text"
    assert await refused(client.chat_postMessage(channel=room.id, text="x" * 40_001)) == "msg_too_long"
    old = slack.changes_id(room)
    assert await refused(client.chat_postMessage(channel=old, text="x")) == "channel_not_found"


async def test_somebody_from_outside_is_written_to_while_a_room_is_shared(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    """When sharing ends, so does the direct conversation."""
    other = slack.add_team("Brightwell")
    walter, nobody = slack.add_user("Walter", other), slack.add_user("Nobody", other)
    room = slack.add_channel("crystals", walter)
    dm = (await client.conversations_open(users=walter.id))["channel"]["id"]
    await client.chat_postMessage(channel=dm, text="Hello.")
    assert slack.said(slack.dm(walter)) == ["Hello."]
    assert (await client.conversations_info(channel=dm))["channel"]["is_im"] is True
    assert await refused(client.conversations_open(users=nobody.id)) == "cannot_dm_user"
    slack.unshares(room, other)
    assert await refused(client.chat_postMessage(channel=dm, text="Still there?")) == "cannot_dm_user"


async def test_only_own_posts_can_be_changed(slack: SlackServer, client: AsyncWebClient) -> None:
    """An update keeps the ts, and is shorter than a post may be."""
    lena = slack.add_user("Lena")
    room = slack.add_channel("portrait", lena)
    theirs = slack.says(lena, room, "Mine.")
    ts = (await client.chat_postMessage(channel=room.id, text="Wait.", blocks=ACTIONS))["ts"]
    await client.chat_update(channel=room.id, ts=ts, text="Done.", blocks=[])
    assert (slack.said(room), slack.posts(room)[0].blocks) == (["Done."], [])
    assert await refused(client.chat_update(channel=room.id, ts=theirs.ts, text="x")) == "cant_update_message"
    assert await refused(client.chat_update(channel=room.id, ts=ts, text="x" * 4_001)) == "msg_too_long"
    link = (await client.chat_getPermalink(channel=room.id, message_ts=ts))["permalink"]
    assert link.endswith(f"/archives/{room.id}/p{ts.replace('.', '')}")


async def test_whispers_signs_and_files(slack: SlackServer, client: AsyncWebClient) -> None:
    """What only one person sees is in no history; a sign is put once; a file can be asked about."""
    lena, away = slack.add_user("Lena"), slack.add_user("Ines")
    room = slack.add_channel("portrait", lena)
    message = slack.says(lena, room, "Here.", files=[slack.add_file("plan.pdf", lena)])
    await client.chat_postEphemeral(channel=room.id, user=lena.id, text="Only you.")
    assert [one.text for one in slack.whispered(room, lena)] == ["Only you."]
    assert slack.said(room) == []
    assert await refused(client.chat_postEphemeral(channel=room.id, user=away.id, text="x")) == "user_not_in_channel"
    await client.reactions_add(channel=room.id, timestamp=message.ts, name="eyes")
    again = client.reactions_add(channel=room.id, timestamp=message.ts, name="eyes")
    assert await refused(again) == "already_reacted"
    told = await client.files_info(file=message.body["files"][0]["id"])
    assert told["file"]["name"] == "plan.pdf"


@pytest.mark.parametrize(
    "blocks",
    [
        [{"type": "divider"}] * 51,
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}],
        [{"type": "divider", "block_id": "one"}, {"type": "divider", "block_id": "one"}],
        [{"type": "actions", "elements": [{**BUTTON, "text": {"type": "plain_text", "text": "x" * 76}}]}],
        [{"type": "actions", "elements": [{**BUTTON, "action_id": "x" * 256}]}],
        [{"type": "actions", "elements": [{**BUTTON, "value": "x" * 2_001}]}],
        [{"type": "actions", "elements": [BUTTON, BUTTON]}],
        [{"type": "actions", "elements": []}],
        [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
        [{"type": "nonsense"}],
    ],
)
async def test_blocks_that_slack_would_not_take(
    slack: SlackServer, client: AsyncWebClient, blocks: list[dict[str, Any]]
) -> None:
    """Each limit refuses the whole post."""
    room = slack.add_channel("desk")
    assert await refused(client.chat_postMessage(channel=room.id, text="x", blocks=blocks)) == "invalid_blocks"
    assert slack.said(room) == []
    assert block_problems(ACTIONS) == []


# --- faults ---


async def test_each_fault_as_a_client_sees_it(slack: SlackServer, client: AsyncWebClient) -> None:
    """Too many, failed before and after the post was kept, a lost answer: one fault a call, in their order."""
    room = slack.add_channel("portrait")
    slack.faults.add("chat.postMessage", Fault.TOO_MANY(retry_after=7), Fault.ERROR, Fault.KEPT_ERROR)
    slack.faults.add("chat.postMessage", Fault.KEPT_DROPPED, Fault.DROPPED, Fault.REFUSED("fatal_error"))
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=room.id, text="1")
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "7")
    for text in "23":
        with pytest.raises(SlackApiError):
            await client.chat_postMessage(channel=room.id, text=text)
    for text in "45":
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await client.chat_postMessage(channel=room.id, text=text)
    assert await refused(client.chat_postMessage(channel=room.id, text="6")) == "fatal_error"
    await client.chat_postMessage(channel=room.id, text="7")
    assert slack.said(room) == ["3", "4", "7"]
    assert slack.faults.left == 0


async def test_the_usual_retries_of_the_client_post_twice(slack: SlackServer) -> None:
    """A lost answer and slack-sdk's own retry handler: two posts. This is why the channel goes without it."""
    room = slack.add_channel("portrait")
    slack.faults.add("chat.postMessage", Fault.KEPT_DROPPED)
    await AsyncWebClient(token=slack.bot_token, base_url=slack.base_url).chat_postMessage(channel=room.id, text="x")
    assert slack.said(room) == ["x", "x"]


async def test_a_slow_answer_comes_when_the_test_says_so(slack: SlackServer, client: AsyncWebClient) -> None:
    """The post is there long before its answer."""
    room, go_on = slack.add_channel("portrait"), asyncio.Event()
    slack.faults.add("chat.postMessage", Fault.SLOW(go_on))
    post = asyncio.create_task(client.chat_postMessage(channel=room.id, text="x"))
    await slack.until(lambda: slack.said(room) == ["x"])
    assert not post.done()
    go_on.set()
    assert (await post)["ok"]


async def test_waiting_in_vain_says_what_was_seen(slack: SlackServer, client: AsyncWebClient) -> None:
    """The failure names the calls that came."""
    await client.auth_test()
    with pytest.raises(AssertionError, match=r"auth\.test"):
        await slack.until(lambda: False, within=0.01)


# --- events over HTTP ---


async def test_a_message_arrives_signed_and_whole(slack: SlackServer, client: AsyncWebClient) -> None:
    """The envelope and the message have what the platform sends."""
    lena = slack.add_user("Lena")
    room = slack.add_channel("portrait", lena)
    async with bolt_over_http(slack, client) as heard:
        message = slack.says(lena, room, "kit?")
        await slack.settled()
    [body] = heard
    assert slack.deliveries[0].acknowledged
    assert (body["team_id"], body["authorizations"][0]["team_id"]) == (slack.team.id, slack.team.id)
    assert {"event_id", "event_time", "event_context", "api_app_id"} <= body.keys()
    assert body["is_ext_shared_channel"] is False
    event = body["event"]
    assert (event["ts"], event["event_ts"], event["channel_type"]) == (message.ts, message.ts, "channel")
    assert {"client_msg_id", "team", "user", "text", "blocks"} <= event.keys()


async def test_a_wrong_secret_is_found_out(slack: SlackServer, client: AsyncWebClient) -> None:
    """Bolt answers 401 to a forged signature, which is tried once more at once."""
    lena = slack.add_user("Lena")
    async with bolt_over_http(slack, client) as heard:
        slack.signing_secret = "another"
        slack.says(lena, slack.dm(lena), "kit?")
        await slack.settled()
    assert heard == []
    assert [attempt.status for attempt in slack.deliveries[0].attempts] == [401, 401]


async def test_a_mention_is_two_events(slack: SlackServer, client: AsyncWebClient) -> None:
    """One message, two events with ids of their own; in a direct conversation only one."""
    lena = slack.add_user("Lena")
    room = slack.add_channel("portrait", lena, private=True)
    async with bolt_over_http(slack, client) as heard:
        slack.says(lena, room, f"{slack.bot.mention} kit?")
        slack.says(lena, slack.dm(lena), f"{slack.bot.mention} kit?")
        await slack.settled()
    kinds = sorted((body["event"]["type"], body["event"].get("channel_type")) for body in heard)
    assert kinds == [("app_mention", None), ("message", "group"), ("message", "im")]
    assert len({body["event_id"] for body in heard}) == 3
    assert len({body["event"]["ts"] for body in heard}) == 2


async def test_who_speaks_in_a_shared_room(slack: SlackServer, client: AsyncWebClient) -> None:
    """Bolt finds the speaker's team in both shapes, and none where an organisation hides it."""
    other, grid = slack.add_team("Brightwell"), slack.add_team("Grid", enterprise=True)
    ines, walter, greta = slack.add_user("Ines"), slack.add_user("Walter", other), slack.add_user("Greta", grid)
    room = slack.add_channel("crystals", ines, walter, greta)
    async with bolt_over_http(slack, client) as heard:
        for user in (ines, walter, greta):
            slack.says(user, room, f"{slack.bot.mention} hello")
            await slack.settled()
    assert all(body["is_ext_shared_channel"] and body["installed_team"] == slack.team.id for body in heard)
    found = {(body["event"]["user"], body["event"]["type"]): body for body in heard}
    actors = {name: body["actor_team"] for name, body in found.items()}
    assert actors == {
        (ines.id, "message"): slack.team.id,
        (ines.id, "app_mention"): slack.team.id,
        (walter.id, "message"): other.id,
        (walter.id, "app_mention"): other.id,
        (greta.id, "message"): grid.id,
        (greta.id, "app_mention"): None,
    }
    assert found[walter.id, "message"]["team_id"] == other.id
    assert found[walter.id, "app_mention"]["event"]["user_team"] == other.id


async def test_what_happens_to_messages_and_rooms(slack: SlackServer, client: AsyncWebClient) -> None:
    """Edits, deletions, files, bots, joins and sharing: each its own event."""
    other = slack.add_team("Brightwell")
    lena, walter, robot = slack.add_user("Lena"), slack.add_user("Walter", other), slack.add_bot("calendar")
    room = slack.add_channel("portrait", lena, robot)
    async with bolt_over_http(slack, client) as heard:
        first, second = slack.says(lena, room, "one"), slack.says(lena, room, "two")
        slack.edits(first, "uno")
        slack.says(robot, room, "Lunch.", thread=second, subtype="bot_message", user=None)
        slack.deletes(first)
        slack.deletes(second)
        slack.shares(room, other)
        slack.joins(walter, room, inviter=lena)
        slack.says(walter, room, "Look.", files=[slack.add_file("plan.pdf", walter)])
        old = slack.changes_id(room)
        slack.unshares(room, other)
        await slack.until(lambda: len(heard) >= 12)
    events = [delivery.event for delivery in slack.deliveries]
    assert [(event["type"], event.get("subtype")) for event in events] == [
        ("message", None),
        ("message", None),
        ("message", "message_changed"),
        ("message", "bot_message"),
        ("message", "message_deleted"),
        ("message", "message_changed"),
        ("channel_shared", None),
        ("member_joined_channel", None),
        ("message", "channel_join"),
        ("message", "file_share"),
        ("channel_id_changed", None),
        ("channel_unshared", None),
    ]
    assert (events[2]["message"]["text"], events[2]["previous_message"]["text"]) == ("uno", "one")
    assert events[2]["message"]["ts"] == events[4]["deleted_ts"] == first.ts
    assert "user" not in events[3]
    assert events[3]["bot_id"] == robot.bot_id
    assert events[5]["message"]["subtype"] == "tombstone"
    assert (events[6]["connected_team_id"], events[7]["team"]) == (other.id, other.id)
    assert events[9]["files"][0]["file_access"] == "check_file_info"
    assert (events[10]["old_channel_id"], events[10]["new_channel_id"]) == (old, room.id)
    assert walter not in room.members


async def test_what_is_not_answered_comes_again(slack: SlackServer, hands: Hands) -> None:
    """After an error at once, then after a minute and five, each time with the number of the retry; then never."""
    lena, seen = slack.add_user("Lena"), []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.headers.get("X-Slack-Retry-Num"), request.headers.get("X-Slack-Retry-Reason")))
        return web.Response(status=500)

    async with over_http(slack, answer):
        slack.says(lena, slack.dm(lena), "kit?")
        await slack.settled()
        for minutes in (1, 5, 60):
            hands.forward(minutes=minutes)
            slack.catch_up()
            await slack.settled()
    assert seen == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]
    assert slack.deliveries[0].given_up


async def test_an_answer_after_three_seconds_is_none(slack: SlackServer, hands: Hands) -> None:
    """The clock decides, nobody waits for it."""
    lena, go_on, seen = slack.add_user("Lena"), asyncio.Event(), []

    async def answer(request: web.Request) -> web.Response:
        seen.append((json.loads(await request.text())["event_id"], request.headers.get("X-Slack-Retry-Reason")))
        if len(seen) == 1:
            await go_on.wait()
        return web.Response()

    async with over_http(slack, answer):
        slack.says(lena, slack.dm(lena), "kit?")
        with pytest.raises(AssertionError, match="in flight"):
            await slack.settled(within=0.05)
        hands.forward(seconds=3)
        slack.catch_up()
        await slack.settled()
        go_on.set()
    [first, second] = seen
    assert first[0] == second[0]
    assert second[1] == "http_timeout"
    assert slack.deliveries[0].acknowledged


async def test_doubled_and_in_any_order(slack: SlackServer, client: AsyncWebClient) -> None:
    """Held deliveries go out as the test wants: backwards, twice, or never."""
    lena = slack.add_user("Lena")
    dm = slack.dm(lena)
    async with bolt_over_http(slack, client) as heard:
        with slack.held() as held:
            for text in ("one", "two", "lost"):
                slack.says(lena, dm, text)
        for delivery in (held[1], held[0], held[1]):
            slack.deliver(delivery)
            await slack.settled()
    assert [body["event"]["text"] for body in heard] == ["two", "one", "two"]
    assert heard[0]["event_id"] == heard[2]["event_id"]
    assert [message["text"] for message in (await client.conversations_history(channel=dm.id))["messages"]] == [
        "lost",
        "two",
        "one",
    ]


async def test_the_last_first(slack: SlackServer, client: AsyncWebClient) -> None:
    """Order is the reader's business: `ts` says what came before what."""
    lena = slack.add_user("Lena")
    with slack.out_of_order():
        for text in ("one", "two"):
            slack.says(lena, slack.dm(lena), text)
    async with bolt_over_a_socket(slack, client) as heard:
        await slack.until(lambda: all(delivery.acknowledged for delivery in slack.deliveries))
    assert [body["event"]["text"] for body in heard] == ["two", "one"]
    assert heard[0]["event"]["ts"] > heard[1]["event"]["ts"]


async def test_the_app_hears_itself_where_the_test_wants_it(hands: Hands) -> None:
    """The platform tells an app of its own posts; Bolt drops them before any middleware of the house."""
    async with SlackServer(clock=hands) as slack:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.base_url, retry_handlers=[])
        room = slack.add_channel("portrait")
        async with bolt_over_http(slack, client) as heard:
            await client.chat_postMessage(channel=room.id, text="Hello.")
            await slack.settled()
        assert [delivery.event["bot_id"] for delivery in slack.deliveries] == [slack.bot.bot_id]
        assert heard == []


# --- buttons and forms ---


async def test_a_press_says_who_and_where(slack: SlackServer, client: AsyncWebClient) -> None:
    """Somebody from outside presses too: the installed team outside, theirs with their name; never a retry."""
    other = slack.add_team("Brightwell")
    walter = slack.add_user("Walter", other)
    room = slack.add_channel("crystals", walter)
    await client.chat_postMessage(channel=room.id, text="?", blocks=ACTIONS)
    [post] = slack.posts(room)
    async with bolt_over_http(slack, client) as heard:
        press = slack.presses(walter, post, "take")
        await slack.settled()
        forged = slack.presses(walter, post, "take", "case-2")
        await slack.settled()
    body = heard[0]
    assert (body["team"]["id"], body["user"]["team_id"]) == (slack.team.id, other.id)
    assert (body["channel"]["id"], body["container"]["message_ts"]) == (room.id, post.ts)
    assert (body["actions"][0]["action_id"], body["actions"][0]["value"]) == ("take", "case-1")
    assert body["actions"][0]["block_id"] == post.blocks[1]["block_id"]
    assert forged.payload["actions"][0]["value"] == "case-2"
    assert press.acknowledged
    with pytest.raises(LookupError):
        slack.presses(walter, post, "nothing")


async def test_a_press_can_be_answered_where_it_happened(slack: SlackServer, client: AsyncWebClient) -> None:
    """`respond` replaces the message over its response_url."""
    ines = slack.add_user("Ines")
    room = slack.add_channel("desk", ines)
    await client.chat_postMessage(channel=room.id, text="?", blocks=ACTIONS)
    app = AsyncApp(client=client, signing_secret=slack.signing_secret)

    @app.action("take")
    async def take(ack: Any, respond: Any) -> None:
        await ack()
        await respond("Ines has it.", replace_original=True)

    async with bolt_over_a_socket(slack, client, app):
        slack.presses(ines, slack.posts(room)[0], "take")
        await slack.until(lambda: slack.said(room) == ["Ines has it."])


async def test_a_form_from_a_press_to_its_end(slack: SlackServer, client: AsyncWebClient, hands: Hands) -> None:
    """It opens with the press's trigger, once and soon; a complaint keeps it open; the answer closes it."""
    ines = slack.add_user("Ines")
    room = slack.add_channel("desk", ines)
    await client.chat_postMessage(channel=room.id, text="?", blocks=ACTIONS)
    app, said = AsyncApp(client=client, signing_secret=slack.signing_secret), []

    @app.action("take")
    async def take(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=FORM)

    @app.view("note")
    async def note(ack: Any, view: dict[str, Any]) -> None:
        said.append(view["state"]["values"]["words"]["text"]["value"])
        await (ack(response_action="errors", errors={"words": "Longer."}) if len(said) == 1 else ack())

    async with bolt_over_a_socket(slack, client, app):
        press = slack.presses(ines, slack.posts(room)[0], "take")
        await slack.until(lambda: slack.views)
        form = slack.modal(ines)
        slack.submits(form, {"text": "No."})
        await slack.until(lambda: form.errors)
        assert (form.open, form.errors) == (True, {"words": "Longer."})
        slack.submits(form, {"text": "She slept well."})
        await slack.until(lambda: not form.open)
    assert said == ["No.", "She slept well."]
    trigger = press.payload["trigger_id"]
    assert await refused(client.views_open(trigger_id=trigger, view=FORM)) == "exchanged_trigger_id"
    hands.forward(seconds=4)
    assert await refused(client.views_open(trigger_id=trigger, view=FORM)) == "expired_trigger_id"


async def test_home_tabs_and_forms_are_checked(slack: SlackServer, client: AsyncWebClient) -> None:
    """A Home tab is replaced whole; an update with an old hash is refused, and so is too much in a view."""
    ines = slack.add_user("Ines")
    first = await client.views_publish(user_id=ines.id, view={"type": "home", "blocks": ACTIONS})
    await client.views_publish(user_id=ines.id, view={"type": "home", "blocks": []}, hash=first["view"]["hash"])
    assert slack.home(ines).body["blocks"] == []
    late = client.views_publish(user_id=ines.id, view={"type": "home", "blocks": []}, hash=first["view"]["hash"])
    assert await refused(late) == "hash_conflict"
    for wrong in ({"blocks": [{"type": "divider"}] * 101}, {"private_metadata": "x" * 3_001}):
        view = {"type": "home", "blocks": [], **wrong}
        assert await refused(client.views_publish(user_id=ines.id, view=view)) == "invalid_arguments"


async def test_presses_outside_of_messages(slack: SlackServer, client: AsyncWebClient) -> None:
    """In a Home tab, beneath a whisper, in a form that is put away; a sign beneath a message names no team."""
    ines, ruth = slack.add_user("Ines"), slack.add_user("Ruth")
    room = slack.add_channel("desk", ines, ruth)
    options = [{"text": {"type": "plain_text", "text": name}, "value": name} for name in ("ines", "ruth")]
    choice = {"type": "actions", "elements": [{"type": "static_select", "action_id": "take", "options": options}]}
    await client.views_publish(user_id=ines.id, view={"type": "home", "blocks": [choice]})
    await client.chat_postEphemeral(channel=room.id, user=ines.id, text="?", blocks=ACTIONS)
    said = slack.says(ines, room, "Mine.")
    async with bolt_over_http(slack, client) as heard:
        slack.opens_home(ines)
        chosen = slack.presses(ines, slack.home(ines), "take", "ruth")
        whispered = slack.presses(ines, slack.whispered(room, ines)[0], "take")
        await client.views_open(trigger_id=chosen.payload["trigger_id"], view={**FORM, "notify_on_close": True})
        slack.closes(slack.modal(ines))
        slack.reacts(ines, said)
        await slack.settled()
    assert chosen.payload["actions"][0]["selected_option"]["value"] == "ruth"
    assert chosen.payload["container"]["type"] == "view"
    assert whispered.payload["container"]["is_ephemeral"] is True
    assert "message" not in whispered.payload
    kinds = {body.get("event", body)["type"] for body in heard}
    assert kinds == {"app_home_opened", "block_actions", "view_closed", "reaction_added"}
    group = (await client.conversations_open(users=[ines.id, ruth.id]))["channel"]["id"]
    assert (await client.conversations_info(channel=group))["channel"]["is_mpim"] is True


# --- Socket Mode ---


async def test_a_message_over_a_socket(slack: SlackServer, client: AsyncWebClient) -> None:
    """Connected, heard, acknowledged."""
    lena = slack.add_user("Lena")
    async with bolt_over_a_socket(slack, client) as heard:
        slack.says(lena, slack.dm(lena), "kit?")
        await slack.settled()
    assert [body["event"]["text"] for body in heard] == ["kit?"]
    assert slack.deliveries[0].acknowledged


async def test_what_was_said_while_nobody_listened_waits(slack: SlackServer, client: AsyncWebClient) -> None:
    """The next connection has it."""
    lena = slack.add_user("Lena")
    slack.says(lena, slack.dm(lena), "kit?")
    async with bolt_over_a_socket(slack, client) as heard:
        await slack.until(lambda: slack.deliveries[0].acknowledged)
    assert len(heard) == 1


async def test_a_socket_that_drops_before_the_ack(slack: SlackServer, client: AsyncWebClient) -> None:
    """The event comes again on the next connection, with the same event_id."""
    lena, told = slack.add_user("Lena"), asyncio.Event()
    app, heard = AsyncApp(client=client, signing_secret=slack.signing_secret), []

    @app.use
    async def keep(body: dict[str, Any], next: Callable[[], Awaitable[Any]]) -> None:
        heard.append(body["event_id"])
        told.set()
        if len(heard) == 1:
            raise RuntimeError("the record is not there")
        await next()

    @app.event("message")
    async def nothing() -> None: ...

    async with bolt_over_a_socket(slack, client, app):
        slack.says(lena, slack.dm(lena), "kit?")
        await asyncio.wait_for(told.wait(), 5)
        assert not slack.deliveries[0].acknowledged
        slack.drop_sockets()
        await slack.until(lambda: slack.deliveries[0].acknowledged, within=20)
    assert heard == [slack.deliveries[0].event_id] * 2
    assert [attempt.reason for attempt in slack.deliveries[0].attempts] == ["", "timeout"]


async def test_no_ack_within_three_seconds(slack: SlackServer, client: AsyncWebClient, hands: Hands) -> None:
    """What is not acknowledged in time is sent again on the same connection."""
    lena, told, go_on = slack.add_user("Lena"), asyncio.Event(), asyncio.Event()
    app, heard = AsyncApp(client=client, signing_secret=slack.signing_secret), []

    @app.use
    async def keep(body: dict[str, Any], next: Callable[[], Awaitable[Any]]) -> None:
        heard.append(body["event_id"])
        if len(heard) == 1:
            told.set()
            await go_on.wait()
        await next()

    @app.event("message")
    async def nothing() -> None: ...

    async with bolt_over_a_socket(slack, client, app):
        slack.says(lena, slack.dm(lena), "kit?")
        await asyncio.wait_for(told.wait(), 5)
        hands.forward(seconds=3)
        slack.catch_up()
        await slack.until(lambda: slack.deliveries[0].acknowledged)
        go_on.set()
    assert [one.outcome for one in slack.deliveries[0].attempts] == ["http_timeout", "ok"]
    assert heard == [slack.deliveries[0].event_id] * 2


async def test_a_socket_is_asked_to_come_again(slack: SlackServer, client: AsyncWebClient) -> None:
    """After a disconnect message the client opens another connection, and nothing is lost."""
    lena = slack.add_user("Lena")
    async with bolt_over_a_socket(slack, client) as heard:
        await slack.disconnects()
        await slack.until(lambda: len(slack.called("apps.connections.open")) == 2)
        slack.says(lena, slack.dm(lena), "kit?")
        await slack.until(lambda: slack.deliveries[0].acknowledged, within=20)
    assert "kit?" in [body["event"]["text"] for body in heard]
