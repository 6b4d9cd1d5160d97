"""What the house says arrives on Telegram once, and it learns what became of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from telegram import Bot
from telegram_server import BOT_ID, Fault, Refused, TelegramServer

from bot.channels.telegram.sending import TELEGRAM_PACE, TelegramChannel, bot_for
from bot.messages import (
    Act,
    Address,
    Attachment,
    Button,
    Card,
    Channel,
    Identity,
    Pace,
    Post,
    Purpose,
    Section,
    SendError,
    Sent,
)

LENA, WALTER, INES, RUTH = 1001, 1002, 1003, 1004
GROUP, FORUM = -1001000000001, -1001000000002
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer(now=lambda: NOON) as running:
        for id, name in ((LENA, "Lena"), (WALTER, "Walter"), (INES, "Ines"), (RUTH, "Ruth")):
            running.user(id, name)
        running.group(GROUP, (LENA, WALTER), admins=(INES,))
        running.group(FORUM, (RUTH,), forum=True, admins=(INES,))
        running.private_says(LENA, "/start")
        yield running


@pytest.fixture
async def bot(server: TelegramServer) -> AsyncIterator[Bot]:
    async with bot_for(server.token, server.base_url.removesuffix("/bot")) as running:
        yield running


@pytest.fixture
def channel(bot: Bot) -> TelegramChannel:
    return TelegramChannel(bot)


def at(room: int) -> Address:
    return Address(channel="telegram", room=str(room))


def known(user: int) -> Identity:
    return Identity(channel="telegram", user=str(user))


def post(room: int = LENA, text: str = "hello", *, purpose: Purpose = Purpose.ANSWER, **more: Any) -> Post:
    given: dict[str, Any] = {"author": "Concierge", "direct": room > 0} | more
    return Post(id=7, address=at(room), text=text, purpose=purpose, **given)


async def refused(channel: TelegramChannel, said: Post) -> SendError:
    with pytest.raises(SendError) as caught:
        await channel.send(said)
    return caught.value


def outcome(error: SendError) -> tuple[bool, bool]:
    """Whether to try again, and whether it may have arrived."""
    return error.retry, error.in_doubt


# ── a channel ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_is_a_channel(channel: TelegramChannel) -> None:
    """With Telegram's name, addresses and pace."""
    found: Channel = channel
    assert (found.name, found.exclusive, found.pace) == ("telegram", False, TELEGRAM_PACE)
    assert found.pace == Pace(room_gap=timedelta(seconds=1), group_a_minute=20, team_a_second=30)
    assert found.hosts(at(LENA))
    assert not found.hosts(Address(channel="slack", room="C1", team="T1"))


# ── saying ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_message_arrives_as_it_was_meant(server: TelegramServer, channel: TelegramChannel) -> None:
    """Its words are no markup, and links in it unfold nothing."""
    sent = await channel.send(post(text="a <b>bold</b> & https://example.org"))
    assert sent == Sent(id=str(server.posts(LENA)[-1]["message_id"]))
    assert server.said(LENA) == ["a <b>bold</b> & https://example.org"]
    assert server.called("sendMessage")[-1]["link_preview_options"] == {"is_disabled": True}


async def test_a_message_answers_another_one(server: TelegramServer, channel: TelegramChannel) -> None:
    """Also when that one is gone by now."""
    asked = server.group_says(GROUP, WALTER, "when?")
    await channel.send(post(GROUP, "soon", under=str(asked["message_id"])))
    assert server.posts(GROUP)[-1]["reply_to_message"]["text"] == "when?"
    await channel.send(post(GROUP, "very soon", under="77"))
    assert server.said(GROUP) == ["soon", "very soon"]


async def test_a_chain_of_answers_is_no_thread_to_post_in(server: TelegramServer, channel: TelegramChannel) -> None:
    """Telegram numbers it like one."""
    asked = server.group_says(GROUP, WALTER, "when?")
    sent = await channel.send(post(GROUP, "soon", under=str(asked["message_id"])))
    assert (sent.thread, server.posts(GROUP)[-1]["message_thread_id"]) == ("", asked["message_id"])


async def test_a_topic_is_opened_and_written_in(server: TelegramServer, channel: TelegramChannel) -> None:
    """A name that is too long is cut."""
    opened = await channel.send(
        post(FORUM, "", purpose=Purpose.DESK, act=Act.TOPIC, target="🚀 Lena\nVoss " + "x" * 200)
    )
    assert opened.id == opened.thread
    name = server.called("createForumTopic")[-1]["name"]
    assert name.startswith("🚀 Lena Voss x")
    assert name.endswith("x…")
    sent = await channel.send(post(FORUM, "inside", purpose=Purpose.DESK, thread=opened.thread))
    assert sent.thread == opened.thread
    assert server.said(FORUM, thread=int(opened.thread)) == ["inside"]


async def test_a_relay_shows_its_author_and_whom_it_wants(server: TelegramServer, channel: TelegramChannel) -> None:
    """The author in bold, the person behind a bell."""
    await channel.send(post(LENA, "I am here.", purpose=Purpose.RELAY, author="Amara Okafor", mentions=(known(LENA),)))
    assert server.said(LENA) == ["🔔 Amara Okafor\nI am here."]
    assert [one["type"] for one in server.posts(LENA)[-1]["entities"]] == ["text_link", "bold"]


async def test_a_card_with_buttons(server: TelegramServer, channel: TelegramChannel) -> None:
    """A press brings back the token and nothing else."""
    card = Card(
        title="Urgent",
        sections=(Section(title="State", text="raised"),),
        buttons=(Button(label="Mine", token="t0k3n"),),
    )
    await channel.send(post(FORUM, "Urgent: Lena", purpose=Purpose.DESK, card=card))
    (shown,) = server.posts(FORUM)
    assert shown["text"] == "Urgent\nState · raised"
    assert shown["reply_markup"] == {"inline_keyboard": [[{"text": "Mine", "callback_data": "t0k3n"}]]}


async def test_a_question_wants_an_answer(server: TelegramServer, channel: TelegramChannel) -> None:
    """The client of the person opens the reply."""
    await channel.send(post(text="What happened?", prompt=True))
    assert server.called("sendMessage")[-1]["reply_markup"] == {"force_reply": True, "selective": True}


async def test_a_token_that_is_too_long_is_never_sent_again(server: TelegramServer, channel: TelegramChannel) -> None:
    """Telegram takes 64 bytes; trying once more would not change that."""
    error = await refused(channel, post(buttons=(Button(label="x", token="x" * 65),)))
    assert outcome(error) == (False, False)


async def test_an_id_that_is_none_is_refused_at_once(server: TelegramServer, channel: TelegramChannel) -> None:
    """A pack may name a room in words."""
    error = await refused(channel, replace(post(), address=Address(channel="telegram", room="@meridian")))
    assert outcome(error) == (False, False)
    assert "'@meridian' is not a number" in str(error)


# ── attachments ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_files_are_handed_on_after_the_words(server: TelegramServer, channel: TelegramChannel) -> None:
    """As an answer to them, with whose they are in place of the caption, which the words hold."""
    photo = server.private_says(LENA, "look at this", **server.photo())
    topic = server.topic(FORUM, INES, "Lena")
    one = Attachment(what="a photo", ref=f"{LENA}:{photo['message_id']}")
    other = Attachment(what="the file plan.pdf", ref="F01", link="https://example.org/plan.pdf")
    said = post(
        FORUM,
        "look at this",
        purpose=Purpose.RELAY,
        author="Lena Voss",
        thread=str(topic),
        attachments=(one, other),
    )
    sent = await channel.send(said)
    words, copy = server.posts(FORUM)
    assert words["text"] == "Lena Voss\nlook at this\n📎 the file plan.pdf"
    assert (copy["caption"], copy["message_thread_id"]) == ("Lena Voss", topic)
    assert copy["photo"]
    assert copy["reply_to_message"]["message_id"] == words["message_id"] == int(sent.id)


async def test_a_file_that_cannot_be_copied_is_named(server: TelegramServer, channel: TelegramChannel) -> None:
    """The words are delivered once all the same."""
    gone = Attachment(what="a voice message of 3 s", ref=f"{LENA}:77")
    await channel.send(post(LENA, "listen", attachments=(gone,)))
    assert server.said(LENA) == ["listen", "Could not be copied to here: a voice message of 3 s"]


async def test_whatever_befalls_the_files_the_words_are_delivered(
    server: TelegramServer, channel: TelegramChannel, caplog: pytest.LogCaptureFixture
) -> None:
    """An error now would have the house send them again."""
    photo = server.private_says(LENA, **server.photo())
    server.faults.add("copyMessage", Fault.DROPPED, Fault.ERROR)
    server.faults.add("sendMessage", Fault.SLOW(answered()), Fault.ERROR)
    attachment = Attachment(what="a photo", ref=f"{LENA}:{photo['message_id']}")
    sent = await channel.send(post(LENA, "two photos", attachments=(attachment, attachment)))
    assert server.said(LENA) == ["two photos"]
    assert sent.id == str(server.posts(LENA)[0]["message_id"])
    assert "post 7: attachments were not handed on" in caplog.text


def answered() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


async def test_a_file_waits_its_turn_once(server: TelegramServer, channel: TelegramChannel) -> None:
    """A second message to one chat can be one too many; it waits as long as Telegram says, where that is short."""
    photo = server.private_says(LENA, **server.photo())
    attachment = Attachment(what="a photo", ref=f"{LENA}:{photo['message_id']}")
    server.faults.add("copyMessage", Fault.TOO_MANY(1))
    await channel.send(post(LENA, "look", attachments=(attachment,)))
    assert [("photo" in one) for one in server.posts(LENA)] == [False, True]
    server.faults.add("copyMessage", Fault.TOO_MANY(60))
    await channel.send(post(LENA, "look", attachments=(attachment,)))
    assert server.said(LENA)[-1] == "Could not be copied to here: a photo"


# ── the other acts ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_message_is_put_in_the_place_of_another(server: TelegramServer, channel: TelegramChannel) -> None:
    """Buttons that it does not bring along are gone; saying the same again is no error."""
    first = await channel.send(post(text="one", buttons=(Button(label="x", token="x"),)))
    edit = post(text="two", act=Act.EDIT, target=first.id)
    assert await channel.send(edit) == Sent(id=first.id)
    assert await channel.send(edit) == Sent(id=first.id)
    assert server.said(LENA) == ["two"]
    assert "reply_markup" not in server.posts(LENA)[0]


async def test_a_message_that_cannot_be_changed(server: TelegramServer, channel: TelegramChannel) -> None:
    """It is gone, or not ours: for good."""
    gone = await refused(channel, post(act=Act.EDIT, target="77"))
    assert (outcome(gone), str(gone)) == ((False, False), "the message that should change is gone")
    theirs = await refused(channel, post(act=Act.EDIT, target="1"))
    assert outcome(theirs) == (False, False)


async def test_a_reaction_confirms_a_delivery(server: TelegramServer, channel: TelegramChannel) -> None:
    """Twice is once."""
    said = server.private_says(LENA, "hello")
    confirm = post(text="", act=Act.REACT, target=str(said["message_id"]))
    for _ in range(2):
        assert await channel.send(confirm) == Sent(id=str(said["message_id"]))
    assert server.reactions(said) == {BOT_ID: ["👍"]}
    assert not (await refused(channel, replace(confirm, target="77"))).retry


async def test_a_press_is_answered_to_the_one_who_pressed(server: TelegramServer, channel: TelegramChannel) -> None:
    """In a window on their screen, and cut to what that takes."""
    await channel.send(post(GROUP, "x", buttons=(Button(label="x", token="x"),)))
    query = server.presses(WALTER, server.posts(GROUP)[-1], "x")
    whisper = post(GROUP, "Only stewards can do that. " * 20, act=Act.WHISPER, target=query, to=known(WALTER))
    assert await channel.send(whisper) == Sent(id=query)
    told = server.called("answerCallbackQuery")[-1]
    assert told["show_alert"] is True
    assert told["text"].endswith("…")
    assert len(told["text"]) <= 200
    error = await refused(channel, replace(whisper, target="4"))
    assert (outcome(error), str(error)) == (
        (False, False),
        "the button was pressed too long ago to answer that press",
    )


async def test_telegram_has_no_home(channel: TelegramChannel) -> None:
    """Slack has."""
    assert outcome(await refused(channel, post(act=Act.HOME, to=known(LENA)))) == (False, False)


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────

TWICE_SHOWS = [(Act.SAY, "sendMessage"), (Act.TOPIC, "createForumTopic")]
CAN_BE_DONE_AGAIN = [
    (Act.EDIT, "editMessageText"),
    (Act.REACT, "setMessageReaction"),
    (Act.WHISPER, "answerCallbackQuery"),
]
LOST = [Fault.ERROR, Fault.KEPT_ERROR, Fault.DROPPED, Fault.KEPT_DROPPED]


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize(("act", "method"), TWICE_SHOWS)
async def test_what_was_not_answered_is_in_doubt(
    server: TelegramServer, channel: TelegramChannel, act: Act, method: str, fault: Fault
) -> None:
    """Telegram may have kept it, and nobody can look it up."""
    server.faults.add(method, fault)
    said = post(FORUM, act=act, target="Lena")
    error = await refused(channel, said)
    assert error.in_doubt
    assert server.said(FORUM) == (["hello"] if fault.kept and act is Act.SAY else [])
    with pytest.raises(SendError, match="no way to look a sent message up"):
        await channel.find(said)


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize(("act", "method"), CAN_BE_DONE_AGAIN)
async def test_what_can_be_done_again_is_never_in_doubt(
    server: TelegramServer, channel: TelegramChannel, act: Act, method: str, fault: Fault
) -> None:
    """It is simply tried again, and arrives."""
    sent = await channel.send(post(LENA, "one", buttons=(Button(label="x", token="x"),)))
    query = server.presses(LENA, server.posts(LENA)[-1], "x")
    said = post(LENA, "two", act=act, target=query if act is Act.WHISPER else sent.id)
    server.faults.add(method, fault)
    assert outcome(await refused(channel, said)) == (True, False)
    assert await channel.find(said) is None
    assert (await channel.send(said)).id == said.target


async def test_a_slow_answer_is_in_doubt(server: TelegramServer) -> None:
    """Who stops listening does not know what was said."""
    server.faults.add("sendMessage", Fault.SLOW(asyncio.Event()))
    async with server.bot() as bot:
        # the client's own limit, without waiting for it
        bot.request._client.timeout = 0.05  # type: ignore[attr-defined]
        error = await refused(TelegramChannel(bot), post())
    assert error.in_doubt
    assert server.said(LENA) == ["hello"]


async def test_what_never_left_is_tried_again(server: TelegramServer, channel: TelegramChannel) -> None:
    """Nobody answers the door: nothing was sent."""
    async with bot_for(server.token, server.base_url.removesuffix("/bot")) as bot:
        bot._base_url = "http://127.0.0.1:9/bot1:x"  # nothing listens on the discard port
        error = await refused(TelegramChannel(bot), post())
    assert (outcome(error), str(error)) == ((True, False), "Telegram cannot be reached")


@asynccontextmanager
async def garbling() -> AsyncIterator[str]:
    """A server that answers with something that is no JSON, as a proxy on the way may."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="secret words, and no JSON")

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/bot1:x"
    finally:
        await runner.cleanup()


async def test_an_answer_that_nobody_understands_is_in_doubt_and_not_in_the_log(
    server: TelegramServer, bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    """It may hold what somebody wrote."""
    caplog.set_level(logging.INFO)
    async with garbling() as url:
        bot._base_url = url
        assert (await refused(TelegramChannel(bot), post())).in_doubt
    assert "secret" not in caplog.text


async def test_too_many_messages(server: TelegramServer, channel: TelegramChannel) -> None:
    """Telegram says how long to wait."""
    server.faults.add("sendMessage", Fault.TOO_MANY(17))
    error = await refused(channel, post())
    assert (outcome(error), error.after) == ((True, False), timedelta(seconds=17))
    server.faults.add("sendMessage", Fault.REFUSED(429, "Too Many Requests: retry later"))
    assert outcome(await refused(channel, post())) == (True, False)


@pytest.mark.parametrize(
    ("status", "description", "advice"),
    [
        (403, "Forbidden: bot was blocked by the user", "only they can start it again"),
        (403, "Forbidden: bot can't initiate conversation with a user", "send them an invitation"),
        (403, "Forbidden: user is deactivated", "account is gone"),
        (403, "Forbidden: bot was kicked from the supergroup chat", "add it again"),
        (403, "Forbidden: bot is not a member of the supergroup chat", "add it"),
        (400, "Bad Request: chat not found", "check its id"),
        (400, "Bad Request: message thread not found", "a new one is needed"),
        (400, "Bad Request: TOPIC_CLOSED", "open it again"),
        (400, "Bad Request: not enough rights to send text messages to the chat", "lacks a right"),
        (400, "Bad Request: something new", "Telegram refuses it: Something new"),
        (401, "Unauthorized", "the bot's token"),
    ],
)
async def test_what_will_never_arrive_says_what_to_do(
    server: TelegramServer, channel: TelegramChannel, status: int, description: str, advice: str
) -> None:
    """Somebody reads it who has not read Telegram's documentation."""
    server.faults.add("sendMessage", Fault.REFUSED(status, description))
    error = await refused(channel, post())
    assert outcome(error) == (False, False)
    assert advice in str(error)


async def test_a_group_that_has_moved_says_where_to(server: TelegramServer, channel: TelegramChannel) -> None:
    """A group gets another id when it becomes a supergroup."""
    moved = Refused(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1009)
    server.faults.add("sendMessage", Fault(kept=False, refusal=moved))
    error = await refused(channel, post(GROUP))
    assert not error.retry
    assert "-1009" in str(error)


async def test_a_person_who_blocked_the_bot(server: TelegramServer, channel: TelegramChannel) -> None:
    """As the server itself refuses it."""
    server.blocks(LENA)
    error = await refused(channel, post())
    assert (error.retry, server.said(LENA)) == (False, [])


# ── where strangers read ─────────────────────────────────────────────────────────────────────────────────────────────


def opened(server: TelegramServer, **what: object) -> None:
    """The forum's settings, changed."""
    server._groups[FORUM].chat.update(what)


@pytest.mark.parametrize("purpose", [Purpose.DESK, Purpose.RELAY])
@pytest.mark.parametrize("act", [Act.SAY, Act.TOPIC, Act.EDIT])
async def test_what_is_for_few_never_reaches_a_public_group(
    server: TelegramServer, channel: TelegramChannel, purpose: Purpose, act: Act
) -> None:
    """Whoever finds its name can read there; it may have been given one since the last message."""
    sent = await channel.send(post(FORUM, "safe", purpose=Purpose.DESK))
    opened(server, username="meridian_desk")
    error = await refused(channel, post(FORUM, "private", purpose=purpose, act=act, target=sent.id))
    assert outcome(error) == (False, False)
    assert "can be read by anybody" in str(error)
    assert server.said(FORUM) == ["safe"]


async def test_a_group_with_a_channel_is_public_too(server: TelegramServer, channel: TelegramChannel) -> None:
    """What is written there stands under the channel's posts."""
    server._chat = lambda id: {"id": id, "type": "supergroup", "title": "x", "linked_chat_id": -5}  # type: ignore[method-assign]
    assert not (await refused(channel, post(FORUM, purpose=Purpose.DESK))).retry


async def test_what_calls_itself_direct_is_not_believed_in_a_group(
    server: TelegramServer, channel: TelegramChannel
) -> None:
    """A mistake elsewhere must not end in a public room."""
    opened(server, username="meridian_desk")
    await refused(channel, post(FORUM, "private", purpose=Purpose.DESK, direct=True))
    assert server.said(FORUM) == []


async def test_what_is_for_a_group_does_not_go_to_a_person(server: TelegramServer, channel: TelegramChannel) -> None:
    """A desk that is the id of a person by mistake."""
    await refused(channel, post(LENA, "private", purpose=Purpose.DESK, direct=False))
    assert server.said(LENA) == []


async def test_where_nobody_can_say_who_reads_nothing_is_sent(server: TelegramServer, channel: TelegramChannel) -> None:
    """It is tried again, and never in doubt: the message itself has not left."""
    for fault in LOST:
        server.faults.add("getChat", fault)
        assert outcome(await refused(channel, post(FORUM, purpose=Purpose.DESK))) == (True, False)
    server.faults.add("getChat", Fault.TOO_MANY(9))
    assert (await refused(channel, post(FORUM, purpose=Purpose.DESK))).after == timedelta(seconds=9)
    assert server.said(FORUM) == []


async def test_an_answer_may_go_to_any_group(server: TelegramServer, channel: TelegramChannel) -> None:
    """What everybody there may know was decided before."""
    opened(server, username="meridian_talk")
    await channel.send(post(FORUM, "The hatch opens at nine."))
    assert server.said(FORUM) == ["The hatch opens at nine."]
    assert server.called("getChat") == []


# ── who reads there ──────────────────────────────────────────────────────────────────────────────────────────────────

SOMEBODY = Identity(channel="telegram", user="")


@pytest.mark.parametrize(
    ("likely", "found"),
    [
        ((LENA, WALTER, INES), (LENA, WALTER, INES)),
        ((LENA, WALTER, INES, RUTH), (LENA, WALTER, INES)),
        ((LENA, WALTER, LENA, INES), (LENA, WALTER, INES)),
    ],
)
async def test_everybody_who_reads_in_a_group(
    channel: TelegramChannel, likely: tuple[int, ...], found: tuple[int, ...]
) -> None:
    """Of those who are likely to, the ones who do; the concierge itself is not named."""
    assert await channel.readers(at(GROUP), [known(one) for one in likely]) == tuple(known(one) for one in found)


async def test_somebody_unknown_reads_along(server: TelegramServer, channel: TelegramChannel) -> None:
    """Telegram tells how many there are, and not who: whoever is too many has no name."""
    slack = Identity(channel="slack", user="U1", team="T1")
    assert await channel.readers(at(GROUP), [known(LENA), slack]) == (known(LENA), SOMEBODY)
    server.leaves(GROUP, WALTER)
    assert await channel.readers(at(GROUP), [known(LENA), known(WALTER), known(INES)]) == (known(LENA), known(INES))
    assert await channel.readers(at(GROUP), []) == (SOMEBODY,)


async def test_a_person_whom_telegram_does_not_know_is_not_there(channel: TelegramChannel) -> None:
    """A wrong number in a pack; if they are there all the same, the count says so."""
    assert await channel.readers(at(GROUP), [known(LENA), known(99), known(WALTER), known(INES)]) == (
        known(LENA),
        known(WALTER),
        known(INES),
    )


async def test_in_private_one_person_reads(channel: TelegramChannel) -> None:
    """And the concierge."""
    assert await channel.readers(at(LENA), [known(LENA)]) == (known(LENA),)


@pytest.mark.parametrize("method", ["getChatMember", "getChatMemberCount"])
@pytest.mark.parametrize("fault", [*LOST, Fault.TOO_MANY(3), Fault.REFUSED(403, "Forbidden: bot was kicked")])
async def test_who_reads_cannot_be_found_out(
    server: TelegramServer, channel: TelegramChannel, method: str, fault: Fault
) -> None:
    """Then nobody guesses."""
    server.faults.add(method, fault)
    assert await channel.readers(at(GROUP), [known(LENA), known(WALTER), known(INES)]) is None


async def test_too_many_people_to_ask_about(server: TelegramServer, channel: TelegramChannel) -> None:
    """Each would be a call, for every message."""
    assert await channel.readers(at(GROUP), [known(one) for one in range(1, 32)]) is None
    assert await channel.readers(at(GROUP), [Identity(channel="telegram", user="x")]) is None
    assert server.called("getChatMemberCount") != []


# ── typing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_typing_is_shown_where_it_can_be(server: TelegramServer, channel: TelegramChannel) -> None:
    """In the topic, too; where it fails nothing is lost."""
    topic = server.topic(FORUM, INES, "Lena")
    await channel.typing(at(FORUM), str(topic))
    await channel.typing(at(LENA), "")
    assert [(one["chat_id"], one.get("message_thread_id")) for one in server.called("sendChatAction")] == [
        (FORUM, topic),
        (LENA, None),
    ]
    server.faults.add("sendChatAction", *LOST, Fault.TOO_MANY(3))
    for _ in range(5):
        await channel.typing(at(LENA), "")
    await channel.typing(Address(channel="telegram", room="x"), "")
