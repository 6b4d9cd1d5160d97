"""How the house is: what waits too long, what could not be delivered, whom nobody has answered."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.ledger import inbox, outbox
from bot.ledger.engine import RecordUnavailable, reading
from escalation import record

TURN_WITHIN = timedelta(minutes=2)
SENT_WITHIN = timedelta(minutes=15)
CLIMBS_WITHIN = timedelta(minutes=2)
"""After the time to answer has run out: the ladder climbs within a second where anybody works."""


class Waits(Protocol):
    """What has not got into the record yet."""

    async def waiting_since(self) -> datetime | None:
        """When the oldest of it came."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """`problems` are told in words; the counts are for a graph. None of it says who or what it is about."""

    problems: tuple[str, ...]
    waiting: int = 0
    to_send: int = 0
    uncertain: int = 0
    perhaps_doubled: int = 0
    failed: int = 0
    open_escalations: int = 0
    stuck_escalations: int = 0

    @property
    def well(self) -> bool:
        return not self.problems

    def as_json(self) -> dict[str, object]:
        return {"well": self.well, **asdict(self)}


async def health(engine: AsyncEngine, intake: Waits, now: datetime) -> Health:
    """Looks into the record, and at what has not got there yet."""
    try:
        outside = await intake.waiting_since()
        async with reading(engine) as connection:
            waits = await inbox.oldest_waiting(connection)
            sends = await outbox.oldest_pending(connection)
            escalations = await record.all_open(connection)
            stuck = [one for one in escalations if one.answer_by and one.answer_by + CLIMBS_WITHIN < now]
            counts = {state: await outbox.count(connection, (state,)) for state in ("pending", "uncertain", "failed")}
            doubts = await outbox.doubts(connection)
            waiting = await inbox.count_waiting(connection)
    except RecordUnavailable as error:
        return Health(problems=(str(error),))
    problems = []
    if outside is not None and outside + TURN_WITHIN < now:
        problems.append("an event has not got into the record for more than two minutes: see the log")
    if waits is not None and waits + TURN_WITHIN < now:
        problems.append("a message has waited for more than two minutes: is anything at work on this record?")
    if sends is not None and sends + SENT_WITHIN < now:
        problems.append("a message could not be delivered for a quarter of an hour: see the log, or `concierge doctor`")
    if stuck:
        problems.append(f"{len(stuck)} escalations are overdue and do not climb: look at the desk now")
    return Health(
        problems=tuple(problems),
        waiting=waiting,
        to_send=counts["pending"],
        uncertain=counts["uncertain"],
        perhaps_doubled=doubts,
        failed=counts["failed"],
        open_escalations=len(escalations),
        stuck_escalations=len(stuck),
    )
