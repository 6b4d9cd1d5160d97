"""How a conversation's strain is reckoned: the formula of the pack's format, and its edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation.signals import Cue
from escalation.strain import WINDOW, Moment, strain, troubled_intensity, troubled_messages

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)

intensities = st.floats(0, 1)
ages = st.timedeltas(timedelta(), timedelta(hours=80))
moments = st.lists(st.builds(lambda age, x: Moment(at=NOW - age, intensity=x), ages, intensities), max_size=60)


def test_silence_is_no_strain() -> None:
    """Where nothing was written, nothing strains."""
    assert strain([], NOW) == 0
    assert troubled_messages([], NOW) == 0


@given(intensities, st.timedeltas(timedelta(), WINDOW))
def test_one_message_weighs_six_tenths_and_halves_every_day(intensity: float, age: timedelta) -> None:
    """For a single message the product has one factor, and strain is 0.6 · x · 2^(-age / 24 h)."""
    expected = 0.6 * intensity * 2 ** (-age.total_seconds() / 86_400)
    assert strain([Moment(at=NOW - age, intensity=intensity)], NOW) == pytest.approx(expected, abs=1e-12)


def test_two_strong_messages_today() -> None:
    """Two messages of intensity 0.5 just now: 1 - 0.7 · 0.7."""
    now_twice = [Moment(at=NOW, intensity=0.5)] * 2
    assert strain(now_twice, NOW) == pytest.approx(0.51)


@given(moments)
def test_strain_stays_below_one(said: list[Moment]) -> None:
    """However much was said, strain is at least 0 and never reaches 1."""
    assert 0 <= strain(said, NOW) < 1


def test_strain_stays_below_one_after_a_hundred_overwhelming_messages() -> None:
    """Where floating point would round to 1, it is still below."""
    assert strain([Moment(at=NOW, intensity=1.0)] * 100, NOW) < 1


@given(moments, ages, intensities)
def test_one_more_message_never_lowers_strain(said: list[Moment], age: timedelta, intensity: float) -> None:
    """A message can only add strain."""
    more = [*said, Moment(at=NOW - age, intensity=intensity)]
    assert strain(more, NOW) >= strain(said, NOW) - 1e-12
    assert troubled_messages(more, NOW) >= troubled_messages(said, NOW)


@given(moments, st.timedeltas(timedelta(), timedelta(days=4)))
def test_strain_fades_when_nothing_is_added(said: list[Moment], wait: timedelta) -> None:
    """Time alone never adds strain."""
    assert strain(said, NOW + wait) <= strain(said, NOW) + 1e-12


def test_a_message_counts_for_exactly_72_hours() -> None:
    """The window's last moment belongs to it; a microsecond later the message is forgotten."""
    at = Moment(at=NOW - timedelta(hours=72), intensity=1.0)
    assert strain([at], NOW) == pytest.approx(0.6 / 8)
    assert troubled_messages([at], NOW) == 1
    later = NOW + timedelta(microseconds=1)
    assert strain([at], later) == 0
    assert troubled_messages([at], later) == 0


def test_a_clock_that_runs_ahead_makes_no_message_newer_than_new() -> None:
    """A message that a channel dates into the future counts as written now."""
    assert strain([Moment(at=NOW + timedelta(hours=5), intensity=1.0)], NOW) == pytest.approx(0.6)


def test_pleasant_cues_do_not_strain() -> None:
    """Of a message's cues the strongest troubled one counts."""
    cues = [
        Cue(name="joy", intensity=1.0),
        Cue(name="anger", intensity=0.5),
        Cue(name="confusion", intensity=0.2),
    ]
    assert troubled_intensity(cues) == 0.5
    assert troubled_intensity(cues[:1]) == 0


def test_only_troubled_messages_are_counted() -> None:
    """A message without a troubled cue is in the window, and not in the count."""
    assert troubled_messages([Moment(at=NOW, intensity=0), Moment(at=NOW, intensity=0.2)], NOW) == 1
