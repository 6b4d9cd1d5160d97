"""Whole journeys: real processes, real terminals, real files. Servers, scenes and stand-ins come from beside."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from commands import EXAMPLE, concierge


@pytest.fixture(scope="session")
def example_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of the example pack, ingested once by the command itself."""
    home = tmp_path_factory.mktemp("example")
    ran = concierge("ingest", "--pack", EXAMPLE, home=home, CONCIERGE_INDEX=str(home / "index"))
    assert ran.status == 0, ran.said
    return home / "index"
