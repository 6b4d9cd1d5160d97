"""Whole journeys: real processes, real terminals, real files. Servers, scenes and stand-ins come from beside."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

import servers
from commands import EXAMPLE, concierge


@pytest.fixture(scope="session")
def example_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of the example pack, ingested once by the command itself."""
    home = tmp_path_factory.mktemp("example")
    ran = concierge("ingest", "--pack", EXAMPLE, home=home, CONCIERGE_INDEX=str(home / "index"))
    assert ran.status == 0, ran.said
    return home / "index"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stores:
    """Where a house keeps its record and gets its wake-ups from."""

    record: str
    docket: str


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.Postgres]:
    with servers.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[servers.Redis]:
    with servers.redis() as server:
        yield server


@pytest.fixture(params=["embedded", "servers"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """An empty record: SQLite with wake-ups in the process, and PostgreSQL with Redis."""
    name = f"story_{uuid4().hex}"
    if request.param == "embedded":
        yield Stores(record=f"sqlite+aiosqlite:///{tmp_path / 'record.db'}", docket=f"memory://{name}")
        return
    database = request.getfixturevalue("postgres_server")
    yield Stores(record=database.create(name), docket=request.getfixturevalue("redis_server").url)
    database.drop(name)
