"""How a conversation is going: cues over time, weighed by strength and age. Pure.

strain = 1 - product over the window's messages of (1 - 0.6 * x * 2 ** (-age / 24 h)), where x is the
strongest intensity among a message's troubled cues. The formula, its weight, half-life and window are part of
the pack's format.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from escalation.signals import TROUBLED, Cue

WINDOW: Final = timedelta(hours=72)
"""How far back messages count; one that is exactly this old still does."""

HALF_LIFE: Final = timedelta(hours=24)
WEIGHT: Final = 0.6
_JUST_BELOW_ONE: Final = math.nextafter(1.0, 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """One message: when it was written, and its strongest troubled intensity (0..1, 0 where it has none)."""

    at: datetime
    intensity: float


def troubled_intensity(cues: Iterable[Cue]) -> float:
    """The strongest intensity among the troubled cues of one message, 0 where it has none."""
    return max((cue.intensity for cue in cues if cue.name in TROUBLED), default=0.0)


def strain(moments: Iterable[Moment], now: datetime) -> float:
    """The strain of a conversation at `now`, in [0, 1): 0 when nothing troubled was said in the window."""
    left = math.prod(1 - WEIGHT * moment.intensity * _freshness(moment, now) for moment in _recent(moments, now))
    # Some forty overwhelming messages in a row would round to exactly 1, which the formula never reaches.
    return min(1 - left, _JUST_BELOW_ONE)


def troubled_messages(moments: Iterable[Moment], now: datetime) -> int:
    """How many messages of the window carry a troubled cue."""
    return sum(moment.intensity > 0 for moment in _recent(moments, now))


def _recent(moments: Iterable[Moment], now: datetime) -> list[Moment]:
    return [moment for moment in moments if now - moment.at <= WINDOW]


def _freshness(moment: Moment, now: datetime) -> float:
    # A channel's clock may run ahead of ours: such a message is new, not newer than new.
    age = max(now - moment.at, timedelta())
    return float(2.0 ** (-(age / HALF_LIFE)))
