"""Where the app is installed: in one workspace by its token, or in all that installed it with a browser (OAuth)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import aiohttp
from slack_bolt.error import BoltError
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.installation_store.models.installation import Installation
from slack_sdk.oauth.installation_store.sqlalchemy import AsyncSQLAlchemyInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import MetaData, Table, desc, select
from sqlalchemy.exc import SQLAlchemyError

from bot.channels.slack.sending import web_client

log = logging.getLogger(__name__)

SCOPES = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "files:read",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "reactions:write",
    "users:read",
)
"""What a workspace is asked for when it installs the app; the same as in the manifest."""
INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"
STATE_LASTS = timedelta(minutes=10)


class SlackUnreachable(Exception):
    """Slack does not say whose token this is. An event that comes meanwhile must not be acknowledged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """A workspace in which the app is installed: its team id, and who the concierge is there."""

    team: str
    bot_user: str
    bot_id: str
    client: AsyncWebClient


class Workspaces(Protocol):
    """Finds the workspace that an event or a message is for."""

    async def of(self, team: str) -> Workspace | None:
        """The workspace that hears what comes for a team; None where the app is not installed. Raises
        SlackUnreachable, or an error of the store."""
        ...


class OneWorkspace:
    """The one in which a token is at home. As with Bolt, whatever comes is for it: there is no other."""

    def __init__(self, token: str, api: str) -> None:
        self._client = web_client(token, api)
        self._asking = asyncio.Lock()
        self._found: Workspace | None = None

    async def of(self, team: str) -> Workspace | None:
        async with self._asking:
            if self._found is None:
                self._found = await self._ask()
        return self._found

    async def _ask(self) -> Workspace:
        try:
            told = await self._client.auth_test()
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            raise SlackUnreachable(f"auth.test failed: {why(error)}") from None
        return Workspace(
            team=str(told["team_id"]), bot_user=str(told["user_id"]), bot_id=str(told["bot_id"]), client=self._client
        )


class Installations(AsyncSQLAlchemyInstallationStore):
    """slack-sdk's own store, in the record. Tokens lie there as Slack gave them: who can read the record has them."""

    async def of(self, team: str) -> tuple[str, str, str] | None:
        """The newest token of a workspace, with its bot's user id and bot id.

        By the team alone: `async_find_bot` wants the organisation as well, which an address does not have.
        """
        bots = self.bots.c
        query = (
            select(bots.bot_token, bots.bot_user_id, bots.bot_id)
            .where(bots.client_id == self.client_id, bots.team_id == team, bots.bot_token.is_not(None))
            .order_by(desc(bots.installed_at), desc(bots.id))
            .limit(1)
        )
        async with self.engine.connect() as connection:
            row = (await connection.execute(query)).first()
        return (row.bot_token, row.bot_user_id or "", row.bot_id or "") if row else None

    async def async_save(self, installation: Installation) -> None:
        # it reads before it writes: on SQLite a lock that is taken half-way can fail instead of waiting (bot.ledger)
        store = AsyncSQLAlchemyInstallationStore(self.client_id, self.engine.execution_options(writing=True))
        try:
            await store.async_save(installation)
        except SQLAlchemyError as error:  # its text would have the token in it
            raise BoltError(f"the installation could not be kept: {type(error).__name__}") from None

    async def remove(self, team: str, before: datetime) -> None:
        """Forgets a workspace that removed the app at that time, unless it has installed it again since."""
        naive = before.astimezone(UTC).replace(tzinfo=None)
        async with self.engine.begin() as connection:
            for table in (self.bots, self.installations):
                old = (table.c.client_id == self.client_id, table.c.team_id == team, table.c.installed_at <= naive)
                await connection.execute(table.delete().where(*old))


class InstalledWorkspaces:
    """All workspaces that installed the app. The store is asked each time: another process may have changed it."""

    def __init__(self, store: Installations, api: str) -> None:
        self._store = store
        self._api = api
        self._clients: dict[str, AsyncWebClient] = {}

    async def of(self, team: str) -> Workspace | None:
        found = await self._store.of(team) if team else None
        if found is None:
            return None
        token, bot_user, bot_id = found
        if token not in self._clients:
            self._clients[token] = web_client(token, self._api)
        return Workspace(team=team, bot_user=bot_user, bot_id=bot_id, client=self._clients[token])


def tables(metadata: MetaData) -> tuple[Table, Table]:
    """The tables of `Installations`, bots and installations: `slack_bots`, `slack_installations`."""
    store = AsyncSQLAlchemyInstallationStore
    return (
        store.build_bots_table(metadata, store.default_bots_table_name),
        store.build_installations_table(metadata, store.default_installations_table_name),
    )


class SignedStates(AsyncOAuthStateStore):
    """States that need no table: a time and a nonce, signed. Bolt compares each with a cookie of the browser that it
    was given to, and Slack takes a code only once.
    """

    def __init__(self, secret: str, now: Callable[[], datetime]) -> None:
        self._secret = secret.encode()
        self._now = now

    @property
    def logger(self) -> logging.Logger:
        return log

    async def async_issue(self, *args: object, **kwargs: object) -> str:
        said = f"{int((self._now() + STATE_LASTS).timestamp())}.{secrets.token_hex(16)}"
        return f"{said}.{self._signature(said)}"

    async def async_consume(self, state: str) -> bool:
        said, _, signature = state.rpartition(".")
        until = said.partition(".")[0]
        genuine = hmac.compare_digest(signature.encode(), self._signature(said).encode())
        return genuine and int(until) > self._now().timestamp()

    def _signature(self, said: str) -> str:
        return hmac.new(self._secret, b"state of an installation:" + said.encode(), hashlib.sha256).hexdigest()


def oauth_flow(
    store: Installations, *, client_id: str, client_secret: str, api: str, now: Callable[[], datetime]
) -> AsyncOAuthFlow:
    """How a workspace installs the app with a browser, at INSTALL_PATH; Slack sends it back to REDIRECT_PATH."""
    settings = AsyncOAuthSettings(
        client_id=client_id,
        client_secret=client_secret,
        scopes=SCOPES,
        user_scopes=(),
        install_path=INSTALL_PATH,
        redirect_uri_path=REDIRECT_PATH,
        installation_store=store,
        state_store=SignedStates(client_secret, now),
        state_expiration_seconds=int(STATE_LASTS.total_seconds()),
        logger=log,
    )
    return AsyncOAuthFlow(client=tokenless_client(api), settings=settings, logger=log)


def tokenless_client(api: str) -> AsyncWebClient:
    """A client for calls that bring their own token."""
    return AsyncWebClient(base_url=api, timeout=10, retry_handlers=[], logger=log)


def why(error: BaseException) -> str:
    """What went wrong with a call, without what was sent or answered."""
    if isinstance(error, SlackApiError):
        return str(error.response.get("error") or error.response.status_code)
    return type(error).__name__
