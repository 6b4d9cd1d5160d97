"""Who is on duty, who is asked next, and when nobody would be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalation.care import Care, Gap, Steward, gaps, next_rung, on_duty, order
from escalation.hours import DAY, DAYS, WEEK, Hours, HoursError, minute_of_week

ZONES = ["UTC", "Europe/Paris", "America/Chicago", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Auckland"]


def steward(
    name: str = "amara",
    hours: str = "always",
    zone: str = "UTC",
    away: tuple[tuple[date, date], ...] = (),
    topics: frozenset[str] = frozenset(),
) -> Steward:
    return Steward(
        id=name,
        name=name.title(),
        timezone=ZoneInfo(zone),
        hours=Hours.parse(hours),
        away=away,
        topics=topics,
        organisation="meridian",
    )


def team(*stewards: Steward) -> dict[str, Steward]:
    return {one.id: one for one in stewards}


def on(hours: str, moment: str) -> bool:
    """Whether hours hold at "Mon 08:00" of a week that begins on a Monday."""
    day, time = moment.split()
    clock = datetime.fromisoformat(f"2027-03-01T{time}Z")
    return Hours.parse(hours).on_duty(clock + timedelta(days=DAYS.index(day)))


@pytest.mark.parametrize(
    ("hours", "within", "without"),
    [
        (
            "Mon-Fri 08:00-19:00, Sat 09:00-12:00",
            ["Mon 08:00", "Fri 18:59", "Sat 11:59"],
            ["Mon 19:00", "Sun 10:00"],
        ),
        ("always", ["Sun 23:59", "Mon 00:00"], []),
        ("22:00-06:00", ["Wed 22:00", "Thu 05:59", "Mon 00:00"], ["Wed 21:59", "Thu 06:00"]),
        ("Fri-Mon 09:00-17:00", ["Fri 09:00", "Sat 10:00", "Mon 16:59"], ["Tue 10:00", "Thu 10:00"]),
        ("Sun 22:00-06:00", ["Sun 22:00", "Mon 05:59"], ["Sun 05:00", "Mon 22:00"]),
        ("Sun-Thu 16:00-02:00", ["Fri 01:59", "Sun 16:00"], ["Sun 01:00", "Fri 16:00"]),
        ("Mon, Wed, Fri 10:00-12:00", ["Mon 10:00", "Wed 11:00", "Fri 11:59"], ["Tue 11:00"]),
        ("Mon-Fri 08:00-12:00, 13:00-17:00", ["Tue 13:00"], ["Tue 12:30", "Sat 14:00"]),
        ("mon 00:00-24:00", ["Mon 00:00", "Mon 23:59"], ["Tue 00:00"]),
    ],
)
def test_hours_as_operators_write_them(hours: str, within: list[str], without: list[str]) -> None:
    """Days and ranges of days, windows over midnight, lists; an end is not on duty any more."""
    assert all(on(hours, moment) for moment in within)
    assert not any(on(hours, moment) for moment in without)


@pytest.mark.parametrize(
    "hours",
    [
        "",
        "never",
        "Mon",
        "Mon-Fri 8-17",
        "Mon-Fry 08:00-17:00",
        "Mon 08:00-25:00",
        "Mon 08:60-09:00",
        "08:00-08:00",
        "Mon 08:00-17:00,",
        "Mon 24:00-06:00",
        "Mon 08:00-17:00 Tue 08:00-17:00",
        "Mon 08:00-17:00, Sat",
    ],
)
def test_hours_that_cannot_be_read_say_what_was_expected(hours: str) -> None:
    """No hours are guessed."""
    with pytest.raises(HoursError) as caught:
        Hours.parse(hours)
    assert caught.value.expected


@given(st.sets(st.sampled_from(DAYS), min_size=1), st.integers(0, DAY - 1), st.integers(1, DAY))
def test_hours_hold_exactly_in_their_minutes(days: set[str], opens: int, closes: int) -> None:
    """Compared with counting minute by minute."""
    if opens == closes:
        return
    written = f"{', '.join(sorted(days))} {opens // 60:02}:{opens % 60:02}-{closes // 60:02}:{closes % 60:02}"
    length = (closes - opens) % DAY or DAY
    minutes = {(DAYS.index(day) * DAY + opens + n) % WEEK for day in days for n in range(length)}
    hours = Hours.parse(written)
    assert {n for start, end in hours.windows for n in range(start, end)} == minutes


def test_away_days_are_included_on_both_ends() -> None:
    """Absences are days of the steward's own calendar."""
    away = steward(zone="Asia/Tokyo", away=((date(2027, 1, 2), date(2027, 1, 9)),))
    first, last = datetime(2027, 1, 1, 15, tzinfo=UTC), datetime(2027, 1, 9, 14, 59, tzinfo=UTC)
    assert on_duty(away, first - timedelta(minutes=1))
    assert not on_duty(away, first)
    assert not on_duty(away, last)
    assert on_duty(away, last + timedelta(minutes=1))


def test_topic_stewards_come_first() -> None:
    """Those with the topic, on the ladder or not, in the pack's order; then the care's steward, then its
    ladder.
    """
    medical = frozenset({"medical"})
    people = team(steward("amara", topics=medical), steward("ines"), steward("jonas", topics=medical), steward("duty"))
    care = Care(steward="ines", ladder=("jonas", "duty", "ines"))
    assert order(care, None, people) == ("ines", "jonas", "duty")
    assert order(care, "medical", people) == ("amara", "jonas", "ines", "duty")
    assert order(care, "legal", people) == ("ines", "jonas", "duty")


def test_the_next_rung_skips_whoever_is_off_duty_or_asked() -> None:
    """On a Sunday the desk that never closes is asked; then the round is exhausted."""
    people = team(steward("amara", "Mon-Fri 08:00-19:00"), steward("duty"))
    sunday = datetime(2027, 3, 7, 12, tzinfo=UTC)
    assert next_rung(("amara", "duty"), people, set(), sunday) == "duty"
    assert next_rung(("amara", "duty"), people, {"duty"}, sunday) is None
    assert next_rung(("amara", "duty"), people, {"duty"}, sunday + timedelta(days=1)) == "amara"


hours_texts = st.sampled_from(
    [
        "always",
        "Mon-Fri 08:00-19:00",
        "22:00-06:00",
        "Fri-Mon 10:00-10:30",
        "06:00-22:00",
        "Sat-Sun 00:00-24:00",
        "Mon-Fri 00:00-24:00",
        "Wed 01:00-04:00, Thu 20:00-03:00",
    ]
)
absences = st.lists(
    st.tuples(st.integers(-3, 12), st.integers(0, 4)).map(
        lambda span: (
            date(2027, 3, 25) + timedelta(span[0]),
            date(2027, 3, 25) + timedelta(span[0] + span[1]),
        )
    ),
    max_size=2,
).map(tuple)
teams = st.lists(st.tuples(hours_texts, st.sampled_from(ZONES), absences), min_size=1, max_size=4).map(
    lambda people: team(*(steward(f"s{n}", *one[:2], away=one[2]) for n, one in enumerate(people)))
)


moments = st.integers(0, 21 * DAY).map(lambda n: datetime(2027, 3, 20, tzinfo=UTC) + timedelta(minutes=n))


@given(teams, st.data())
def test_the_next_rung_is_on_duty_and_new(people: dict[str, Steward], data: st.DataObject) -> None:
    """Nobody is asked twice in a round, nobody off duty, and nobody is passed over."""
    ladder = tuple(data.draw(st.permutations(sorted(people))))
    asked = data.draw(st.sets(st.sampled_from(ladder)))
    now = data.draw(moments)
    rung = next_rung(ladder, people, asked, now)
    eligible = [one for one in ladder if one not in asked and on_duty(people[one], now)]
    assert rung == (eligible[0] if eligible else None)


@settings(max_examples=25, deadline=None)
@given(teams)
def test_gaps_are_the_minutes_that_counting_finds(people: dict[str, Steward]) -> None:
    """Over five days with a change of the clocks in them, compared with asking for every minute."""
    names = tuple(people)
    start, days = date(2027, 3, 26), 5
    never, absent = set(), set()
    for minute in range(days * DAY):
        now = datetime(2027, 3, 26, tzinfo=UTC) + timedelta(minutes=minute)
        if not any(one.hours.on_duty(now.astimezone(one.timezone)) for one in people.values()):
            never.add(now)
        elif not any(on_duty(one, now) for one in people.values()):
            absent.add(now)
    found = gaps(Care(steward=names[0], ladder=names[1:]), people, start, days)
    assert minutes_of(found, because_of_absence=False) == never
    assert minutes_of(found, because_of_absence=True) == absent


def minutes_of(found: list[Gap], *, because_of_absence: bool) -> set[datetime]:
    spans = [(gap.start, gap.end) for gap in found if gap.because_of_absence == because_of_absence]
    return {start + timedelta(minutes=n) for start, end in spans for n in range((end - start) // timedelta(minutes=1))}


def test_a_change_of_the_clocks_can_open_a_gap() -> None:
    """Two desks that meet in winter miss each other by an hour while only one of them has changed its
    clocks.
    """
    people = team(steward("paris", "08:00-20:00", "Europe/Paris"), steward("york", "14:00-02:00", "America/New_York"))
    care = Care(steward="paris", ladder=("york",))
    assert gaps(care, people, date(2027, 1, 4), 7) == []
    found = gaps(care, people, date(2027, 1, 4), 366)
    assert found[0].start == datetime(2027, 3, 15, 6, tzinfo=UTC)
    assert found[0].end - found[0].start == timedelta(hours=1)


def test_minutes_of_the_week_begin_on_monday() -> None:
    """Monday midnight is 0, the last minute of Sunday 10,079."""
    assert minute_of_week(datetime(2027, 3, 1, tzinfo=UTC)) == 0
    assert minute_of_week(datetime(2027, 3, 7, 23, 59, tzinfo=UTC)) == WEEK - 1
