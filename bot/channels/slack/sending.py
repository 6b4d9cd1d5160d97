"""Slack's outbound side: posts delivered with the Web API, looked up again, and who reads in a room.

Nothing here tries twice by itself: whether and when to send again is the outbox's business, which a SendError tells
whether the post can have arrived.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.channels.slack.blocks import home, message
from bot.messages import SLACK, Act, Address, Identity, Pace, Post, Purpose, SendError, Sent

T = TypeVar("T")
ClientFor = Callable[[str], Awaitable[AsyncWebClient | None]]

SLACK_PACE = Pace(room_gap=timedelta(seconds=1))
"""One message a second to a room. For a workspace Slack promises no number (“several hundred a minute”, fewer for other
methods) and says with each 429 how long to wait: docs.slack.dev/apis/web-api/rate-limits."""

EVENT = "concierge_post"
DELIVERED = "white_check_mark"
STATUS = "is looking it up…"
_TIMEOUT = 10
_PAGE, _PAGES = 100, 2
_THREAD_PAGES = 10
_MOST_READERS = 200
_AT_ONCE = 8
_KNOWN_FOR = timedelta(minutes=10)

_TROUBLES = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)
_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError)


def web_client(token: str, base_url: str) -> AsyncWebClient:
    """A client that asks once: slack-sdk's own handler posts twice when only the reply was lost."""
    # slack-sdk logs whole requests, customers' words among them, where its logger lets DEBUG through
    logger = logging.getLogger("bot.channels.slack.web")
    logger.setLevel(logging.INFO)
    return AsyncWebClient(token=token, base_url=base_url, timeout=_TIMEOUT, retry_handlers=[], logger=logger)


class SlackChannel:
    """Delivers to every workspace in which the app is installed. `client_for` gives the client of a team, or None."""

    name = SLACK
    exclusive = False

    def __init__(
        self,
        *,
        client_for: ClientFor,
        pace: Pace = SLACK_PACE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.pace = pace
        self._client_for = client_for
        self._now = now
        self._own: dict[str, str] = {}
        self._teams: dict[tuple[str, str], tuple[datetime, str]] = {}

    def hosts(self, address: Address) -> bool:
        """Whether it is an address of Slack."""
        return address.channel == SLACK

    async def send(self, post: Post) -> Sent:
        """Does with the post what its act says. Raises SendError."""
        if post.act is Act.TOPIC:
            raise SendError("Slack has no topics: a thread is opened by its first message", retry=False)
        client = await self._client(post.address.team)
        if post.act in (Act.SAY, Act.EDIT, Act.WHISPER):
            await self._keep_inside(client, post)
        try:
            return await _DO[post.act](client, post)
        except _TROUBLES as trouble:
            raise send_error(trouble, post.act) from trouble

    async def find(self, post: Post) -> Sent | None:
        """The message that carries the post's id; None where Slack has none, or where sending again does no harm."""
        if post.act is not Act.SAY:
            return None
        client = await self._client(post.address.team)
        try:
            own = await self._own_user(client, post.address.team)
            return await _find(client, post, own)
        except _TROUBLES as trouble:
            raise send_error(trouble) from trouble

    async def readers(self, address: Address, likely: Sequence[Identity]) -> tuple[Identity, ...] | None:
        """The members of a room with their own teams, other bots among them; None where one of them is not known."""
        try:
            client = await self._client(address.team)
            own = await self._own_user(client, address.team)
            members = await _members(client, await _room(client, address))
            if members is None:
                return None
            return await self._identities(client, address.team, [user for user in members if user != own])
        except (SendError, *_TROUBLES):
            return None

    async def typing(self, address: Address, thread: str) -> None:
        """Shows a status under a message until something is said there, at most two minutes.

        Outside threads Slack has nothing of the kind for apps (docs.slack.dev/reference/methods/
        assistant.threads.setStatus: since March 2026 for every app that may write, in channels as well).
        """
        if not thread:
            return
        try:
            client = await self._client(address.team)
            room = await _room(client, address)
            await _ask(client.assistant_threads_setStatus(channel_id=room, thread_ts=thread, status=STATUS))
        except (SendError, *_TROUBLES):
            return

    async def direct(self, identity: Identity, team: str) -> Address | None:
        """The app's direct conversation with somebody, seen from an installed team; None where Slack allows none.

        Raises SendError where that cannot be said at the moment.
        """
        if identity.channel != SLACK:
            return None
        client = await self._client(team)
        try:
            return Address(channel=SLACK, room=await _open(client, identity.user), team=team)
        except _TROUBLES as trouble:
            error = send_error(trouble)
            if error.retry:
                raise error from trouble
            return None

    # ── what it needs to know ────────────────────────────────────────────────────────────────────────────────────────

    async def _client(self, team: str) -> AsyncWebClient:
        client = await self._client_for(team)
        if client is None:
            raise SendError(f"the app is not installed in {team or 'a workspace without an id'}: install it there")
        return client

    async def _keep_inside(self, client: AsyncWebClient, post: Post) -> None:
        """Refuses what is for stewards, or for one customer, in a room where others read. Raises SendError.

        Asked each time: a room can be shared with another organisation at any moment.
        """
        direct = post.direct and post.address.room[:1] in ("D", "U", "W")
        if direct or post.purpose not in (Purpose.DESK, Purpose.RELAY):
            return
        if post.purpose is Purpose.RELAY:
            raise SendError("what is handed on for one person is not sent to a room where others read", retry=False)
        try:
            answer = await _ask(client.conversations_info(channel=post.address.room))
        except _TROUBLES as trouble:
            raise send_error(trouble) from trouble
        if not _inside(answer.get("channel")):
            raise SendError(
                "the room is, or may be, shared with another organisation (Slack Connect), and nothing for stewards "
                "goes there: choose a private channel of your own workspace as their desk",
                retry=False,
            )

    async def _own_user(self, client: AsyncWebClient, team: str) -> str:
        """The app's own bot user."""
        if team not in self._own:
            self._own[team] = _told_of(await _ask(client.auth_test()), "user_id", str)
        return self._own[team]

    async def _identities(self, client: AsyncWebClient, team: str, users: Sequence[str]) -> tuple[Identity, ...] | None:
        places = asyncio.Semaphore(_AT_ONCE)

        async def identity(user: str) -> Identity | None:
            async with places:
                home_team = await self._team_of(client, team, user)
            return Identity(channel=SLACK, user=user, team=home_team) if home_team else None

        found = await asyncio.gather(*(identity(user) for user in users))
        known = tuple(one for one in found if one is not None)
        return known if len(known) == len(found) else None

    async def _team_of(self, client: AsyncWebClient, team: str, user: str) -> str:
        """The team somebody belongs to, as `team` sees them; "" where that is not known. Never raises."""
        asked, home_team = self._teams.get((team, user), (None, ""))
        if asked is not None and self._now() - asked < _KNOWN_FOR:
            return home_team
        try:
            told = _told_of(await _ask(client.users_info(user=user)), "user", dict)
        except _TROUBLES:
            return ""
        home_team = str(told.get("team_id") or "")
        if home_team:
            self._teams[(team, user)] = (self._now(), home_team)
        return home_team


def _inside(room: Any) -> bool:
    """Whether Slack says that only the own organisation reads there; what it does not say counts as no."""
    return (
        isinstance(room, dict)
        and room.get("is_ext_shared") is False
        and room.get("is_pending_ext_shared") is False
        and isinstance(room.get("is_org_shared"), bool)
    )


# ── the acts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _say(client: AsyncWebClient, post: Post) -> Sent:
    text, blocks = message(post)
    thread = post.thread or post.under
    answer = await _ask(
        client.chat_postMessage(
            channel=post.address.room,
            text=text,
            blocks=blocks or None,
            thread_ts=thread or None,
            unfurl_links=False,
            unfurl_media=False,
            parse="none",
            metadata={"event_type": EVENT, "event_payload": {"id": post.id}},
        )
    )
    return _sent(answer.get("message"), _told_of(answer, "ts", str), thread)


def _sent(kept: Any, ts: str, thread: str) -> Sent:
    """Slack puts an answer to a reply into the thread of that reply, and says so in the message."""
    told = kept.get("thread_ts") if isinstance(kept, dict) else None
    return Sent(id=ts, thread=str(told or thread or ts))


async def _edit(client: AsyncWebClient, post: Post) -> Sent:
    text, blocks = message(post)
    room = await _room(client, post.address)
    # `parse` is "client" by default here, which makes links of names; without blocks the old ones would stay
    answer = await _ask(client.chat_update(channel=room, ts=post.target, text=text, blocks=blocks, parse="none"))
    return _sent(answer.get("message"), post.target, post.thread)


async def _react(client: AsyncWebClient, post: Post) -> Sent:
    try:
        room = await _room(client, post.address)
        await _ask(client.reactions_add(channel=room, name=DELIVERED, timestamp=post.target))
    except SlackApiError as refusal:
        if _told(refusal)[1] != "already_reacted":
            raise
    return Sent(id=post.target, thread=post.thread)


async def _whisper(client: AsyncWebClient, post: Post) -> Sent:
    text, blocks = message(post)
    room = await _room(client, post.address)
    answer = await _ask(
        client.chat_postEphemeral(
            channel=room,
            user=_addressee(post),
            text=text,
            blocks=blocks or None,
            thread_ts=post.thread or None,
            parse="none",
        )
    )
    return Sent(id=str(answer.get("message_ts")), thread=post.thread)


async def _home(client: AsyncWebClient, post: Post) -> Sent:
    if post.card is None:
        raise SendError("there is no card to show on the home page", retry=False)
    answer = await _ask(client.views_publish(user_id=_addressee(post), view=home(post.card)))
    view = answer.get("view")
    return Sent(id=str(view.get("id")) if isinstance(view, dict) else "")


def _addressee(post: Post) -> str:
    if post.to is None or post.to.channel != SLACK:
        raise SendError("nobody on Slack is named to show it to", retry=False)
    return post.to.user


_DO: dict[Act, Callable[[AsyncWebClient, Post], Awaitable[Sent]]] = {
    Act.SAY: _say,
    Act.EDIT: _edit,
    Act.REACT: _react,
    Act.WHISPER: _whisper,
    Act.HOME: _home,
}


# ── asking Slack ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def _ask(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """What Slack answers. Raises one of the errors in `_TROUBLES`."""
    try:
        return await call
    except (ValueError, AttributeError) as odd:
        # so slack-sdk fails at a body that is not a JSON object, as something between here and Slack may send it
        raise SlackClientError("an answer that is not Slack's") from odd


def _told_of(answer: AsyncSlackResponse, name: str, kind: type[T]) -> T:
    """A part of the answer that has to be there: what Slack does not say is not taken for nothing."""
    found = answer.get(name)
    if not isinstance(found, kind):
        raise SlackClientError(f"an answer without {name}")
    return found


async def _open(client: AsyncWebClient, user: str) -> str:
    answer = await _ask(client.conversations_open(users=user))
    room = _told_of(answer, "channel", dict).get("id")
    if not room:
        raise SlackClientError("an answer without the conversation's id")
    return str(room)


async def _room(client: AsyncWebClient, address: Address) -> str:
    """The id of the room; only chat.postMessage takes a person's id for the direct conversation with them."""
    return await _open(client, address.room) if address.room[:1] in ("U", "W") else address.room


async def _members(client: AsyncWebClient, room: str) -> list[str] | None:
    """The users in a room; None where they are too many to be asked about, or everybody may read without being one."""
    told = _told_of(await _ask(client.conversations_info(channel=room, include_num_members=True)), "channel", dict)
    closed = any(told.get(kind) is True for kind in ("is_private", "is_im", "is_mpim"))
    if not closed or told.get("num_members", 0) > _MOST_READERS:
        return None
    users: list[str] = []
    cursor = ""
    while len(users) <= _MOST_READERS:
        page = await _ask(client.conversations_members(channel=room, cursor=cursor or None, limit=_MOST_READERS))
        users += _told_of(page, "members", list)
        cursor = _cursor(page)
        if not cursor:
            return users if len(users) <= _MOST_READERS else None
    return None


def _cursor(page: AsyncSlackResponse) -> str:
    return str((page.get("response_metadata") or {}).get("next_cursor") or "")


async def _find(client: AsyncWebClient, post: Post, own: str) -> Sent | None:
    room, thread = await _room(client, post.address), post.thread or post.under
    cursor = ""
    for _ in range(_THREAD_PAGES if thread else _PAGES):
        page = await _ask(_page(client, room, thread, post.under, cursor))
        for kept in _told_of(page, "messages", list):
            if _is(kept, post, own):
                return _sent(kept, str(kept["ts"]), thread)
        cursor = _cursor(page)
        if not cursor:
            return None
    if thread:
        raise SendError("the thread is too long to look the message up", retry=False)
    return None


def _page(
    client: AsyncWebClient, room: str, thread: str, under: str, cursor: str
) -> Coroutine[Any, Any, AsyncSlackResponse]:
    """The room's newest messages; a thread is told from its beginning, or from what the post answers."""
    if not thread:
        return client.conversations_history(channel=room, cursor=cursor or None, limit=_PAGE, include_all_metadata=True)
    return client.conversations_replies(
        channel=room, ts=thread, oldest=under or None, cursor=cursor or None, limit=_PAGE, include_all_metadata=True
    )


def _is(kept: dict[str, Any], post: Post, own: str) -> bool:
    """Whether a message is the post. Another installation counts its posts alike: only the own bot's are meant."""
    metadata = kept.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    return kept.get("user") == own and metadata.get("event_type") == EVENT and payload.get("id") == post.id


# ── what went wrong ──────────────────────────────────────────────────────────────────────────────────────────────────

_LIMITED = {"ratelimited", "rate_limited", "message_limit_exceeded"}
# the server could not finish, and “some aspect of the operation” may have succeeded
_UNFINISHED = {"internal_error", "fatal_error"}
# not done, and another time it may be
_NOT_NOW = {"service_unavailable", "request_timeout", "team_added_to_org", "org_login_required", "hash_conflict"}
_TOKEN = "Slack does not accept the app's token any more: install the app again"
_ADVICE = {
    "channel_not_found": "there is no such room, or the app is not in it: invite it there, or correct the id",
    "not_in_channel": "the app is not in the room: invite it there",
    "is_archived": "the room is archived: bring it back, or name another one",
    "restricted_action": "the workspace's rules do not let the app post there: ask an administrator",
    "account_inactive": _TOKEN,
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "token_expired": _TOKEN,
    "token_revoked": _TOKEN,
    "missing_scope": "the app lacks a permission: install it again with the scopes of its manifest",
    "user_not_found": "Slack does not know that person in this workspace",
    "user_not_in_channel": "that person is not in the room any more",
    "cannot_dm_user": "the app may not write to that person: people of other organisations share a room with it first",
    "message_not_found": "the message is not there any more",
    "thread_not_found": "the message that it belongs under is not there any more",
    "cant_update_message": "Slack lets the app change its own messages only",
    "edit_window_closed": "the workspace's rules do not let old messages be changed",
    "msg_too_long": "it is too long for Slack",
    "msg_blocks_too_long": "it is too long for Slack",
    "view_too_large": "it is too long for Slack",
}


def send_error(trouble: Exception, act: Act | None = None) -> SendError:
    """What a failed call means: for the post whose act it was, or for a question that changed nothing (None)."""
    if isinstance(trouble, _NEVER_SENT):
        return SendError("Slack cannot be reached")
    status, error, after = _told(trouble)
    if status == 429 or error in _LIMITED:
        return SendError("Slack asks the app to wait", after=after)
    if error in _NOT_NOW and status < 500:
        return SendError(f"Slack cannot do it at the moment ({error})")
    if status and status < 500 and error and error not in _UNFINISHED:
        return SendError(f"Slack refuses ({error}): {_ADVICE.get(error, 'see the method’s errors')}", retry=False)
    # here Slack may have done what was asked. Twice, an edit, a reaction and a page are what they are once;
    # and what only answers a press is worth nothing later
    why = f"no answer came from Slack ({error or status or type(trouble).__name__})"
    return SendError(why, retry=act is not Act.WHISPER, in_doubt=act is Act.SAY)


def _told(trouble: Exception) -> tuple[int, str, timedelta | None]:
    """The status, Slack's name of the error and how long to wait, as far as an answer came; 0 where none did."""
    response = trouble.response if isinstance(trouble, SlackApiError) else None
    if not isinstance(response, AsyncSlackResponse):
        return int(getattr(response, "status", 0)), "", None
    told = response.data.get("error") if isinstance(response.data, dict) else ""
    seconds = str(response.headers.get("Retry-After", ""))
    return response.status_code, str(told or ""), timedelta(seconds=int(seconds)) if seconds.isdigit() else None
