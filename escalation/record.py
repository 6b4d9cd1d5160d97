"""Escalations, the cue log and timers, kept. Every function is handed the connection: a turn is one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field, TypeAdapter
from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from escalation import EscalationError, case
from escalation.case import Escalation, Event, Raised
from escalation.cues import TROUBLED, Cue, Reading
from escalation.strain import Moment
from escalation.tables import cue_corrections, cues, escalation_events, escalations, timers

_events: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


class StaleEscalation(EscalationError):
    """Somebody else changed the escalation at the same moment; look again and decide again."""


async def open_one(
    connection: AsyncConnection,
    event: Raised,
    *,
    subject: str,
    customer: str | None,
    mission: str | None,
    conversation: int,
) -> Escalation:
    """Opens an escalation. Raises StaleEscalation where one is open for that subject."""
    row = insert(escalations).values(
        subject=subject, customer=customer, mission=mission, conversation=conversation, opened_at=event.at
    )
    try:
        async with connection.begin_nested():
            key = (await connection.execute(row)).inserted_primary_key
    except IntegrityError as error:
        raise StaleEscalation(f"An escalation for {subject} was opened at the same moment.") from error
    assert key is not None
    escalation = case.begin(
        id=int(key[0]),
        subject=subject,
        customer=customer,
        mission=mission,
        conversation=conversation,
        event=event,
    )
    await _keep(connection, escalation.id, 0, event)
    return escalation


async def append(connection: AsyncConnection, escalation: Escalation, events: Sequence[Event]) -> Escalation:
    """Adds events to an escalation and returns what it is then. Raises StaleEscalation where others came first."""
    for offset, event in enumerate(events):
        await _keep(connection, escalation.id, escalation.position + offset, event)
    later = case.after(escalation, events)
    if not later.open and events:
        closed = update(escalations).where(escalations.c.id == escalation.id).values(closed_at=events[-1].at)
        await connection.execute(closed)
    return later


async def _keep(connection: AsyncConnection, escalation: int, position: int, event: Event) -> None:
    data = _events.dump_python(event, mode="json")
    row = insert(escalation_events).values(
        escalation=escalation, position=position, kind=event.kind, at=event.at, data=data
    )
    try:
        async with connection.begin_nested():
            await connection.execute(row)
    except IntegrityError as error:
        raise StaleEscalation(f"Escalation {escalation} was changed at the same moment.") from error


async def load(connection: AsyncConnection, escalation: int) -> Escalation | None:
    """One escalation, or None where there is no such number."""
    found = await _load(connection, select(escalations).where(escalations.c.id == escalation))
    return found[0] if found else None


async def open_for(connection: AsyncConnection, subject: str) -> Escalation | None:
    """The open escalation about a subject, if there is one."""
    query = select(escalations).where(escalations.c.subject == subject, escalations.c.closed_at.is_(None))
    found = await _load(connection, query)
    return found[0] if found else None


async def all_open(connection: AsyncConnection) -> tuple[Escalation, ...]:
    """Every open escalation: the most severe first, and of equals the oldest."""
    found = await _load(connection, select(escalations).where(escalations.c.closed_at.is_(None)))
    return tuple(sorted(found, key=lambda one: (-one.severity, one.opened_at, one.id)))


async def of_customer(connection: AsyncConnection, customer: str) -> tuple[Escalation, ...]:
    """Every escalation of a customer, oldest first."""
    return await _load(connection, select(escalations).where(escalations.c.customer == customer))


async def _load(connection: AsyncConnection, query: Select[tuple[object, ...]]) -> tuple[Escalation, ...]:
    rows = (await connection.execute(query.order_by(escalations.c.id))).all()
    return tuple([await _fold(connection, row) for row in rows])


async def _fold(connection: AsyncConnection, row: Row[tuple[object, ...]]) -> Escalation:
    first, *rest = await events_of(connection, row.id)
    assert isinstance(first, Raised)
    begun = case.begin(
        id=row.id,
        subject=row.subject,
        customer=row.customer,
        mission=row.mission,
        conversation=row.conversation,
        event=first,
    )
    return case.after(begun, rest)


async def events_of(connection: AsyncConnection, escalation: int) -> tuple[Event, ...]:
    """An escalation's events, in order."""
    query = (
        select(escalation_events.c.data)
        .where(escalation_events.c.escalation == escalation)
        .order_by(escalation_events.c.position)
    )
    return tuple(_events.validate_python(data) for data in (await connection.execute(query)).scalars())


# ── the cue log ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class Logged:
    """A cue as it was logged, with the words that carried it and the reader that saw it."""

    id: int
    at: datetime
    conversation: int
    message: int
    customer: str | None
    cue: Cue
    reader: str
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Correction:
    """What a steward says of a logged cue. It stands beside it and never alters it."""

    at: datetime
    steward: str
    was_there: bool
    intensity: float | None
    note: str


async def log(
    connection: AsyncConnection,
    reading: Reading,
    *,
    conversation: int,
    message: int,
    customer: str | None,
    at: datetime,
) -> None:
    """Logs every cue of a message."""
    rows = [
        {
            "conversation": conversation,
            "message": message,
            "customer": customer,
            "at": at,
            "cue": cue.name,
            "intensity": cue.intensity,
            "words": list(cue.words),
            "reader": reading.version,
        }
        for cue in reading.cues
    ]
    if rows:
        await connection.execute(insert(cues), rows)


async def cues_of(
    connection: AsyncConnection,
    *,
    customer: str | None = None,
    since: datetime | None = None,
    count: int | None = None,
) -> tuple[Logged, ...]:
    """The cue log, oldest first: of one customer or of everybody, since a moment, the last `count` of them."""
    query = select(cues).order_by(cues.c.at.desc(), cues.c.id.desc())
    if customer is not None:
        query = query.where(cues.c.customer == customer)
    if since is not None:
        query = query.where(cues.c.at >= since)
    return await _logged(connection, query.limit(count) if count else query)


async def cues_in(connection: AsyncConnection, messages: Sequence[int]) -> tuple[Logged, ...]:
    """The cues that were logged for some messages, oldest first."""
    query = select(cues).where(cues.c.message.in_(messages)).order_by(cues.c.at.desc(), cues.c.id.desc())
    return await _logged(connection, query)


async def cue(connection: AsyncConnection, number: int) -> Logged | None:
    """One logged cue, or None where there is no such number."""
    found = await _logged(connection, select(cues).where(cues.c.id == number))
    return found[0] if found else None


async def _logged(connection: AsyncConnection, query: Select[tuple[object, ...]]) -> tuple[Logged, ...]:
    rows = (await connection.execute(query)).all()
    corrections = await _corrections(connection, [row.id for row in rows])
    return tuple(
        Logged(
            id=row.id,
            at=row.at,
            conversation=row.conversation,
            message=row.message,
            customer=row.customer,
            cue=Cue(name=row.cue, intensity=row.intensity, words=tuple(row.words)),
            reader=row.reader,
            corrections=corrections.get(row.id, ()),
        )
        for row in reversed(rows)
    )


async def _corrections(connection: AsyncConnection, logged: Sequence[int]) -> dict[int, tuple[Correction, ...]]:
    query = select(cue_corrections).where(cue_corrections.c.cue.in_(logged)).order_by(cue_corrections.c.id)
    found: dict[int, tuple[Correction, ...]] = {}
    for row in await connection.execute(query):
        correction = Correction(
            at=row.at, steward=row.steward, was_there=row.was_there, intensity=row.intensity, note=row.note
        )
        found[row.cue] = (*found.get(row.cue, ()), correction)
    return found


async def correct(connection: AsyncConnection, cue: int, correction: Correction) -> None:
    """Keeps a steward's correction beside a logged cue. Raises EscalationError where there is no such cue."""
    known = (await connection.execute(select(cues.c.id).where(cues.c.id == cue))).one_or_none()
    if known is None:
        raise EscalationError(f"There is no cue {cue} in the log; `concierge cues` lists them with their numbers.")
    await connection.execute(
        insert(cue_corrections).values(
            cue=cue,
            at=correction.at,
            steward=correction.steward,
            was_there=correction.was_there,
            intensity=correction.intensity,
            note=correction.note,
        )
    )


async def moments(
    connection: AsyncConnection, conversation: int | None, *, customer: str | None = None, since: datetime
) -> tuple[Moment, ...]:
    """The troubled messages since a moment, each with its strongest intensity: of a customer, wherever they wrote; of
    somebody unknown, in one conversation.
    """
    whose = cues.c.customer == customer if customer is not None else cues.c.conversation == conversation
    query = (
        select(func.min(cues.c.at).label("at"), func.max(cues.c.intensity).label("intensity"))
        .where(whose, cues.c.at >= since, cues.c.cue.in_(sorted(TROUBLED)))
        .group_by(cues.c.message)
        .order_by(func.min(cues.c.at))
    )
    return tuple(Moment(at=row.at, intensity=row.intensity) for row in await connection.execute(query))


# ── timers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class Timer:
    """A moment at which an escalation wants to be looked at again."""

    id: int
    kind: str
    subject: int
    due_at: datetime


async def set_timer(
    connection: AsyncConnection, *, kind: str, subject: int, due_at: datetime | None, now: datetime
) -> None:
    """Puts this timer in the place of earlier ones of its kind and subject; None only clears them."""
    clear = update(timers).where(timers.c.kind == kind, timers.c.subject == subject, timers.c.done_at.is_(None))
    await connection.execute(clear.values(done_at=now))
    if due_at is not None:
        await connection.execute(insert(timers).values(kind=kind, subject=subject, due_at=due_at))


async def due(connection: AsyncConnection, *, now: datetime) -> tuple[Timer, ...]:
    """The timers that have come, the longest due first."""
    query = (
        select(timers).where(timers.c.done_at.is_(None), timers.c.due_at <= now).order_by(timers.c.due_at, timers.c.id)
    )
    rows = await connection.execute(query)
    return tuple(Timer(id=row.id, kind=row.kind, subject=row.subject, due_at=row.due_at) for row in rows)
