"""How soon Slack is told that an event is kept: `python -m benchmarks.acknowledge [--seconds 60] [--rate 50]`.

Over HTTP, with signed requests at a steady rate, from a process of its own. The concierge is what `concierge run` runs
(SQLite with synchronous=FULL, wake-ups in the process, the shipped reader and the example's documents), and takes its
turns meanwhile. Beside it, in the same run, a bare Bolt app that keeps nothing. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import aiohttp
import yaml

from benchmarks.apps import SIGNING_SECRET, TEAM
from benchmarks.turn import AT, PACK, machine, questions, say
from bot.evaluating.tally import percentile
from bot.pack import load_pack

CUSTOMERS = 20
SECONDS = 60
RATE = 50.0  # events a second
WARM_UP = 100  # events that are not counted
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledged:
    """Milliseconds from the moment at which each event was due to its answer, and what was answered."""

    took: Sequence[float]
    refused: int


def main() -> None:
    """Measures the bare app, then the concierge, and says on what machine."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.acknowledge", description="How soon Slack is told.")
    options.add_argument("--seconds", type=float, default=SECONDS, help=f"how long each (default: {SECONDS})")
    options.add_argument("--rate", type=float, default=RATE, help=f"events a second (default: {RATE:g})")
    chosen = options.parse_args()
    say("machine", machine())
    with TemporaryDirectory(prefix="concierge-bench-") as folder, process("slack") as api:
        asyncio.run(compare(Path(folder), api, chosen.rate, chosen.seconds))


async def compare(folder: Path, api: int, rate: float, seconds: float) -> None:
    """Both, one after the other."""
    pack = with_customers(folder / "pack")
    texts = [text for _, text in questions(load_pack(PACK, today=AT.date()))]
    where = f"http://127.0.0.1:{api}/api/"
    with process("bolt", where) as port:
        bare = await load(port, texts, rate, seconds)
    with process("house", str(pack), str(folder / "home"), where) as port:
        ours = await load(port, texts, rate, seconds)
        answers = await posted(api)
    say(f"acknowledged, {rate:g} events/s for {seconds:g} s", f"{spread(ours)}; {answers} answers and cards meanwhile")
    say("a bare Bolt app that keeps nothing", spread(bare))
    ratio = percentile(ours.took, 99) / percentile(bare.took, 99)
    say("", f"{median(ours.took) / median(bare.took):.1f} × the bare app at the median, {ratio:.1f} × at p99")


def with_customers(folder: Path) -> Path:
    """The example pack with twenty customers who write in Slack."""
    copytree(PACK, folder)
    told = yaml.safe_load((folder / "pack.yaml").read_text(encoding="utf-8"))
    customers = told["customers"]
    for number in range(len(customers), CUSTOMERS):
        customers[f"guest-{number}"] = {"name": f"Guest {number}", "organisation": None}
    for number, customer in enumerate(customers.values()):
        customer["identities"] = [{"channel": "slack", "team": TEAM, "user": f"U{number:04}"}]
    (folder / "pack.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    return folder


# ── the load ───────────────────────────────────────────────────────────────────────────────────────────────


async def load(port: int, texts: Sequence[str], rate: float, seconds: float) -> Acknowledged:
    """Events at a steady rate, whether or not the earlier ones are answered, as from the platform."""
    url, wait = f"http://127.0.0.1:{port}/slack/events", 1 / rate
    said = itertools.cycle(texts)
    sending: list[asyncio.Task[tuple[float, int]]] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        began = perf_counter()
        for number in range(WARM_UP + round(rate * seconds)):
            due = began + number * wait
            await asyncio.sleep(max(0.0, due - perf_counter()))
            sending.append(asyncio.create_task(one(session, url, event(number, next(said)), due)))
        done = await asyncio.gather(*sending)
    counted = done[WARM_UP:]
    return Acknowledged(
        took=[took for took, _ in counted],
        refused=sum(status != 200 for _, status in counted),
    )


async def one(session: aiohttp.ClientSession, url: str, body: bytes, due: float) -> tuple[float, int]:
    """Hands over one event; how long that took from when it was due, in milliseconds, and the answer's status."""
    async with session.post(url, data=body, headers=signed(body)) as response:
        await response.read()
        return (perf_counter() - due) * 1000, response.status


def event(number: int, text: str) -> bytes:
    """A direct message of one of the customers, as Slack tells of it."""
    user = f"{number % CUSTOMERS:04}"
    now = time.time()
    message = {
        "type": "message",
        "channel": f"D{user}",
        "channel_type": "im",
        "user": f"U{user}",
        "team": TEAM,
        "text": text,
        "ts": f"{now:.6f}",
        "event_ts": f"{now:.6f}",
        "client_msg_id": f"{number:08}-0000-4000-8000-000000000000",
    }
    told = {
        "token": "unused",
        "type": "event_callback",
        "team_id": TEAM,
        "context_team_id": TEAM,
        "api_app_id": "A0CONCIERGE",
        "event": message,
        "event_id": f"Ev{number:08}",
        "event_time": int(now),
        "authorizations": [{"enterprise_id": None, "team_id": TEAM, "user_id": "U0CONCIERGE", "is_bot": True}],
        "is_ext_shared_channel": False,
    }
    return json.dumps(told).encode()


def signed(body: bytes) -> dict[str, str]:
    """Slack's signature: https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    moment = str(int(time.time()))
    digest = hmac.new(SIGNING_SECRET.encode(), b"v0:" + moment.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": moment,
        "X-Slack-Signature": f"v0={digest}",
        "Content-Type": "application/json",
    }


async def posted(api: int) -> int:
    """How many messages the stand-in for Slack was given."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{api}/posted") as response:
        return int(await response.json())


# ── what is measured ───────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def process(*arguments: str) -> Iterator[int]:
    """One of `benchmarks.apps` in a process of its own; gives the port on which it listens."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONCIERGE_")}
    running = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.apps", *arguments],
        cwd=ROOT,
        env={**environment, "PTB_TIMEDELTA": "true"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert running.stdin is not None
    assert running.stdout is not None
    try:
        said = running.stdout.readline()
        if not said:
            raise SystemExit(f"benchmarks.apps {arguments[0]} did not start")
        yield int(said)
    finally:
        running.stdin.close()
        try:
            running.wait(30)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
        running.stdout.close()


def spread(found: Acknowledged) -> str:
    """The median, the 99th percentile and the longest, and how many there were."""
    took = found.took
    lost = f", {found.refused} NOT ACKNOWLEDGED" if found.refused else ""
    return (
        f"median {median(took):.1f} ms, p99 {percentile(took, 99):.1f} ms, max {max(took):.1f} ms, n={len(took)}{lost}"
    )


if __name__ == "__main__":
    main()
