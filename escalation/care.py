"""Stewards, their hours and absences, and ladders: who is next at this moment, and when nobody would be.

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from escalation.hours import DAY, WEEK, Hours, HoursError, minute_of_week, union

__all__ = ["Care", "Gap", "Hours", "HoursError", "Steward", "gaps", "next_rung", "on_duty", "order"]

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Steward:
    """A named person who looks after customers.

    `hours` are of the wall clock in `timezone`; `away` are pairs of local days, both included; escalations on
    one of the `topics` reach this steward first.
    """

    id: str
    name: str
    timezone: ZoneInfo
    hours: Hours
    away: tuple[tuple[date, date], ...] = ()
    topics: frozenset[str] = frozenset()
    organisation: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Care:
    """Who stands beside a mission's customer, and who is next when they do not answer. Ids of stewards."""

    steward: str
    ladder: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Everybody on this care, the steward first, without doubles."""
        return tuple(dict.fromkeys((self.steward, *self.ladder)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A stretch of UTC time, `end` excluded, during which nobody of a care is on duty.

    `because_of_absence` says that hours alone would have covered it.
    """

    start: datetime
    end: datetime
    because_of_absence: bool


def on_duty(steward: Steward, now: datetime) -> bool:
    """Whether this steward is on duty at an aware moment: within their hours, and not away that day."""
    local = now.astimezone(steward.timezone)
    away = any(first <= local.date() <= last for first, last in steward.away)
    return not away and steward.hours.on_duty(local)


def order(care: Care, topic: str | None, stewards: Mapping[str, Steward]) -> tuple[str, ...]:
    """Who is asked after whom: those with the topic (in the pack's order), the care's steward, its ladder."""
    experts = [steward.id for steward in stewards.values() if topic is not None and topic in steward.topics]
    return tuple(dict.fromkeys((*experts, *care.names)))


def next_rung(
    order: tuple[str, ...], stewards: Mapping[str, Steward], asked: Collection[str], now: datetime
) -> str | None:
    """The first who is on duty and has not been asked in this round.

    None when the round is exhausted or nobody who is left is on duty.
    """
    return next((name for name in order if name not in asked and on_duty(stewards[name], now)), None)


def gaps(care: Care, stewards: Mapping[str, Steward], start: date, days: int) -> list[Gap]:
    """When nobody of a care is on duty during `days` days (UTC) from `start`, in order of time.

    Every minute is looked at as the clocks of all stewards show it, daylight-saving changes included. Those
    who are reached by topic alone do not count: they may have none of the topics that come.
    """
    team = [stewards[name] for name in care.names]
    planned = union([span for steward in team for span in _planned(steward, start, days)])
    present = union([span for steward in team for span in _present(steward, start, days)])
    whole = [(0, days * DAY)]
    never = _minus(whole, planned)
    absent = _minus(_minus(whole, present), never)
    midnight = datetime.combine(start, time(), UTC)
    found = [
        Gap(start=midnight + first * _MINUTE, end=midnight + end * _MINUTE, because_of_absence=absence)
        for spans, absence in ((never, False), (absent, True))
        for first, end in spans
    ]
    return sorted(found, key=lambda gap: gap.start)


# Below, stretches of time are pairs (first minute, minute after the last), counted in UTC from midnight of
# the first day.


def _planned(steward: Steward, start: date, days: int) -> Iterator[tuple[int, int]]:
    """The stretches of a steward's hours, absences left aside."""
    for first, end, offset in _offsets(steward.timezone, start, days):
        monday = minute_of_week(datetime.combine(start, time())) + offset
        # A minute m of the span is minute (m + monday) of the wall clock's weeks.
        for week in range((first + monday) // WEEK, (end - 1 + monday) // WEEK + 1):
            for opens, closes in steward.hours.windows:
                span = max(first, week * WEEK + opens - monday), min(end, week * WEEK + closes - monday)
                if span[0] < span[1]:
                    yield span


def _present(steward: Steward, start: date, days: int) -> list[tuple[int, int]]:
    planned = union(_planned(steward, start, days))
    return _minus(planned, union(_away(steward, start, days))) if steward.away else planned


def _away(steward: Steward, start: date, days: int) -> Iterator[tuple[int, int]]:
    for first, end, offset in _offsets(steward.timezone, start, days):
        for away_from, away_to in steward.away:
            opens = (away_from - start).days * DAY - offset
            closes = ((away_to - start).days + 1) * DAY - offset
            span = max(first, opens), min(end, closes)
            if span[0] < span[1]:
                yield span


@lru_cache(maxsize=256)
def _offsets(zone: ZoneInfo, start: date, days: int) -> tuple[tuple[int, int, int], ...]:
    """When a zone keeps one offset from UTC: (first minute, minute after the last, offset in minutes)."""
    midnight = datetime.combine(start, time(), UTC)

    def offset(minute: int) -> int:
        shift = (midnight + minute * _MINUTE).astimezone(zone).utcoffset() or timedelta()
        return shift // _MINUTE

    stretches: list[tuple[int, int, int]] = []
    begin, last = 0, days * DAY
    for hour in range(0, last, 60):
        if offset(hour + 60) != offset(begin):
            change = next(minute for minute in range(hour, hour + 61) if offset(minute) != offset(begin))
            if change < last:
                stretches.append((begin, change, offset(begin)))
                begin = change
    return (*stretches, (begin, last, offset(begin))) if last else ()


def _minus(spans: list[tuple[int, int]], taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of sorted, separate spans without the sorted, separate ones that are taken."""
    left: list[tuple[int, int]] = []
    position = 0
    for start, end in spans:
        while position < len(taken) and taken[position][1] <= start:
            position += 1
        at = position
        while at < len(taken) and taken[at][0] < end:
            if start < taken[at][0]:
                left.append((start, taken[at][0]))
            start = max(start, taken[at][1])
            at += 1
        if start < end:
            left.append((start, end))
    return left
