"""Real stores for tests: every test has a record of its own, in SQLite and in PostgreSQL; and a house over it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
import servers
from fakes import Hands, Recorder, ScriptedAnswerer, ScriptedReader
from scenes import Scene, desk
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.app import open_house
from bot.desks import Desk
from bot.ledger.engine import migrate, open_engine
from bot.pack import Pack


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.Postgres]:
    with servers.postgres() as server:
        yield server


@pytest.fixture
def redis_server() -> Iterator[servers.Redis]:
    with servers.redis() as server:
        yield server


# ── a record of its own for every test ───────────────────────────────────────────────────────────────────────────────


async def _migrate(url: str) -> None:
    engine = open_engine(url)
    try:
        await migrate(engine)
    finally:
        await engine.dispose()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy: migrating anew for every test would take most of the time."""
    file = tmp_path_factory.mktemp("migrated") / "record.db"
    asyncio.run(_migrate(f"sqlite+aiosqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def migrated_database(postgres_server: servers.Postgres) -> str:
    """A migrated database to use as a template."""
    asyncio.run(_migrate(postgres_server.create("migrated")))
    return "migrated"


def _empty_record(request: pytest.FixtureRequest, folder: Path, *, migrated: bool) -> Iterator[str]:
    if request.param == "sqlite":
        if migrated:
            shutil.copy(request.getfixturevalue("migrated_file"), folder / "record.db")
        yield f"sqlite+aiosqlite:///{folder / 'record.db'}"
        return
    server = request.getfixturevalue("postgres_server")
    name = f"test_{uuid4().hex}"
    yield server.create(name, request.getfixturevalue("migrated_database") if migrated else "template1")
    server.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def record_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty record, of each kind."""
    yield from _empty_record(request, tmp_path, migrated=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a table, of each kind."""
    yield from _empty_record(request, tmp_path, migrated=False)


@pytest.fixture
async def engine(record_url: str) -> AsyncIterator[AsyncEngine]:
    """The open record."""
    found = open_engine(record_url)
    yield found
    await found.dispose()


# ── a house over it ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def move_in(little_pack: Pack) -> Callable[[str], AbstractAsyncContextManager[Scene]]:
    """Opens a scene over a record; a test may open several over the same one, as several processes would."""

    @asynccontextmanager
    async def opened(
        url: str, *, docket: str | None = None, clock: Hands | None = None, channel: Recorder | None = None
    ) -> AsyncIterator[Scene]:
        clock, channel = clock or Hands(), channel or Recorder()
        reader, answerer = ScriptedReader(), ScriptedAnswerer()
        async with open_house(
            little_pack,
            record=url,
            answerer=answerer,
            reader=reader,
            docket=docket or f"memory://{uuid4().hex}",
            channels=[channel],
            clock=clock,
            desk_of=lambda steward: (Desk(address=desk(steward)),),
        ) as house:
            yield Scene(house=house, clock=clock, reader=reader, answerer=answerer, channel=channel, numbers=count(1))

    return opened


@pytest.fixture
async def scene(record_url: str, move_in: Callable[[str], AbstractAsyncContextManager[Scene]]) -> AsyncIterator[Scene]:
    """A house over each kind of record."""
    async with move_in(record_url) as opened:
        yield opened
