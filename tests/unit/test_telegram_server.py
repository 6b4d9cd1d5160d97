"""The stand-in for Telegram, as the real client of python-telegram-bot meets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Message, ReplyParameters, Update
from telegram.constants import ParseMode
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter, TimedOut
from telegram_server import BOT_ID, Fault, TelegramServer, parse_html

LENA, WALTER, INES = 1001, 1002, 1003
GROUP, FORUM = -1001000000001, -1001000000002


@pytest.fixture(autouse=True)
def _spans_as_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this the client warns wherever it makes a RetryAfter, and warnings are errors here."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer(now=lambda: datetime(2027, 3, 1, 10, tzinfo=UTC)) as running:
        for id, name in ((LENA, "Lena"), (WALTER, "Walter"), (INES, "Ines")):
            running.user(id, name)
        running.group(GROUP, (LENA, WALTER), admins=(INES,))
        running.group(FORUM, (LENA,), forum=True, admins=(INES,))
        yield running


@pytest.fixture
async def bot(server: TelegramServer) -> AsyncIterator[Bot]:
    async with server.bot() as running:
        yield running


def texts(updates: tuple[Update, ...]) -> list[str | None]:
    return [update.effective_message.text if update.effective_message else None for update in updates]


def message_of(update: Update) -> Message:
    assert update.message is not None
    return update.message


class Hook:
    """Somebody's webhook: answers with the statuses it was given, then with 200."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.url = ""
        self.secrets: list[str | None] = []
        self.seen: list[int] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        self.seen.append((await request.json())["update_id"])
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Hook]:
        app = web.Application()
        app.router.add_post("/hook", self.answer)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        try:
            yield self
        finally:
            await runner.cleanup()


# polling


async def test_an_update_stays_until_a_higher_offset_confirms_it(server: TelegramServer, bot: Bot) -> None:
    server.private_says(LENA, "/start")
    server.private_says(LENA, "two")
    first = await bot.get_updates(limit=1)
    assert texts(first) == ["/start"]
    assert texts(await bot.get_updates()) == ["/start", "two"]
    assert texts(await bot.get_updates(offset=first[0].update_id + 1)) == ["two"]
    assert texts(await bot.get_updates()) == ["two"]
    assert [one["message"]["text"] for one in server.pending] == ["two"]


async def test_a_negative_offset_forgets_all_but_the_last(server: TelegramServer, bot: Bot) -> None:
    for text in ("one", "two", "three"):
        server.private_says(LENA, text)
    assert texts(await bot.get_updates(offset=-1)) == ["three"]
    assert len(server.pending) == 1


async def test_a_long_poll_ends_as_soon_as_somebody_speaks(server: TelegramServer, bot: Bot) -> None:
    polling = asyncio.create_task(bot.get_updates(timeout=30))
    await server.until(lambda: server.polled)
    server.private_says(LENA, "hello")
    assert texts(await polling) == ["hello"]


async def test_a_second_long_poll_ends_the_first_with_a_conflict(server: TelegramServer, bot: Bot) -> None:
    async with server.bot() as other:
        first = asyncio.create_task(bot.get_updates(timeout=30))
        await server.until(lambda: server.polled)
        second = asyncio.create_task(other.get_updates(timeout=30))
        with pytest.raises(Conflict, match="terminated by other getUpdates"):
            await first
        server.private_says(LENA, "hello")
        assert texts(await second) == ["hello"]


async def test_a_poll_that_was_dropped_loses_nothing(server: TelegramServer, bot: Bot) -> None:
    polling = asyncio.create_task(bot.get_updates(timeout=30))
    await server.until(lambda: server.polled)
    server.drop_poll()
    with pytest.raises(NetworkError):
        await polling
    server.private_says(LENA, "hello")
    assert texts(await bot.get_updates(timeout=30)) == ["hello"]


async def test_updates_whose_answer_was_lost_come_again(server: TelegramServer, bot: Bot) -> None:
    server.private_says(LENA, "hello")
    server.faults.add("getUpdates", Fault.KEPT_DROPPED)
    with pytest.raises(NetworkError):
        await bot.get_updates()
    assert texts(await bot.get_updates()) == ["hello"]


async def test_a_client_that_went_away_takes_no_update_along(server: TelegramServer, bot: Bot) -> None:
    polling = asyncio.create_task(bot.get_updates(timeout=30))
    await server.until(lambda: server.polled)
    polling.cancel()
    await server.until(lambda: not server.polled)
    server.private_says(LENA, "hello")
    assert texts(await bot.get_updates()) == ["hello"]


async def test_reactions_and_arrivals_must_be_asked_for(server: TelegramServer, bot: Bot) -> None:
    said = server.group_says(GROUP, LENA, "look")
    server.reacts(LENA, said, "👍")
    server.leaves(GROUP, WALTER)
    kinds = [one.keys() - {"update_id"} for one in server.updates]
    assert kinds == [{"message"}, {"message"}]

    await bot.get_updates(allowed_updates=["message_reaction", "chat_member"])
    await bot.get_updates()  # leaves what is set
    server.reacts(LENA, said, "🔥")
    server.joins(GROUP, WALTER, by=INES)
    seen = (await bot.get_updates())[2:]
    assert seen[0].message_reaction is not None
    assert [one.emoji for one in seen[0].message_reaction.old_reaction] == ["👍"]  # type: ignore[attr-defined]
    assert seen[1].chat_member is not None
    assert (seen[1].chat_member.old_chat_member.status, seen[1].chat_member.from_user.id) == ("left", INES)
    assert len(seen) == 2

    await bot.get_updates(allowed_updates=[])  # back to the defaults
    server.private_says(LENA, "hello")
    assert "message" in server.updates[-1]


async def test_a_confirmed_update_can_come_once_more(server: TelegramServer, bot: Bot) -> None:
    server.private_says(LENA, "hello")
    (update,) = await bot.get_updates()
    assert await bot.get_updates(offset=update.update_id + 1) == ()
    server.redeliver()
    (again,) = await bot.get_updates(offset=update.update_id + 1)
    assert again.update_id == update.update_id
    assert await bot.get_updates(offset=update.update_id + 1) == ()


async def test_updates_can_come_in_the_wrong_order(server: TelegramServer, bot: Bot) -> None:
    with server.out_of_order():
        server.private_says(LENA, "one")
        server.private_says(LENA, "two")
    late = await bot.get_updates(limit=1)
    assert texts(late) == ["two"]
    assert texts(await bot.get_updates(offset=late[0].update_id + 1)) == ["one"]


# the webhook


async def test_a_webhook_gets_updates_in_order_until_it_answers_200(server: TelegramServer, bot: Bot) -> None:
    server.private_says(LENA, "before")
    async with Hook(500, 403).running() as hook:
        await bot.set_webhook(hook.url, secret_token="s3cret")
        server.private_says(LENA, "after")
        await server.until(lambda: not server.pending)
        one, two = (update["update_id"] for update in server.updates)
        assert hook.seen == [one, one, one, two]
        assert set(hook.secrets) == {"s3cret"}
        assert [delivery.status for delivery in server.deliveries] == [500, 403, 200, 200]
        info = await bot.get_webhook_info()
        assert (info.url, info.pending_update_count) == (hook.url, 0)
        assert info.last_error_message == "Wrong response from the webhook: 403 Forbidden"


async def test_nobody_polls_while_a_webhook_is_set(server: TelegramServer, bot: Bot) -> None:
    async with Hook().running() as hook:
        polling = asyncio.create_task(bot.get_updates(timeout=30))
        await server.until(lambda: server.polled)
        await bot.set_webhook(hook.url)
        with pytest.raises(Conflict, match="terminated by setWebhook"):
            await polling
        with pytest.raises(Conflict, match="webhook is active"):
            await bot.get_updates()
        await bot.delete_webhook()
        assert await bot.get_updates() == ()
        assert (await bot.get_webhook_info()).url == ""


async def test_an_update_waits_for_a_webhook_that_is_down(server: TelegramServer, bot: Bot) -> None:
    await bot.set_webhook("http://127.0.0.1:9/nobody")
    server.private_says(LENA, "hello")
    await server.until(lambda: bool(server.deliveries))
    assert server.deliveries[0].status == 0
    await bot.delete_webhook()
    assert texts(await bot.get_updates()) == ["hello"]


@pytest.mark.parametrize(("url", "secret"), [("http://example.org/x", "ok"), ("https://example.org/x", "not ok")])
async def test_a_webhook_that_telegram_would_not_take(server: TelegramServer, bot: Bot, url: str, secret: str) -> None:
    with pytest.raises(BadRequest):
        await bot.set_webhook(url, secret_token=secret)


# messages


async def test_html_becomes_plain_text_with_entities(server: TelegramServer, bot: Bot) -> None:
    server.private_says(LENA, "/start")
    sent = await bot.send_message(LENA, " 🚀 <b>a &lt; b</b> &amp; <i>c</i> ", parse_mode=ParseMode.HTML)
    assert sent.text == "🚀 a < b & c"
    assert sent.parse_entities() == {sent.entities[0]: "a < b", sent.entities[1]: "c"}
    assert sent.text_html == "🚀 <b>a &lt; b</b> &amp; <i>c</i>"
    assert server.said(LENA) == ["🚀 a < b & c"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("é <br>", 'Unsupported start tag "br" at byte offset 3'),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("x <b", "Unclosed start tag at byte offset 2"),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</i>", "Unmatched end tag at byte offset 4"),
        ("<b>x", "Can't find end tag"),
        ("<span>x</span>", "must have class"),
    ],
)
async def test_html_that_telegram_cannot_parse(server: TelegramServer, bot: Bot, text: str, why: str) -> None:
    server.private_says(LENA, "/start")
    with pytest.raises(BadRequest, match=r"(?i)can't parse entities: .*" + why):
        await bot.send_message(LENA, text, parse_mode="HTML")
    assert server.said(LENA) == []


def test_links_nest_and_signs_that_need_no_escape_stay() -> None:
    text, entities = parse_html('<a href="https://example.org/?a=1&amp;b">1 > 0 <u>x</u></a> &nbsp; &#33;')
    assert text == "1 > 0 x &nbsp; !"
    assert [one["type"] for one in entities] == ["text_link", "underline"]
    assert entities[0]["url"] == "https://example.org/?a=1&b"


async def test_length_counts_after_entities(server: TelegramServer, bot: Bot) -> None:
    server.private_says(LENA, "/start")
    await bot.send_message(LENA, "<b>" + "&amp;" * 4096 + "</b>", parse_mode="HTML")
    with pytest.raises(BadRequest, match="too long"):
        await bot.send_message(LENA, "x" * 4097)
    with pytest.raises(BadRequest, match="text is empty"):
        await bot.send_message(LENA, " <b> </b>", parse_mode="HTML")


async def test_who_never_started_or_blocked_the_bot_gets_nothing(server: TelegramServer, bot: Bot) -> None:
    with pytest.raises(Forbidden, match="can't initiate"):
        await bot.send_message(LENA, "hello")
    server.private_says(LENA, "/start")
    server.blocks(LENA)
    with pytest.raises(Forbidden, match="blocked"):
        await bot.send_message(LENA, "hello")
    blocked = (await bot.get_updates())[-1].my_chat_member
    assert blocked is not None
    assert blocked.new_chat_member.status == "kicked"
    server.private_says(LENA, "back again")
    await bot.send_message(LENA, "hello")


async def test_chats_that_are_unknown_or_left(server: TelegramServer, bot: Bot) -> None:
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(99, "hello")
    server.removes_bot(GROUP, INES)
    with pytest.raises(Forbidden, match="kicked from the supergroup"):
        await bot.send_message(GROUP, "hello")
    before = len(server.updates)
    server.group_says(GROUP, LENA, "anybody?")
    assert len(server.updates) == before


async def test_answers_and_buttons(server: TelegramServer, bot: Bot) -> None:
    asked = server.private_says(LENA, "question")
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="yes")]])
    sent = await bot.send_message(
        LENA, "answer", reply_markup=keyboard, reply_parameters=ReplyParameters(asked["message_id"])
    )
    assert (sent.message_id, sent.reply_markup) == (asked["message_id"] + 1, keyboard)
    assert sent.reply_to_message is not None
    with pytest.raises(BadRequest, match="replied not found"):
        await bot.send_message(LENA, "x", reply_parameters=ReplyParameters(77))
    with pytest.raises(BadRequest, match=r"(?i)button_data_invalid"):
        await bot.send_message(
            LENA, "x", reply_markup=InlineKeyboardMarkup.from_button(InlineKeyboardButton("x", callback_data="é" * 33))
        )

    query = server.presses(LENA, sent, "yes")
    pressed = (await bot.get_updates())[-1].callback_query
    assert pressed is not None
    assert (pressed.id, pressed.data, pressed.from_user.id) == (query, "yes", LENA)
    assert await pressed.answer("noted")
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query("4")
    with pytest.raises(AssertionError, match="no such button"):
        server.presses(LENA, sent, "no")


async def test_edits_of_the_bot(server: TelegramServer, bot: Bot) -> None:
    hers = server.private_says(LENA, "/start")
    keyboard = InlineKeyboardMarkup.from_button(InlineKeyboardButton("Yes", callback_data="yes"))
    sent = await bot.send_message(LENA, "one", reply_markup=keyboard)
    with pytest.raises(BadRequest, match="not modified"):
        await sent.edit_text("one", reply_markup=keyboard)
    assert isinstance(await sent.edit_reply_markup(None), Message)
    edited = await sent.edit_text("<b>two</b>", parse_mode="HTML", reply_markup=keyboard)
    assert isinstance(edited, Message)
    assert (edited.text, edited.reply_markup) == ("two", keyboard)
    assert server.said(LENA) == ["two"]
    with pytest.raises(BadRequest, match="can't be edited"):
        await bot.edit_message_text("x", LENA, hers["message_id"])
    with pytest.raises(BadRequest, match="edit not found"):
        await bot.edit_message_text("x", LENA, 77)


async def test_copies_and_forwards(server: TelegramServer, bot: Bot) -> None:
    server.private_says(INES, "/start")
    said = server.private_says(LENA, "my plan", **server.document())
    copied = await bot.copy_message(INES, LENA, said["message_id"])
    forwarded = await bot.forward_message(INES, LENA, said["message_id"])
    assert forwarded.document is not None
    assert forwarded.forward_origin is not None
    assert forwarded.message_id == copied.message_id + 1
    assert server.said(INES) == ["my plan", "my plan"]
    with pytest.raises(BadRequest, match="copy not found"):
        await bot.copy_message(INES, LENA, 77)
    arrived = server.joins(GROUP, INES)
    with pytest.raises(BadRequest, match="can't be copied"):
        await bot.copy_message(INES, GROUP, arrived["message_id"])


# groups


async def test_mentions_and_names_are_entities(server: TelegramServer, bot: Bot) -> None:
    server.group_says(GROUP, LENA, "🚀 @concierge_bot, is Walter here? /help", names=(WALTER,))
    said = message_of((await bot.get_updates())[0])
    assert {entity.type: text for entity, text in said.parse_entities().items()} == {
        "mention": "@concierge_bot",
        "text_mention": "Walter",
        "bot_command": "/help",
    }
    assert (said.chat.type, said.from_user and said.from_user.id) == ("supergroup", LENA)


async def test_edits_replies_and_ids_of_each_chat(server: TelegramServer, bot: Bot) -> None:
    first = server.group_says(GROUP, LENA, "one")
    server.private_says(LENA, "elsewhere")
    second = server.group_says(GROUP, WALTER, "two", reply_to=first)
    server.edits(LENA, first, "one, corrected")
    updates = await bot.get_updates()
    assert [first["message_id"], second["message_id"]] == [1, 2]
    assert [update.update_id for update in updates] == sorted(update["update_id"] for update in server.updates)
    answered = message_of(updates[2])
    assert answered.reply_to_message is not None
    assert (answered.reply_to_message.text, answered.message_thread_id, answered.is_topic_message) == ("one", 1, None)
    edited = updates[3].edited_message
    assert edited is not None
    assert (edited.text, edited.message_id) == ("one, corrected", 1)
    assert edited.edit_date is not None
    with pytest.raises(AssertionError, match="only the author"):
        server.edits(WALTER, first, "forged")


async def test_what_can_be_attached(server: TelegramServer, bot: Bot) -> None:
    for attached in (server.photo(), server.document(), server.voice(), server.sticker(), server.location()):
        server.group_says(GROUP, LENA, **attached)
    photo, document, voice, sticker, place = map(message_of, await bot.get_updates())
    assert photo.photo[-1].width == 1280
    assert document.document is not None
    assert document.document.file_name == "plan.pdf"
    assert voice.voice is not None
    assert sticker.sticker is not None
    assert place.location is not None


async def test_a_file_is_downloaded_unless_it_is_too_big(server: TelegramServer, bot: Bot) -> None:
    said = server.private_says(LENA, "plan", **server.document(content=b"what I want"))
    found = await bot.get_file(said["document"]["file_id"])
    assert await found.download_as_bytearray() == b"what I want"
    large = server.document(size=21 * 1024 * 1024)
    with pytest.raises(BadRequest, match="too big"):
        await bot.get_file(large["document"]["file_id"])
    with pytest.raises(BadRequest, match=r"(?i)invalid file_id"):
        await bot.get_file("nothing")


async def test_who_is_in_a_chat(server: TelegramServer, bot: Bot) -> None:
    assert (await bot.get_chat(FORUM)).is_forum
    assert await bot.get_chat_member_count(GROUP) == 4
    statuses = {one.user.id: one.status for one in await bot.get_chat_administrators(GROUP)}
    assert statuses == {INES: "creator", BOT_ID: "administrator"}
    server.leaves(GROUP, WALTER)
    assert (await bot.get_chat_member(GROUP, WALTER)).status == "left"
    server.leaves(GROUP, LENA, by=INES)
    assert (await bot.get_chat_member(GROUP, LENA)).status == "kicked"
    with pytest.raises(AssertionError, match="only members"):
        server.group_says(GROUP, LENA, "let me in")
    assert (await bot.get_chat(LENA)).first_name == "Lena"
    with pytest.raises(BadRequest, match="User not found"):
        await bot.get_chat_member(GROUP, 99)


async def test_topics_keep_what_is_said_apart(server: TelegramServer, bot: Bot) -> None:
    topic = await bot.create_forum_topic(FORUM, "Lena")
    thread = topic.message_thread_id
    sent = await bot.send_message(FORUM, "in there", message_thread_id=thread)
    await bot.send_message(FORUM, "outside")
    answered = await bot.send_message(FORUM, "too", reply_parameters=ReplyParameters(sent.message_id))
    assert (sent.is_topic_message, answered.message_thread_id) == (True, thread)
    assert server.said(FORUM, thread=thread) == ["in there", "too"]
    with pytest.raises(BadRequest, match="thread not found"):
        await bot.send_message(FORUM, "x", message_thread_id=77)
    with pytest.raises(BadRequest, match="not a forum"):
        await bot.create_forum_topic(GROUP, "x")
    with pytest.raises(BadRequest, match=r"(?i)topic_title_too_long"):
        await bot.create_forum_topic(FORUM, "x" * 129)
    assert await bot.close_forum_topic(FORUM, thread)
    with pytest.raises(BadRequest, match=r"(?i)not_modified"):
        await bot.close_forum_topic(FORUM, thread)


async def test_in_a_topic_every_message_answers_its_first(server: TelegramServer, bot: Bot) -> None:
    """Which the bot may have made itself: such an answer is not meant for it."""
    thread = (await bot.create_forum_topic(FORUM, "Lena")).message_thread_id
    server.group_says(FORUM, LENA, "among ourselves", thread=thread)
    said = message_of((await bot.get_updates())[0])
    assert said.reply_to_message is not None
    assert said.reply_to_message.forum_topic_created is not None
    assert said.reply_to_message.from_user is not None
    assert said.reply_to_message.from_user.id == BOT_ID


async def test_reactions_and_typing(server: TelegramServer, bot: Bot) -> None:
    said = server.private_says(LENA, "hello")
    assert await bot.set_message_reaction(LENA, said["message_id"], "👀")
    assert server.reactions(said) == {BOT_ID: ["👀"]}
    with pytest.raises(BadRequest, match=r"(?i)reaction_invalid"):
        await bot.set_message_reaction(LENA, said["message_id"], "🪐")
    assert await bot.send_chat_action(LENA, "typing")
    with pytest.raises(BadRequest, match="Wrong parameter action"):
        await bot.send_chat_action(LENA, "yawning")


# faults


@pytest.mark.parametrize(
    ("fault", "error", "kept"),
    [
        (Fault.TOO_MANY(retry_after=3), RetryAfter, False),
        (Fault.ERROR, NetworkError, False),
        (Fault.DROPPED, NetworkError, False),
        (Fault.KEPT_ERROR, NetworkError, True),
        (Fault.KEPT_DROPPED, NetworkError, True),
        (Fault.REFUSED(403, "Forbidden: user is deactivated"), Forbidden, False),
    ],
)
async def test_a_fault_strikes_once(
    server: TelegramServer, bot: Bot, fault: Fault, error: type[Exception], kept: bool
) -> None:
    server.private_says(LENA, "/start")
    server.faults.add("sendMessage", fault)
    with pytest.raises(error):
        await bot.send_message(LENA, "one")
    assert server.said(LENA) == (["one"] if kept else [])
    await bot.send_message(LENA, "two")
    assert [call["text"] for call in server.called("sendMessage")] == ["one", "two"]


async def test_how_long_to_wait_is_told(server: TelegramServer, bot: Bot) -> None:
    server.faults.add("getMe", Fault.TOO_MANY(retry_after=3))
    with pytest.raises(RetryAfter) as caught:
        await bot.get_me()
    assert caught.value.retry_after == timedelta(seconds=3)


async def test_a_slow_answer_comes_when_the_test_says_so(server: TelegramServer, bot: Bot) -> None:
    server.private_says(LENA, "/start")
    answer = asyncio.Event()
    server.faults.add("sendMessage", Fault.SLOW(answer), Fault.SLOW(asyncio.Event()))
    sending = asyncio.create_task(bot.send_message(LENA, "one"))
    await server.until(lambda: server.said(LENA) == ["one"])
    assert not sending.done()
    answer.set()
    assert (await sending).text == "one"
    with pytest.raises(TimedOut):
        await bot.send_message(LENA, "two", read_timeout=0.01)
    await server.until(lambda: server.said(LENA) == ["one", "two"])


async def test_waiting_in_vain_tells_what_was_seen(server: TelegramServer, bot: Bot) -> None:
    never: Callable[[], bool] = lambda: False  # noqa: E731
    with pytest.raises(AssertionError, match="getMe"):
        await server.until(never, within=0.01)


async def test_a_wrong_token_and_an_unknown_method(server: TelegramServer, bot: Bot) -> None:
    stranger = Bot("1:x", base_url=server.base_url)
    with pytest.raises(InvalidToken):
        await stranger.initialize()
    await stranger.shutdown()
    with pytest.raises(InvalidToken):
        await bot.send_poll(LENA, "?", ["a", "b"])
