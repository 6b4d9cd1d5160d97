"""`concierge run` as an operator meets it: a process of its own, told to end, or told something that cannot be."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import slack_server
import telegram_server
from commands import CONCIERGE, WITHIN, surroundings
from town import LENA_ON_TELEGRAM, Town, town

NOBODY = "http://127.0.0.1:1/"
"""Where nothing listens."""
SECRETS = ("xoxb-the-concierge", "xoxb-wrong", "xapp-wrong", "a secret between", "77:wrong")


@dataclass(kw_only=True)
class Process:
    """A `concierge run` and what it has said so far."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)
    _more: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def said(self) -> str:
        return "\n".join(self.lines)

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._more:
                self.lines.append(line.decode().rstrip())
                self._more.notify_all()

    async def until(self, words: str) -> str:
        """Returns everything that was said, as soon as the words are in it."""
        async with asyncio.timeout(WITHIN), self._more:
            await self._more.wait_for(lambda: words in self.said)
        return self.said

    async def port(self) -> int:
        """Where it listens, as soon as it does."""
        found = re.search(r"/healthz is on port (\d+)", await self.until("/healthz is on port"))
        assert found is not None
        return int(found[1])

    def told_to_end(self) -> None:
        self.process.send_signal(signal.SIGTERM)


@asynccontextmanager
async def started(here: Town, **settings: str) -> AsyncIterator[Process]:
    """`concierge run` in the town, for as long as the body runs; it is killed where it has not ended then."""
    environment = surroundings(here.folder, CONCIERGE_LISTEN="127.0.0.1:0")
    environment |= {f"CONCIERGE_{name.upper()}": value for name, value in settings.items()}
    begun = await asyncio.create_subprocess_exec(
        CONCIERGE,
        "run",
        "--pack",
        here.pack.folder,
        cwd=here.folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    one = Process(process=begun)
    listening = asyncio.create_task(one.listen())
    try:
        yield one
    finally:
        if begun.returncode is None:
            begun.kill()
        await begun.wait()
        await listening


async def ended(one: Process) -> int:
    """The exit status, when it has ended and all that it said is heard."""
    async with asyncio.timeout(WITHIN):
        return await one.process.wait()


def slack(here: Town) -> dict[str, str]:
    """Slack over HTTP."""
    server = here.slack
    return {
        "slack_api": server.base_url,
        "slack_bot_token": server.bot_token,
        "slack_signing_secret": server.signing_secret,
        "slack_desk": here.slack_desk,
    }


def telegram(here: Town) -> dict[str, str]:
    """Telegram by polling."""
    return {"telegram_api": here.telegram.base_url.removesuffix("/bot"), "telegram_token": here.telegram.token}


# ── told to end ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_being_sent_in_telegram_is_finished_before_it_ends(tmp_path: Path) -> None:
    """SIGTERM while a post hangs: it is finished, the exit status is 0, and the next run does not say it again."""
    async with town(tmp_path) as here:
        slow = asyncio.Event()
        here.telegram.faults.add("sendMessage", telegram_server.Fault.SLOW(slow))
        async with started(here, **telegram(here)) as one:
            await one.port()
            here.telegram.private_says(LENA_ON_TELEGRAM, "How heavy may my kit be?")
            await here.telegram.until(lambda: len(here.telegram.said(LENA_ON_TELEGRAM)) == 1, WITHIN)
            one.told_to_end()
            await one.until("ending")
            slow.set()
            assert await ended(one) == 0
        assert "Traceback" not in one.said
        async with started(here, **telegram(here)) as again:
            await again.port()
            here.telegram.private_says(LENA_ON_TELEGRAM, "And how long may I talk to my daughter?")
            await here.telegram.until(lambda: len(here.telegram.said(LENA_ON_TELEGRAM)) >= 2, WITHIN)
            again.told_to_end()
            assert await ended(again) == 0
        assert len(here.telegram.said(LENA_ON_TELEGRAM)) == 2
        assert "Traceback" not in again.said


async def test_what_is_being_sent_in_slack_is_finished_before_it_ends(tmp_path: Path) -> None:
    """The same over HTTP, where Slack goes on calling."""
    async with town(tmp_path) as here:
        slow = asyncio.Event()
        direct = here.slack.dm(here.lena)
        here.slack.faults.add("chat.postMessage", slack_server.Fault.SLOW(slow))
        async with started(here, **slack(here)) as one:
            here.slack.request_url = f"http://127.0.0.1:{await one.port()}/slack/events"
            here.slack.says(here.lena, direct, "How heavy may my kit be?")
            await here.slack.until(lambda: len(here.slack.said(direct)) == 1, WITHIN)
            one.told_to_end()
            await one.until("ending")
            slow.set()
            assert await ended(one) == 0
        assert "Traceback" not in one.said
        async with started(here, **slack(here)) as again:
            here.slack.request_url = f"http://127.0.0.1:{await again.port()}/slack/events"
            here.slack.says(here.lena, direct, "And how long may I talk to my daughter?")
            await here.slack.until(lambda: len(here.slack.said(direct)) >= 2, WITHIN)
            again.told_to_end()
            assert await ended(again) == 0
        assert len(here.slack.said(direct)) == 2
        assert "Traceback" not in again.said


# ── told something that cannot be ────────────────────────────────────────────────────────────────────────────────────

Settings = Callable[[Town], dict[str, str]]
IMPOSSIBLE: dict[str, tuple[Settings, str]] = {
    "nothing": (lambda _: {}, "Neither Slack nor Telegram is set up"),
    "slack that cannot be heard": (
        lambda here: {**slack(here), "slack_signing_secret": ""},
        "set CONCIERGE_SLACK_APP_TOKEN",
    ),
    "a webhook without a secret": (
        lambda here: {**telegram(here), "telegram_webhook": "https://c.example.com/telegram/webhook"},
        "CONCIERGE_TELEGRAM_WEBHOOK needs CONCIERGE_TELEGRAM_SECRET",
    ),
    "no place to listen": (
        lambda here: {**telegram(here), "listen": "8080:everywhere"},
        "CONCIERGE_LISTEN is HOST:PORT",
    ),
    "a word that is none": (lambda here: {**telegram(here), "rooms_answer": "loudly"}, "CONCIERGE_ROOMS_ANSWER"),
    "a wrong bot token of Slack": (
        lambda here: {**slack(here), "slack_bot_token": "xoxb-wrong"},
        "Slack cannot be reached with CONCIERGE_SLACK_BOT_TOKEN (auth.test failed: invalid_auth)",
    ),
    "a wrong app token of Slack": (
        lambda here: {**slack(here), "slack_app_token": "xapp-wrong"},
        "Slack does not take CONCIERGE_SLACK_APP_TOKEN",
    ),
    "a wrong token of Telegram": (
        lambda here: {**telegram(here), "telegram_token": "77:wrong"},
        "Telegram cannot be reached with CONCIERGE_TELEGRAM_TOKEN (InvalidToken)",
    ),
    "no way to Slack": (
        lambda here: {**slack(here), "slack_api": NOBODY},
        "Slack cannot be reached with CONCIERGE_SLACK_BOT_TOKEN",
    ),
    "no way to Telegram": (
        lambda here: {**telegram(here), "telegram_api": NOBODY.rstrip("/")},
        "Telegram cannot be reached with CONCIERGE_TELEGRAM_TOKEN (NetworkError)",
    ),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
async def test_what_cannot_be_is_told_in_a_few_lines(tmp_path: Path, case: str) -> None:
    """Exit status 2 and what to do: no traceback, and none of the secrets."""
    settings, told = IMPOSSIBLE[case]
    async with town(tmp_path) as here, started(here, **settings(here)) as one:
        status = await ended(one)
    assert told in " ".join(one.said.split())
    assert status == 2
    assert "Traceback" not in one.said
    assert not [secret for secret in SECRETS if secret in one.said]
    assert len([line for line in one.lines if line.startswith("concierge: ")]) == 1


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """A second concierge at the same port says so, and ends."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        async with town(tmp_path) as here, started(here, **telegram(here), listen=listen) as one:
            status = await ended(one)
    assert f"Nothing can listen at {listen}" in one.said
    assert status == 2
    assert "Traceback" not in one.said
