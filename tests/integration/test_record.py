"""Escalations, the cue log and timers, kept on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.ledger.engine import reading, writing
from escalation import EscalationError, case, record
from escalation.case import Escalation, Event, Joined, Notified, Raised
from escalation.cues import Cue, Reading
from escalation.policy import Severity
from escalation.record import Correction, StaleEscalation
from escalation.strain import Moment

NOW = datetime(2027, 3, 1, 10, 0, tzinfo=UTC)


def raised(severity: Severity = Severity.urgent, *, at: datetime = NOW) -> Raised:
    return Raised(at=at, severity=severity, rules=("distress", "strain"), topic="medical", message=4)


async def opened(
    connection: AsyncConnection,
    subject: str = "lena",
    *,
    severity: Severity = Severity.urgent,
    at: datetime = NOW,
) -> Escalation:
    return await record.open_one(
        connection,
        raised(severity, at=at),
        subject=subject,
        customer=subject,
        mission="portrait",
        conversation=1,
    )


@pytest.fixture
async def connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction for a whole test."""
    async with writing(engine) as found:
        yield found


async def test_an_escalation_is_what_its_events_made_it(connection: AsyncConnection) -> None:
    """Every kind of event goes into the record and comes out as it was: loaded, it equals what was in memory."""
    one = await opened(connection)
    later = NOW + timedelta(hours=1)
    steps: list[Callable[[Escalation], Sequence[Event]]] = [
        lambda _: (Notified(at=NOW, stewards=("ines", "amara"), round=1, answer_by=later, off_duty=True),),
        lambda _: (Joined(at=NOW, severity=Severity.critical, rules=("crisis",), topic=None, message=5),),
        lambda one: case.take_over(one, "ines", NOW),
        lambda one: case.offer(one, "ines", to="amara", brief="b", answer_by=later, now=NOW),
        lambda one: case.decline(one, "amara", NOW, lapsed=True),
        lambda one: case.offer(one, "ines", to="amara", brief="“ü”", answer_by=later, now=NOW),
        lambda one: case.acknowledge(one, "amara", NOW),
        lambda one: case.hand_back(one, "amara", NOW),
        lambda one: case.resolve(one, "amara", outcome="Spoken to.", now=NOW),
    ]
    for step in steps:
        one = await record.append(connection, one, step(one))
        assert await record.load(connection, one.id) == one
    assert len(await record.events_of(connection, one.id)) == one.position


async def test_an_escalation_that_is_not_there_is_none(connection: AsyncConnection) -> None:
    """Not an error: a number may be a guess."""
    assert await record.load(connection, 99) is None
    assert await record.open_for(connection, "lena") is None


async def test_only_one_is_open_for_a_subject(connection: AsyncConnection) -> None:
    """The second is refused, and the transaction goes on; once it is closed another can be opened."""
    one = await opened(connection)
    with pytest.raises(StaleEscalation):
        await opened(connection)
    assert await record.open_for(connection, "lena") == one
    await record.append(connection, one, case.resolve(one, "ines", outcome="done", now=NOW))
    assert await record.open_for(connection, "lena") is None
    assert (await opened(connection)).id != one.id


async def test_of_two_that_open_at_once_one_wins(engine: AsyncEngine) -> None:
    """Two connections raise for the same customer in the same instant."""

    async def raise_one() -> Escalation:
        async with writing(engine) as connection:
            assert await record.open_for(connection, "lena") is None
            await both_have_looked.wait() if engine.dialect.name == "postgresql" else None
            return await opened(connection)

    both_have_looked = asyncio.Barrier(2)
    outcomes = await asyncio.gather(raise_one(), raise_one(), return_exceptions=True)
    # SQLite lets one writer in at a time, so that the second one sees the first one's escalation already
    lost = StaleEscalation if engine.dialect.name == "postgresql" else AssertionError
    assert {type(outcome) for outcome in outcomes} == {Escalation, lost}
    async with reading(engine) as connection:
        assert len(await record.all_open(connection)) == 1


async def test_a_decision_on_an_old_state_is_refused(connection: AsyncConnection) -> None:
    """Two stewards saw the same escalation; the second one's event has the first one's place."""
    one = await opened(connection)
    await record.append(connection, one, case.acknowledge(one, "ines", NOW))
    with pytest.raises(StaleEscalation):
        await record.append(connection, one, case.acknowledge(one, "amara", NOW))
    now = await record.load(connection, one.id)
    assert now is not None
    assert (now.owner, now.position) == ("ines", 2)


async def test_of_two_that_decide_at_once_one_wins(engine: AsyncEngine) -> None:
    """The same, over two connections."""
    async with writing(engine) as connection:
        one = await opened(connection)

    async def acknowledge(steward: str) -> None:
        async with writing(engine) as connection:
            await record.append(connection, one, case.acknowledge(one, steward, NOW))

    outcomes = await asyncio.gather(acknowledge("ines"), acknowledge("amara"), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "StaleEscalation"]


async def test_the_open_ones_are_listed_by_severity_then_age(connection: AsyncConnection) -> None:
    """What burns stands on top."""
    await opened(connection, "a", severity=Severity.care)
    await opened(connection, "b", severity=Severity.critical, at=NOW + timedelta(minutes=2))
    await opened(connection, "c", severity=Severity.critical, at=NOW + timedelta(minutes=1))
    closed = await opened(connection, "d")
    await record.append(connection, closed, case.resolve(closed, "ines", outcome="done", now=NOW))
    assert [one.subject for one in await record.all_open(connection)] == ["c", "b", "a"]
    assert [one.id for one in await record.of_customer(connection, "d")] == [closed.id]


# ── the cue log ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def logged(
    connection: AsyncConnection,
    message: int,
    *cues: Cue,
    at: datetime = NOW,
    customer: str | None = "lena",
    place: int = 1,
) -> None:
    reading_ = Reading(cues=cues, version="script-1")
    await record.log(connection, reading_, conversation=place, message=message, customer=customer, at=at)


ANXIETY = Cue(name="anxiety", intensity=0.8, words=("can't sleep", "“naïve”"))
ANGER = Cue(name="anger", intensity=0.3, words=())
JOY = Cue(name="joy", intensity=1.0, words=("so happy",))


async def test_a_cue_is_kept_with_its_words_and_its_reader(connection: AsyncConnection) -> None:
    """Letter for letter, in the order in which they were said."""
    await logged(connection, 4, ANXIETY, ANGER)
    first, second = await record.cues_of(connection, customer="lena")
    assert (first.cue, first.reader, first.message, first.at, first.customer) == (
        ANXIETY,
        "script-1",
        4,
        NOW,
        "lena",
    )
    assert second.cue == ANGER
    assert await record.cue(connection, first.id) == first


async def test_a_message_without_cues_leaves_no_row(connection: AsyncConnection) -> None:
    """There is nothing to log."""
    await logged(connection, 4)
    assert await record.cues_of(connection) == ()


async def test_the_log_can_be_asked_by_customer_time_and_count(connection: AsyncConnection) -> None:
    """Oldest first; the last ones where a number is given; strangers are in the log too."""
    for number in range(4):
        customer = None if number == 3 else "lena" if number % 2 == 0 else "walter"
        await logged(connection, number, ANXIETY, at=NOW + timedelta(hours=number), customer=customer)

    async def messages(**asked: Any) -> list[int]:
        return [one.message for one in await record.cues_of(connection, **asked)]

    assert await messages() == [0, 1, 2, 3]
    assert await messages(customer="lena") == [0, 2]
    assert await messages(since=NOW + timedelta(hours=2)) == await messages(count=2) == [2, 3]
    assert [one.message for one in await record.cues_in(connection, [1, 2])] == [1, 2]


async def test_a_correction_stands_beside_what_was_logged(connection: AsyncConnection) -> None:
    """The log is not altered; a second opinion stands beside the first."""
    await logged(connection, 4, ANXIETY)
    (before,) = await record.cues_of(connection)
    opinions = (
        Correction(at=NOW, steward="ines", was_there=False, intensity=None, note="A figure of speech."),
        Correction(at=NOW, steward="amara", was_there=True, intensity=0.2, note=""),
    )
    for one in opinions:
        await record.correct(connection, before.id, one)
    (after,) = await record.cues_of(connection)
    assert after.corrections == opinions
    assert (after.cue, after.reader) == (before.cue, before.reader)


async def test_a_correction_needs_a_cue(connection: AsyncConnection) -> None:
    """The error says where the numbers stand."""
    with pytest.raises(EscalationError, match="concierge cues"):
        await record.correct(
            connection, 99, Correction(at=NOW, steward="ines", was_there=False, intensity=None, note="")
        )


async def test_moments_are_the_strongest_troubled_cue_of_each_message(connection: AsyncConnection) -> None:
    """Pleasant cues weigh nothing, other conversations do not count, and neither does what is too old."""
    await logged(connection, 1, ANXIETY, at=NOW - timedelta(hours=73))
    await logged(connection, 2, ANXIETY, ANGER, JOY, at=NOW - timedelta(hours=72))
    await logged(connection, 3, JOY, at=NOW)
    await logged(connection, 4, ANGER, at=NOW)
    await logged(connection, 5, ANXIETY, at=NOW, place=2)
    found = await record.moments(connection, 1, since=NOW - timedelta(hours=72))
    assert found == (Moment(at=NOW - timedelta(hours=72), intensity=0.8), Moment(at=NOW, intensity=0.3))


async def test_moments_are_kept_in_utc_whatever_zone_they_came_in(connection: AsyncConnection) -> None:
    """A naive moment is refused rather than guessed at."""
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-7)))
    await logged(connection, 1, ANXIETY, at=elsewhere)
    (found,) = await record.cues_of(connection)
    assert (found.at, found.at.tzinfo) == (NOW, UTC)
    with pytest.raises(Exception, match="no time zone"):
        await logged(connection, 2, ANXIETY, at=NOW.replace(tzinfo=None))


# ── timers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def due(connection: AsyncConnection, now: datetime) -> list[int]:
    return [timer.subject for timer in await record.due(connection, now=now)]


async def test_a_timer_is_due_from_its_moment_on_until_it_is_cleared(connection: AsyncConnection) -> None:
    """And it survives as a row: nothing else keeps it."""
    at = NOW + timedelta(minutes=15)
    await record.set_timer(connection, kind="answer", subject=1, due_at=at, now=NOW)
    assert await due(connection, at - timedelta(microseconds=1)) == []
    assert await due(connection, at) == await due(connection, at + timedelta(days=9)) == [1]
    await record.set_timer(connection, kind="answer", subject=1, due_at=None, now=at)
    assert await due(connection, at) == []


async def test_a_new_timer_takes_the_place_of_the_old_one(connection: AsyncConnection) -> None:
    """Of one kind and subject there is one; others are left alone; the longest due comes first."""
    for subject, minutes in ((1, 5), (2, 9), (1, 30)):
        at = NOW + timedelta(minutes=minutes)
        await record.set_timer(connection, kind="answer", subject=subject, due_at=at, now=NOW)
    assert await due(connection, NOW + timedelta(minutes=10)) == [2]
    assert await due(connection, NOW + timedelta(hours=1)) == [2, 1]
