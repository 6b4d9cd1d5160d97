"""What `benchmarks.acknowledge` measures, each a process of its own: `python -m benchmarks.apps house|bolt|slack …`.

Each prints the port on which it listens, and ends when its input does.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

TEAM = "T0MERIDIAN"
BOT = "U0CONCIERGE"
BOT_TOKEN = "xoxb-benchmark"
SIGNING_SECRET = "a secret of this benchmark"


def main() -> None:
    """Runs one of them."""
    name, *rest = sys.argv[1:]
    logging.basicConfig(level=logging.ERROR)
    programs: dict[str, Callable[..., AbstractAsyncContextManager[int]]] = {
        "house": house,
        "bolt": bolt,
        "slack": slack,
    }
    asyncio.run(until_input_ends(programs[name](*rest)))


async def until_input_ends(serving: AbstractAsyncContextManager[int]) -> None:
    """Says where it listens, and serves until whoever began it is done."""
    async with serving as port:
        print(port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


# ── the concierge ──────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def house(pack: str, home: str, api: str) -> AsyncIterator[int]:
    """What `concierge run` runs, on what it runs by default; what it reads ahead in quiet moments is read before."""
    from bot.access import EVERYONE
    from bot.app import LazyReader
    from bot.clock import now
    from bot.knowing import Knowing
    from bot.pack import load_pack
    from bot.serving import answer_platforms_first, running
    from bot.settings import Settings

    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        pack=Path(pack),
        home=Path(home),
        listen="127.0.0.1:0",
        slack_api=api,
        slack_bot_token=BOT_TOKEN,  # type: ignore[arg-type]
        slack_signing_secret=SIGNING_SECRET,  # type: ignore[arg-type]
    )
    found = load_pack(settings.pack, today=datetime.now(UTC).date())
    knowing, reader = Knowing(settings.index_folder(found.provider)), LazyReader()
    knowing.bring_up_to_date(found.folder / "documents", lambda *_: None)
    knowing.answer("What may I bring?", EVERYONE, datetime.now(UTC).date())  # opens it
    reader.read("What may I bring?")
    answer_platforms_first()
    async with running(found, settings, clock=now, answerer=knowing, reader=reader) as at_work:
        yield at_work.port


# ── the peer ───────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def bolt(api: str) -> AsyncIterator[int]:
    """A Bolt app on Bolt's own aiohttp server, whose listener keeps nothing: Slack is told 200 at once."""
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

    app = AsyncApp(client=AsyncWebClient(BOT_TOKEN, base_url=api), signing_secret=SIGNING_SECRET)

    async def heard(_body: dict[str, Any]) -> None:
        return None

    app.event("message")(heard)
    async with served(app.web_app("/slack/events")) as port:
        yield port


# ── Slack ──────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def slack() -> AsyncIterator[int]:
    """As much of Slack's Web API as an answer in a direct message needs; says at `/posted` how many there were."""
    numbers, posted = itertools.count(1), 0

    async def called(request: web.Request) -> web.Response:
        nonlocal posted
        method = request.match_info["method"]
        sent = await (request.json() if request.content_type == "application/json" else request.post())
        given = {**request.query, **sent}
        posted += method == "chat.postMessage"
        told: dict[str, Any] = {"ok": True}
        match method:
            case "auth.test":
                told |= {"team_id": TEAM, "user_id": BOT, "bot_id": "B0CONCIERGE", "user": "c", "team": "m", "url": "u"}
            case "users.info":
                told["user"] = {"id": given["user"], "team_id": TEAM}
            case "conversations.open":
                told["channel"] = {"id": f"D{str(given['users'])[1:]}"}
            case "chat.postMessage" | "chat.update":
                told |= {"channel": given["channel"], "ts": f"1800000000.{next(numbers):06d}"}
            case "conversations.history" | "conversations.replies":
                told |= {"messages": [], "has_more": False}
        return web.json_response(told)

    async def how_many(_request: web.Request) -> web.Response:
        return web.json_response(posted)

    app = web.Application()
    app.router.add_post("/api/{method}", called)
    app.router.add_get("/posted", how_many)
    async with served(app) as port:
        yield port


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[int]:
    """An application on a port of this machine."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    main()
