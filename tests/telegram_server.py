"""Telegram on 127.0.0.1 for tests: enough of the Bot API for the real `telegram.Bot`, and the people at the other end.

Behaviour and error texts follow the Bot API server as it is (core.telegram.org/bots/api). What differs: plain HTTP, no
rate limits (faults make those), no pause between short polls, and a group shows the bot everything that is said there.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, ClassVar
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from telegram import Bot, Message
from telegram.constants import ChatAction, ReactionEmoji

JSON = dict[str, Any]
"""An object as it stands on the wire; an API without a schema of its own has no narrower type."""

TOKEN = "7000000001:a-token-that-opens-nothing"
BOT_ID = 7000000001
TEXT_LIMIT = 4096
TOPIC_NAME_LIMIT = 128
BUTTON_LIMIT = 64  # bytes
DOWNLOAD_LIMIT = 20 * 1024 * 1024  # bytes
POLL_LIMIT = 50  # seconds

MUST_BE_ASKED_FOR = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Updates that are made only where `allowed_updates` names them."""

_CONTENT = (
    "text", "entities", "photo", "document", "voice", "sticker", "location", "caption", "caption_entities",
)  # fmt: skip
_MEDIA = frozenset({"photo", "document", "voice", "sticker", "location"})
_WORDS = frozenset(
    {"action", "callback_query_id", "caption", "file_id", "name", "parse_mode", "secret_token", "text", "url"}
)  # parameters that are never JSON, whatever they look like
_RIGHTS = (
    "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members", "can_promote_members",
    "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories", "can_delete_stories",
    "can_pin_messages", "can_manage_topics",
)  # fmt: skip
_GIFTS = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
_PRESENT = frozenset({"member", "administrator", "creator"})


class Refused(Exception):
    """The API says no, with a status and a description."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.body: JSON = {"ok": False, "error_code": status, "description": description}
        if parameters:
            self.body["parameters"] = parameters
        self.status = status

    def response(self) -> web.Response:
        return web.json_response(self.body, status=self.status)


def _bad(description: str) -> Refused:
    return Refused(400, f"Bad Request: {description}")


class _Dropped(Exception):
    """The connection is cut instead of answered."""


# faults ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one call. `kept` says whether the call has had its effect all the same."""

    kept: bool
    refusal: Refused | None = None
    waits_for: asyncio.Event | None = None

    ERROR: ClassVar[Fault]
    """Answers 500, nothing kept."""
    KEPT_ERROR: ClassVar[Fault]
    """Keeps the post and answers 500."""
    DROPPED: ClassVar[Fault]
    """Cuts the connection, nothing kept."""
    KEPT_DROPPED: ClassVar[Fault]
    """Keeps the post and cuts the connection."""

    @classmethod
    def TOO_MANY(cls, retry_after: int = 1) -> Fault:
        """Answers 429, nothing kept."""
        told = f"Too Many Requests: retry after {retry_after}"
        return cls(kept=False, refusal=Refused(429, told, retry_after=retry_after))

    @classmethod
    def REFUSED(cls, status: int, description: str) -> Fault:
        """Answers this, nothing kept."""
        return cls(kept=False, refusal=Refused(status, description))

    @classmethod
    def SLOW(cls, until: asyncio.Event) -> Fault:
        """Keeps the post at once and answers when the event is set."""
        return cls(kept=True, waits_for=until)


Fault.ERROR = Fault(kept=False, refusal=Refused(500, "Internal Server Error"))
Fault.KEPT_ERROR = Fault(kept=True, refusal=Refused(500, "Internal Server Error"))
Fault.DROPPED = Fault(kept=False)
Fault.KEPT_DROPPED = Fault(kept=True)


class Faults:
    """A queue of faults for each method: the next calls of it go wrong in that order, then all is well again."""

    def __init__(self) -> None:
        self._queued: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def add(self, method: str, *faults: Fault) -> None:
        self._queued[method].extend(faults)

    def take(self, method: str) -> Fault | None:
        return self._queued[method].popleft() if self._queued[method] else None


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of the bot's, with its parameters read."""

    method: str
    parameters: JSON


# text -----------------------------------------------------------------------------------------------------------------

_TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "a": "text_link", "code": "code",
    "pre": "pre", "blockquote": "blockquote", "span": "spoiler", "tg-spoiler": "spoiler", "tg-emoji": "custom_emoji",
}  # fmt: skip
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#(?P<number>\d+)|#x(?P<hex>[0-9a-fA-F]+)|(?P<name>lt|gt|amp|quot));?")
_END_TAG = re.compile(r"</(?P<name>[^\s>]*)\s*>")
_START_NAME = re.compile(r"<(?P<name>[^\s>]*)")
_ATTRIBUTES = re.compile(r"""(?:\s+[^\s=>"']+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[\w.-]+))?)*\s*>""")
_ATTRIBUTE = re.compile(r"""([^\s=>"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([\w.-]+)))?""")
_AT_SIGN = re.compile(r"(?<!\w)@[A-Za-z]\w{3,31}")
_COMMAND = re.compile(r"(?<![\w/])/[A-Za-z]\w{0,63}(?:@\w+)?")


def utf16(text: str) -> int:
    """The length as Telegram counts in entities."""
    return len(text.encode("utf-16-le")) // 2


def _unescaped(text: str) -> str:
    return _REFERENCE.sub(_character, text)


def _character(reference: re.Match[str]) -> str:
    if reference["name"]:
        return _NAMED[reference["name"]]
    code = int(reference["number"]) if reference["number"] else int(reference["hex"], 16)
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else reference[0]


def parse_html(source: str) -> tuple[str, list[JSON]]:
    """Plain text and entities of Telegram's HTML; raises Refused for what Telegram cannot parse."""
    return _Html(source).parsed()


class _Html:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._text = ""
        self._open: list[tuple[str, int, JSON]] = []
        self._entities: list[JSON] = []

    def parsed(self) -> tuple[str, list[JSON]]:
        while self._at < len(self._source):
            if self._source.startswith("</", self._at):
                self._end_tag()
            elif self._source[self._at] == "<":
                self._start_tag()
            else:
                self._words()
        if self._open:
            raise self._cannot(f'Can\'t find end tag corresponding to start tag "{self._open[-1][0]}"')
        return self._text, sorted(self._entities, key=lambda one: (one["offset"], -one["length"]))

    def _words(self) -> None:
        end = self._source.find("<", self._at)
        end = len(self._source) if end < 0 else end
        self._text += _unescaped(self._source[self._at : end])
        self._at = end

    def _start_tag(self) -> None:
        named = _START_NAME.match(self._source, self._at)
        assert named is not None
        name = named["name"].lower()
        if named.end() == len(self._source):
            raise self._cannot("Unclosed start tag", here=True)
        if name not in _TAGS:
            raise self._cannot(f'Unsupported start tag "{name}"', here=True)
        rest = _ATTRIBUTES.match(self._source, named.end())
        if rest is None:
            raise self._cannot("Unclosed start tag", here=True)
        attributes = {key.lower(): _unescaped(a or b or c) for key, a, b, c in _ATTRIBUTE.findall(rest[0][:-1])}
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise self._cannot('Tag "span" must have class "tg-spoiler"', here=True)
        self._open.append((name, utf16(self._text), attributes))
        self._at = rest.end()

    def _end_tag(self) -> None:
        if not self._open:
            raise self._cannot("Unexpected end tag", here=True)
        closed = _END_TAG.match(self._source, self._at)
        if closed is None:
            raise self._cannot("Unclosed end tag", here=True)
        name, offset, attributes = self._open[-1]
        if closed["name"] and closed["name"].lower() != name:
            told = f'Unmatched end tag at byte offset {self._byte}, expected "</{name}>", found "{closed[0]}"'
            raise self._cannot(told)
        self._open.pop()
        self._at = closed.end()
        length = utf16(self._text) - offset
        if length:
            self._entities.extend(_entity(name, offset, length, attributes))

    @property
    def _byte(self) -> int:
        return len(self._source[: self._at].encode())

    def _cannot(self, why: str, *, here: bool = False) -> Refused:
        return _bad(f"can't parse entities: {why}" + (f" at byte offset {self._byte}" if here else ""))


def _entity(tag: str, offset: int, length: int, attributes: Mapping[str, str]) -> Iterator[JSON]:
    found: JSON = {"type": _TAGS[tag], "offset": offset, "length": length}
    if tag == "a":
        if not attributes.get("href"):
            return  # Telegram drops a link that leads nowhere
        found["url"] = attributes["href"]
    elif tag == "tg-emoji":
        found["custom_emoji_id"] = attributes.get("emoji-id", "")
    yield found


def _found_entities(text: str) -> list[JSON]:
    """Mentions and commands, which Telegram sees without being told."""
    found = [("mention", one) for one in _AT_SIGN.finditer(text)]
    found += [("bot_command", one) for one in _COMMAND.finditer(text)]
    return [
        {"type": kind, "offset": utf16(text[: one.start()]), "length": utf16(one[0])}
        for kind, one in sorted(found, key=lambda pair: pair[1].start())
    ]


def _trimmed(text: str, entities: Sequence[JSON]) -> tuple[str, list[JSON]]:
    """Without white space at either end, as Telegram keeps texts."""
    lead = utf16(text) - utf16(text.lstrip())
    text = text.strip()
    kept = []
    for entity in entities:
        start, end = max(0, entity["offset"] - lead), min(utf16(text), entity["offset"] - lead + entity["length"])
        if start < end:
            kept.append(entity | {"offset": start, "length": end - start})
    return text, kept


# updates --------------------------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class _Pending:
    """An update that is not confirmed. One that comes `again`, or late, is not confirmed before it was shown."""

    update: JSON
    again: bool = False
    shown: bool = False

    def confirmed_by(self, offset: int) -> bool:
        return bool(self.update["update_id"] < offset) and (self.shown or not self.again)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One POST to the webhook. `status` is 0 where no answer came."""

    update: JSON
    status: int


@dataclass(kw_only=True)
class _Webhook:
    url: str
    secret: str
    failed_at: int = 0
    failure: str = ""


class _Updates:
    """The queue of updates: long polls and the webhook take from it."""

    def __init__(self, changed: Callable[[], None], now: Callable[[], datetime], pause: float) -> None:
        self._changed = changed
        self._now = now
        self._pause = pause
        self._last_id = 815_000_000
        self._held: list[_Pending] | None = None
        self._poll: asyncio.Future[None] | None = None
        self._delivering: asyncio.Task[None] | None = None
        self._more = asyncio.Event()
        self.allowed: frozenset[str] = frozenset()
        self.made: list[JSON] = []
        self.pending: list[_Pending] = []
        self.webhook: _Webhook | None = None
        self.deliveries: list[Delivery] = []

    def make(self, kind: str, content: JSON) -> None:
        wanted = kind in self.allowed if self.allowed else kind not in MUST_BE_ASKED_FOR
        if not wanted:
            return
        self._last_id += 1
        update = {"update_id": self._last_id, kind: deepcopy(content)}
        self.made.append(update)
        self.put(_Pending(update=update))

    def put(self, *pending: _Pending) -> None:
        if self._held is not None:
            self._held.extend(pending)
            return
        self.pending.extend(pending)
        self._more.set()
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)
        self._changed()

    @contextmanager
    def backwards(self) -> Iterator[None]:
        held: list[_Pending] = []
        self._held = held
        try:
            yield
        finally:
            self._held = None
            for one in held:
                one.again = True
            self.put(*reversed(held))

    # polling

    @property
    def polled(self) -> bool:
        """Whether a long poll is waiting."""
        return self._poll is not None and not self._poll.done()

    async def get(self, offset: int, limit: int, seconds: float) -> list[JSON]:
        if self.webhook is not None:
            raise Refused(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        if not (found := self._take(offset, limit)) and seconds:
            self.end_poll(
                Refused(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                )
            )
            await self._wait(seconds)
            found = self._take(offset, limit)
        return found

    def _take(self, offset: int, limit: int) -> list[JSON]:
        if offset < 0:
            self.pending = self.pending[offset:]
        self.pending = [one for one in self.pending if not one.confirmed_by(offset)]
        for one in self.pending[:limit]:
            one.shown = True
        self._changed()
        return [deepcopy(one.update) for one in self.pending[:limit]]

    async def _wait(self, seconds: float) -> None:
        self._poll = poll = asyncio.get_running_loop().create_future()
        self._changed()
        try:
            async with asyncio.timeout(seconds):
                await poll
        except TimeoutError:
            pass
        finally:
            if self._poll is poll:
                self._poll = None

    def end_poll(self, how: Exception) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_exception(how)

    # webhook

    async def hook(self, webhook: _Webhook | None) -> None:
        """Delivers there from now on, or nowhere."""
        if self._delivering is not None:
            self._delivering.cancel()
            await asyncio.gather(self._delivering, return_exceptions=True)
            self._delivering = None
        self.webhook = webhook
        if webhook is not None:
            self.end_poll(Refused(409, "Conflict: terminated by setWebhook request"))
            self._delivering = asyncio.create_task(self._deliver(webhook))

    async def _deliver(self, webhook: _Webhook) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                self._more.clear()
                while self.pending:
                    first = self.pending[0]
                    if await self._post(session, webhook, first.update):
                        self.pending = [one for one in self.pending if one is not first]
                    else:
                        await asyncio.sleep(self._pause)
                    self._changed()
                await self._more.wait()

    async def _post(self, session: aiohttp.ClientSession, webhook: _Webhook, update: JSON) -> bool:
        headers = {"X-Telegram-Bot-Api-Secret-Token": webhook.secret} if webhook.secret else {}
        try:
            async with session.post(webhook.url, json=update, headers=headers) as answer:
                status, reason = answer.status, f"Wrong response from the webhook: {answer.status} {answer.reason}"
        except (aiohttp.ClientError, TimeoutError):
            status, reason = 0, "Connection refused"
        self.deliveries.append(Delivery(update=update, status=status))
        if 200 <= status < 300:
            return True
        webhook.failed_at, webhook.failure = int(self._now().timestamp()), reason
        return False

    async def close(self) -> None:
        self.end_poll(_Dropped())
        await self.hook(None)


# the people -----------------------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class _Group:
    chat: JSON
    members: dict[int, str]
    """A status for everybody who is or was there, the bot among them."""

    @property
    def forum(self) -> bool:
        return bool(self.chat.get("is_forum"))


@dataclass(kw_only=True)
class _Topic:
    name: str
    closed: bool = False


@dataclass(frozen=True, kw_only=True)
class _File:
    path: str
    content: bytes
    size: int


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Which message of which chat."""

    chat: int
    message: int

    @classmethod
    def of(cls, message: Mapping[str, Any] | Message) -> _Place:
        if isinstance(message, Message):
            return cls(chat=message.chat_id, message=message.message_id)
        return cls(chat=message["chat"]["id"], message=message["message_id"])


@dataclass(kw_only=True)
class _Kept:
    """A message with what people did to it since."""

    message: JSON
    reactions: dict[int, list[JSON]] = field(default_factory=dict)


class _World:
    """Who is on Telegram, what they say and do, and what became of it. People and chats are named by their ids."""

    def __init__(self, username: str, now: Callable[[], datetime], pause: float) -> None:
        self.bot_user: JSON = {"id": BOT_ID, "is_bot": True, "first_name": "Concierge", "username": username}
        self.privacy = False
        """Whether the bot is in privacy mode: said of it, and never looked at."""
        self.bot_lacks: set[str] = set()
        """Rights that the bot does not have where it is an administrator: said of it, and never looked at."""
        self._now = now
        self._changed_event = asyncio.Event()
        self._updates = _Updates(self._changed, now, pause)
        self._users: dict[int, JSON] = {}
        self._started: set[int] = set()
        self._blocked: set[int] = set()
        self._groups: dict[int, _Group] = {}
        self._topics: dict[tuple[int, int], _Topic] = {}
        self._kept: dict[_Place, _Kept] = {}
        self._files: dict[str, _File] = {}
        self._queries: set[str] = set()
        self._last_message: defaultdict[int, int] = defaultdict(int)

    def _changed(self) -> None:
        event, self._changed_event = self._changed_event, asyncio.Event()
        event.set()

    # who there is

    def user(self, id: int, name: str, *, username: str = "", language: str = "en") -> int:
        """Somebody on Telegram who has not written to the bot yet; returns the id."""
        self._users[id] = {"id": id, "is_bot": False, "first_name": name, "language_code": language}
        if username:
            self._users[id]["username"] = username
        return id

    def group(
        self,
        id: int,
        members: Collection[int],
        forum: bool = False,
        *,
        title: str = "Group",
        username: str = "",
        admins: Sequence[int] = (),
        bot: str = "administrator",
    ) -> int:
        """A supergroup with the bot as administrator, member or left; the first of `admins` made it. One with a
        username is public."""
        chat: JSON = {"id": id, "type": "supergroup", "title": title}
        if username:
            chat["username"] = username
        if forum:
            chat["is_forum"] = True
        statuses = dict.fromkeys(members, "member") | dict.fromkeys(admins, "administrator")
        if admins:
            statuses[admins[0]] = "creator"
        assert statuses.keys() <= self._users.keys(), "make the users first"
        self._groups[id] = _Group(chat=chat, members=statuses | {BOT_ID: bot})
        return id

    # what they say

    def private_says(
        self, user: int, text: str = "", *, reply_to: Mapping[str, Any] | Message | None = None, **extra: Any
    ) -> JSON:
        """The user writes to the bot, which starts the conversation; `extra` is laid over the message (see `photo`)."""
        if user in self._blocked:
            self.unblocks(user)
        self._started.add(user)
        return self._says(user, user, text, reply_to, 0, (), extra)

    def group_says(
        self,
        group: int,
        user: int,
        text: str = "",
        *,
        reply_to: Mapping[str, Any] | Message | None = None,
        thread: int = 0,
        names: Collection[int] = (),
        **extra: Any,
    ) -> JSON:
        """A member writes in a group. `@username` and `/command` become entities by themselves; `names` are people
        who are mentioned by their first name in the text."""
        assert self._groups[group].members.get(user) in _PRESENT, "only members can write"
        return self._says(user, group, text, reply_to, thread, names, extra)

    def edits(self, user: int, message: Mapping[str, Any], text: str) -> JSON:
        """The author changes a message's words."""
        kept = self._kept[_Place.of(message)].message
        assert kept["from"]["id"] == user, "only the author can edit"
        self._write(kept, text, _found_entities(text))
        kept["edit_date"] = self._date
        self._tell("edited_message", kept)
        return deepcopy(kept)

    def photo(self, content: bytes = b"\xff\xd8 a photo") -> JSON:
        """For `private_says(user, "caption", **server.photo())`."""
        sizes = [("s", 90, 60), ("x", 1280, 853)]
        return {
            "photo": [
                self._keep_file("photos", "jpg", content, mark) | {"width": width, "height": height}
                for mark, width, height in sizes
            ]
        }

    def document(
        self,
        name: str = "plan.pdf",
        content: bytes = b"%PDF a plan",
        *,
        mime_type: str = "application/pdf",
        size: int | None = None,
    ) -> JSON:
        """A file; `size` says it is larger than its content."""
        kept = self._keep_file("documents", name.rpartition(".")[2], content, "d", size)
        return {"document": kept | {"file_name": name, "mime_type": mime_type}}

    def voice(self, content: bytes = b"OggS a voice", seconds: int = 3) -> JSON:
        kept = self._keep_file("voice", "oga", content, "v")
        return {"voice": kept | {"duration": seconds, "mime_type": "audio/ogg"}}

    def sticker(self, emoji: str = "🚀") -> JSON:
        kept = self._keep_file("stickers", "webp", b"RIFF a sticker", "k")
        looks = {"width": 512, "height": 512, "is_animated": False, "is_video": False, "type": "regular"}
        return {"sticker": kept | looks | {"emoji": emoji}}

    def location(self, latitude: float = 5.236, longitude: float = -52.769) -> JSON:
        return {"location": {"latitude": latitude, "longitude": longitude}}

    # what they do

    def presses(
        self, user: int, message: Mapping[str, Any] | Message, callback_data: str, *, stale: bool = False
    ) -> str:
        """Somebody presses a button; returns the query's id. `stale`: it is still on their screen, but gone by now."""
        kept = self._kept[_Place.of(message)].message
        buttons = [one for row in kept.get("reply_markup", {}).get("inline_keyboard", ()) for one in row]
        assert stale or callback_data in {one.get("callback_data") for one in buttons}, "no such button"
        query = str(4_000_000_000 + len(self._queries))
        self._queries.add(query)
        pressed = {"id": query, "from": self._users[user], "message": kept, "chat_instance": str(kept["chat"]["id"])}
        self._tell("callback_query", pressed | {"data": callback_data}, chat=kept["chat"]["id"])
        return query

    def reacts(self, user: int, message: Mapping[str, Any] | Message, emoji: str | None) -> None:
        """Puts a reaction under a message in the place of an earlier one, or takes it away."""
        place = _Place.of(message)
        reactions = self._kept[place].reactions
        old, new = reactions.get(user, []), [{"type": "emoji", "emoji": emoji}] if emoji else []
        reactions[user] = new
        if self._is_admin_or_private(place.chat):
            changed = {"chat": self._chat(place.chat), "message_id": place.message, "user": self._users[user]}
            changed |= {"date": self._date, "old_reaction": old, "new_reaction": new}
            self._tell("message_reaction", changed)

    def reactions(self, message: Mapping[str, Any] | Message) -> dict[int, list[str]]:
        """The emoji under a message, by who put them there."""
        found = self._kept[_Place.of(message)].reactions
        return {who: [one["emoji"] for one in which] for who, which in found.items() if which}

    def joins(self, group: int, user: int, *, by: int | None = None) -> JSON:
        """Somebody comes into a group, or is brought in: a chat_member update and a message about it."""
        self._becomes(group, user, "member", by or user)
        return self._service(group, by or user, new_chat_members=[self._users[user]])

    def leaves(self, group: int, user: int, *, by: int | None = None) -> JSON:
        """Somebody goes, or is removed."""
        self._becomes(group, user, "kicked" if by else "left", by or user)
        return self._service(group, by or user, left_chat_member=self._users[user])

    def adds_bot(self, group: int, by: int, *, status: str = "administrator") -> None:
        """Somebody brings the bot into a group."""
        self._becomes(group, BOT_ID, status, by)
        self._service(group, by, new_chat_members=[self.bot_user])

    def removes_bot(self, group: int, by: int) -> None:
        """Somebody takes the bot out of a group, which it may learn, and nothing after."""
        self._becomes(group, BOT_ID, "kicked", by)

    def blocks(self, user: int) -> None:
        """The user stops the bot."""
        self._blocked.add(user)
        self._tell_status("my_chat_member", user, user, BOT_ID, "member", "kicked")

    def unblocks(self, user: int) -> None:
        self._blocked.discard(user)
        self._tell_status("my_chat_member", user, user, BOT_ID, "kicked", "member")

    def topic(self, group: int, by: int, name: str) -> int:
        """Somebody opens a topic in a forum; returns its thread."""
        return int(self._new_topic(group, self._users[by], name, tell=True)["message_thread_id"])

    # what became of it

    def posts(self, room: int | str) -> list[JSON]:
        """The bot's messages in a chat as they stand now, in order."""
        of_room = [one.message for place, one in self._kept.items() if place.chat == int(room)]
        return [deepcopy(one) for one in of_room if one["from"]["id"] == BOT_ID and any(key in one for key in _CONTENT)]

    def said(self, room: int | str, *, thread: int | None = None) -> list[str]:
        """The texts (and captions) that the bot's messages in a chat have now, in order."""
        posts = [one for one in self.posts(room) if thread is None or one.get("message_thread_id", 0) == thread]
        texts = [one.get("text", one.get("caption")) for one in posts]
        return [text for text in texts if text is not None]

    # how it reaches the bot

    @property
    def updates(self) -> list[JSON]:
        """Every update that was made, in order."""
        return self._updates.made

    @property
    def pending(self) -> list[JSON]:
        """The updates that the bot has not confirmed."""
        return [one.update for one in self._updates.pending]

    @property
    def polled(self) -> bool:
        """Whether a long poll is waiting."""
        return self._updates.polled

    @property
    def deliveries(self) -> list[Delivery]:
        """Every POST to the webhook, in order."""
        return self._updates.deliveries

    def redeliver(self, update: JSON | None = None) -> JSON:
        """Delivers an update (the latest, if none is named) once more, confirmed or not."""
        again = self.updates[-1] if update is None else update
        self._updates.put(_Pending(update=again, again=True))
        return again

    @contextmanager
    def out_of_order(self) -> Iterator[None]:
        """What happens inside is delivered when the block ends, the last thing first."""
        with self._updates.backwards():
            yield

    def drop_poll(self) -> None:
        """Cuts the connection of the long poll that is waiting."""
        assert self.polled, "nobody is polling; `await server.until(lambda: server.polled)` first"
        self._updates.end_poll(_Dropped())

    # inside

    @property
    def _date(self) -> int:
        return int(self._now().timestamp())

    def _chat(self, id: int) -> JSON:
        if id in self._groups:
            return self._groups[id].chat
        known = self._users[id]
        return {"id": id, "type": "private"} | {k: known[k] for k in ("first_name", "username") if k in known}

    def _is_admin_or_private(self, chat: int) -> bool:
        return chat not in self._groups or self._groups[chat].members[BOT_ID] in {"administrator", "creator"}

    def _sees(self, chat: int) -> bool:
        return chat not in self._groups or self._groups[chat].members[BOT_ID] in _PRESENT

    def _tell(self, kind: str, content: JSON, *, chat: int | None = None) -> None:
        if self._sees(content["chat"]["id"] if chat is None else chat):
            self._updates.make(kind, content)

    def _new_message(self, sender: JSON, chat: int) -> JSON:
        self._last_message[chat] += 1
        message: JSON = {"message_id": self._last_message[chat], "from": sender, "chat": self._chat(chat)}
        message["date"] = self._date
        self._kept[_Place.of(message)] = _Kept(message=message)
        return message

    @staticmethod
    def _write(message: JSON, text: str, entities: Sequence[JSON]) -> None:
        where, which = ("caption", "caption_entities") if message.keys() & _MEDIA else ("text", "entities")
        message.pop(which, None)
        message[where] = text
        if entities:
            message[which] = list(entities)

    def _says(
        self,
        user: int,
        chat: int,
        text: str,
        reply_to: Mapping[str, Any] | Message | None,
        thread: int,
        names: Collection[int],
        extra: Mapping[str, Any],
    ) -> JSON:
        message = self._new_message(self._users[user], chat)
        self._thread(message, self._kept[_Place.of(reply_to)].message if reply_to is not None else None, thread)
        message |= extra
        if text:
            self._write(message, text, [*_found_entities(text), *self._named(text, names)])
        self._tell("message", message)
        return deepcopy(message)

    def _named(self, text: str, names: Collection[int]) -> Iterator[JSON]:
        for user in names:
            known = self.bot_user if user == BOT_ID else self._users[user]
            before, name, _ = text.partition(known["first_name"])
            assert name, f"{known['first_name']} is not in the text"
            yield {"type": "text_mention", "offset": utf16(before), "length": utf16(name), "user": known}

    def _thread(self, message: JSON, replied: JSON | None, thread: int) -> None:
        """What a message answers and where it belongs. In a topic everything answers at least the topic's first
        message; in a plain supergroup a chain of answers is a thread, too."""
        chat = message["chat"]["id"]
        if replied is not None:
            thread = thread or replied.get("message_thread_id", 0)
            message["reply_to_message"] = {k: v for k, v in replied.items() if k != "reply_to_message"}
        if chat not in self._groups:
            return
        if not self._groups[chat].forum:
            if replied is not None:
                message["message_thread_id"] = replied.get("message_thread_id", replied["message_id"])
        elif thread:
            message |= {"message_thread_id": thread, "is_topic_message": True}
            message.setdefault("reply_to_message", deepcopy(self._kept[_Place(chat=chat, message=thread)].message))

    def _service(self, group: int, by: int, **what: Any) -> JSON:
        message = self._new_message(self._users[by], group)
        message |= what
        self._tell("message", message)
        return deepcopy(message)

    def _new_topic(self, group: int, by: JSON, name: str, *, tell: bool) -> JSON:
        made = {"name": name, "icon_color": 0x6FB9F0}
        message = self._new_message(by, group)
        thread = message["message_id"]
        message |= {"message_thread_id": thread, "is_topic_message": True, "forum_topic_created": made}
        self._topics[group, thread] = _Topic(name=name)
        if tell:
            self._tell("message", message)
        return made | {"message_thread_id": thread}

    def _keep_file(self, folder: str, suffix: str, content: bytes, mark: str, size: int | None = None) -> JSON:
        number = len(self._files)
        size = len(content) if size is None else size
        self._files[f"{mark}-file-{number}"] = _File(
            path=f"{folder}/file_{number}.{suffix}", content=content, size=size
        )
        return {"file_id": f"{mark}-file-{number}", "file_unique_id": f"{mark}{number}", "file_size": size}

    def _becomes(self, group: int, user: int, status: str, by: int) -> None:
        members = self._groups[group].members
        old, members[user] = members.get(user, "left"), status
        if user == BOT_ID:
            self._tell_status("my_chat_member", group, by, user, old, status)
        elif self._is_admin_or_private(group):
            self._tell_status("chat_member", group, by, user, old, status)

    def _tell_status(self, kind: str, chat: int, by: int, user: int, old: str, new: str) -> None:
        changed = {"chat": self._chat(chat), "from": self._users[by], "date": self._date}
        changed |= {"old_chat_member": self._member(user, old), "new_chat_member": self._member(user, new)}
        self._updates.make(kind, changed)

    def _member(self, user: int, status: str) -> JSON:
        member: JSON = {"user": self.bot_user if user == BOT_ID else self._users[user], "status": status}
        if status == "kicked":
            member["until_date"] = 0
        elif status == "creator":
            member["is_anonymous"] = False
        elif status == "administrator":
            member |= dict.fromkeys(_RIGHTS, True) | {"can_be_edited": False, "is_anonymous": False}
            if user == BOT_ID:
                member |= dict.fromkeys(self.bot_lacks, False)
        return member


# the API --------------------------------------------------------------------------------------------------------------


class TelegramServer(_World):
    """`async with TelegramServer() as server:` and a `Bot` of `server.bot()`, or made from `token`, `base_url` and
    `base_file_url`. `now` gives messages their dates; `webhook_pause` lies between two tries of a webhook (seconds).
    """

    token = TOKEN

    def __init__(
        self,
        *,
        username: str = "concierge_bot",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        webhook_pause: float = 0.01,
    ) -> None:
        super().__init__(username, now, webhook_pause)
        self.faults = Faults()
        self.calls: list[Call] = []
        self._closing = asyncio.Event()
        self._port = 0
        self._runner: web.AppRunner | None = None
        methods = {
            "getMe": self._get_me,
            "getUpdates": self._get_updates,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": self._get_webhook_info,
            "sendMessage": self._send_message,
            "editMessageText": self._edit_message_text,
            "editMessageReplyMarkup": self._edit_message_reply_markup,
            "copyMessage": self._copy_message,
            "forwardMessage": self._forward_message,
            "sendChatAction": self._send_chat_action,
            "answerCallbackQuery": self._answer_callback_query,
            "getChat": self._get_chat,
            "getChatMember": self._get_chat_member,
            "getChatMemberCount": self._get_chat_member_count,
            "getChatAdministrators": self._get_chat_administrators,
            "createForumTopic": self._create_forum_topic,
            "closeForumTopic": self._close_forum_topic,
            "setMessageReaction": self._set_message_reaction,
            "getFile": self._get_file,
        }
        self._methods: dict[str, tuple[str, Callable[[JSON], Awaitable[Any]]]] = {
            name.lower(): (name, method) for name, method in methods.items()
        }

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/bot"

    @property
    def base_file_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/file/bot"

    def bot(self, **settings: Any) -> Bot:
        """The real client, to be used as `async with server.bot() as bot:`."""
        return Bot(self.token, base_url=self.base_url, base_file_url=self.base_file_url, **settings)

    async def __aenter__(self) -> TelegramServer:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/bot{token}/{method}", self._called)
        app.router.add_get("/file/bot{token}/{path:.+}", self._downloaded)
        # a poll that its client has left must not swallow what comes next
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        await self._updates.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def until(self, predicate: Callable[[], bool], within: float = 5.0) -> None:
        """Returns as soon as the predicate holds; it is asked again whenever something happens here."""
        try:
            async with asyncio.timeout(within):
                while not predicate():
                    await self._changed_event.wait()
        except TimeoutError:
            raise AssertionError(f"not within {within:g} s; {self._seen()}") from None

    def called(self, method: str) -> list[JSON]:
        """The parameters of every call of a method, in order."""
        return [call.parameters for call in self.calls if call.method == method]

    def _seen(self) -> str:
        lines = [f"  {call.method} {call.parameters}" for call in self.calls]
        rooms = {place.chat: self.said(place.chat) for place in self._kept}
        return "calls:\n" + "\n".join(lines) + f"\nsaid: {rooms}\nnot confirmed: {self.pending}"

    # a call

    async def _called(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != self.token:
            return Refused(401, "Unauthorized").response()
        if request.match_info["method"].lower() not in self._methods:
            return Refused(404, "Not Found").response()
        name, method = self._methods[request.match_info["method"].lower()]
        parameters = await _parameters(request)
        self.calls.append(Call(method=name, parameters=parameters))
        self._changed()
        try:
            result = await self._perform(method, parameters, self.faults.take(name))
        except Refused as refusal:
            return refusal.response()
        except _Dropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        finally:
            self._changed()
        return web.json_response({"ok": True, "result": result})

    async def _perform(self, method: Callable[[JSON], Awaitable[Any]], parameters: JSON, fault: Fault | None) -> Any:
        if fault is None:
            return await method(parameters)
        result = await method(parameters) if fault.kept else None
        self._changed()
        if fault.waits_for is not None:
            await self._first_of(fault.waits_for, self._closing)
            return result
        raise fault.refusal or _Dropped

    @staticmethod
    async def _first_of(*events: asyncio.Event) -> None:
        waiting = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    async def _downloaded(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != self.token:
            return Refused(401, "Unauthorized").response()
        found = [one for one in self._files.values() if one.path == request.match_info["path"]]
        return web.Response(body=found[0].content) if found else Refused(404, "Not Found").response()

    # updates

    async def _get_me(self, given: JSON) -> JSON:
        abilities = {"can_join_groups": True, "can_read_all_group_messages": not self.privacy}
        abilities["supports_inline_queries"] = False
        return self.bot_user | abilities

    async def _get_updates(self, given: JSON) -> list[JSON]:
        if self._updates.webhook is None:
            self._allow(given)
        limit = min(max(int(given.get("limit", 100)), 1), 100)
        timeout = min(float(given.get("timeout", 0)), POLL_LIMIT)
        return await self._updates.get(int(given.get("offset", 0)), limit, timeout)

    def _allow(self, given: JSON) -> None:
        """An empty list brings the defaults back, none at all leaves what was set before."""
        if isinstance(given.get("allowed_updates"), list):
            self._updates.allowed = frozenset(given["allowed_updates"])

    async def _set_webhook(self, given: JSON) -> bool:
        url, secret = given.get("url", ""), given.get("secret_token", "")
        if not url:
            return await self._delete_webhook(given)
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost"}:
            raise _bad("bad webhook: An HTTPS URL must be provided for webhook")
        if len(secret) > 256:
            raise _bad("secret token is too long")
        if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
            raise _bad("secret token contains unallowed characters")
        self._allow(given)
        self._forget(given)
        await self._updates.hook(_Webhook(url=url, secret=secret))
        return True

    async def _delete_webhook(self, given: JSON) -> bool:
        self._forget(given)
        await self._updates.hook(None)
        return True

    def _forget(self, given: JSON) -> None:
        if given.get("drop_pending_updates"):
            self._updates.pending = []

    async def _get_webhook_info(self, given: JSON) -> JSON:
        webhook = self._updates.webhook
        info: JSON = {"url": webhook.url if webhook else "", "has_custom_certificate": False}
        info["pending_update_count"] = len(self.pending)
        if webhook is not None:
            info["max_connections"] = 1
            if webhook.failure:
                info |= {"last_error_date": webhook.failed_at, "last_error_message": webhook.failure}
        if self._updates.allowed:
            info["allowed_updates"] = sorted(self._updates.allowed)
        return info

    # messages

    async def _send_message(self, given: JSON) -> JSON:
        chat, text, entities = self._open(given), *_text(given)
        message = self._post(chat, given)
        self._write(message, text, entities)
        return message

    def _post(self, chat: int, given: JSON) -> JSON:
        """A new message of the bot's that answers and belongs where it was told to, still without content."""
        markup, thread, replied = _markup(given), self._open_thread(chat, given), self._replied(chat, given)
        message = self._new_message(self.bot_user, chat)
        self._thread(message, replied, thread)
        if markup:
            message["reply_markup"] = markup
        return message

    def _open(self, given: JSON) -> int:
        """A chat to which the bot may write."""
        chat = self._known(given)
        if chat in self._users and chat not in self._started:
            raise Refused(403, "Forbidden: bot can't initiate conversation with a user")
        if chat in self._blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        return chat

    def _known(self, given: JSON, name: str = "chat_id") -> int:
        """A chat of which the bot may know something."""
        if name not in given:
            raise _bad("chat_id is empty")
        chat = given[name]
        if chat in self._groups:
            status = self._groups[chat].members[BOT_ID]
            if status == "kicked":
                raise Refused(403, "Forbidden: bot was kicked from the supergroup chat")
            if status not in _PRESENT:
                raise Refused(403, "Forbidden: bot is not a member of the supergroup chat")
        elif chat not in self._users:
            raise _bad("chat not found")
        return int(chat)

    def _open_thread(self, chat: int, given: JSON) -> int:
        thread = int(given.get("message_thread_id", 0))
        if chat in self._groups and not self._groups[chat].forum:
            return 0  # Telegram does not look at it there
        if thread and (chat, thread) not in self._topics:
            raise _bad("message thread not found")
        if thread and self._topics[chat, thread].closed and not self._is_admin_or_private(chat):
            raise _bad("TOPIC_CLOSED")
        return thread

    def _replied(self, chat: int, given: JSON) -> JSON | None:
        wanted = given.get("reply_parameters")
        if wanted is None:
            return None
        if not isinstance(wanted, dict):
            raise _bad("can't parse reply parameters JSON object")
        place = _Place(chat=wanted.get("chat_id", chat), message=wanted.get("message_id", 0))
        if place in self._kept:
            return self._kept[place].message
        if wanted.get("allow_sending_without_reply"):
            return None
        raise _bad("message to be replied not found")

    def _message(self, chat: int, given: JSON, missing: str) -> _Kept:
        kept = self._kept.get(_Place(chat=chat, message=given.get("message_id", 0)))
        if kept is None:
            raise _bad(missing)
        return kept

    def _own(self, given: JSON) -> JSON:
        message = self._message(self._open(given), given, "message to edit not found").message
        if message["from"]["id"] != BOT_ID:
            raise _bad("message can't be edited")
        return message

    async def _edit_message_text(self, given: JSON) -> JSON:
        message = self._own(given)
        if "text" not in message:
            raise _bad("there is no text in the message to edit")
        text, entities = _text(given)
        return self._replace(message, text, entities, _markup(given))

    async def _edit_message_reply_markup(self, given: JSON) -> JSON:
        message = self._own(given)
        return self._replace(message, message.get("text", ""), message.get("entities", []), _markup(given))

    def _replace(self, message: JSON, text: str, entities: list[JSON], markup: JSON | None) -> JSON:
        """An edit that names no keyboard takes it away."""
        before = (message.get("text", ""), message.get("entities", []), message.get("reply_markup"))
        if before == (text, entities, markup):
            raise _bad(
                "message is not modified: specified new message content and reply markup are exactly the same as "
                "a current content and reply markup of the message"
            )
        if "text" in message:
            self._write(message, text, entities)
        message.pop("reply_markup", None)
        if markup:
            message["reply_markup"] = markup
        message["edit_date"] = self._date
        return message

    async def _copy_message(self, given: JSON) -> JSON:
        chat, source = self._open(given), self._known(given, "from_chat_id")
        original = self._message(source, given, "message to copy not found").message
        content = {key: original[key] for key in _CONTENT if key in original}
        if not content:
            raise _bad("message can't be copied")
        message = self._post(chat, given)
        message |= deepcopy(content)
        if "caption" in given and message.keys() & _MEDIA:
            self._write(message, *_text(given, "caption"))
        return {"message_id": message["message_id"]}

    async def _forward_message(self, given: JSON) -> JSON:
        chat, source = self._open(given), self._known(given, "from_chat_id")
        original = self._message(source, given, "message to forward not found").message
        content = {key: original[key] for key in _CONTENT if key in original}
        if not content:
            raise _bad("message can't be forwarded")
        message = self._post(chat, given)
        first = {"type": "user", "date": original["date"], "sender_user": original["from"]}
        message |= deepcopy(content) | {"forward_origin": original.get("forward_origin", first)}
        return message

    async def _send_chat_action(self, given: JSON) -> bool:
        self._open_thread(self._open(given), given)
        if given.get("action") not in set(ChatAction):
            raise _bad("wrong parameter action in request")
        return True

    async def _answer_callback_query(self, given: JSON) -> bool:
        if given.get("callback_query_id") not in self._queries:
            raise _bad("query is too old and response timeout expired or query ID is invalid")
        if len(given.get("text", "")) > 200:
            raise _bad("MESSAGE_TOO_LONG")
        return True

    async def _set_message_reaction(self, given: JSON) -> bool:
        kept = self._message(self._open(given), given, "message to react not found")
        wanted = given.get("reaction", [])
        if len(wanted) > 1:
            raise _bad("REACTIONS_TOO_MANY")
        if any(one.get("emoji") not in set(ReactionEmoji) for one in wanted):
            raise _bad("REACTION_INVALID")
        kept.reactions[BOT_ID] = wanted
        return True

    # chats

    async def _get_chat(self, given: JSON) -> JSON:
        id = self._known(given)
        if id in self._users and not self._has_met(id):
            raise _bad("chat not found")
        full = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": dict.fromkeys(_GIFTS, False)}
        return self._chat(id) | full

    def _has_met(self, user: int) -> bool:
        return user in self._started or any(
            user in group.members and group.members[BOT_ID] in _PRESENT for group in self._groups.values()
        )

    async def _get_chat_member(self, given: JSON) -> JSON:
        chat, user = self._known(given), given.get("user_id", 0)
        if user not in self._users and user != BOT_ID:
            raise _bad("user not found")
        if chat not in self._groups:
            return self._member(user, "member")
        return self._member(user, self._groups[chat].members.get(user, "left"))

    async def _get_chat_member_count(self, given: JSON) -> int:
        chat = self._known(given)
        return sum(one in _PRESENT for one in self._groups[chat].members.values()) if chat in self._groups else 2

    async def _get_chat_administrators(self, given: JSON) -> list[JSON]:
        chat = self._known(given)
        if chat not in self._groups:
            raise _bad("there are no administrators in the private chat")
        members = self._groups[chat].members.items()
        return [self._member(user, status) for user, status in members if status in {"creator", "administrator"}]

    async def _create_forum_topic(self, given: JSON) -> JSON:
        group = self._forum(given)
        name = given.get("name", "")
        if not name:
            raise _bad("TOPIC_TITLE_EMPTY")
        if len(name) > TOPIC_NAME_LIMIT:
            raise _bad("TOPIC_TITLE_TOO_LONG")
        return self._new_topic(group, self.bot_user, name, tell=False)

    async def _close_forum_topic(self, given: JSON) -> bool:
        topic = self._topics.get((self._forum(given), int(given.get("message_thread_id", 0))))
        if topic is None:
            raise _bad("TOPIC_ID_INVALID")
        if topic.closed:
            raise _bad("TOPIC_NOT_MODIFIED")
        topic.closed = True
        return True

    def _forum(self, given: JSON) -> int:
        chat = self._open(given)
        if chat not in self._groups or not self._groups[chat].forum:
            raise _bad("the chat is not a forum")
        if not self._is_admin_or_private(chat):
            raise _bad("not enough rights to manage topics")
        return chat

    async def _get_file(self, given: JSON) -> JSON:
        file_id = given.get("file_id", "")
        if file_id not in self._files:
            raise _bad("invalid file_id")
        found = self._files[file_id]
        if found.size > DOWNLOAD_LIMIT:
            raise _bad("file is too big")
        return {"file_id": file_id, "file_unique_id": file_id, "file_size": found.size, "file_path": found.path}


async def _parameters(request: web.Request) -> JSON:
    """Parameters from the query, a form or a JSON body, with what is JSON inside them read."""
    given: JSON = dict(request.query)
    if request.content_type == "application/json":
        given |= await request.json()
    else:
        given |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    return {name: _read(value) if name not in _WORDS else value for name, value in given.items()}


def _read(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _text(given: JSON, name: str = "text") -> tuple[str, list[JSON]]:
    """A text as it is kept, and its entities."""
    mode = given.get("parse_mode", "").lower()
    if mode not in {"", "html"}:
        raise Refused(501, "Not Implemented: this stand-in reads HTML only")
    source = given.get(name, "")
    text, entities = parse_html(source) if mode else (source, list(given.get("entities", [])))
    text, entities = _trimmed(text, entities)
    if not text:
        raise _bad("message text is empty")
    if len(text) > TEXT_LIMIT:
        raise _bad("message is too long")
    return text, [*entities, *_found_entities(text)]


def _markup(given: JSON) -> JSON | None:
    """The inline keyboard, checked; other keyboards leave no trace in a message."""
    markup = given.get("reply_markup")
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise _bad("object expected as reply markup")
    for button in (one for row in markup.get("inline_keyboard", ()) for one in row):
        if not button.get("text"):
            raise _bad("BUTTON_TEXT_INVALID")
        if "callback_data" in button and not 0 < len(button["callback_data"].encode()) <= BUTTON_LIMIT:
            raise _bad("BUTTON_DATA_INVALID")
        if not button.keys() - {"text"}:
            raise _bad("text buttons are unallowed in the inline keyboard")
    return markup if markup.get("inline_keyboard") else None
