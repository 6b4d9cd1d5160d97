"""Reading what was said while nobody listened: Slack has dropped events for good."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.channels.slack.facts import EPOCH, JSON, Facts, moment, padded, ts_of
from bot.channels.slack.installing import SlackUnreachable, Workspace, Workspaces, why
from bot.channels.slack.translating import correction, said
from bot.messages import SLACK, Address, Inbound, Intake

Call = Callable[..., Awaitable[AsyncSlackResponse]]

PAGE = 200
GONE = ("channel_not_found", "not_in_channel", "missing_scope", "thread_not_found")
"""Rooms that cannot be read, however often one asks."""
JOINED = ("channel_join", "group_join")
WAITS_AT_LEAST = 1.0  # seconds, where Slack says that it is too much and not for how long

OVERLAP = timedelta(hours=2)
"""So far before the newest message that is kept a room is read again at the start.

Slack tries for some six minutes to hand a message over, and what comes later is kept meanwhile; a process that ends
then leaves a hole behind the newest. One that goes on finds it when it catches up, each hour.
"""

log = logging.getLogger(__name__)


class People:
    """Which team somebody belongs to, where an event or a message does not say."""

    def __init__(self) -> None:
        self._teams: dict[tuple[str, str], str] = {}

    async def known(self, inbound: Inbound, workspace: Workspace) -> Inbound:
        """The event with its sender's team; as it was where Slack does not tell: that sender matches nobody."""
        sender = inbound.sender
        if sender.team or not sender.user:
            return inbound
        team = await self._team(sender.user, workspace)
        return replace(inbound, sender=replace(sender, team=team))

    async def _team(self, user: str, workspace: Workspace) -> str:
        if (workspace.team, user) not in self._teams:
            try:
                told = await workspace.client.users_info(user=user)
            except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
                log.warning("users.info does not tell the team of %s: %s", user, why(error))
                return ""
            team = str(told["user"].get("team_id") or "")
            if not team.startswith("T"):
                return ""
            self._teams[workspace.team, user] = team
        return self._teams[workspace.team, user]


class Reconciliation:
    """Reads each conversation from the last message that is sure to be kept.

    `started` must be awaited before an event is kept: the house knows only the newest message of a room, and an event
    that comes in after a gap would hide the gap.
    """

    def __init__(
        self,
        intake: Intake,
        workspaces: Workspaces,
        people: People,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        overlap: timedelta = OVERLAP,
    ) -> None:
        self._intake = intake
        self._workspaces = workspaces
        self._people = people
        self._now = now
        self._sleep = sleep
        self._overlap = overlap
        self._marking = asyncio.Lock()
        self._walking = asyncio.Lock()
        self._through: dict[Address, str] = {}
        self.behind: set[Address] = set()
        """The rooms that could not be read just now."""

    async def started(self) -> None:
        """Returns when it is known from where on each room has to be read."""
        async with self._marking:
            return

    async def mark(self) -> None:
        """Notes from where on each room has to be read. What this process has read of a room itself goes further than
        what the house knows: it has no holes."""
        async with self._marking:
            for address, order in await self._intake.last_seen(SLACK):
                if address.room.startswith(("C", "D", "G")):  # a press in a form has no room but its person
                    self._through.setdefault(address, ts_of(max(moment(order) - self._overlap, EPOCH)))

    async def walk(self) -> int:
        """Reads all rooms and hands the house what it does not have. Returns how much that was.

        A room that cannot be read now is noted in `behind`, and read from the same place the next time. Raises what
        the house raises where it cannot keep something.
        """
        async with self._walking:
            return sum([await self._read(address) for address in tuple(self._through)])

    async def _read(self, address: Address) -> int:
        try:
            return await self._caught_up(address)
        except SlackApiError as error:
            lost = error.response.get("error") in GONE
            log.warning("room %s cannot be read: %s", address, why(error))
            if lost:
                self._through.pop(address, None)
            self._still_behind(address, not lost)
        except (SlackUnreachable, aiohttp.ClientError, TimeoutError) as error:
            log.warning("room %s cannot be read now: %s", address, why(error))
            self._still_behind(address, True)
        return 0

    async def _caught_up(self, address: Address) -> int:
        since = self._through[address]
        workspace = await self._workspaces.of(address.team)
        if workspace is None or workspace.team != address.team:
            log.warning("room %s cannot be read: the app is not installed there", address)
            self._still_behind(address, False)
            return 0
        found = {padded(str(message["ts"])): message async for message in self._since(workspace, address.room, since)}
        kept = 0
        # the oldest first: should this break off, the house must not have kept something newer than what is missing
        for order, message in sorted(found.items()):
            kept += await self._hand_in(message, address, workspace)
            self._through[address] = order
        self._still_behind(address, False)
        return kept

    def _still_behind(self, address: Address, behind: bool) -> None:
        if behind:
            self.behind.add(address)
        else:
            self.behind.discard(address)

    async def _hand_in(self, message: JSON, address: Address, workspace: Workspace) -> int:
        facts = Facts(team=address.team, bot=workspace.bot_user, actor="", now=self._now())
        whole = {**message, "channel": address.room}
        original = said(whole, facts)
        if original is None:
            return 0
        if await self._intake.receive(await self._people.known(original, workspace)):
            return 1  # in its last wording
        edit = correction(whole, facts)
        return int(edit is not None and await self._intake.receive(await self._people.known(edit, workspace)))

    async def _since(self, workspace: Workspace, room: str, since: str) -> AsyncIterator[JSON]:
        """What was said in a room after that moment, also in threads that were begun before it."""
        async for message in self._history(workspace, room, since):
            if message.get("subtype") in JOINED and message.get("user") == workspace.bot_user:
                since = max(since, padded(str(message["ts"])))  # what was said before it came in is not for it
            if padded(str(message["ts"])) > since:
                yield message
            if padded(str(message.get("latest_reply") or "")) > since:
                async for reply in self._replies(workspace, room, str(message["ts"]), since):
                    yield reply

    async def _history(self, workspace: Workspace, room: str, since: str) -> AsyncIterator[JSON]:
        """A room from its newest message backwards, to the page that has what came before that moment: there stand
        older messages under which somebody may have answered since."""
        # https://docs.slack.dev/reference/methods/conversations.history
        async with aclosing(self._pages(workspace.client.conversations_history, channel=room)) as pages:
            async for page in pages:
                for message in page:
                    yield message
                if page and padded(str(page[-1]["ts"])) <= since:
                    return

    async def _replies(self, workspace: Workspace, room: str, root: str, since: str) -> AsyncIterator[JSON]:
        call = workspace.client.conversations_replies
        async for page in self._pages(call, channel=room, ts=root, oldest=since):
            for message in page:
                if message["ts"] != root and padded(str(message["ts"])) > since:
                    yield message

    async def _pages(self, call: Call, **given: str) -> AsyncGenerator[list[JSON], None]:
        cursor = ""
        while True:
            told = await self._patiently(call, limit=PAGE, **given, **({"cursor": cursor} if cursor else {}))
            yield cast("list[JSON]", told.get("messages") or [])
            cursor = str((told.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return

    async def _patiently(self, call: Call, **given: object) -> AsyncSlackResponse:
        """The answer, however often Slack says that it is too much."""
        while True:
            try:
                return await call(**given)
            except SlackApiError as error:
                if error.response.status_code != 429:
                    raise
                told = error.response.headers.get("Retry-After", "")
                wait = float(told) if told.isdigit() else WAITS_AT_LEAST
                log.info("Slack asks to wait for %g s", wait)
                await self._sleep(wait)
