"""One connection of Socket Mode that is always there: slack-sdk's client, with what it lacks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient

from bot.channels.slack.installing import tokenless_client, why

REFUSED = ("invalid_auth", "not_authed", "not_allowed_token_type", "account_inactive", "token_revoked", "missing_scope")

log = logging.getLogger(__name__)


class SlackRefuses(Exception):
    """The app token is not good: Socket Mode needs one (xapp-…) with the scope connections:write."""

    def __init__(self, error: str) -> None:
        super().__init__(f"{self.__doc__} Slack says {error}.")


@asynccontextmanager
async def socket(
    app: AsyncApp, app_token: str, *, api: str, ping_seconds: float, opened: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    """Hands the app what comes over Socket Mode. `opened` is awaited with the first word on each new connection, begun
    before any event of it is handed over. Does not wait for Slack. Raises SlackRefuses.
    """
    handler = AsyncSocketModeHandler(
        app, app_token, logger=quiet(), web_client=tokenless_client(api), ping_interval=ping_seconds
    )
    client = handler.client

    async def listen(_client: object, message: dict[str, Any], _raw: str | None = None) -> None:
        if message.get("type") == "hello":
            await opened()

    client.message_listeners.append(listen)
    connect: Callable[[], Awaitable[None]] = handler.connect_async
    try:
        await _first_ticket(client)
        tasks = [asyncio.ensure_future(work) for work in (connect(), _renew_tickets(client, 2 * ping_seconds))]
        try:
            yield
        finally:
            await ended(tasks)
    finally:
        await _close(client)


def quiet() -> logging.Logger:
    """For Bolt and slack-sdk, which write whole events into their logs, customers' words among them, at DEBUG. They
    look at the level of this very logger."""
    found = logging.getLogger("bot.channels.slack.bolt")
    found.setLevel(logging.INFO)
    return found


async def _first_ticket(client: SocketModeClient) -> None:
    """Takes the address of the first connection where that is possible. Raises SlackRefuses."""
    try:
        client.wss_uri = await client.issue_new_wss_url()
    except SlackApiError as error:
        if error.response.get("error") in REFUSED:
            raise SlackRefuses(why(error)) from None
        log.warning("Slack cannot be reached yet: %s", why(error))
    except (aiohttp.ClientError, TimeoutError) as error:
        log.warning("Slack cannot be reached yet: %s", why(error))


async def _close(client: SocketModeClient) -> None:
    """slack-sdk cancels its tasks and does not wait for them."""
    closing: Callable[[], Awaitable[None]] = client.close
    await closing()
    begun = (client.message_processor, client.current_session_monitor, client.message_receiver)
    await ended([task for task in begun if task is not None])


async def _renew_tickets(client: SocketModeClient, seconds: float) -> None:
    # slack-sdk tries again and again with the address that it was given first, which is good for one connection and a
    # short time: https://docs.slack.dev/reference/methods/apps.connections.open
    while True:
        await asyncio.sleep(seconds)
        if not await client.is_connected():
            client.wss_uri = None


async def ended(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Returns when the tasks are cancelled and over."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
