"""The doorstep: what a platform handed over is kept although the record is busy, and gets into it once."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from fakes import MONDAY
from scenes import LENA, Scene
from sqlalchemy.engine import make_url

from bot.ledger.doorstep import Doorstep, doorstep_of
from bot.ledger.engine import RecordUnavailable, writing
from bot.messages import Attachment, Identity, Inbound, Kind, Pressed

MoveIn = Callable[[str], AbstractAsyncContextManager[Scene]]
_numbers = count(1)


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_file: Path) -> str:
    (tmp_path / "record.db").write_bytes(migrated_file.read_bytes())
    return f"sqlite+aiosqlite:///{tmp_path / 'record.db'}"


def event(said: str = "How heavy may my kit be?", **named: object) -> Inbound:
    """A message of Lena's."""
    number = next(_numbers)
    made = Inbound(
        event_key=f"event:{number}",
        message_key=f"message:{number}",
        address=LENA,
        sender=Identity(channel=LENA.channel, user=LENA.room),
        text=said,
        sent_at=MONDAY,
        order=f"{number:08d}",
    )
    return replace(made, **named)  # type: ignore[arg-type]


async def test_everything_of_an_event_survives_the_doorstep(tmp_path: Path) -> None:
    """What is carried in is what was handed over."""
    doorstep = Doorstep(tmp_path / "record.db-doorstep")
    pressed = Pressed(token="t", choice="amara", words="two\nlines", handle="h")
    given = event(kind=Kind.PRESS, pressed=pressed, attachments=(Attachment(what="a photo", ref="1:2"),), about="x")
    assert await doorstep.put(given, MONDAY)
    (left,) = await doorstep.waiting(10)
    assert (left.inbound, left.at) == (given, MONDAY)
    await doorstep.close()


async def test_the_same_event_stands_there_once(tmp_path: Path) -> None:
    """A redelivery while it stands there is told from it."""
    doorstep, one = Doorstep(tmp_path / "record.db-doorstep"), event()
    assert await asyncio.gather(*(doorstep.put(one, MONDAY) for _ in range(5))) == [True, False, False, False, False]
    assert len(await doorstep.waiting(10)) == 1
    await doorstep.close()


async def test_another_process_finds_what_one_left(tmp_path: Path) -> None:
    """It is on the disk when the platform is told so."""
    first, second = Doorstep(tmp_path / "record.db-doorstep"), Doorstep(tmp_path / "record.db-doorstep")
    await first.put(event("left behind"), MONDAY)
    assert [one.inbound.text for one in await second.waiting(10)] == ["left behind"]
    await first.close()
    await second.close()


async def test_an_event_is_kept_while_the_record_is_being_written(sqlite_url: str, move_in: MoveIn) -> None:
    """Nobody waits for the turn that holds the record; afterwards the event is in it and is answered, once."""
    async with move_in(sqlite_url) as scene:
        async with writing(scene.house.engine):
            one = event()
            async with asyncio.timeout(5):
                assert await scene.house.intake.receive(one)
        await scene.house.intake.receive(one)
        await scene.house.intake.carry_in()
        await scene.house.intake.receive(one)  # it has been carried in since
        await scene.house.intake.carry_in()
        await scene.settle()
        assert len(scene.heard()) == 1
        assert [entry.role for entry in await scene.transcript()] == ["customer", "concierge"]


async def test_what_was_carried_in_before_a_crash_is_harmless_afterwards(sqlite_url: str, move_in: MoveIn) -> None:
    """Killed between the record's commit and the doorstep's: it is carried in again, and taken once."""
    async with move_in(sqlite_url) as scene:
        one = event()
        await scene.house.intake.receive(one)
        assert await scene.house.work.receive(one)
        await scene.house.intake.carry_in()
        await scene.settle()
        assert len(scene.heard()) == 1


async def test_one_event_that_cannot_be_carried_in_keeps_no_other_waiting(
    sqlite_url: str, move_in: MoveIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays, and gets in, at its place, once what was wrong is mended; the others are in already."""
    async with move_in(sqlite_url) as scene:
        kept = scene.house.work._keep

        async def broken(connection, inbound, now, bound):  # type: ignore[no-untyped-def]
            if "kit" in inbound.text:
                raise KeyError("a defect")
            return await kept(connection, inbound, now, bound)

        monkeypatch.setattr(scene.house.work, "_keep", broken)
        for said in ("How heavy may my kit be?", "Thanks"):
            await scene.house.intake.receive(event(said))
        await scene.house.intake.carry_in()
        assert [entry.text for entry in await _said(scene)] == ["Thanks"]
        monkeypatch.undo()
        await scene.house.intake.carry_in()
        assert [entry.text for entry in await _said(scene)] == ["How heavy may my kit be?", "Thanks"]


async def _said(scene: Scene):  # type: ignore[no-untyped-def]
    await scene.settle()
    return [entry for entry in await scene.transcript() if entry.role == "customer"]


async def test_a_doorstep_that_cannot_be_written_is_told_to_the_channel(tmp_path: Path) -> None:
    """Then nothing is acknowledged, and the platform delivers it again."""
    doorstep = Doorstep(tmp_path / "no such folder" / "record.db-doorstep")
    with pytest.raises(RecordUnavailable):
        await doorstep.put(event(), MONDAY)
    await doorstep.close()


async def test_a_doorstep_that_is_locked_for_too_long_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process holds it; what comes after that is kept again."""
    monkeypatch.setattr("bot.ledger.doorstep.BUSY_TIMEOUT_SECONDS", 0.05)
    doorstep = Doorstep(tmp_path / "record.db-doorstep")
    await doorstep.put(event(), MONDAY)
    other = sqlite3.connect(tmp_path / "record.db-doorstep", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordUnavailable):
            await doorstep.put(event(), MONDAY)
        other.execute("ROLLBACK")
        assert await doorstep.put(event(), MONDAY)
    finally:
        other.close()
        await doorstep.close()


@pytest.mark.parametrize(
    ("record", "beside"),
    [
        ("sqlite+aiosqlite:////data/record.db", Path("/data/record.db-doorstep")),
        ("sqlite+aiosqlite://", None),
        ("sqlite+aiosqlite:///:memory:", None),
        ("postgresql+asyncpg://somebody@host/concierge", None),
    ],
)
def test_only_an_sqlite_file_has_a_doorstep(record: str, beside: Path | None) -> None:
    """PostgreSQL lets everybody write at once, and a record in memory is nobody else's."""
    assert doorstep_of(make_url(record)) == beside
