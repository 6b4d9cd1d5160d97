"""`kill -9` at fifty random moments of a conversation: nobody can tell afterwards that anything happened."""

from __future__ import annotations

import os
import random
import selectors
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import journey
import pytest
from journey import SCRIPT, Files, Line
from tape import Delivered, delivered, lines

from bot.ledger.engine import open_engine, reading
from escalation import record
from escalation.case import Acknowledged, Escalation, Event, Joined, Notified, Raised, Resolved

KILLS = 50
MOMENT = 0.1  # seconds after it has got so far, within which a process is killed
SEED = 20270314
HANGS_AFTER = 60.0  # seconds without a word from the process
URGENT = timedelta(seconds=3)


class Lives:
    """The process that plays the script, again and again."""

    def __init__(self, files: Files) -> None:
        self._program = subprocess.Popen(
            [sys.executable, journey.__file__, str(files.pack.parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._selector = selectors.DefaultSelector()
        assert self._program.stdout is not None
        self._says = self._program.stdout.fileno()
        self._selector.register(self._says, selectors.EVENT_READ)
        self._heard = b""
        self.acknowledged = 0
        self.done = False

    def begin(self) -> int:
        """Starts a process and returns its number once it works."""
        assert self._program.stdin is not None
        self._program.stdin.write(b"go\n")
        self._program.stdin.flush()
        self.done = False
        return int(self.wait_for("working").split()[1])

    def listen(self, until: float) -> str | None:
        """The next thing it says, or None when nothing was said until that moment (monotonic seconds)."""
        while b"\n" not in self._heard:
            if not self._selector.select(max(0.0, until - time.monotonic())):
                return None
            more = os.read(self._says, 65_536)
            assert more, "the process that plays the script ended"
            self._heard += more
        line, _, self._heard = self._heard.partition(b"\n")
        said = line.decode()
        self.acknowledged += said == "acknowledged"
        self.done |= said == "done"
        return said

    def wait_for(self, word: str) -> str:
        """Listens until it says something that begins so."""
        while True:
            said = self.listen(time.monotonic() + HANGS_AFTER)
            assert said is not None, f"waited for {word!r} in vain"
            if said.startswith(word):
                return said

    def end(self) -> None:
        """Ends the program and whatever it has started."""
        os.killpg(self._program.pid, signal.SIGKILL)
        self._program.wait(30)
        for pipe in (self._program.stdin, self._program.stdout):
            assert pipe is not None
            pipe.close()
        self._selector.close()


@dataclass
class Story:
    """What is left when all is over, and where the kills fell."""

    files: Files
    kills: Counter[str] = field(default_factory=Counter)
    ended_well: int = -1

    def rows(self, query: str) -> list[sqlite3.Row]:
        """What the record says."""
        connection = sqlite3.connect(self.files.record)
        connection.row_factory = sqlite3.Row
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def tape(self) -> list[Delivered]:
        return delivered(self.files.tape)

    async def escalations(self) -> dict[str, list[tuple[Escalation, tuple[Event, ...]]]]:
        """Every escalation with its events, by customer."""
        engine = open_engine(self.files.url)
        try:
            async with reading(engine) as connection:
                return {
                    customer: [
                        (one, await record.events_of(connection, one.id))
                        for one in await record.of_customer(connection, customer)
                    ]
                    for customer in SCRIPT
                }
        finally:
            await engine.dispose()


def under_way(files: Files, aside: Path) -> str:
    """What a process was in the middle of when it died, by a copy of its record."""
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    for part in files.record.parent.glob("record.db*"):
        shutil.copy(part, aside)
    connection = sqlite3.connect(aside / "record.db")
    try:
        count = connection.execute("SELECT count(*) FROM inbox WHERE done_at IS NULL").fetchone()[0]
        states = {state for (state,) in connection.execute("SELECT DISTINCT state FROM outbox")}
    finally:
        connection.close()
    if "sending" in states:
        return "while sending"
    if "pending" in states:
        return "with an answer to send"
    return "with a message to answer" if count else "between two messages"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Plays the script to its end, with fifty deaths on the way."""
    folder = tmp_path_factory.mktemp("killed")
    files = Files(folder)
    files.write()
    found = Story(files=files)
    moments = random.Random(SEED)
    steps = sum(len(of_one) for of_one in SCRIPT.values())
    lives = Lives(files)
    try:
        for kill in range(KILLS):
            process = lives.begin()
            # spread over the whole conversation: each life gets a little further than the one before
            while lives.acknowledged < kill * steps // KILLS:
                assert lives.listen(time.monotonic() + HANGS_AFTER) is not None
            moment = time.monotonic() + moments.uniform(0, MOMENT)
            while time.monotonic() < moment:
                lives.listen(moment)
            os.kill(process, signal.SIGKILL)
            assert lives.wait_for("ended") == f"ended {-signal.SIGKILL}"
            found.kills["when all was done" if lives.done else under_way(files, folder / "aside")] += 1
        process = lives.begin()
        lives.wait_for("done")
        os.kill(process, signal.SIGTERM)
        found.ended_well = int(lives.wait_for("ended").split()[1])
    finally:
        lives.end()
    return found


def test_the_process_was_killed_in_the_middle_of_things(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    """Fifty deaths, most of them with something under way; the last life ends by itself."""
    posts = Counter(one.post for one in story.tape())
    doubles = sum(times - 1 for times in posts.values())
    where = ", ".join(f"{times} {what}" for what, times in story.kills.most_common())
    with capsys.disabled():
        print(f"\nkilled {story.kills.total()} times ({where}); {len(journey.messages())} messages, ", end="")
        print(f"{len(posts)} posts, doubles {doubles}")
    assert story.kills.total() == KILLS
    assert story.kills["when all was done"] + story.kills["between two messages"] < KILLS / 2
    assert story.ended_well == 0


def test_every_message_is_in_the_record_once_and_in_order(story: Story) -> None:
    """What was said stands in the transcript as it was said, however often the platform delivered it."""
    said = [(row["message_key"], row["text"]) for row in story.rows("SELECT * FROM inbox ORDER BY message_key")]
    assert said == sorted((key, line.said) for key, line in journey.messages())
    for customer, steps in SCRIPT.items():
        kept = story.rows(
            "SELECT t.text FROM transcript t JOIN conversations c ON c.id = t.conversation "
            f"WHERE c.room = '{customer}' AND t.role = 'customer' ORDER BY t.id"
        )
        assert [row["text"] for row in kept] == [step.said for step in steps if isinstance(step, Line)]


def test_every_message_is_answered_once_and_in_order(story: Story) -> None:
    """Exactly one answer covers each message, and no answer overtakes another one."""
    for customer in SCRIPT:
        # a turn finishes its messages and puts its answer down in one transaction, at one moment
        covered = story.rows(
            "SELECT i.message_key, o.key, max(i.id) OVER (PARTITION BY o.id) AS newest FROM inbox i "
            "JOIN outbox o ON o.conversation = i.conversation AND o.created_at = i.done_at AND o.purpose = 'answer' "
            f"WHERE o.room = '{customer}' ORDER BY o.id, i.\"order\""
        )
        assert [row["message_key"] for row in covered] == [
            key for key, _ in journey.messages() if key.startswith(customer)
        ]
        assert all(row["key"] == f"answer:{row['newest']}" for row in covered)
        answers = story.rows(f"SELECT id FROM outbox WHERE purpose = 'answer' AND room = '{customer}'")
        assert len(answers) == len({row["key"] for row in covered})


def test_everything_is_delivered_once_and_in_order(story: Story) -> None:
    """The tape holds each post of the outbox once, in the order in which they were decided for that place."""
    outbox = story.rows("SELECT id, room, text FROM outbox ORDER BY id")
    tape = story.tape()
    for room in {row["room"] for row in outbox}:
        decided = [(row["id"], row["text"]) for row in outbox if row["room"] == room]
        assert [(one.post, one.text) for one in tape if one.room == room] == decided


async def test_every_escalation_is_raised_once(story: Story) -> None:
    """Each message that the policy calls somebody for opens an escalation or joins the open one, exactly once."""
    numbers = {row["id"]: row["message_key"] for row in story.rows("SELECT id, message_key FROM inbox")}
    found = await story.escalations()
    for customer, steps in SCRIPT.items():
        due: list[list[str]] = []
        for number, line in enumerate(steps):
            if isinstance(line, Line) and line.calls is not None:
                key = journey.key_of(customer, number)
                due.append([key]) if line.calls == "opens" else due[-1].append(key)
        called = [
            [numbers[event.message] for event in events if isinstance(event, Raised | Joined)]
            for _, events in found[customer]
        ]
        assert called == due, customer


async def test_every_rung_is_notified_once(story: Story) -> None:
    """Each steward who was asked got one card for it, and the next was asked only when the time had run out."""
    tape = story.tape()
    for escalation, events in [each for of_one in (await story.escalations()).values() for each in of_one]:
        asked = [event for event in events if isinstance(event, Notified)]
        rungs = Counter((steward, event.round) for event in asked for steward in event.stewards)
        assert set(rungs.values()) == {1}, "somebody was asked twice in one round of the ladder"
        cards = Counter(one.room for one in tape if one.text.startswith(f"Escalation {escalation.id}: "))
        assert cards == Counter(f"desk:{steward}" for event in asked for steward in event.stewards)
        for before, after in pairwise(events):
            if isinstance(after, Notified) and not isinstance(before, Raised | Joined):
                earlier = max(event.at for event in asked if event.at < after.at)
                assert after.at - earlier >= URGENT


async def test_a_steward_acts_once_and_the_customer_is_told_once(story: Story) -> None:
    """To have seen it and to have closed it are each one event, and one line to the customer."""
    for customer, found in (await story.escalations()).items():
        seen = [event for _, events in found for event in events if isinstance(event, Acknowledged)]
        over = [event for _, events in found for event in events if isinstance(event, Resolved)]
        assert len(seen) == len(found), "each was acknowledged once"
        told = [one.text for one in story.tape() if one.room == customer]
        assert sum("has seen your message" in text for text in told) == len(seen)
        assert sum("has closed this" in text for text in told) == len(over) == (customer == "lena")


def test_nothing_is_left_to_do(story: Story) -> None:
    """Nothing waits for an answer, nothing waits to be sent, nothing is stuck, and no timer runs."""
    assert story.rows("SELECT id FROM inbox WHERE done_at IS NULL") == []
    assert {row["state"] for row in story.rows("SELECT state FROM outbox")} == {"sent"}
    assert story.rows("SELECT id FROM timers WHERE done_at IS NULL") == []
    assert story.rows("PRAGMA integrity_check")[0][0] == "ok"
    assert len(lines(story.files.acknowledged)) == sum(map(len, SCRIPT.values()))
