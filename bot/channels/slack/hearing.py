"""What comes from Slack, over HTTP or Socket Mode: kept by the house, and only then acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp, AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.channels.slack.blocks import modal
from bot.channels.slack.connecting import ended, quiet, socket
from bot.channels.slack.facts import JSON, Facts
from bot.channels.slack.installing import (
    INSTALL_PATH,
    REDIRECT_PATH,
    Installations,
    InstalledWorkspaces,
    OneWorkspace,
    Workspace,
    Workspaces,
    oauth_flow,
    tokenless_client,
    why,
)
from bot.channels.slack.pressing import asks
from bot.channels.slack.reconciling import OVERLAP, People, Reconciliation
from bot.channels.slack.translating import translate
from bot.messages import Inbound, Intake

EVENTS_PATH = "/slack/events"
OPENS_WITHIN = 2.0  # seconds for a form: Slack wants its acknowledgement after three
TRIES_AGAIN = timedelta(seconds=30)

log = logging.getLogger(__name__)


class SlackHearing:
    """Everything that the app hears. Needs a bot `token`, or a `store` of installations (with client id and secret
    workspaces can then install the app themselves). Over HTTP nothing is taken without a `signing_secret`.

    `ping_seconds` is how often a connection of Socket Mode is tried: one that is dead is replaced that much later.
    `overlap` is how far before its newest message a room is read again at the start.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        api: str,
        token: str | None = None,
        store: Installations | None = None,
        signing_secret: str | None = None,
        app_token: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        ping_seconds: float = 5.0,
        overlap: timedelta = OVERLAP,
    ) -> None:
        self._intake = intake
        self._workspaces = _workspaces(token, store, api)
        self._store = store
        self._signed = bool(signing_secret)
        self._app_token = app_token
        self._oauth = _oauth(store, client_id, client_secret, api, now)
        self._api = api
        self._now = now
        self._sleep = sleep
        self._ping_seconds = ping_seconds
        self._people = People()
        self._reconciliation = Reconciliation(
            intake, self._workspaces, self._people, now=now, sleep=sleep, overlap=overlap
        )
        self._due = asyncio.Event()
        self._in_work: set[asyncio.Task[Any]] = set()
        self._app = self._bolt(signing_secret or "")

    async def client_for(self, team: str) -> AsyncWebClient | None:
        """The client with which to post in a workspace; None where the app is not installed."""
        workspace = await self._workspaces.of(team)
        return workspace.client if workspace is not None and workspace.team == team else None

    async def reconcile(self) -> int:
        """Reads what was said in the known conversations since the last message that the house kept, or at the start
        since some time before it, and hands it in.

        Returns how many messages were new. Over Socket Mode that happens by itself with each connection; over HTTP
        begin it (as a task) before the first request is taken, so that nothing newer hides what is missing. Raises
        what the house raises where it cannot keep something.
        """
        await self._reconciliation.mark()
        return await self._reconciliation.walk()

    # ── over HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────

    def routes(self) -> list[web.RouteDef]:
        """What an aiohttp application has to serve. Without a signing secret anybody could speak for Slack: then there
        is no route for events."""
        found = [web.post(EVENTS_PATH, self._called)] if self._signed else []
        if self._oauth is not None:
            found += [
                web.get(INSTALL_PATH, _answered_by(self._oauth.handle_installation)),
                web.get(REDIRECT_PATH, _answered_by(self._oauth.handle_callback)),
            ]
        return found

    async def _called(self, request: web.Request) -> web.StreamResponse:
        return await to_aiohttp_response(await self._app.async_dispatch(await to_bolt_request(request)))

    # ── over Socket Mode ─────────────────────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Listens over Socket Mode, as long as the context lasts, and reconnects by itself.

        It does not wait for Slack: where that cannot be reached the rest of the house works. Raises SlackRefuses where
        Slack does not take the app token.
        """
        if self._app_token is None:
            raise ValueError("Socket Mode needs an app token.")
        catching_up = asyncio.create_task(self._catch_up())
        link = socket(
            self._app, self._app_token, api=self._api, ping_seconds=self._ping_seconds, opened=self._connected_again
        )
        try:
            async with link:
                try:
                    yield
                finally:
                    await self._finish()
        finally:
            await ended([catching_up])

    async def _connected_again(self) -> None:
        """Before any event of the new connection is kept, the gap behind it is marked."""
        self._due.set()
        try:
            await self._reconciliation.mark()
        except Exception as error:  # noqa: BLE001 - the house's own errors; it is marked again when the rooms are read
            log.error("where to read on in Slack is not known: %s", type(error).__name__)

    async def _catch_up(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            while not await self._caught_up():
                await self._sleep(TRIES_AGAIN.total_seconds())

    async def _caught_up(self) -> bool:
        try:
            found = await self.reconcile()
        except Exception as error:  # noqa: BLE001 - the house's own errors; what is missing is read again
            log.error("what was said in Slack meanwhile could not be kept: %s", type(error).__name__)
            return False
        if found:
            log.info("%d messages were said in Slack while nobody listened", found)
        return not self._reconciliation.behind

    async def _finish(self) -> None:
        """What is being kept is kept and acknowledged before the connection goes."""
        if self._in_work:
            await asyncio.wait(set(self._in_work), timeout=3)

    @contextmanager
    def _working(self) -> Iterator[None]:
        task = asyncio.current_task()
        assert task is not None
        self._in_work.add(task)
        try:
            yield
        finally:
            self._in_work.discard(task)

    # ── what Bolt does, and what it must not ─────────────────────────────────────────────────────────────────────────

    def _bolt(self, signing_secret: str) -> AsyncApp:
        """Bolt checks signatures, answers Slack's questions about the address, and drops our own posts. There is no
        listener: one that fails has long been acknowledged, and what has none gets 404.
        """
        app = AsyncApp(
            name="concierge",
            logger=quiet(),
            client=tokenless_client(self._api),
            signing_secret=signing_secret,
            authorize=cast("Callable[..., Awaitable[AuthorizeResult]]", _Authorize(self._workspaces)),
        )
        app.use(self._received)
        app.error(self._failed)
        return app

    async def _received(self, body: JSON, context: AsyncBoltContext) -> BoltResponse:
        """All that was told is kept: acknowledged. What this raises is a 500, or no acknowledgement: told again."""
        with self._working():
            await self._reconciliation.started()
            found = context.authorize_result
            if found is not None and found.bot_user_id and found.team_id:
                workspace = Workspace(
                    team=found.team_id,
                    bot_user=found.bot_user_id,
                    bot_id=found.bot_id or "",
                    client=context.client,
                )
                await self._keep(body, workspace, context.actor_team_id or "")
            else:
                await self._forget(body, context.team_id or "")
        return BoltResponse(status=200, body="")

    async def _failed(self, error: Exception) -> None:
        # no more of it: a driver's error has in it what was to be written
        log.error("something from Slack could not be kept: %s", type(error).__name__)

    async def _keep(self, body: JSON, workspace: Workspace, actor: str) -> None:
        facts = Facts(team=workspace.team, bot=workspace.bot_user, actor=actor, now=self._now())
        found = translate(body, facts)
        if asks(body) and await self._opened(body, found, workspace):
            return
        for inbound in found:
            await self._intake.receive(await self._people.known(inbound, workspace))

    async def _opened(self, body: JSON, presses: tuple[Inbound, ...], workspace: Workspace) -> bool:
        """Whether a form stands before the person now; what they send off with it will be the press."""
        press, token = presses[0], presses[0].pressed.token if presses[0].pressed else ""
        form = await self._intake.form(token, press.sender)
        if form is None:
            return False
        opening = workspace.client.views_open(trigger_id=str(body.get("trigger_id")), view=modal(form, token))
        try:
            await asyncio.wait_for(opening, OPENS_WITHIN)
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("a form could not be opened: %s", why(error))
            return False
        return True

    async def _forget(self, body: JSON, team: str) -> None:
        """A workspace that removed the app, or took its token back, is forgotten."""
        event: JSON = body.get("event") or {}
        gone = event.get("type") == "app_uninstalled" or (event.get("tokens") or {}).get("bot")
        if self._store is not None and gone and team:
            await self._store.remove(team, datetime.fromtimestamp(int(body["event_time"]), UTC))
            log.info("workspace %s has removed the app", team)


class _Authorize(AsyncAuthorize):
    """Bolt's own answers 200 where auth.test fails, and the event is gone: this one raises. None: not installed."""

    def __init__(self, workspaces: Workspaces) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._workspaces = workspaces

    async def __call__(self, *, context: AsyncBoltContext, team_id: str | None, **_: object) -> AuthorizeResult | None:
        workspace = await self._workspaces.of(team_id or "")
        if workspace is None:
            return None
        return AuthorizeResult(
            enterprise_id=context.enterprise_id,
            team_id=workspace.team,
            bot_user_id=workspace.bot_user,
            bot_id=workspace.bot_id,
            bot_token=workspace.client.token,
        )


def _workspaces(token: str | None, store: Installations | None, api: str) -> Workspaces:
    if token is not None:
        return OneWorkspace(token, api)
    if store is None:
        raise ValueError("Slack needs a bot token, or a store of installations.")
    return InstalledWorkspaces(store, api)


def _oauth(
    store: Installations | None, client_id: str | None, secret: str | None, api: str, now: Callable[[], datetime]
) -> AsyncOAuthFlow | None:
    if store is None or not client_id or not secret:
        return None
    return oauth_flow(store, client_id=client_id, client_secret=secret, api=api, now=now)


def _answered_by(
    handle: Callable[[AsyncBoltRequest], Awaitable[BoltResponse]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await to_aiohttp_response(await handle(await to_bolt_request(request)))

    return answer
