"""What Slack's payloads have in common: who acts, in which room, and when. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.messages import SLACK, Address, Identity

JSON = Mapping[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a payload does not say by itself.

    `team` is where the app is installed, `bot` the concierge's user id there, and `actor` the team of whoever acted, ""
    where Slack does not tell. `now` stands in where a payload has no time.
    """

    team: str
    bot: str
    actor: str
    now: datetime


def padded(ts: str) -> str:
    """A ts so that it sorts as a string."""
    seconds, _, rest = ts.partition(".")
    return f"{seconds:0>10}.{rest[:6]:0<6}"


def moment(ts: str) -> datetime:
    """When that was. A float would lose microseconds."""
    seconds, _, rest = padded(ts).partition(".")
    return EPOCH + timedelta(seconds=int(seconds), microseconds=int(rest))


def ts_of(at: datetime) -> str:
    """A ts that was at that moment."""
    since = at - EPOCH
    return f"{since // timedelta(seconds=1):010d}.{since.microseconds:06d}"


def address(room: str, facts: Facts) -> Address:
    """A room, by the team in which the app is installed."""
    return Address(channel=SLACK, room=room, team=facts.team)


def identity(user: object, team: str) -> Identity:
    """Somebody; what is not the id of a workspace (an organisation's, E…) is no team, so that it matches nobody."""
    return Identity(channel=SLACK, user=str(user or ""), team=team if team.startswith("T") else "")


def is_direct(room: str, channel_type: object = None) -> bool:
    """Whether nobody but its person and the concierge reads there; where no type is told the id says so."""
    return channel_type == "im" if channel_type else room.startswith("D")
