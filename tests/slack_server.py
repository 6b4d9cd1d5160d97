"""Enough of Slack, on 127.0.0.1, for tests with the real slack-sdk and slack-bolt clients.

    async with SlackServer() as slack:
        web = AsyncWebClient(token=slack.bot_token, base_url=slack.base_url)

The test plays everybody but the app: `slack.says(lena, room, "…")` keeps the message and sets its events going, to
`slack.request_url` where one is set (signed, as over HTTP) and over Socket Mode otherwise. Nothing here sleeps:
`await slack.settled()` waits for answers, `await slack.until(…)` for a condition, and what Slack does after a time is
done by `slack.catch_up()` when the injected clock has been moved.

Shapes of Slack Connect follow what bolt-python's own tests recorded from the platform (tests/slack_bolt/request/
test_internals.py): a message from another organisation arrives with that organisation's team outside and inside and
without `user_team`; an app_mention arrives with the installed team in both places and the sender's in `user_team`.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import hashlib
import hmac
import itertools
import json
import re
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import urlencode

import aiohttp
from aiohttp import WSMsgType, web

T = TypeVar("T")
JSON = dict[str, Any]
Clock = Callable[[], datetime]

ANSWER_WITHIN = timedelta(seconds=3)
RETRY_WAITS = (timedelta(0), timedelta(minutes=1), timedelta(minutes=5))
TRIGGER_LASTS = timedelta(seconds=3)

TEXT_LIMIT = 40_000
EDIT_LIMIT = 4_000
BLOCKS_LIMIT = 50
VIEW_BLOCKS_LIMIT = 100
METADATA_LIMIT = 8_000


# --- faults and calls ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one call. ERROR is a 500, DROPPED a connection that ends without an answer; after KEPT_ what
    was asked has been done all the same."""

    status: int = 200
    error: str = ""
    kept: bool = False
    answers: bool = True
    retry_after: int = 0
    until: asyncio.Event | None = None

    ERROR: ClassVar[Fault]
    KEPT_ERROR: ClassVar[Fault]
    DROPPED: ClassVar[Fault]
    KEPT_DROPPED: ClassVar[Fault]

    @classmethod
    def TOO_MANY(cls, retry_after: int = 1) -> Fault:
        """429 with Retry-After; nothing is kept."""
        return cls(status=429, error="ratelimited", retry_after=retry_after)

    @classmethod
    def REFUSED(cls, error: str) -> Fault:
        """200 with `ok: false` and that error; nothing is kept."""
        return cls(error=error)

    @classmethod
    def SLOW(cls, until: asyncio.Event) -> Fault:
        """What was asked is done; the answer comes when the test sets the event."""
        return cls(kept=True, until=until)


Fault.ERROR = Fault(status=500, error="internal_error")
Fault.KEPT_ERROR = Fault(status=500, error="internal_error", kept=True)
Fault.DROPPED = Fault(answers=False)
Fault.KEPT_DROPPED = Fault(answers=False, kept=True)


class Faults:
    """A queue of faults a method: each call takes one."""

    def __init__(self) -> None:
        self._queues: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def add(self, method: str, *faults: Fault) -> None:
        self._queues[method].extend(faults)

    def take(self, method: str) -> Fault | None:
        queue = self._queues[method]
        return queue.popleft() if queue else None

    @property
    def left(self) -> int:
        return sum(len(queue) for queue in self._queues.values())


@dataclass(frozen=True)
class Call:
    """One call of a method, with what it was given."""

    method: str
    parameters: JSON

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]


class Refusal(Exception):
    """`ok: false` and why."""

    def __init__(self, error: str, *messages: str) -> None:
        super().__init__(error)
        self.body: JSON = {"ok": False, "error": error}
        if messages:
            self.body["errors"] = list(messages)
            self.body["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in messages]}


# --- who and where ------------------------------------------------------------------------------------------------


@dataclass(kw_only=True, eq=False)
class Team:
    """A workspace. With an enterprise (`E…`), an app_mention names that instead of the team, as on the platform."""

    id: str
    name: str
    enterprise: str | None = None

    @property
    def domain(self) -> str:
        return re.sub(r"\W+", "-", self.name.lower())


@dataclass(kw_only=True, eq=False)
class User:
    """A person or a bot. `stranger` is worked out from shared rooms unless the test sets it."""

    id: str
    name: str
    team: Team
    bot_id: str = ""
    stranger: bool | None = None
    extra: JSON = field(default_factory=dict)

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"


@dataclass(kw_only=True, eq=False)
class Channel:
    """A room, or a direct conversation. `kind` is Slack's channel_type: channel, group, im or mpim."""

    id: str
    name: str
    kind: str
    host: Team
    members: list[User] = field(default_factory=list)
    connected: list[Team] = field(default_factory=list)
    org_shared: bool = False
    archived: bool = False
    messages: list[Message] = field(default_factory=list)

    @property
    def direct(self) -> bool:
        return self.kind == "im"


@dataclass(kw_only=True, eq=False)
class Message:
    """A message as it is kept: `body` is what goes over the wire."""

    channel: Channel
    body: JSON
    whispered_to: User | None = None

    @property
    def ts(self) -> str:
        return str(self.body["ts"])

    @property
    def text(self) -> str:
        return str(self.body.get("text", ""))

    @property
    def thread_ts(self) -> str | None:
        return self.body.get("thread_ts")

    @property
    def blocks(self) -> list[JSON]:
        return list(self.body.get("blocks", []))

    @property
    def metadata(self) -> JSON | None:
        return self.body.get("metadata")

    @property
    def is_reply(self) -> bool:
        return self.thread_ts not in (None, self.ts)


@dataclass(kw_only=True, eq=False)
class View:
    """A modal or somebody's Home tab. `errors` are what the app said of the last submission."""

    owner: User
    body: JSON
    open: bool = True
    errors: JSON = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.body["id"])


# --- deliveries ---------------------------------------------------------------------------------------------------


@dataclass(kw_only=True, eq=False)
class Attempt:
    """One try to hand something to the app. `outcome` is empty until it is over, then "ok" or what went wrong."""

    number: int
    reason: str
    at: datetime
    outcome: str = ""
    status: int | None = None
    task: asyncio.Task[None] | None = None


@dataclass(kw_only=True, eq=False)
class Delivery:
    """Something for the app: an event, or what somebody did with a button or a form (which Slack never retries)."""

    kind: str
    payload: JSON
    attempts: list[Attempt] = field(default_factory=list)
    answer: JSON | None = None
    due: datetime | None = None
    due_because: str = ""
    given_up: bool = False
    on_answer: Callable[[JSON], None] | None = None

    @property
    def event(self) -> JSON:
        return dict(self.payload.get("event", {}))

    @property
    def event_id(self) -> str:
        return str(self.payload.get("event_id", ""))

    @property
    def acknowledged(self) -> bool:
        return any(attempt.outcome == "ok" for attempt in self.attempts)

    @property
    def in_flight(self) -> bool:
        return any(not attempt.outcome for attempt in self.attempts)

    def __str__(self) -> str:
        outcomes = ", ".join(attempt.outcome or "in flight" for attempt in self.attempts) or "not sent"
        what = f"{self.event.get('type')} {self.event.get('subtype', '')}" if self.event else self.payload.get("type")
        return f"{self.event_id or self.kind} {what}: {outcomes}"


class _Link:
    """One open connection of Socket Mode, with the envelopes that it has not acknowledged."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self.socket = socket
        self.unanswered: dict[str, tuple[Delivery, Attempt]] = {}
        self._transport = transport

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()


# --- Slack's limits -----------------------------------------------------------------------------------------------

_MESSAGE_BLOCKS = {"section", "header", "divider", "actions", "context", "image", "rich_text", "markdown", "input"}
_CHILDREN = ("elements", "fields", "accessory", "element", "text", "label", "title", "hint", "options", "placeholder")


def _parts(node: Any) -> Iterator[JSON]:
    """An object of Block Kit and everything inside it that is one as well."""
    if isinstance(node, list):
        for one in node:
            yield from _parts(one)
    elif isinstance(node, dict):
        yield node
        if node.get("type") != "rich_text":
            for name in _CHILDREN:
                yield from _parts(node.get(name))


def _over(part: JSON, limits: Mapping[str, int], at_least: int = 1) -> Iterator[str]:
    for name, limit in limits.items():
        value = part.get(name)
        if value is not None and not (isinstance(value, str) and at_least <= len(value) <= limit):
            yield f"{part.get('type')}.{name} must be a text of {at_least} to {limit} characters"


def _part_problems(part: JSON) -> Iterator[str]:
    match part.get("type"):
        case "plain_text" | "mrkdwn":
            yield from _over({"text": "", **part}, {"text": 3_000})
        case "button":
            text = part.get("text") or {}
            if text.get("type") != "plain_text" or len(text.get("text", "")) > 75:
                yield "button.text must be plain text of at most 75 characters"
            if part.get("style") not in (None, "primary", "danger"):
                yield "button.style must be primary or danger"
            yield from _over(part, {"value": 2_000, "url": 3_000}, at_least=0)
        case "static_select" | "radio_buttons" | "checkboxes" | "overflow":
            options = part.get("options") or []
            most = {"static_select": 100, "overflow": 5}.get(str(part["type"]), 10)
            if "option_groups" not in part and not 1 <= len(options) <= most:
                yield f"{part['type']} must have 1 to {most} options"
            for option in options:
                yield from _over(option, {"value": 150})
                if len(option.get("text", {}).get("text", "")) > 75:
                    yield "an option's text must have at most 75 characters"
    yield from _over(part, {"action_id": 255, "block_id": 255})


def _block_problems(block: JSON) -> Iterator[str]:
    elements = block.get("elements") or []
    match block.get("type"):
        case "section":
            fields = block.get("fields") or []
            if not block.get("text") and not fields:
                yield "section must have text or fields"
            if len(fields) > 10 or any(len(one.get("text", "")) > 2_000 for one in fields):
                yield "section.fields are at most 10 of at most 2000 characters"
        case "header":
            text = block.get("text") or {}
            if text.get("type") != "plain_text" or not 1 <= len(text.get("text", "")) <= 150:
                yield "header.text must be plain text of 1 to 150 characters"
        case "actions" | "context":
            most = 25 if block["type"] == "actions" else 10
            if not 1 <= len(elements) <= most:
                yield f"{block['type']} must have 1 to {most} elements"
            if block["type"] == "actions":
                ids = [one["action_id"] for one in elements if one.get("action_id")]
                if len(ids) != len(set(ids)):
                    yield "action_id must be unique in a block"
        case "input":
            label = block.get("label") or {}
            if label.get("type") != "plain_text" or len(label.get("text", "")) > 2_000 or not block.get("element"):
                yield "input must have an element and a plain label of at most 2000 characters"
        case "image":
            if not block.get("alt_text") or not (block.get("image_url") or block.get("slack_file")):
                yield "image must have alt_text and image_url"
        case "markdown":
            yield from _over({"text": "", **block}, {"text": 12_000})


def block_problems(blocks: Any, most: int = BLOCKS_LIMIT) -> list[str]:
    """What Slack would not take in these blocks."""
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        return ["blocks must be a list of objects"]
    found = [f"no more than {most} items allowed"] if len(blocks) > most else []
    found += [f"unsupported type: {block.get('type')}" for block in blocks if block.get("type") not in _MESSAGE_BLOCKS]
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    found += [f"block_id {one!r} already exists" for one in sorted({one for one in ids if ids.count(one) > 1})]
    for block in blocks:
        found += _block_problems(block)
        for part in _parts(block):
            found += _part_problems(part)
    return found


def view_problems(view: JSON) -> list[str]:
    """What Slack would not take in this view."""
    found = block_problems(view.get("blocks"), VIEW_BLOCKS_LIMIT)
    found += _over(view, {"callback_id": 255, "private_metadata": 3_000}, at_least=0)
    if view.get("type") not in ("modal", "home"):
        found.append("view.type must be modal or home")
    if view.get("type") == "modal":
        if "title" not in view:
            found.append("a modal must have a title")
        if any(block.get("type") == "input" for block in view.get("blocks") or []) and "submit" not in view:
            found.append("a modal with inputs must have submit")
    for name in ("title", "submit", "close"):
        if len((view.get(name) or {}).get("text", "")) > 24:
            found.append(f"view.{name} must have at most 24 characters")
    return found


def _control(blocks: Iterable[JSON], action_id: str, value: str | None) -> tuple[str, JSON] | None:
    """The element with that id (and value, where one is told) and the id of its block."""
    for block in blocks:
        for part in _parts(block):
            if part.get("action_id") == action_id and (
                value is None or part.get("value", value) == value or part.get("type") != "button"
            ):
                return str(block.get("block_id", "")), part
    return None


def _chosen(element: JSON, value: Any) -> JSON:
    """How an element with that value looks in a view's state or in an action."""
    options = {one["value"]: one for one in element.get("options", [])}
    kind = element["type"]
    if kind in ("static_select", "radio_buttons", "overflow"):
        return {"type": kind, "selected_option": options[value] if value is not None else None}
    if kind == "checkboxes":
        return {"type": kind, "selected_options": [options[one] for one in value or ()]}
    names = {"datepicker": "selected_date", "timepicker": "selected_time", "users_select": "selected_user"}
    return {"type": kind, names.get(kind, "value"): value}


def _rich(text: str, block_id: str) -> list[JSON]:
    """The blocks that Slack adds to what a person types."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return [{"type": "rich_text", "block_id": block_id, "elements": [section]}]


def _yes(value: Any) -> bool:
    return str(value).lower() in ("1", "true")


async def _parameters(request: web.Request) -> JSON:
    """What a call was given, in whichever of the three ways the client sends it."""
    found: JSON = dict(request.query)
    if request.content_type == "application/json":
        found |= await request.json()
    else:
        found |= dict(await request.post())
    for name in ("blocks", "metadata", "view"):
        if isinstance(found.get(name), str):
            found[name] = json.loads(found[name])
    return found


# --- the server ---------------------------------------------------------------------------------------------------


class SlackServer:
    """One workspace in which the app is installed, what else there is of Slack, and everybody in it."""

    bot_token = "xoxb-the-concierge"
    app_token = "xapp-the-concierge"
    signing_secret = "a secret between the app and this server"
    app_id = "A00000001"

    def __init__(
        self, *, clock: Clock | None = None, signs_at: Callable[[], float] = time.time, echoes: bool = True
    ) -> None:
        """`signs_at` is the time in signatures, which clients compare with the real one; `echoes` says whether the
        app is told of its own posts, as the platform does."""
        self.clock: Clock = clock or (lambda: datetime.now(UTC))
        self.signs_at = signs_at
        self.echoes = echoes
        self.request_url: str | None = None
        self.scopes: Sequence[str] = ()
        """What the bot was granted: told with every answer, and never looked at."""
        self.faults = Faults()
        self.calls: list[Call] = []
        self.deliveries: list[Delivery] = []
        self.views: list[View] = []
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.whispers: list[Message] = []
        self.files: dict[str, JSON] = {}
        self._counts: defaultdict[str, itertools.count[int]] = defaultdict(lambda: itertools.count(1))
        self.team = self.add_team("Meridian")
        self.bot = self.add_bot("concierge")
        self._last_ts = 0
        self._homes: dict[str, View] = {}
        self._triggers: dict[str, tuple[User, datetime]] = {}
        self._exchanged: set[str] = set()
        self._respond: dict[str, tuple[Channel, Message | None, User]] = {}
        self._tickets: set[str] = set()
        self._links: list[_Link] = []
        self._waiting: list[Delivery] = []
        self._held: list[Delivery] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._troubles: list[BaseException] = []
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_route("*", "/api/{method}", self._called)
        app.router.add_get("/link/{ticket}", self._linked)
        app.router.add_post("/respond/{ticket}", self._responded)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = int(self._runner.addresses[0][1])
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self.drop_sockets()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._session.close()
        await self._runner.cleanup()
        if self._troubles and error is None:
            raise AssertionError("the stand-in for Slack failed") from self._troubles[0]

    @property
    def base_url(self) -> str:
        """The `base_url` of AsyncWebClient."""
        return f"http://127.0.0.1:{self._port}/api/"

    # --- waiting and looking ---

    async def until(self, predicate: Callable[[], object], within: float = 5.0) -> None:
        """Returns when a condition holds, which is looked at with every call and every answer."""
        try:
            async with asyncio.timeout(within):
                while not predicate():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"not within {within:g} s; seen so far:\n{self._seen()}") from None

    async def settled(self, within: float = 5.0) -> None:
        """Returns when nothing that was handed to the app is without an answer."""
        await self.until(lambda: not any(delivery.in_flight for delivery in self.deliveries), within)

    async def connected(self, links: int = 1, within: float = 5.0) -> None:
        """Returns when so many connections of Socket Mode are open."""
        await self.until(lambda: len(self._links) >= links, within)

    def called(self, method: str) -> list[Call]:
        """The calls of one method, in order."""
        return [call for call in self.calls if call.method == method]

    def said(self, channel: Channel, by: User | None = None) -> list[str]:
        """The texts kept there from the app (or from somebody else), in order."""
        return [message.text for message in self.posts(channel, by)]

    def posts(self, channel: Channel, by: User | None = None) -> list[Message]:
        """What is kept there from the app (or from somebody else), in order."""
        return [message for message in channel.messages if message.body.get("user") == (by or self.bot).id]

    def whispered(self, channel: Channel, user: User) -> list[Message]:
        """What only that person was shown there."""
        return [one for one in self.whispers if one.channel is channel and one.whispered_to is user]

    def home(self, user: User) -> View:
        """What the person's Home tab shows."""
        return self._homes[user.id]

    def modal(self, user: User) -> View:
        """The form that is open in front of somebody."""
        return next(view for view in reversed(self.views) if view.owner is user and view.open)

    def _seen(self) -> str:
        calls = [f"  call {call.method} {str(call.parameters)[:300]}" for call in self.calls]
        return "\n".join([*calls, *(f"  delivery {delivery}" for delivery in self.deliveries)])

    def _id(self, prefix: str) -> str:
        return f"{prefix}{next(self._counts[prefix]):08d}"

    def _next_ts(self) -> str:
        self._last_ts = max(int(self.clock().timestamp() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    # --- who there is ---

    def add_team(self, name: str, *, enterprise: bool = False) -> Team:
        return Team(id=self._id("T"), name=name, enterprise=self._id("E") if enterprise else None)

    def add_user(self, name: str, team: Team | None = None, *, stranger: bool | None = None, **extra: Any) -> User:
        """Somebody of the own team or another one; `extra` goes into `users.info`."""
        user = User(id=self._id("U"), name=name, team=team or self.team, stranger=stranger, extra=extra)
        self.users[user.id] = user
        return user

    def add_bot(self, name: str, team: Team | None = None) -> User:
        user = self.add_user(name, team)
        user.bot_id = self._id("B")
        return user

    def add_channel(
        self,
        name: str,
        *members: User,
        private: bool = False,
        shared_with: Sequence[Team] = (),
        org_shared: bool = False,
        with_bot: bool = True,
        host: Team | None = None,
    ) -> Channel:
        """A room, without any event; teams of members from outside are connected to it."""
        channel = Channel(
            id=self._id("C"),
            name=name,
            kind="group" if private else "channel",
            host=host or self.team,
            members=[*members, *([self.bot] if with_bot else [])],
            connected=list(dict.fromkeys([*shared_with, *(one.team for one in members if one.team is not self.team)])),
            org_shared=org_shared,
        )
        self.channels[channel.id] = channel
        return channel

    def dm(self, *users: User) -> Channel:
        """The direct conversation of the app with somebody (or with several): made where there is none."""
        members = [*users, self.bot]
        for channel in self.channels.values():
            if channel.kind in ("im", "mpim") and set(channel.members) == set(members):
                return channel
        kind = "im" if len(users) == 1 else "mpim"
        made = Channel(id=self._id("D" if kind == "im" else "C"), name="", kind=kind, host=self.team, members=members)
        self.channels[made.id] = made
        return made

    def add_file(self, name: str, owner: User, *, mimetype: str = "application/pdf", size: int = 1_000) -> JSON:
        """A file that `says(…, files=[…])` can bring along."""
        file_id = self._id("F")
        self.files[file_id] = {
            "id": file_id,
            "name": name,
            "title": name,
            "mimetype": mimetype,
            "filetype": name.rpartition(".")[2],
            "user": owner.id,
            "user_team": owner.team.id,
            "size": size,
            "mode": "hosted",
            "is_external": False,
            "created": int(self.clock().timestamp()),
            "url_private": f"https://files.slack.com/files-pri/{owner.team.id}-{file_id}/{name}",
            "permalink": f"https://{owner.team.domain}.slack.com/files/{owner.id}/{file_id}/{name}",
        }
        return self.files[file_id]

    def _external(self, user: User) -> bool:
        return user.team is not self.team

    def _ext_shared(self, channel: Channel) -> bool:
        if channel.kind in ("im", "mpim"):
            return any(self._external(member) for member in channel.members)
        return bool(channel.connected) or channel.host is not self.team

    def _shares_a_room(self, user: User) -> bool:
        return any(
            user in room.members and self.bot in room.members and room.kind not in ("im", "mpim")
            for room in self.channels.values()
        )

    # --- what people do ---

    def says(
        self,
        user: User,
        channel: Channel,
        text: str,
        /,
        thread: Message | str | None = None,
        *,
        files: Sequence[JSON] = (),
        **extra: Any,
    ) -> Message:
        """Somebody (or another bot) posts; `text` as it is on the wire, with `<@U…>` and `&amp;`.

        `extra` goes into the message and its events; a None there takes the field away.
        """
        assert user in channel.members, f"{user.name} is not in {channel.name or channel.id}"
        body = self._authored(user, text)
        if files:
            outside = self._external(user) and self._ext_shared(channel)
            body |= {"subtype": "file_share", "upload": False, "display_as_bot": False}
            body["files"] = [_check_file(one) if outside else dict(one) for one in files]
        if thread is not None:
            body["thread_ts"] = thread if isinstance(thread, str) else thread.thread_ts or thread.ts
        message = self._keep(channel, _changed(body, extra))
        self._announce(message, extra)
        return message

    def _authored(self, user: User, text: str) -> JSON:
        body: JSON = {"type": "message", "user": user.id, "text": text, "ts": self._next_ts(), "team": user.team.id}
        if user.bot_id:
            app_id = self.app_id if user is self.bot else f"A{user.bot_id[1:]}"
            profile = {"id": user.bot_id, "app_id": app_id, "name": user.name, "team_id": user.team.id}
            return body | {"bot_id": user.bot_id, "app_id": app_id, "bot_profile": {**profile, "deleted": False}}
        return body | {"client_msg_id": str(uuid.uuid4()), "blocks": _rich(text, self._id("b"))}

    def _announce(self, message: Message, extra: Mapping[str, Any] | None = None) -> None:
        sender = self.users.get(str(message.body.get("user")))
        self._message_event(message.channel, message.body, sender)
        if self.bot.mention in message.text and not message.channel.direct and "subtype" not in message.body:
            body = {**message.body, "type": "app_mention"}
            if sender is not None and self._external(sender):
                seen_as = sender.team.enterprise or sender.team.id
                body |= {"team": self.team.id, "user_team": seen_as, "source_team": seen_as}
                body["user_profile"] = {"name": sender.name, "real_name": sender.name, "team": seen_as}
            body |= {"channel": message.channel.id, "event_ts": message.ts}
            self.emit(_changed(body, extra or {}), channel=message.channel)

    def edits(self, message: Message, text: str, by: User | None = None) -> Message:
        """Somebody changes what they said: `message_changed`."""
        before = copy.deepcopy(message.body)
        editor = by.id if by else message.body.get("user")
        message.body |= {"text": text, "edited": {"user": editor, "ts": self._next_ts()}}
        if "client_msg_id" in message.body:
            message.body["blocks"] = _rich(text, self._id("b"))
        self._change_event(message, before)
        return message

    def deletes(self, message: Message) -> None:
        """Somebody takes back what they said: `message_deleted`, or a tombstone where there are answers in a thread."""
        before = copy.deepcopy(message.body)
        if message.body.get("reply_count"):
            kept = {name: message.body[name] for name in ("ts", "thread_ts", "reply_count", "latest_reply")}
            gone = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "hidden": True}
            message.body = gone | {"text": "This message was deleted."} | kept
            self._change_event(message, before)
            return
        message.channel.messages.remove(message)
        moment = self._next_ts()
        event: JSON = {"type": "message", "subtype": "message_deleted", "hidden": True, "deleted_ts": message.ts}
        event |= {"ts": moment, "event_ts": moment, "previous_message": before}
        self._message_event(message.channel, event, self.users.get(str(before.get("user"))))

    def joins(self, user: User, channel: Channel, inviter: User | None = None) -> None:
        """Somebody new in a room: `member_joined_channel`, and the line that says so."""
        if self._external(user):
            assert user.team in (channel.host, *channel.connected), (
                f"{channel.name} is not shared with {user.team.name}"
            )
        channel.members.append(user)
        invited = {"inviter": inviter.id} if inviter else {}
        self._member_event("member_joined_channel", user, channel, invited)
        kind = "channel_join" if channel.kind == "channel" else "group_join"
        line = {"type": "message", "subtype": kind, "user": user.id, "ts": self._next_ts(), **invited}
        self._announce(self._keep(channel, line | {"text": f"{user.mention} has joined the channel"}))

    def leaves(self, user: User, channel: Channel) -> None:
        """Somebody goes: `member_left_channel`. The app is told of its own leaving as well."""
        self._member_event("member_left_channel", user, channel, {})
        channel.members.remove(user)

    def _member_event(self, kind: str, user: User, channel: Channel, more: JSON) -> None:
        letter = "C" if channel.kind == "channel" else "G"
        event = {"type": kind, "user": user.id, "channel": channel.id, "channel_type": letter, "team": user.team.id}
        self.emit({**event, **more, "event_ts": self._next_ts()}, channel=channel)

    def shares(self, channel: Channel, team: Team) -> None:
        """Another organisation is connected to a room: `channel_shared`."""
        channel.connected.append(team)
        event = {"type": "channel_shared", "connected_team_id": team.id, "channel": channel.id}
        self.emit({**event, "event_ts": self._next_ts()}, channel=channel)

    def unshares(self, channel: Channel, team: Team) -> None:
        """Another organisation is cut off from a room, its people with it: `channel_unshared`."""
        channel.connected.remove(team)
        channel.members = [member for member in channel.members if member.team is not team]
        event = {"type": "channel_unshared", "previously_connected_team_id": team.id, "channel": channel.id}
        more = {"is_ext_shared": self._ext_shared(channel), "event_ts": self._next_ts()}
        self.emit(event | more, channel=channel)

    def changes_id(self, channel: Channel) -> str:
        """The room goes by another id from now on: `channel_id_changed`. Returns the old one."""
        old = channel.id
        channel.id = self._id("C")
        self.channels[channel.id] = self.channels.pop(old)
        event = {"type": "channel_id_changed", "old_channel_id": old, "new_channel_id": channel.id}
        self.emit({**event, "event_ts": self._next_ts()}, channel=channel)
        return old

    def reacts(self, user: User, message: Message, name: str = "eyes") -> Delivery | None:
        """Somebody puts a sign beneath a message: `reaction_added`, which names no team."""
        item = {"type": "message", "channel": message.channel.id, "ts": message.ts}
        event: JSON = {"type": "reaction_added", "user": user.id, "reaction": name, "item": item}
        event |= {"item_user": message.body.get("user"), "event_ts": self._next_ts()}
        return self.emit(event, channel=message.channel)

    def opens_home(self, user: User) -> Delivery | None:
        """Somebody looks at the app's Home tab: `app_home_opened`."""
        event = {"type": "app_home_opened", "user": user.id, "channel": self.dm(user).id, "tab": "home"}
        return self.emit({**event, "event_ts": self._next_ts()})

    def presses(
        self, user: User, where: Message | View, action_id: str, value: str | None = None, **extra: Any
    ) -> Delivery:
        """Somebody presses a button (or chooses an option) in a message, a form or a Home tab.

        Told a value that is not there, this is what a screen that is out of date, or a forger, sends. `extra` goes into
        the action.
        """
        found = _control(where.blocks if isinstance(where, Message) else where.body["blocks"], action_id, value)
        if found is None and value is None:
            raise LookupError(f"nothing there has the action {action_id!r}")
        block_id, element = found or (self._id("b"), {"type": "button", "value": value})
        action: JSON = {"type": element["type"], "action_id": action_id, "block_id": block_id}
        if element["type"] == "button":
            action |= {name: element[name] for name in ("text", "value", "style", "url") if name in element}
        else:
            action |= _chosen(element, value)
        action = _changed(action, {"action_ts": self._next_ts(), **extra})
        payload = self._interaction("block_actions", user) | {"actions": [action]}
        return self._deliver(Delivery(kind="interactive", payload=payload | self._pressed_in(where, user)))

    def _pressed_in(self, where: Message | View, user: User) -> JSON:
        if isinstance(where, View):
            return {"container": {"type": "view", "view_id": where.id}, "view": copy.deepcopy(where.body)}
        whispered = where.whispered_to is not None
        channel, ticket = where.channel, self._id("R")
        self._respond[ticket] = (channel, where, user)
        container = {"type": "message", "message_ts": where.ts, "channel_id": channel.id, "is_ephemeral": whispered}
        found: JSON = {"container": container, "channel": {"id": channel.id, "name": self._name_in_press(channel)}}
        if not whispered:
            found["message"] = copy.deepcopy(where.body)
        return found | {
            "state": {"values": {}},
            "response_url": f"http://127.0.0.1:{self._port}/respond/{ticket}",
        }

    def submits(self, view: View, values: Mapping[str, Any] | None = None, user: User | None = None) -> Delivery:
        """Somebody sends a form off: `values` are what they gave, by action_id. The app's answer closes, changes or
        keeps the form, as on the platform."""
        told = dict(values or {})
        states: defaultdict[str, JSON] = defaultdict(dict)
        for block in view.body["blocks"]:
            if block["type"] == "input":
                element = block["element"]
                value = told.pop(element["action_id"], element.get("initial_value"))
                assert value is not None or block.get("optional"), f"{element['action_id']} must be filled in"
                states[block["block_id"]][element["action_id"]] = _chosen(element, value)
        assert not told, f"the form does not ask for {sorted(told)}"
        view.body["state"] = {"values": dict(states)}
        payload = self._interaction("view_submission", user or view.owner) | {"response_urls": []}
        payload |= {"view": copy.deepcopy(view.body), "team": _team_in_press((user or view.owner).team)}
        delivery = Delivery(kind="interactive", payload=payload)
        delivery.on_answer = lambda answer: self._submitted(view, answer)
        return self._deliver(delivery)

    def _submitted(self, view: View, answer: JSON) -> None:
        match answer.get("response_action"):
            case "errors":
                view.errors = answer["errors"]
            case "update":
                view.body |= self._view_body(answer["view"], view.owner) | {"id": view.id}
            case "push":
                self._open_view(answer["view"], view.owner)
            case "clear":
                for one in self.views:
                    one.open = one.open and one.owner is not view.owner
            case _:
                view.open = False

    def closes(self, view: View) -> Delivery | None:
        """Somebody puts a form away; the app hears of it where it asked to (`notify_on_close`)."""
        view.open = False
        if not view.body.get("notify_on_close"):
            return None
        payload = self._interaction("view_closed", view.owner) | {"view": copy.deepcopy(view.body), "is_cleared": False}
        return self._deliver(Delivery(kind="interactive", payload=payload))

    def _interaction(self, kind: str, user: User) -> JSON:
        trigger = self._id("trigger.")
        self._triggers[trigger] = (user, self.clock())
        who = {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team.id}
        found: JSON = {"type": kind, "user": who, "api_app_id": self.app_id, "token": "unused", "enterprise": None}
        return found | {"team": _team_in_press(self.team), "is_enterprise_install": False, "trigger_id": trigger}

    def _name_in_press(self, channel: Channel) -> str:
        return {"im": "directmessage", "group": "privategroup"}.get(channel.kind, channel.name)

    # --- keeping messages and telling of them ---

    def _keep(self, channel: Channel, body: JSON) -> Message:
        for block in body.get("blocks", []):
            block.setdefault("block_id", self._id("b"))
        message = Message(channel=channel, body=body)
        channel.messages.append(message)
        parent = self._find(channel, str(message.thread_ts)) if message.is_reply else None
        if parent is not None:
            body["parent_user_id"] = parent.body.get("user")
            users = [*parent.body.get("reply_users", []), body.get("user")]
            parent.body |= {"thread_ts": parent.ts, "reply_count": parent.body.get("reply_count", 0) + 1}
            parent.body |= {"latest_reply": message.ts, "reply_users": list(dict.fromkeys(users))}
        return message

    def _find(self, channel: Channel, ts: str) -> Message | None:
        return next((message for message in channel.messages if message.ts == ts), None)

    def _message_event(self, channel: Channel, body: JSON, sender: User | None) -> None:
        event = {"event_ts": body["ts"], **copy.deepcopy(body), "channel": channel.id, "channel_type": channel.kind}
        outside = sender is not None and self._external(sender) and self._ext_shared(channel)
        self.emit(event, channel=channel, outer=sender.team if sender and outside else None)

    def _change_event(self, message: Message, before: JSON) -> None:
        moment = self._next_ts()
        event = {"type": "message", "subtype": "message_changed", "hidden": True, "ts": moment, "event_ts": moment}
        event |= {"message": copy.deepcopy(message.body), "previous_message": before}
        self._message_event(message.channel, event, self.users.get(str(before.get("user"))))

    def emit(self, event: JSON, *, channel: Channel | None = None, outer: Team | None = None) -> Delivery | None:
        """Tells the app of anything at all, where it reads along. `outer` is the team on the outside."""
        if channel is not None and self.bot not in channel.members:
            return None
        authors = (event.get("user"), *(event.get(part, {}).get("user") for part in ("message", "previous_message")))
        if not self.echoes and event["type"] == "message" and self.bot.id in authors:
            return None
        outer = outer or self.team
        context = json.dumps({"et": event["type"], "tid": outer.id, "aid": self.app_id, "cid": event.get("channel")})
        install = {"enterprise_id": None, "team_id": self.team.id, "user_id": self.bot.id, "is_bot": True}
        payload = {
            "token": "unused",
            "team_id": outer.id,
            "context_team_id": self.team.id,
            "context_enterprise_id": None,
            "api_app_id": self.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": self._id("Ev"),
            "event_time": int(self.clock().timestamp()),
            "authorizations": [{**install, "is_enterprise_install": False}],
            "is_ext_shared_channel": channel is not None and self._ext_shared(channel),
            "event_context": "4-" + base64.urlsafe_b64encode(context.encode()).decode().rstrip("="),
        }
        if outer.enterprise:
            payload["enterprise_id"] = outer.enterprise
        return self._deliver(Delivery(kind="events_api", payload=payload))

    # --- handing over ---

    @contextmanager
    def held(self) -> Iterator[list[Delivery]]:
        """Nothing that happens inside is handed over: the test does that with `deliver`, in its own order, or never."""
        assert self._held is None, "something is being held already"
        held: list[Delivery] = []
        self._held = held
        try:
            yield held
        finally:
            self._held = None

    @contextmanager
    def out_of_order(self) -> Iterator[None]:
        """What happens inside is handed over afterwards, the last first."""
        with self.held() as held:
            yield
        self.deliver(*reversed(held))

    def deliver(self, *deliveries: Delivery, reason: str = "http_timeout") -> None:
        """Hands something over now; what the app had before comes as a retry, with the same event_id."""
        for delivery in deliveries:
            self._send(delivery, reason if delivery.attempts else "")

    def catch_up(self) -> None:
        """Does what is due by the clock: gives up on answers after 3 s, and tries again 0 s, 1 min and 5 min later."""
        now = self.clock()
        for delivery in self.deliveries:
            for attempt in list(delivery.attempts):
                if not attempt.outcome and now - attempt.at >= ANSWER_WITHIN:
                    if attempt.task is not None:
                        attempt.task.cancel()
                    self._failed(delivery, attempt, "http_timeout")
            if delivery.due is not None and delivery.due <= now:
                self._send(delivery, delivery.due_because)

    async def disconnects(self, reason: str = "refresh_requested") -> None:
        """Asks every connection of Socket Mode to go and come again, as Slack does every hour or so."""
        for link in list(self._links):
            await link.socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "127.0.0.1"}})

    def drop_sockets(self) -> None:
        """Cuts every connection of Socket Mode without a word; what was not acknowledged comes again on the next."""
        for link in list(self._links):
            link.drop()

    def _deliver(self, delivery: Delivery) -> Delivery:
        self.deliveries.append(delivery)
        if self._held is not None:
            self._held.append(delivery)
        else:
            self._send(delivery)
        self._notify()
        return delivery

    def _send(self, delivery: Delivery, reason: str = "") -> None:
        delivery.due = None
        if self.request_url is None and not self._links:
            self._waiting.append(delivery)
            return
        attempt = Attempt(number=len(delivery.attempts), reason=reason, at=self.clock())
        delivery.attempts.append(attempt)
        if self.request_url is None:
            self._spawn(self._push(self._links[-1], delivery, attempt))
        else:
            attempt.task = self._spawn(self._post(self.request_url, delivery, attempt))

    def _failed(self, delivery: Delivery, attempt: Attempt, why: str, *, retry: bool = True) -> None:
        attempt.outcome = why
        retries = len(delivery.attempts) - 1
        if delivery.kind != "events_api" or not retry or retries >= len(RETRY_WAITS):
            delivery.given_up = True
        elif not delivery.acknowledged:
            delivery.due = self.clock() + RETRY_WAITS[retries]
            delivery.due_because = why
            if not RETRY_WAITS[retries]:
                self._send(delivery, why)
        self._notify()

    def _answered(self, delivery: Delivery, attempt: Attempt, answer: JSON) -> None:
        attempt.outcome = "ok"
        delivery.answer = answer
        delivery.due = None
        if delivery.on_answer is not None:
            delivery.on_answer(answer)
        self._notify()

    async def _post(self, url: str, delivery: Delivery, attempt: Attempt) -> None:
        text = json.dumps(delivery.payload)
        events = delivery.kind == "events_api"
        body = text if events else urlencode({"payload": text})
        headers = {"Content-Type": "application/json" if events else "application/x-www-form-urlencoded"}
        headers |= self.signed(body)
        if attempt.number:
            headers |= {"X-Slack-Retry-Num": str(attempt.number), "X-Slack-Retry-Reason": attempt.reason}
        try:
            async with self._session.post(url, data=body.encode(), headers=headers) as response:
                answer = await response.text()
        except aiohttp.ClientError:
            if not attempt.outcome:
                self._failed(delivery, attempt, "connection_failed")
            return
        attempt.status = response.status
        if response.status == 200:
            self._answered(delivery, attempt, json.loads(answer) if answer.startswith("{") else {})
        else:
            self._failed(delivery, attempt, "http_error", retry=response.headers.get("X-Slack-No-Retry") != "1")

    def signed(self, body: str) -> dict[str, str]:
        """The headers by which the app knows that a body came from here."""
        moment = str(int(self.signs_at()))
        digest = hmac.new(self.signing_secret.encode(), f"v0:{moment}:{body}".encode(), hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={digest}"}

    async def _push(self, link: _Link, delivery: Delivery, attempt: Attempt) -> None:
        envelope_id = str(uuid.uuid4())
        link.unanswered[envelope_id] = (delivery, attempt)
        envelope: JSON = {"envelope_id": envelope_id, "type": delivery.kind, "payload": delivery.payload}
        if delivery.kind == "events_api":
            reason = {"http_timeout": "timeout"}.get(attempt.reason, attempt.reason)
            envelope |= {"retry_attempt": attempt.number, "retry_reason": reason}
        envelope["accepts_response_payload"] = delivery.kind != "events_api"
        try:
            await link.socket.send_json(envelope)
        except ConnectionError:
            self._lost(link)

    async def _linked(self, request: web.Request) -> web.StreamResponse:
        ticket = request.match_info["ticket"]
        if ticket not in self._tickets:
            return web.Response(status=403)
        self._tickets.remove(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        link = _Link(socket, request.transport)
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": len(self._links) + 1,
                "connection_info": {"app_id": self.app_id},
                "debug_info": {"host": "127.0.0.1", "approximate_connection_time": 3_600},
            }
        )
        self._links.append(link)
        waiting, self._waiting = self._waiting, []
        for delivery in waiting:
            self._send(delivery, "timeout" if delivery.attempts else "")
        self._notify()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self._acknowledged(link, json.loads(message.data))
        self._lost(link)
        return socket

    def _acknowledged(self, link: _Link, told: JSON) -> None:
        """An ack counts on the connection that brought the envelope, and in time; otherwise the event comes again."""
        delivery, attempt = link.unanswered.pop(told["envelope_id"], (None, None))
        if delivery is not None and attempt is not None and not attempt.outcome:
            self._answered(delivery, attempt, told.get("payload") or {})

    def _lost(self, link: _Link) -> None:
        """A connection is gone: what it had not acknowledged waits for the next one."""
        if link in self._links:
            self._links.remove(link)
        unanswered, link.unanswered = link.unanswered, {}
        for delivery, attempt in unanswered.values():
            if not attempt.outcome:
                attempt.outcome = "connection_lost"
            delivery.given_up = delivery.kind != "events_api"
            if not delivery.given_up and not delivery.in_flight and not delivery.acknowledged:
                if self._links:
                    self._send(delivery, "timeout")
                else:
                    self._waiting.append(delivery)
        self._notify()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        trouble = None if task.cancelled() else task.exception()
        if trouble is not None:
            self._troubles.append(trouble)

    def _notify(self) -> None:
        self._changed.set()

    # --- being called ---

    async def _called(self, request: web.Request) -> web.StreamResponse:
        method, given = request.match_info["method"], await _parameters(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or str(given.pop("token", ""))
        self.calls.append(Call(method, given))
        self._notify()
        fault = self.faults.take(method) or Fault(kept=True)
        answer = self._answer(method, given, token) if fault.kept else {}
        self._notify()
        if fault.until is not None:
            await self._wait_for(fault.until)
        if not fault.answers and request.transport is not None:
            request.transport.close()
        if fault.error:
            answer = {"ok": False, "error": fault.error}
        headers = {"X-OAuth-Scopes": ",".join(self.scopes)}
        if fault.retry_after:
            headers["Retry-After"] = str(fault.retry_after)
        return web.json_response(answer, status=fault.status, headers=headers)

    async def _wait_for(self, event: asyncio.Event) -> None:
        """Returns when the event is set, or the server stops."""
        waits = [asyncio.ensure_future(one.wait()) for one in (event, self._stopping)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()

    def _answer(self, method: str, given: JSON, token: str) -> JSON:
        step = self._methods.get(method)
        if step is None:
            return {"ok": False, "error": "unknown_method"}
        try:
            expected = self.app_token if method == "apps.connections.open" else self.bot_token
            if token != expected:
                known = token in (self.app_token, self.bot_token)
                raise Refusal("not_allowed_token_type" if known else "invalid_auth" if token else "not_authed")
            return copy.deepcopy({"ok": True, **step(self, given)})
        except Refusal as refusal:
            return refusal.body
        except Exception as trouble:
            self._troubles.append(trouble)
            raise

    def _auth_test(self, given: JSON) -> JSON:
        found = {"url": f"https://{self.team.domain}.slack.com/", "team": self.team.name, "team_id": self.team.id}
        found |= {"user": self.bot.name, "user_id": self.bot.id, "bot_id": self.bot.bot_id}
        return {**found, "is_enterprise_install": False}

    def _connections_open(self, given: JSON) -> JSON:
        ticket = uuid.uuid4().hex
        self._tickets.add(ticket)
        return {"url": f"ws://127.0.0.1:{self._port}/link/{ticket}"}

    def _user(self, user_id: Any, error: str = "user_not_found") -> User:
        user = self.users.get(str(user_id))
        if user is None:
            raise Refusal(error)
        return user

    def _user_body(self, user: User) -> JSON:
        found: JSON = {
            "id": user.id,
            "team_id": user.team.id,
            "name": user.name,
            "real_name": user.name,
            "deleted": False,
            "profile": {"real_name": user.name, "display_name": user.name, "team": user.team.id},
            "is_bot": bool(user.bot_id),
            "is_app_user": False,
            "updated": 1,
        }
        if self._external(user):
            found["is_stranger"] = not self._shares_a_room(user) if user.stranger is None else user.stranger
        else:
            found |= {"is_admin": False, "is_restricted": False, "tz": "Europe/Paris", "tz_offset": 3_600}
        return found | user.extra

    def _users_info(self, given: JSON) -> JSON:
        return {"user": self._user_body(self._user(given.get("user")))}

    def _users_list(self, given: JSON) -> JSON:
        own = [user for user in self.users.values() if not self._external(user)]
        page, more = _page(own, given, lambda user: user.id)
        return {"members": [self._user_body(user) for user in page], **more}

    def _room(self, given: JSON, *, inside: bool = True) -> Channel:
        channel = self.channels.get(str(given.get("channel")))
        present = channel is not None and self.bot in channel.members
        if channel is None or (channel.kind != "channel" and not present):
            raise Refusal("channel_not_found")
        if inside and not present:
            raise Refusal("not_in_channel")
        return channel

    def _channel_body(self, channel: Channel) -> JSON:
        outside = self._ext_shared(channel)
        found: JSON = {"id": channel.id, "created": 1, "is_archived": channel.archived, "is_im": channel.direct}
        found |= {"is_org_shared": channel.org_shared, "context_team_id": self.team.id, "is_ext_shared": outside}
        if channel.direct:
            return found | {"user": channel.members[0].id, "is_open": True, "is_shared": outside}
        teams = [self.team.id, *(team.id for team in channel.connected)]
        return found | {
            "name": channel.name,
            "name_normalized": channel.name,
            "is_channel": channel.kind == "channel",
            "is_group": channel.kind == "group",
            "is_mpim": channel.kind == "mpim",
            "is_private": channel.kind != "channel",
            "is_shared": outside or channel.org_shared,
            "is_pending_ext_shared": False,
            "pending_shared": [],
            "conversation_host_id": channel.host.id,
            "shared_team_ids": teams,
            "connected_team_ids": teams[1:],
            "internal_team_ids": [],
            "is_member": self.bot in channel.members,
            "is_general": False,
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "previous_names": [],
        }

    def _conversations_info(self, given: JSON) -> JSON:
        channel = self._room(given, inside=False)
        body = self._channel_body(channel)
        return {
            "channel": body | ({"num_members": len(channel.members)} if _yes(given.get("include_num_members")) else {})
        }

    def _conversations_members(self, given: JSON) -> JSON:
        page, more = _page(self._room(given, inside=False).members, given, lambda user: user.id)
        return {"members": [member.id for member in page], **more}

    def _conversations_open(self, given: JSON) -> JSON:
        if given.get("channel"):
            return {"channel": {"id": self._room(given).id}}
        ids = [one for one in str(given.get("users", "")).split(",") if one]
        if not ids:
            raise Refusal("users_list_not_supplied")
        users = [self._user(one) for one in ids]
        for user in users:
            self._may_write_to(user)
        channel = self.dm(*users)
        whole = self._channel_body(channel) if _yes(given.get("return_im")) else {"id": channel.id}
        return {"channel": whole}

    def _may_write_to(self, user: User) -> None:
        if user is self.bot or user.bot_id:
            raise Refusal("cannot_dm_bot")
        if self._external(user) and not self._shares_a_room(user):
            raise Refusal("cannot_dm_user")

    def _conversations_history(self, given: JSON) -> JSON:
        channel = self._room(given)
        found = [
            message
            for message in reversed(channel.messages)
            if (not message.is_reply or message.body.get("subtype") == "thread_broadcast") and _between(message, given)
        ]
        page, more = _page(found, given, lambda message: message.ts)
        return {"messages": [_shown(message, given) for message in page], "pin_count": 0, **more}

    def _conversations_replies(self, given: JSON) -> JSON:
        channel = self._room(given)
        asked = self._find(channel, str(given.get("ts")))
        if asked is None:
            raise Refusal("thread_not_found")
        root = asked.thread_ts or asked.ts
        found = [
            message
            for message in channel.messages
            if message.ts == root or (message.thread_ts == root and _between(message, given))
        ]
        page, more = _page(found, given, lambda message: message.ts)
        return {"messages": [_shown(message, given) for message in page], **more}

    def _where_to_post(self, given: JSON) -> Channel:
        asked = str(given.get("channel", ""))
        if asked.startswith("U"):
            user = self._user(asked, "channel_not_found")
            self._may_write_to(user)
            return self.dm(user)
        channel = self._room(given)
        if channel.archived:
            raise Refusal("is_archived")
        if channel.direct:
            self._may_write_to(channel.members[0])
        return channel

    def _content(self, given: JSON, most: int = TEXT_LIMIT) -> JSON:
        text, blocks, metadata = given.get("text", ""), given.get("blocks"), given.get("metadata")
        if not text and not blocks and not given.get("attachments"):
            raise Refusal("no_text")
        if len(text) > most:
            raise Refusal("msg_too_long")
        if blocks is not None:
            problems = block_problems(blocks)
            if problems:
                raise Refusal("invalid_blocks", *problems)
        if metadata is not None:
            if not isinstance(metadata, dict) or not {"event_type", "event_payload"} <= metadata.keys():
                raise Refusal("invalid_metadata_format")
            if len(json.dumps(metadata)) > METADATA_LIMIT:
                raise Refusal("metadata_too_large")
        found = {"text": text, "blocks": blocks, "metadata": metadata, "attachments": given.get("attachments")}
        return {name: copy.deepcopy(value) for name, value in found.items() if value is not None}

    def _chat_post(self, given: JSON) -> JSON:
        channel, content = self._where_to_post(given), self._content(given)
        thread = given.get("thread_ts")
        if thread is not None:
            if not re.fullmatch(r"\d{10}\.\d{6}", str(thread)):
                raise Refusal("invalid_thread_ts")
            parent = self._find(channel, str(thread))
            if parent is None:
                raise Refusal("thread_not_found")
            content["thread_ts"] = parent.thread_ts or parent.ts
            if _yes(given.get("reply_broadcast")):
                content["subtype"] = "thread_broadcast"
        message = self._keep(channel, self._authored(self.bot, "") | content)
        self._announce(message)
        return {"channel": channel.id, "ts": message.ts, "message": message.body}

    def _own(self, given: JSON, error: str) -> Message:
        message = self._find(self._room(given), str(given.get("ts")))
        if message is None:
            raise Refusal("message_not_found")
        if message.body.get("user") != self.bot.id:
            raise Refusal(error)
        return message

    def _chat_update(self, given: JSON) -> JSON:
        message = self._own(given, "cant_update_message")
        content, before = self._content(given, EDIT_LIMIT), copy.deepcopy(message.body)
        message.body |= {name: value for name, value in content.items() if name != "text" or "text" in given}
        message.body["edited"] = {"user": self.bot.bot_id, "ts": self._next_ts()}
        for block in message.body.get("blocks", []):
            block.setdefault("block_id", self._id("b"))
        self._change_event(message, before)
        return {"channel": message.channel.id, "ts": message.ts, "text": message.text, "message": message.body}

    def _chat_delete(self, given: JSON) -> JSON:
        message = self._own(given, "cant_delete_message")
        self.deletes(message)
        return {"channel": message.channel.id, "ts": message.ts}

    def _chat_post_ephemeral(self, given: JSON) -> JSON:
        channel, content = self._room(given), self._content(given)
        user = self._user(given.get("user"), "user_not_in_channel")
        if user not in channel.members:
            raise Refusal("user_not_in_channel")
        return {"message_ts": self._whisper(channel, user, content).ts}

    def _whisper(self, channel: Channel, user: User, content: JSON) -> Message:
        body = self._authored(self.bot, "") | content
        for block in body.get("blocks", []):
            block.setdefault("block_id", self._id("b"))
        message = Message(channel=channel, body=body, whispered_to=user)
        self.whispers.append(message)
        return message

    def _chat_get_permalink(self, given: JSON) -> JSON:
        channel = self._room(given, inside=False)
        message = self._find(channel, str(given.get("message_ts")))
        if message is None:
            raise Refusal("message_not_found")
        link = f"https://{self.team.domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
        return {
            "channel": channel.id,
            "permalink": link + (f"?thread_ts={message.thread_ts}&cid={channel.id}" if message.is_reply else ""),
        }

    def _reactions_add(self, given: JSON) -> JSON:
        message = self._find(self._room(given), str(given.get("timestamp")))
        if message is None:
            raise Refusal("message_not_found")
        reactions: list[JSON] = message.body.setdefault("reactions", [])
        reaction = next((one for one in reactions if one["name"] == given.get("name")), None)
        if reaction is None:
            reaction = {"name": given.get("name"), "users": [], "count": 0}
            reactions.append(reaction)
        if self.bot.id in reaction["users"]:
            raise Refusal("already_reacted")
        reaction["users"].append(self.bot.id)
        reaction["count"] += 1
        self.reacts(self.bot, message, str(given.get("name")))
        return {}

    def _files_info(self, given: JSON) -> JSON:
        file = self.files.get(str(given.get("file")))
        if file is None:
            raise Refusal("file_not_found")
        return {"file": file, "comments": [], "response_metadata": {"next_cursor": ""}}

    # --- views ---

    def _view_body(self, view: JSON, owner: User) -> JSON:
        body: JSON = {"callback_id": "", "private_metadata": "", "external_id": "", "previous_view_id": None}
        body |= {"title": None, "submit": None, "close": None, "clear_on_close": False, "notify_on_close": False}
        body |= copy.deepcopy(view) | {"state": {"values": {}}, "hash": self._id("hash.")}
        body |= {"team_id": owner.team.id, "app_installed_team_id": self.team.id}
        for block in body["blocks"]:
            block.setdefault("block_id", self._id("b"))
            for part in _parts(block):
                if part.get("type") not in (None, "plain_text", "mrkdwn") and part is not block:
                    part.setdefault("action_id", self._id("a"))
        return body | {"app_id": self.app_id, "bot_id": self.bot.bot_id}

    def _open_view(self, given: JSON, owner: User) -> View:
        view = View(owner=owner, body=self._view_body(given, owner) | {"id": self._id("V")})
        view.body["root_view_id"] = view.id
        self.views.append(view)
        return view

    def _checked_view(self, given: JSON) -> JSON:
        view = given.get("view")
        problems = view_problems(view) if isinstance(view, dict) else ["view must be an object"]
        if not isinstance(view, dict) or problems:
            raise Refusal("invalid_arguments", *problems)
        return view

    def _views_open(self, given: JSON) -> JSON:
        view = self._checked_view(given)
        found = self._triggers.get(str(given.get("trigger_id")))
        if found is None:
            raise Refusal("invalid_trigger_id")
        owner, since = found
        if self.clock() - since > TRIGGER_LASTS:
            raise Refusal("expired_trigger_id")
        if given["trigger_id"] in self._exchanged:
            raise Refusal("exchanged_trigger_id")
        self._exchanged.add(given["trigger_id"])
        return {"view": self._open_view(view, owner).body}

    def _views_update(self, given: JSON) -> JSON:
        told = self._checked_view(given)
        name, key = ("id", "view_id") if given.get("view_id") else ("external_id", "external_id")
        view = next((one for one in self.views if one.open and one.body[name] == given.get(key)), None)
        if view is None:
            raise Refusal("not_found")
        if given.get("hash") not in (None, view.body["hash"]):
            raise Refusal("hash_conflict")
        view.body |= self._view_body(told, view.owner)
        return {"view": view.body}

    def _views_publish(self, given: JSON) -> JSON:
        told, owner = self._checked_view(given), self._user(given.get("user_id"))
        before = self._homes.get(owner.id)
        if before is not None and given.get("hash") not in (None, before.body["hash"]):
            raise Refusal("hash_conflict")
        body = self._view_body(told, owner) | {"id": before.id if before else self._id("V")}
        self._homes[owner.id] = View(owner=owner, body=body)
        return {"view": body}

    # --- response_url ---

    async def _responded(self, request: web.Request) -> web.StreamResponse:
        given = await _parameters(request)
        self.calls.append(Call("response_url", given))
        channel, message, user = self._respond[request.match_info["ticket"]]
        fault = self.faults.take("response_url")
        if fault is not None and not fault.kept:
            return web.Response(status=fault.status, text=fault.error)
        self._respond_with(given, channel, message, user)
        self._notify()
        return web.Response(text="ok")

    def _respond_with(self, given: JSON, channel: Channel, message: Message | None, user: User) -> None:
        kept = message is not None and message.whispered_to is None
        if _yes(given.get("delete_original")) and message is not None:
            self.deletes(message) if kept else self.whispers.remove(message)
        elif _yes(given.get("replace_original")) and message is not None:
            before = copy.deepcopy(message.body)
            message.body |= self._content(given)
            if kept:
                self._change_event(message, before)
        elif given.get("response_type") == "in_channel":
            self._announce(self._keep(channel, self._authored(self.bot, "") | self._content(given)))
        else:
            self._whisper(channel, user, self._content(given))

    _methods: Mapping[str, Callable[[SlackServer, JSON], JSON]] = {
        "apps.connections.open": _connections_open,
        "auth.test": _auth_test,
        "chat.delete": _chat_delete,
        "chat.getPermalink": _chat_get_permalink,
        "chat.postEphemeral": _chat_post_ephemeral,
        "chat.postMessage": _chat_post,
        "chat.update": _chat_update,
        "conversations.history": _conversations_history,
        "conversations.info": _conversations_info,
        "conversations.members": _conversations_members,
        "conversations.open": _conversations_open,
        "conversations.replies": _conversations_replies,
        "files.info": _files_info,
        "reactions.add": _reactions_add,
        "users.info": _users_info,
        "users.list": _users_list,
        "views.open": _views_open,
        "views.publish": _views_publish,
        "views.update": _views_update,
    }


def _check_file(file: JSON) -> JSON:
    """What an event says of another organisation's file: nothing but that one has to ask."""
    return {"id": file["id"], "created": 0, "timestamp": 0, "mode": "file_access", "file_access": "check_file_info"}


def _team_in_press(team: Team) -> JSON:
    return {"id": team.id, "domain": team.domain}


def _changed(body: JSON, extra: Mapping[str, Any]) -> JSON:
    """The body with what a test adds to it, and without what it sets to None."""
    return {name: value for name, value in (body | dict(extra)).items() if value is not None or name not in extra}


def _between(message: Message, given: JSON) -> bool:
    oldest, latest = str(given.get("oldest") or "0"), str(given.get("latest") or "9999999999.999999")
    if _yes(given.get("inclusive")) and message.ts in (oldest, latest):
        return True
    return _padded(oldest) < message.ts < _padded(latest)


def _padded(moment: str) -> str:
    """A moment that sorts as a string among others, however it was written."""
    whole, _, part = moment.partition(".")
    return f"{whole:0>10}.{part:0<6}"


def _shown(message: Message, given: JSON) -> JSON:
    with_metadata = _yes(given.get("include_all_metadata"))
    return {name: value for name, value in message.body.items() if with_metadata or name != "metadata"}


def _page(found: Sequence[T], given: JSON, name: Callable[[T], str]) -> tuple[Sequence[T], JSON]:
    """The part of what was found that the cursor asks for. The cursor names what comes next, so that what is said
    between two pages moves nothing."""
    start = 0
    if given.get("cursor"):
        cursors = [_cursor(name(one)) for one in found]
        if given["cursor"] not in cursors:
            raise Refusal("invalid_cursor")
        start = cursors.index(given["cursor"])
    end = start + min(int(given.get("limit") or 100), 1_000)
    more = len(found) > end
    cursor = _cursor(name(found[end])) if more else ""
    return found[start:end], {"has_more": more, "response_metadata": {"next_cursor": cursor}}


def _cursor(name: str) -> str:
    return base64.b64encode(f"next:{name}".encode()).decode()
