"""Receiving, sweeping and delivering: whatever is lost or dies in between, every message is answered once."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
import servers
from fakes import Recorder
from redis.exceptions import ConnectionError as RedisIsGone
from scenes import LENA, STRANGER, WALTER, Scene, desk, until
from sqlalchemy import event, select

from bot import replies, work
from bot.app import at_work
from bot.ledger import outbox
from bot.ledger.engine import RecordUnavailable, open_engine, reading, writing
from bot.ledger.outbox import Draft
from bot.ledger.tables import outbox as outbox_table
from bot.messages import Address, Post, Purpose, SendError

MoveIn = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """A migrated, empty record in a file: what most tests of the machinery need."""
    shutil.copy(migrated_file, tmp_path / "record.db")
    return f"sqlite+aiosqlite:///{tmp_path / 'record.db'}"


@pytest.fixture(params=["memory", "redis"])
def docket_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where wake-ups go: in this process, and through a real Redis."""
    if request.param == "memory":
        yield f"memory://{uuid4().hex}"
    else:
        yield request.getfixturevalue("redis_server").url


async def hears(scene: Scene, count: int = 1, address: Address = LENA) -> None:
    """Waits until so many messages have arrived at an address."""

    async def has() -> bool:
        return len(scene.heard(address)) >= count

    await until(has, f"{count} messages for {address}, there are {scene.heard(address)}")


async def put(scene: Scene, *keys: str, address: Address = LENA) -> None:
    """Puts messages into the outbox, in order."""
    async with writing(scene.house.engine) as connection:
        for key in keys:
            draft = Draft(
                key=key,
                address=address,
                text=key,
                purpose=Purpose.NOTICE,
                author="Concierge",
                conversation=None,
            )
            await outbox.put(connection, draft, now=scene.clock())


async def states(scene: Scene) -> list[str]:
    async with reading(scene.house.engine) as connection:
        return list((await connection.execute(select(outbox_table.c.state).order_by(outbox_table.c.id))).scalars())


# ── from the channel to the channel ──────────────────────────────────────────────────────────────────────────────────


async def test_what_is_received_is_answered_in_the_background(
    record_url: str, docket_url: str, move_in: MoveIn
) -> None:
    """With the tasks at work nobody has to ask for anything: on each record, over each kind of wake-up."""
    async with move_in(record_url, docket=docket_url) as scene, at_work(scene.house):
        await scene.arrives("How heavy may my kit be?")
        await scene.arrives("How heavy may my kit be?", at=WALTER)
        await hears(scene)
        await hears(scene, address=WALTER)
        assert "1.5 kg" in scene.heard()[0]


async def test_a_redelivery_is_not_answered_again(sqlite_url: str, move_in: MoveIn) -> None:
    """The channel is told that it was there already."""
    async with move_in(sqlite_url) as scene:
        message = await scene.arrives("How heavy may my kit be?")
        await scene.settle()
        assert not await scene.house.work.receive(message)
        await scene.settle()
        assert len(scene.heard()) == 1


async def test_a_process_that_only_receives_leaves_the_work_to_another_one(sqlite_url: str, move_in: MoveIn) -> None:
    """One process takes messages in, another one answers: they share the record and nothing else."""
    async with move_in(sqlite_url) as gateway, move_in(sqlite_url) as worker, at_work(worker.house):
        await gateway.arrives("How heavy may my kit be?")
        await hears(worker)


async def test_two_processes_answer_once(record_url: str, docket_url: str, move_in: MoveIn) -> None:
    """Both sweep the same record all the time; every customer gets one reply to each message."""
    async with (
        move_in(record_url, docket=docket_url) as one,
        move_in(record_url, docket=docket_url, channel=one.channel) as other,
        at_work(one.house),
        at_work(other.house),
    ):
        places = [Address(channel="telegram", room=str(number)) for number in range(5000, 5010)]
        for place in places:
            await one.arrives("Hello?", at=place)
        for place in places:
            await hears(one, address=place)
        await one.house.work.sweep()
        await other.house.work.sweep()
        assert sorted(len(one.heard(place)) for place in places) == [1] * len(places)


async def test_settled_means_answered_and_on_its_way(sqlite_url: str, move_in: MoveIn) -> None:
    """A script that waits for it has the answer on its screen."""
    async with move_in(sqlite_url) as scene:
        assert await scene.house.work.settled(LENA)
        await scene.arrives("How heavy may my kit be?")
        assert not await scene.house.work.settled(LENA)
        await scene.settle()
        assert await scene.house.work.settled(LENA)


# ── when wake-ups are lost ───────────────────────────────────────────────────────────────────────────────────────────


async def test_without_any_wake_up_the_sweeper_answers(
    sqlite_url: str, move_in: MoveIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The docket refuses everything; the message is kept, the channel is told so, and it is answered."""
    async with move_in(sqlite_url) as scene:

        def gone(*_args: object, **_options: object) -> Callable[..., object]:
            async def add(*_arguments: object) -> None:
                raise RedisIsGone("Redis is gone")

            return add

        monkeypatch.setattr(scene.house.work.docket, "add", gone)
        async with at_work(scene.house):
            await scene.arrives("How heavy may my kit be?")
            await hears(scene)


async def test_a_docket_that_hangs_does_not_keep_the_channel_waiting(
    sqlite_url: str, move_in: MoveIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis that neither answers nor refuses costs a moment, and no message."""
    monkeypatch.setattr(work, "WAKE_WITHIN", timedelta(milliseconds=50))
    async with move_in(sqlite_url) as scene:

        def hangs(*_args: object, **_options: object) -> Callable[..., object]:
            async def add(*_arguments: object) -> None:
                await asyncio.Event().wait()

            return add

        monkeypatch.setattr(scene.house.work.docket, "add", hangs)
        await scene.arrives("How heavy may my kit be?")
        await scene.settle()
        assert len(scene.heard()) == 1


async def test_a_redis_that_forgets_everything_loses_nothing(
    sqlite_url: str, redis_server: servers.Redis, move_in: MoveIn
) -> None:
    """While it is away messages are received, answered and delivered; afterwards too."""
    async with move_in(sqlite_url, docket=redis_server.url) as scene, at_work(scene.house):
        await scene.arrives("How heavy may my kit be?")
        await hears(scene)
        redis_server.kill()
        await scene.arrives("How heavy may my kit be, again?")
        await hears(scene, 2)
        redis_server.start()
        await scene.arrives("How heavy may my kit be, once more?")
        await hears(scene, 3)
    assert len(scene.heard()) == 3


async def test_a_house_opens_while_redis_is_away(sqlite_url: str, redis_server: servers.Redis, move_in: MoveIn) -> None:
    """A restart in the middle of an outage does not take the concierge away as well."""
    redis_server.kill()
    async with move_in(sqlite_url, docket=redis_server.url) as scene, at_work(scene.house):
        await scene.arrives("How heavy may my kit be?")
        await hears(scene)


async def test_time_runs_for_a_ladder_without_any_wake_up(sqlite_url: str, move_in: MoveIn) -> None:
    """Timers are rows: a process that starts later finds them due."""
    async with move_in(sqlite_url) as scene:
        await scene.says("asks_for_person")
        clock = scene.clock
    clock.forward(minutes=15)
    async with move_in(sqlite_url, clock=clock) as scene, at_work(scene.house):
        await hears(scene, address=desk("amara"))


async def test_stopping_waits_until_every_duty_has_let_go(sqlite_url: str, move_in: MoveIn) -> None:
    """Several duties run beside each other and one needs a moment to clean up: none is left behind half-way."""
    async with move_in(sqlite_url) as scene:
        begun = asyncio.Event()
        let_go: list[object] = []

        async def duty(subject: object) -> None:
            try:
                begun.set()
                await asyncio.Event().wait()
            finally:
                for _ in range(3 if subject == "slow" else 0):
                    await asyncio.sleep(0)
                let_go.append(subject)

        sweeping = asyncio.create_task(scene.house.work._attend_each(duty, ["quick", "slow"]))
        await begun.wait()
        sweeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sweeping
        assert let_go == ["quick", "slow"]


# ── the record ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_message_is_not_acknowledged_when_it_could_not_be_kept(sqlite_url: str, move_in: MoveIn) -> None:
    """Somebody holds the file: the channel gets an error, so that the platform delivers it again; then it is kept."""
    async with move_in(sqlite_url) as scene:
        impatient = open_engine(sqlite_url, busy_timeout=0.05)
        scene.house.work._engine = impatient
        async with writing(scene.house.engine):
            with pytest.raises(RecordUnavailable):
                await scene.arrives("How heavy may my kit be?")
        await impatient.dispose()
        scene.house.work._engine = scene.house.engine
        assert len(await scene.says("How heavy may my kit be?")) == 1


async def test_a_server_that_goes_away_and_comes_back(move_in: MoveIn, caplog: pytest.LogCaptureFixture) -> None:
    """The record is down: receiving says so, the sweeper goes on; it is up again, and everything continues."""
    with servers.postgres() as server:
        async with move_in(server.url()) as scene, at_work(scene.house):
            await scene.arrives("How heavy may my kit be?")
            await hears(scene)
            await asyncio.to_thread(server.stop)
            with pytest.raises(RecordUnavailable):
                await scene.arrives("Is anybody there?")
            await asyncio.to_thread(server.start)

            async def kept() -> bool:
                try:
                    await scene.arrives("How heavy may my kit be?")
                except RecordUnavailable:
                    return False
                return True

            await until(kept, "the record to be usable again")
            await hears(scene, 2)
    assert "a sweep could not do its duty" not in caplog.text


class Crash(Exception):
    """The process dies here."""


@contextmanager
def crash_at(scene: Scene, statement: int) -> Iterator[list[str]]:
    """Lets the nth statement that the record is asked for fail; yields the statements that were asked for."""
    asked: list[str] = []

    def look(_connection: object, _cursor: object, said: str, *_rest: object) -> None:
        asked.append(said)
        if len(asked) == statement:
            raise Crash

    event.listen(scene.house.engine.sync_engine, "before_cursor_execute", look)
    try:
        yield asked
    finally:
        event.remove(scene.house.engine.sync_engine, "before_cursor_execute", look)


async def test_a_crash_at_any_statement_loses_nothing_and_doubles_nothing(sqlite_url: str, move_in: MoveIn) -> None:
    """Turn, escalation, desk and delivery, broken off at every statement in turn: afterwards each was done once."""
    async with move_in(sqlite_url) as scene:
        for number in count(1):
            place = Address(channel="telegram", room=f"visitor {number}")
            await scene.arrives("asks_for_person", at=place)
            with crash_at(scene, number) as asked:
                await scene.settle()
            await scene.later(seconds=61)  # a sending that never ended is looked at after a minute
            await scene.settle()
            one = await scene.escalation()
            cards = [said for said in scene.heard(desk("marc")) if said.startswith(f"Escalation {one.id}:")]
            assert (scene.heard(place), len(cards)) == ([replies.stranger_asked("Meridian Orbital")], 1), asked[-1]
            assert (one.position, one.asked) == (2, ("marc",))
            await scene.house.casework.resolve(one.id, "marc", outcome="done", now=scene.clock())
            await scene.settle()
            if len(asked) < number:
                break
        assert number > 30


# ── delivery ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_messages_for_one_address_arrive_in_order(sqlite_url: str, move_in: MoveIn) -> None:
    """However many wait, and whoever wakes up."""
    async with move_in(sqlite_url) as scene:
        await put(scene, *(str(number) for number in range(20)))
        await asyncio.gather(*(scene.house.work.deliver(LENA) for _ in range(4)))
        assert scene.heard() == [str(number) for number in range(20)]


async def test_what_a_platform_refuses_for_now_is_tried_again_and_nothing_overtakes_it(
    sqlite_url: str, move_in: MoveIn
) -> None:
    """After 429 or 500: later, in order, and the waits grow."""
    async with move_in(sqlite_url) as scene:
        scene.channel.troubles = [SendError("429"), SendError("500")]
        await put(scene, "first", "second")
        await scene.settle()
        assert scene.heard() == []
        await scene.later(seconds=0.9)
        assert len(scene.channel.tried) == 1
        await scene.later(seconds=0.1)
        assert len(scene.channel.tried) == 2
        await scene.later(seconds=1.9)
        assert len(scene.channel.tried) == 2
        await scene.later(seconds=0.1)
        assert scene.heard() == ["first", "second"]


async def test_a_platform_that_is_down_for_hours_costs_no_message(sqlite_url: str, move_in: MoveIn) -> None:
    """It is tried every few minutes for as long as that takes."""
    async with move_in(sqlite_url) as scene:
        scene.channel.troubles = [SendError("500") for _ in range(30)]
        await put(scene, "first")
        for _ in range(31):
            await scene.later(minutes=5)
        assert scene.heard() == ["first"]


async def test_what_a_platform_refuses_for_good_is_given_up_and_lets_the_next_one_pass(
    sqlite_url: str, move_in: MoveIn, caplog: pytest.LogCaptureFixture
) -> None:
    """The room is gone: this is counted, logged without the words, and in nobody's way."""
    async with move_in(sqlite_url) as scene:
        scene.channel.troubles = [SendError("no such chat", retry=False)]
        await put(scene, "first", "second")
        await scene.settle()
        assert scene.heard() == ["second"]
        assert await states(scene) == ["failed", "sent"]
        assert "no such chat" in caplog.text


@pytest.mark.parametrize("kept", [True, False])
async def test_a_send_in_doubt_is_settled_by_asking_the_platform(sqlite_url: str, move_in: MoveIn, kept: bool) -> None:
    """No answer came: if the platform has the message it is not sent again, otherwise it is."""
    async with move_in(sqlite_url) as scene:
        scene.channel.troubles = [SendError("time-out", in_doubt=True)]
        scene.channel.kept_before_trouble = kept
        await put(scene, "first")
        await scene.settle()
        await scene.later(seconds=2)
        assert scene.heard() == ["first"]
        assert await states(scene) == ["sent"]


async def test_where_the_platform_cannot_say_it_is_said_again_and_counted(sqlite_url: str, move_in: MoveIn) -> None:
    """Twice rather than never; what follows waits for it, so that nothing is told in the wrong order."""
    async with move_in(sqlite_url) as scene:
        scene.channel.troubles = [SendError("time-out", in_doubt=True)]
        scene.channel.cannot_say = SendError("no history here")
        scene.channel.kept_before_trouble = True
        await put(scene, "first", "second")
        await scene.settle()
        assert await states(scene) == ["pending", "pending"]
        await scene.later(seconds=2)
        assert scene.heard() == ["first", "first", "second"]
        async with reading(scene.house.engine) as connection:
            assert await outbox.doubts(connection) == 1


async def test_a_channel_that_hangs_is_a_send_in_doubt(
    sqlite_url: str, move_in: MoveIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not keep other destinations waiting, and its message is tried again."""
    monkeypatch.setattr(work, "SEND_WITHIN", timedelta(milliseconds=200))

    class Stuck(Recorder):
        stuck = True

        async def send(self, post: Post) -> str:
            if self.stuck and post.address == LENA:
                await asyncio.Event().wait()
            return await super().send(post)

    channel = Stuck()
    async with move_in(sqlite_url, channel=channel) as scene:
        await put(scene, "for Lena")
        await put(scene, "for Walter", address=WALTER)
        await scene.settle()
        assert scene.heard(WALTER) == ["for Walter"]
        channel.stuck = False
        await scene.later(seconds=2)
        assert scene.heard(LENA) == ["for Lena"]


async def test_a_defect_of_a_channel_does_not_spin(
    sqlite_url: str, move_in: MoveIn, caplog: pytest.LogCaptureFixture
) -> None:
    """What an adapter did not foresee is tried again with the same growing waits as any trouble."""

    class Broken(Recorder):
        async def send(self, post: Post) -> str:
            self.tried.append(post.id)
            raise KeyError("a defect")

    async with move_in(sqlite_url, channel=Broken()) as scene:
        await put(scene, "first")
        await scene.settle()
        await scene.settle()
        assert len(scene.channel.tried) == 1
        assert "the channel telegram failed" in caplog.text


async def test_a_row_that_a_dead_process_left_in_sending_is_recovered(sqlite_url: str, move_in: MoveIn) -> None:
    """The process died between sending and noting it: the platform is asked, one message arrives."""
    async with move_in(sqlite_url) as scene:
        await put(scene, "arrived", "not arrived")
        async with writing(scene.house.engine) as connection:
            claimed = await outbox.claim(connection, LENA, now=scene.clock())
        assert claimed is not None
        await scene.channel.send(claimed.post)
        channel, clock = scene.channel, scene.clock
    clock.forward(seconds=1)
    async with move_in(sqlite_url, channel=channel, clock=clock) as scene:
        await scene.house.work.recover_at_start()
        await scene.settle()
        assert scene.heard() == ["arrived", "not arrived"]


async def test_a_sending_that_never_ends_is_looked_at_by_the_sweeper(sqlite_url: str, move_in: MoveIn) -> None:
    """Another process hangs or has died: after a minute any process that can reach the channel settles it."""
    async with move_in(sqlite_url) as scene:
        await put(scene, "first")
        async with writing(scene.house.engine) as connection:
            await outbox.claim(connection, LENA, now=scene.clock())
        await scene.later(seconds=59)
        assert scene.heard() == []
        await scene.later(seconds=2)
        assert scene.heard() == ["first"]


async def test_what_this_process_cannot_reach_waits_for_one_that_can(sqlite_url: str, move_in: MoveIn) -> None:
    """A terminal without that screen leaves the message alone; the one that opens it later shows it."""
    async with move_in(sqlite_url, channel=Recorder(hosts=[WALTER])) as scene:
        await put(scene, "for Lena")
        await scene.settle()
        assert await states(scene) == ["pending"]
    async with move_in(sqlite_url, channel=Recorder(hosts=[LENA])) as scene:
        await scene.settle()
        assert scene.heard() == ["for Lena"]


async def test_nobodys_words_stand_in_the_log(
    sqlite_url: str, move_in: MoveIn, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong, the log names rows and addresses and not what a customer wrote."""
    caplog.set_level(logging.INFO)
    async with move_in(sqlite_url) as scene:
        scene.answerer.error = RuntimeError("the index is gone")
        scene.channel.troubles = [SendError("no such chat", retry=False)]
        await scene.says("SECRETWORD how heavy is my kit?")
        await scene.says("SECRETWORD asks_for_person", at=STRANGER)
    assert "SECRETWORD" not in caplog.text


async def test_a_worker_that_starts_leaves_alone_what_another_may_be_sending(sqlite_url: str, move_in: MoveIn) -> None:
    """Where several processes deliver to one address, a row in `sending` is another's business until its time is up."""
    async with move_in(sqlite_url) as scene:
        await put(scene, "being sent")
        async with writing(scene.house.engine) as connection:
            assert await outbox.claim(connection, LENA, now=scene.clock()) is not None
        channel, clock = scene.channel, scene.clock
    channel.exclusive = False
    clock.forward(seconds=1)
    async with move_in(sqlite_url, channel=channel, clock=clock) as scene:
        await scene.house.work.recover_at_start()
        assert scene.heard() == []
        async with reading(scene.house.engine) as connection:
            assert await outbox.count(connection, ["sending"]) == 1
