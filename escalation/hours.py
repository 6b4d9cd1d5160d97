"""When a steward is on duty in a week of their own wall clock: "Mon-Fri 08:00-19:00, Sat 09:00-12:00", or
"always". Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from escalation import EscalationError

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY: Final = 24 * 60
"""Minutes of a day."""
WEEK: Final = 7 * DAY
"""Minutes of a week, which begins on Monday at 00:00."""

_EXPECTED: Final = '"always", or days and times such as "Mon-Fri 08:00-19:00, Sat 09:00-12:00"'
_ITEM: Final = re.compile(
    r"(?P<days>[A-Za-z]+(?:\s*[-–]\s*[A-Za-z]+)?)?\s*(?P<times>\d{1,2}:\d{2}\s*[-–]\s*\d{1,2}:\d{2})?"
)


class HoursError(EscalationError):
    """Hours that cannot be read. `found` is the part that is wrong, `expected` what belongs there."""

    def __init__(self, found: str, expected: str = _EXPECTED) -> None:
        super().__init__(f"found {found!r}, expected {expected}")
        self.found = found
        self.expected = expected


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """The minutes of a week on which somebody is on duty.

    `windows` are pairs (first minute, minute after the last) of the week, sorted, apart from each other,
    within 0..10080.
    """

    text: str
    windows: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read hours as an operator writes them.

        Items are separated by commas; days without times share the times that follow; times without days are
        those of the days before them, or of every day. A window that ends before it starts runs over
        midnight; days wrap (Fri-Mon); 24:00 is the end of a day. Raises HoursError.
        """
        if text.strip().lower() == "always":
            return cls(text=text, windows=((0, WEEK),))
        return cls(text=text, windows=_merged(_windows(text)))

    def on_duty(self, local: datetime) -> bool:
        """Whether a moment of the steward's own wall clock falls into the hours.

        Ends are not on duty any more.
        """
        minute = minute_of_week(local)
        return any(start <= minute < end for start, end in self.windows)


def minute_of_week(local: datetime) -> int:
    """The minute of the week, Monday 00:00 being 0, of a wall clock's moment."""
    return local.weekday() * DAY + local.hour * 60 + local.minute


def _windows(text: str) -> Iterator[tuple[int, int]]:
    days: list[int] = []
    waiting = False  # days were named whose times are still to come
    for item in text.split(","):
        match = _ITEM.fullmatch(item.strip())
        if match is None or not item.strip():
            raise HoursError(item.strip() or text)
        if match["days"]:
            days = [*days, *_days(match["days"])] if waiting else _days(match["days"])
        waiting = not match["times"]
        if match["times"]:
            start, end = _times(match["times"])
            for day in days or range(7):
                yield day * DAY + start, day * DAY + end
    if waiting:
        raise HoursError(text, f"times after the last days; {_EXPECTED}")


def _days(text: str) -> list[int]:
    numbers = [_day(name.strip()) for name in re.split(r"[-–]", text)]
    first, last = numbers[0], numbers[-1]
    return [(first + step) % 7 for step in range((last - first) % 7 + 1)]


def _day(name: str) -> int:
    if name.capitalize() not in DAYS:
        raise HoursError(name, f"a day: {', '.join(DAYS)}")
    return DAYS.index(name.capitalize())


def _times(text: str) -> tuple[int, int]:
    start, end = (_minute(part.strip()) for part in re.split(r"[-–]", text))
    if start == DAY:
        raise HoursError(text, "a start between 00:00 and 23:59")
    if start == end:
        raise HoursError(text, "an end that differs from the start; a whole day is 00:00-24:00")
    return start, end if end > start else end + DAY


def _minute(text: str) -> int:
    hours, minutes = (int(part) for part in text.split(":"))
    if minutes > 59 or hours * 60 + minutes > DAY:
        raise HoursError(text, "a time between 00:00 and 24:00")
    return hours * 60 + minutes


def _merged(windows: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    pieces: list[tuple[int, int]] = []
    for start, end in windows:
        pieces.append((start, min(end, WEEK)))
        if end > WEEK:  # Sunday night runs into Monday, the first day of the same week
            pieces.append((0, end - WEEK))
    return tuple(union(pieces))


def union(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same stretches, sorted, with those that touch or overlap made one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
