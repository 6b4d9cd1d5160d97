"""Telegram's outbound side: posts delivered by the bot, and who reads in a chat.

Telegram has neither an idempotent send nor a way to look a sent message up: what was lost on the way back is in doubt.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, Message, ReplyParameters
from telegram.constants import (
    CallbackQueryLimit,
    ChatAction,
    ChatType,
    ForumTopicLimit,
    ParseMode,
    ReactionEmoji,
)
from telegram.error import BadRequest, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from bot.channels.telegram.markup import cut, keyboard, line, rendered, source
from bot.channels.telegram.refusals import refusal, seconds
from bot.channels.telegram.translating import reads
from bot.messages import TELEGRAM, Act, Address, Attachment, Identity, Pace, Post, Purpose, SendError, Sent, readable

TELEGRAM_PACE = Pace(room_gap=timedelta(seconds=1), group_a_minute=20, team_a_second=30)
"""core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this"""

DELIVERED = ReactionEmoji.THUMBS_UP
"""Telegram has a list of reactions, and a tick is not on it."""
MOST_LIKELY_READERS = 30

_CONNECT, _READ, _POOL = 5.0, 10.0, 5.0  # seconds
_PATIENCE = timedelta(seconds=5)
"""So long an attachment waits for its turn once; the words it belongs to are delivered already."""
_UNKNOWN_MEMBER = ("user not found", "participant_id_invalid", "user_id_invalid", "member not found")

_log = logging.getLogger(__name__)


class _Request(HTTPXRequest):
    """A request whose answer, if it is no JSON, stays out of the log: it may hold what somebody wrote."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = json.loads(payload.decode("utf-8", "replace"))
        except ValueError as error:
            raise TelegramError("the answer is not JSON") from error
        return answer


def bot_for(token: str, api: str) -> Bot:
    """The client of one bot; to be used as `async with`. `api` is the server, without what Telegram appends."""
    # httpx tells every request's address, and with it the token
    logging.getLogger("httpx").setLevel(logging.WARNING)
    api = api.rstrip("/")
    return Bot(
        token,
        base_url=f"{api}/bot",
        base_file_url=f"{api}/file/bot",
        request=_Request(connect_timeout=_CONNECT, read_timeout=_READ, pool_timeout=_POOL),
        get_updates_request=_Request(connection_pool_size=1, connect_timeout=_CONNECT, read_timeout=_READ),
    )


class TelegramChannel:
    """Delivers to the chats of one bot, which is to be initialised."""

    name = TELEGRAM
    exclusive = False

    def __init__(self, bot: Bot, *, pace: Pace = TELEGRAM_PACE) -> None:
        self.pace = pace
        self._bot = bot
        self._acts: dict[Act, Callable[[Post], Awaitable[Sent]]] = {
            Act.SAY: self._say,
            Act.EDIT: self._edit,
            Act.REACT: self._react,
            Act.TOPIC: self._open_topic,
            Act.WHISPER: self._whisper,
        }

    def hosts(self, address: Address) -> bool:
        return address.channel == TELEGRAM

    async def send(self, post: Post) -> Sent:
        """Deliver it. Raises SendError."""
        act = self._acts.get(post.act)
        if act is None:
            raise SendError("Telegram keeps no page for anybody: send a message instead", retry=False)
        await self._refuse_where_strangers_read(post)
        try:
            return await act(post)
        except TelegramError as error:
            raise refusal(error, once=post.act in {Act.SAY, Act.TOPIC}) from error

    async def find(self, post: Post) -> Sent | None:
        """None for what can simply be done again. Raises SendError for a message or topic: nobody can say."""
        if post.act in {Act.SAY, Act.TOPIC}:
            raise SendError("Telegram has no way to look a sent message up", retry=False, in_doubt=True)
        return None

    async def readers(self, address: Address, likely: Sequence[Identity]) -> tuple[Identity, ...] | None:
        """Those of `likely` who are in the chat, and a nameless identity where anybody else is, too."""
        asked = list(dict.fromkeys(one for one in likely if one.channel == TELEGRAM and one.user))
        if len(asked) > MOST_LIKELY_READERS:
            return None
        try:
            room = _number(address.room)
            count = await self._bot.get_chat_member_count(room)
            there = await asyncio.gather(*(self._reads(room, one) for one in asked), return_exceptions=True)
            if failed := next((one for one in there if isinstance(one, BaseException)), None):
                raise failed
        except (TelegramError, SendError) as error:
            _log.warning("who reads in %s cannot be found out: %s", address, type(error).__name__)
            return None
        present = tuple(one for one, is_there in zip(asked, there, strict=True) if is_there)
        everybody = len(present) + 1 == count  # the bot counts, too
        return present if everybody else (*present, Identity(channel=TELEGRAM, user=""))

    async def typing(self, address: Address, thread: str) -> None:
        """Shows “typing…” for about five seconds."""
        try:
            await self._bot.send_chat_action(
                _number(address.room), ChatAction.TYPING, message_thread_id=_number(thread) if thread else None
            )
        except (TelegramError, SendError) as error:
            _log.debug("typing is not shown in %s: %s", address, type(error).__name__)

    # the acts

    async def _say(self, post: Post) -> Sent:
        message = await self._write(post, rendered(post), reply_markup=keyboard(post))
        await self._hand_on(post, message)
        return Sent(id=str(message.message_id), thread=_thread(message))

    async def _edit(self, post: Post) -> Sent:
        markup = keyboard(post)
        try:
            await self._bot.edit_message_text(
                rendered(post),
                _number(post.address.room),
                _number(post.target),
                parse_mode=ParseMode.HTML,
                reply_markup=markup if isinstance(markup, InlineKeyboardMarkup) else None,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
        except BadRequest as error:
            if "message is not modified" not in error.message.lower():
                raise
        return Sent(id=post.target, thread=post.thread)

    async def _react(self, post: Post) -> Sent:
        await self._bot.set_message_reaction(_number(post.address.room), _number(post.target), DELIVERED)
        return Sent(id=post.target, thread=post.thread)

    async def _open_topic(self, post: Post) -> Sent:
        name = line(post.target, ForumTopicLimit.MAX_NAME_LENGTH)
        thread = str((await self._bot.create_forum_topic(_number(post.address.room), name)).message_thread_id)
        return Sent(id=thread, thread=thread)

    async def _whisper(self, post: Post) -> Sent:
        text = cut(readable(post.text).strip(), CallbackQueryLimit.ANSWER_CALLBACK_QUERY_TEXT_LENGTH)
        await self._bot.answer_callback_query(post.target, text or None, show_alert=bool(text))
        return Sent(id=post.target)

    async def _write(self, post: Post, text: str, **more: Any) -> Message:
        return await self._bot.send_message(
            _number(post.address.room),
            text,
            parse_mode=ParseMode.HTML,
            message_thread_id=_number(post.thread) if post.thread else None,
            reply_parameters=_answering(post.under),
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            **more,
        )

    # attachments

    async def _hand_on(self, post: Post, words: Message) -> None:
        """Copies what was sent on Telegram. The words are delivered by now: whatever happens here, nothing is raised
        that would send them again.
        """
        lost = [one for one in post.attachments if not await self._copied(post, one, words)]
        if not lost:
            return
        told = "; ".join(line(one.what, 200) for one in lost)
        try:
            await self._write(post, rendered(_note(post, f"Could not be copied to here: {told}")))
        except TelegramError as error:
            _log.warning("post %d: attachments were not handed on (%s)", post.id, type(error).__name__)

    async def _copied(self, post: Post, attachment: Attachment, words: Message) -> bool:
        where = source(attachment)
        if where is None:
            return True  # the words name it
        try:
            try:
                await self._copy(post, where, words)
            except RetryAfter as busy:
                if seconds(busy) > _PATIENCE.total_seconds():
                    raise
                await asyncio.sleep(seconds(busy))
                await self._copy(post, where, words)
        except TelegramError:
            return False
        return True

    async def _copy(self, post: Post, where: tuple[int, int], words: Message) -> None:
        await self._bot.copy_message(
            _number(post.address.room),
            *where,
            caption=line(post.author, 200),  # the one it came with is among the words
            message_thread_id=_number(post.thread) if post.thread else None,
            reply_parameters=_answering(str(words.message_id)),
            disable_notification=True,
        )

    # who may read

    async def _refuse_where_strangers_read(self, post: Post) -> None:
        """What is between stewards, or between them and one customer, never reaches a chat that anybody can open."""
        of_few = post.purpose in {Purpose.DESK, Purpose.RELAY} and post.act in {Act.SAY, Act.EDIT, Act.TOPIC}
        alone = post.direct and not post.address.room.startswith("-")  # groups have negative numbers
        if not of_few or alone:
            return
        try:
            chat = await self._bot.get_chat(_number(post.address.room))
        except TelegramError as error:
            raise refusal(error, once=False) from error
        if chat.type not in {ChatType.GROUP, ChatType.SUPERGROUP}:
            raise SendError(f"{post.address} is not a group: this post is for a private group", retry=False)
        if chat.username or chat.active_usernames or chat.linked_chat_id:
            raise SendError(
                f"{post.address} can be read by anybody: take its public link, or its channel, away", retry=False
            )

    async def _reads(self, room: int, who: Identity) -> bool:
        try:
            return reads(await self._bot.get_chat_member(room, _number(who.user)))
        except BadRequest as error:
            if error.message.lower().endswith(_UNKNOWN_MEMBER):
                return False  # never met there: if they are there all the same, the count says so
            raise


def _note(post: Post, text: str) -> Post:
    return Post(id=post.id, address=post.address, text=text, purpose=Purpose.NOTICE, author=post.author)


def _answering(message: str) -> ReplyParameters | None:
    return ReplyParameters(_number(message), allow_sending_without_reply=True) if message else None


def _thread(message: Message) -> str:
    return str(message.message_thread_id or "") if message.is_topic_message else ""


def _number(name: str) -> int:
    """What Telegram calls something. Raises SendError for what it cannot have called anything."""
    try:
        return int(name)
    except ValueError:
        raise SendError(f"{name!r} is not a number, as Telegram's ids are: check the pack", retry=False) from None
