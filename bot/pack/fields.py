"""Small readers that several files of a pack share.

Each gives a value of the right type even where the file is wrong, because the mistake is noted by then and
no pack that has one is ever used: so that one mistake does not hide the next.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from knowledge.marks import Spot, listed

_DURATION: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_LONGEST: Final = timedelta(days=366)


def text(parts: Mapping[str, Spot], key: str, default: str = "") -> str:
    """The text under a key, trimmed; the default where the key is left out."""
    spot = parts.get(key)
    return default if spot is None else (spot.text() or default).strip()


def texts(parts: Mapping[str, Spot], key: str, what: str) -> tuple[str, ...]:
    """The list of texts under a key; empty where the key is left out."""
    found = (item.text() for item in parts[key].items(what)) if key in parts else ()
    return tuple(one.strip() for one in found if one)


def reference(spot: Spot | None, ids: Collection[str], kind: str) -> str:
    """The id of something that the pack defines."""
    return "" if spot is None else spot.choice(ids, f"the id of {kind} ({listed(ids)})") or ""


def section(parts: Mapping[str, Spot], key: str, what: str) -> dict[str, Spot]:
    """The entries of a section by id; empty where it is left out or nothing stands in it."""
    return parts[key].entries(what) if key in parts and not parts[key].empty else {}


def duration(spot: Spot) -> timedelta | None:
    """A span of time such as 90s, 15m, 4h or 3d, longer than nothing and at most a year."""
    expected = "a duration such as 90s, 15m, 4h or 3d (at most 366d)"
    written = spot.text(expected)
    if written is None:
        return None
    match = _DURATION.fullmatch(written.strip())
    span = int(match[1]) * _UNITS[match[2]] if match else timedelta()
    if not timedelta() < span <= _LONGEST:
        spot.wrong(expected)
        return None
    return span
