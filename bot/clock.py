"""What time it is: passed in everywhere, so that a rehearsal can take place on another day."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


def starting_at(moment: datetime) -> Clock:
    """A clock that shows `moment` now and runs on from there."""
    began = time.monotonic()
    return lambda: moment.astimezone(UTC) + timedelta(seconds=time.monotonic() - began)
