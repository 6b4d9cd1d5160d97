"""`concierge run`: hears Slack and Telegram, answers, and says how it is (`/healthz`), until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from aiohttp import web
from telegram.error import TelegramError

from bot.app import House, Knowledge, at_work, furnished, open_record
from bot.channels.slack.connecting import SlackRefuses
from bot.channels.slack.hearing import SlackHearing
from bot.channels.telegram.hearing import TelegramHearing
from bot.chat_model import teller_of
from bot.clock import Clock
from bot.connections import (
    Connections,
    NotConnected,
    connections,
    desks_of,
    settled_upon,
    slack_hearing,
    telegram_hearing,
)
from bot.growing.publishing import DOCUMENTS
from bot.health import health
from bot.knowing import knowing_of
from bot.ledger.engine import RecordUnavailable
from bot.messages import Pace
from bot.pack import Pack
from bot.settings import Settings
from escalation.cues import CueReader

logger = logging.getLogger(__name__)

HEALTH_PATH = "/healthz"
CATCHES_UP_EVERY = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A house at work, and the port on which it listens."""

    house: House
    port: int


@asynccontextmanager
async def running(
    pack: Pack,
    settings: Settings,
    *,
    clock: Clock,
    answerer: Knowledge | None = None,
    reader: CueReader | None = None,
    pace: Pace | None = None,
    slack_ping_seconds: float = 5.0,
) -> AsyncIterator[Running]:
    """Everything that the settings name, at work while the body runs. `pace` stands in for the platforms' own.

    Raises NotConnected, saying what to do.
    """
    settled_upon(settings)
    host, port = _address(settings.listen)
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(open_record(settings.record_url(pack.provider)))
        found = await stack.enter_async_context(connections(settings, engine, pace=pace))
        knowing = knowing_of(settings, pack.provider)
        house = await stack.enter_async_context(
            furnished(
                pack,
                engine,
                answerer=answerer or knowing,
                reader=reader,
                docket=settings.docket,
                channels=found.channels,
                clock=clock,
                desk_of=await desks_of(pack, settings, found),
                rooms_answer=settings.rooms_answer,
                teller=None if answerer else teller_of(settings, knowing),
                ingest=None if answerer else partial(knowing.bring_up_to_date, pack.folder / DOCUMENTS),
            )
        )
        await stack.enter_async_context(at_work(house))
        web_app = await _heard(settings, found, house, stack, slack_ping_seconds)
        yield Running(house=house, port=await _serve(web_app, host, port, stack))


async def _heard(
    settings: Settings, found: Connections, house: House, stack: AsyncExitStack, ping_seconds: float
) -> web.Application:
    """Begins to hear: what was missed is asked for before anything newer is taken. What is heard by being called is in
    the application.
    """
    web_app = web.Application()
    web_app.router.add_get(HEALTH_PATH, _health(house))
    if found.slack is not None:
        hearing = slack_hearing(settings, found, house.intake, house.clock, ping_seconds=ping_seconds)
        web_app.add_routes(hearing.routes())
        if settings.slack_app_token is not None:
            await _connected(hearing, stack)
        else:
            await _beside(stack, _catch_up(hearing), "what was said in Slack meanwhile")
    if found.bot is not None:
        telegram = telegram_hearing(settings, found.bot, house.intake, house.clock)
        if settings.telegram_webhook:
            telegram.add_to(web_app)
            await _called_back(telegram, settings.telegram_webhook)
        else:
            await _beside(stack, telegram.poll(), "Telegram")
    return web_app


async def _connected(hearing: SlackHearing, stack: AsyncExitStack) -> None:
    try:
        await stack.enter_async_context(hearing.connected())
    except SlackRefuses as error:
        raise NotConnected(f"Slack does not take CONCIERGE_SLACK_APP_TOKEN. {error}") from None


async def _called_back(hearing: TelegramHearing, url: str) -> None:
    try:
        await hearing.set_webhook(url)
    except TelegramError as error:
        raise NotConnected(
            f"Telegram does not take CONCIERGE_TELEGRAM_WEBHOOK ({type(error).__name__}). It must be an https address "
            "that Telegram can reach; docs/setting-up-telegram.md says more."
        ) from None  # the client's own words can have the token in them


async def _catch_up(hearing: SlackHearing) -> None:
    """Over HTTP nobody says when something was missed: it is looked for at the start, and again every hour."""
    while True:
        try:
            await hearing.reconcile()
        except RecordUnavailable as error:
            logger.error("%s", error)
        await asyncio.sleep(CATCHES_UP_EVERY.total_seconds())


async def _beside(stack: AsyncExitStack, work: Coroutine[object, object, object], what: str) -> None:
    task = asyncio.create_task(work)

    def ended(done: asyncio.Task[object]) -> None:
        if not done.cancelled() and done.exception() is not None:
            logger.error("hearing %s ended: %s", what, type(done.exception()).__name__)

    task.add_done_callback(ended)

    async def stop() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(stop)


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 2**16):
        raise NotConnected(f"CONCIERGE_LISTEN is HOST:PORT, for instance 127.0.0.1:8080, and not {listen!r}.")
    return host.strip("[]") or "127.0.0.1", int(port)


async def _serve(web_app: web.Application, host: str, port: int, stack: AsyncExitStack) -> int:
    runner = web.AppRunner(web_app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        raise NotConnected(
            f"Nothing can listen at {host}:{port}: {error.strerror}. Is the concierge running already? "
            "CONCIERGE_LISTEN names another address."
        ) from error
    return int(runner.addresses[0][1])


def _health(house: House) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        found = await health(house.engine, house.intake, house.clock())
        return web.json_response(found.as_json(), status=200 if found.well else 503)

    return answer


def answer_platforms_first() -> None:
    """Lets the threads that think give way ten times as often as Python has them do by default (5 ms): a platform that
    waits for its acknowledgement waits for several of these turns.
    """
    sys.setswitchinterval(0.0005)


async def run(pack: Pack, settings: Settings, clock: Clock) -> None:
    """Runs until SIGTERM or SIGINT."""
    answer_platforms_first()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    told_to_end = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, told_to_end.set)
    async with running(pack, settings, clock=clock) as found:
        logger.info("at work; /healthz is on port %d", found.port)
        await told_to_end.wait()
        logger.info("ending: what is being sent is finished first")
