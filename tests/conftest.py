"""What every test may use. `CONCIERGE_TESTS_NEED_SERVERS=1` makes a missing server a failure instead of a skip."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
from fakes import write_pack
from hypothesis import settings

from bot.pack import Pack, load_pack

os.environ["PTB_TIMEDELTA"] = "true"  # as `concierge` sets it: spans of time are timedeltas

settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(scope="session")
def little_pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """The pack of `fakes.WHO` and `fakes.POLICY`."""
    folder: Path = write_pack(tmp_path_factory.mktemp("pack"))
    return load_pack(folder, today=date(2027, 3, 1))
