"""What `/healthz` says: well, or what is wrong in words, and never about whom."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import servers
from fakes import MONDAY
from scenes import LENA, Scene

from bot.health import Health, health
from bot.ledger import outbox
from bot.ledger.engine import open_engine, writing
from bot.ledger.outbox import Draft
from bot.messages import Identity, Inbound, Purpose, SendError


class _NothingLeft:
    """An intake that waits for nothing."""

    async def waiting_since(self) -> datetime | None:
        return None


async def of(scene: Scene) -> Health:
    return await health(scene.house.engine, scene.house.intake, scene.clock())


async def test_a_house_that_does_its_work_is_well(scene: Scene) -> None:
    """An open escalation in its time is no problem; it is counted."""
    await scene.says("asks_for_person")
    found = await of(scene)
    assert found == Health(problems=(), open_escalations=1)
    assert found.well


async def test_a_message_that_nobody_takes_up_is_a_problem_after_two_minutes(scene: Scene) -> None:
    """No worker runs on this record."""
    await scene.arrives("How heavy may my kit be?")
    scene.clock.forward(minutes=2)
    assert (await of(scene)).well
    scene.clock.forward(seconds=1)
    found = await of(scene)
    assert (found.waiting, len(found.problems)) == (1, 1)
    assert "waited" in found.problems[0]


async def test_an_event_that_does_not_get_into_the_record_is_a_problem(scene: Scene) -> None:
    """It is kept on the doorstep, acknowledged, and nobody has carried it in for two minutes."""
    if scene.house.engine.dialect.name != "sqlite":
        assert await scene.house.intake.waiting_since() is None
        return
    await scene.house.intake.receive(
        Inbound(
            event_key="e",
            message_key="m",
            address=LENA,
            sender=Identity(channel=LENA.channel, user=LENA.room),
            text="Hello",
            sent_at=MONDAY,
            order="1",
        )
    )
    scene.clock.forward(minutes=2, seconds=1)
    assert "has not got into the record" in (await of(scene)).problems[0]
    await scene.house.intake.carry_in()
    await scene.settle()
    assert (await of(scene)).well


async def test_what_cannot_be_sent_is_a_problem_after_a_quarter_of_an_hour(scene: Scene) -> None:
    """A platform that is down for a moment is none."""
    scene.channel.troubles = [SendError("500") for _ in range(9)]
    await scene.says("How heavy may my kit be?")
    assert (await of(scene)).well
    scene.clock.forward(minutes=15, seconds=1)
    found = await of(scene)
    assert (found.to_send, len(found.problems)) == (1, 1)
    assert "delivered" in found.problems[0]


async def test_an_escalation_that_does_not_climb_is_a_problem(scene: Scene) -> None:
    """Its time has run out for two minutes, and nobody was asked anew."""
    await scene.says("asks_for_person")
    scene.clock.forward(minutes=17, seconds=1)
    found = await of(scene)
    assert (found.stuck_escalations, len(found.problems)) == (1, 1)
    await scene.settle()
    assert (await of(scene)).well


async def test_what_failed_and_what_is_in_doubt_is_counted(scene: Scene) -> None:
    """Each in its own number, for a graph."""
    draft = Draft(key="0", address=LENA, text="x", purpose=Purpose.NOTICE, author="Concierge", conversation=None)
    async with writing(scene.house.engine) as connection:
        rows = [await outbox.put(connection, replace(draft, key=str(n)), now=MONDAY) for n in range(3)]
        first, second, third = (row for row in rows if row is not None)
        await outbox.fail(connection, first, why="gone")
        await outbox.doubt(connection, second, why="time-out")
        await outbox.doubt_and_repeat(connection, third, why="time-out", until=MONDAY + timedelta(hours=1))
    found = await of(scene)
    assert (found.failed, found.uncertain, found.perhaps_doubled, found.to_send) == (1, 1, 2, 1)


async def test_nothing_of_it_says_who_or_what_it_is_about(scene: Scene) -> None:
    """The page is read by a monitor, and by whoever finds its port."""
    await scene.says("asks_for_person SECRETWORD")
    await scene.arrives("SECRETWORD")
    scene.clock.forward(hours=1)
    told = json.dumps((await of(scene)).as_json())
    assert '"well": false' in told
    assert not [word for word in ("SECRETWORD", "Lena", "Ines", "1001", "asked for a person") if word in told]


async def test_a_record_that_cannot_be_read_is_told_and_not_raised() -> None:
    """The page answers while the database is down."""
    engine = open_engine(f"postgresql+asyncpg://nobody@127.0.0.1:{servers.free_port()}/none")
    found = await health(engine, _NothingLeft(), MONDAY)
    await engine.dispose()
    assert not found.well
    assert "cannot be used" in found.problems[0]
