"""Whether somebody is on duty at every minute, for every care of a pack, over the coming year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bot.pack.values import Steward
from escalation.care import Care, Gap, gaps
from escalation.hours import DAYS
from knowledge.marks import Spot

_YEAR: Final = 366
_FARTHEST: Final = 5 * _YEAR  # days; absences that lie farther ahead are looked at when they come nearer
_SHOWN: Final = 4  # gaps that one problem names
_MINUTE: Final = timedelta(minutes=1)


def uncovered(
    cares: Mapping[str, Care], spots: Mapping[str, Spot], stewards: Mapping[str, Steward], today: date
) -> tuple[str, ...]:
    """Note a problem for every care whose hours leave a minute of the week to nobody.

    Returns a warning for every day, from `today`, on which absences do; days and times are of the care's
    own steward.
    """
    looked_at: dict[tuple[str, ...], list[Gap]] = {}
    absent: dict[date, list[str]] = {}
    for name, care in cares.items():
        if not all(one in stewards for one in care.names):
            continue  # noted already: an id that nothing defines
        if care.names not in looked_at:
            looked_at[care.names] = gaps(care, stewards, today, _horizon(care, stewards, today))
        zone = stewards[care.steward].timezone
        if never := _whole([gap for gap in looked_at[care.names] if not gap.because_of_absence], today):
            expected = "somebody of steward and ladder on duty at every minute of the week"
            spots[name].wrong(expected, found=f"nobody on duty {_weekly(never, zone)}")
        for day, hours in _days([gap for gap in looked_at[care.names] if gap.because_of_absence], zone):
            absent.setdefault(day, []).append(f"for {name} {hours}")
    return tuple(
        f"{day}: because of absences nobody is on duty {', '.join(parts)}" for day, parts in sorted(absent.items())
    )


def _horizon(care: Care, stewards: Mapping[str, Steward], today: date) -> int:
    """How many days to look at: a year (every change of the clocks), and to the end of the last absence."""
    ends = [(last - today).days + 2 for name in care.names for _, last in stewards[name].away]
    return min(max([_YEAR, *ends]), _FARTHEST)


def _weekly(never: list[Gap], zone: ZoneInfo) -> str:
    """The gaps of a week in words, each once although it comes back every week."""
    first: dict[str, str] = {}
    for gap in never:
        start, end = gap.start.astimezone(zone), gap.end.astimezone(zone)
        span = f"from {_minute(start)} to {_minute(end)} {zone.key}"
        first.setdefault(span, f"(first on {start:%Y-%m-%d})")
    words = [f"{span} {when}" for span, when in first.items()]
    more = [f"and {len(words) - _SHOWN} more"] if len(words) > _SHOWN else []
    return ", ".join([*words[:_SHOWN], *more])


def _minute(local: datetime) -> str:
    return f"{DAYS[local.weekday()]} {local:%H:%M}"


def _whole(never: list[Gap], today: date) -> list[Gap]:
    """Without the gap that today's midnight cuts in two, unless it is the only one: it comes back next
    week.
    """
    midnight = datetime.combine(today, time(), UTC)
    return [gap for gap in never if gap.start > midnight] or never


def _days(absences: list[Gap], zone: ZoneInfo) -> Iterator[tuple[date, str]]:
    """Every local day on which a gap lies, with the part of that day."""
    for gap in absences:
        start, end = gap.start.astimezone(zone), gap.end.astimezone(zone)
        day, last = start.date(), (end - _MINUTE).date()
        while day <= last:
            begins = f"{start:%H:%M}" if day == start.date() else "00:00"
            ends = f"{end:%H:%M}" if day == end.date() else "24:00"
            yield day, f"from {begins} to {ends} ({zone.key})"
            day += timedelta(days=1)
