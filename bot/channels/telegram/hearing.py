"""Telegram's inbound side: every update is kept by the house before Telegram is told that it has arrived.

python-telegram-bot's own updater acknowledges what only stands in memory, and loses it with the process.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from telegram import Bot, Update
from telegram.constants import UpdateType
from telegram.error import Conflict, EndPointNotFound, InvalidToken, RetryAfter, TelegramError

from bot.channels.telegram.refusals import seconds
from bot.channels.telegram.translating import translated
from bot.messages import Inbound, Intake

ALLOWED: tuple[str, ...] = (
    UpdateType.MESSAGE,
    UpdateType.EDITED_MESSAGE,
    UpdateType.CALLBACK_QUERY,
    UpdateType.CHAT_MEMBER,
    UpdateType.MY_CHAT_MEMBER,
    UpdateType.MESSAGE_REACTION,
)
"""What Telegram is asked for; some of it is not told without being asked (core.telegram.org/bots/api#getupdates)."""

PATH = "/telegram/webhook"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
_CONNECTIONS = 16
_ANSWER = 10.0  # seconds that an answer may take, beside the time for which a poll waits

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long polling waits: for updates, and after something went wrong, twice as long each time."""

    poll: timedelta = timedelta(seconds=30)
    first: timedelta = timedelta(milliseconds=200)
    longest: timedelta = timedelta(seconds=5)
    conflict: timedelta = timedelta(seconds=15)
    """While somebody else polls with this token, or it is refused: trying fast would only disturb them."""


class TelegramHearing:
    """Hears one bot, which is to be initialised: by `poll`, or by `webhook` where `set_webhook` was called.

    `secret` is what Telegram sends along with each webhook call; without one, no call is believed.
    """

    def __init__(
        self,
        intake: Intake,
        bot: Bot,
        *,
        now: Callable[[], datetime],
        secret: str = "",
        patience: Patience | None = None,
    ) -> None:
        self._intake = intake
        self._bot = bot
        self._now = now
        self._secret = secret
        self._patience = patience or Patience()
        self._offset: int | None = None

    # polling

    async def poll(self) -> None:
        """Receives until it is cancelled. What cannot be kept, or was not confirmed, is fetched again."""
        unhooked = False
        failures = 0
        while True:
            try:
                if not unhooked:
                    await self._leave_webhook()
                    unhooked = True
                await self._round()
            except TelegramError as error:
                pause = self._pause_after(error, failures)
                _log.warning("Telegram is asked again in %.1f s: %s", pause, _named(error))
            except Exception as error:  # noqa: BLE001 - whatever keeps the house from keeping it: it comes again
                pause = self._pause(failures)
                # its text may hold what somebody wrote
                _log.error("an update could not be kept (%s), it comes again in %.1f s", type(error).__name__, pause)
            else:
                failures = 0
                continue
            failures += 1
            await asyncio.sleep(pause)

    async def _leave_webhook(self) -> None:
        if (await self._bot.get_webhook_info()).url:
            _log.warning("Telegram calls a webhook for this bot, which ends here: it polls from now on")
            await self._bot.delete_webhook(drop_pending_updates=False)

    async def _round(self) -> None:
        """Fetches what is there and keeps it. The next fetch confirms what was kept, and nothing else."""
        updates = await self._fetch()
        if not updates:
            # all is confirmed. After a quiet week Telegram counts anew, perhaps from below
            self._offset = None
        for raw in sorted(updates, key=_number):
            await self._keep(raw)
            self._offset = _number(raw) + 1

    async def _fetch(self) -> list[dict[str, Any]]:
        """The updates as they came.

        `Bot.get_updates` reads all of them at once: one that it cannot read takes the others along, and all their words
        into the log. The API does not tell upper from lower case, but the client warns when its own name is used.
        """
        waits = self._patience.poll.total_seconds()
        asked = {"timeout": int(waits), "allowed_updates": list(ALLOWED), "offset": self._offset}
        found: list[dict[str, Any]] = await self._bot.do_api_request(
            "getupdates", api_kwargs=asked, read_timeout=waits + _ANSWER
        )
        return found

    def _pause_after(self, error: TelegramError, failures: int) -> float:
        if isinstance(error, RetryAfter):
            return seconds(error)
        if isinstance(error, (Conflict, InvalidToken, EndPointNotFound)):
            return self._patience.conflict.total_seconds()
        return self._pause(failures)

    def _pause(self, failures: int) -> float:
        doubled = self._patience.first.total_seconds() * 2.0 ** min(failures, 30)
        return min(doubled, self._patience.longest.total_seconds())

    # the webhook

    def add_to(self, app: web.Application) -> None:
        """Serves the webhook there, at `PATH`."""
        app.router.add_post(PATH, self.webhook)

    async def set_webhook(self, url: str, secret: str = "") -> None:
        """From now on Telegram calls the https URL, with the secret (or the one that is known already).

        Nothing that waits is dropped. Raises ValueError without a secret, TelegramError where Telegram refuses.
        """
        self._secret = secret or self._secret
        if not self._secret:
            raise ValueError("a webhook needs a secret: set CONCIERGE_TELEGRAM_SECRET")
        await self._bot.set_webhook(
            url,
            secret_token=self._secret,
            allowed_updates=ALLOWED,
            max_connections=_CONNECTIONS,
            drop_pending_updates=False,
        )

    async def webhook(self, request: web.Request) -> web.Response:
        """Answers 200 when the update is kept, 500 when it must come again, 403 to anybody but Telegram."""
        if not self._is_telegrams(request):
            return web.Response(status=403)
        try:
            raw = json.loads(await request.read())
        except (ValueError, RecursionError):
            return web.Response(status=400)
        if not isinstance(raw, dict) or not isinstance(raw.get("update_id"), int):
            return web.Response(status=400)
        try:
            await self._keep(raw)
        except Exception as error:  # noqa: BLE001 - whatever keeps the house from keeping it: Telegram calls again
            # its text may hold what somebody wrote
            _log.error("update %d could not be kept (%s)", _number(raw), type(error).__name__)
            return web.Response(status=500)
        return web.Response()

    def _is_telegrams(self, request: web.Request) -> bool:
        said = request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape")
        return bool(self._secret) and hmac.compare_digest(said, self._secret.encode())

    # both

    async def _keep(self, raw: Mapping[str, Any]) -> None:
        """Raises what the intake raises."""
        inbound = self._translated(raw)
        if inbound is not None:
            await self._intake.receive(inbound)

    def _translated(self, raw: Mapping[str, Any]) -> Inbound | None:
        """None, too, for what is not as it was when this was written: it must not keep back everything after it."""
        me = self._bot.bot
        try:
            return translated(Update.de_json(dict(raw), self._bot), me, now=self._now())
        except Exception as error:  # noqa: BLE001 - a shape that nobody foresaw can fail in any way
            _log.error("update %d cannot be read (%s) and is left out", _number(raw), type(error).__name__)
            return None


def _number(raw: Mapping[str, Any]) -> int:
    return int(raw["update_id"])


def _named(error: TelegramError) -> str:
    if isinstance(error, (InvalidToken, EndPointNotFound)):
        return "it refuses the bot's token; set CONCIERGE_TELEGRAM_TOKEN to the one that BotFather gave"
    if isinstance(error, Conflict):
        return f"somebody else receives for this bot, end that first ({error.message})"
    return f"{type(error).__name__}, {error.message}"
