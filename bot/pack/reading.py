"""pack.yaml, section by section, into values; every mistake is noted on the way."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.messages import Identity
from bot.pack.fields import reference, section, text, texts
from bot.pack.values import (
    CHANNELS,
    ROLES,
    VISIBILITIES,
    Customer,
    Flight,
    Mission,
    Organisation,
    Room,
    Steward,
)
from escalation.care import Care, Hours, HoursError
from knowledge.marks import Spot

_SECTIONS: Final = ("organisations", "flights", "missions", "customers", "stewards", "care", "channels")
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)  # stands in for a date that is missing; such a pack is never used
_STRANGER: Final = "stranger"  # what cases.yaml calls somebody whom the pack does not know


@dataclass(frozen=True, kw_only=True, slots=True)
class Who:
    """pack.yaml as values. `care_spots` are the places of the cares, for what is checked about them later."""

    provider: str
    organisations: Mapping[str, Organisation]
    flights: Mapping[str, Flight]
    missions: Mapping[str, Mission]
    customers: Mapping[str, Customer]
    stewards: Mapping[str, Steward]
    care: Mapping[str, Care]
    care_spots: Mapping[str, Spot]
    rooms: tuple[Room, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ids:
    """What each section defines, broken entries included: a mistake in one must not make all that name it
    wrong.
    """

    organisations: Collection[str]
    flights: Collection[str]
    missions: Collection[str]
    customers: Collection[str]
    stewards: Collection[str]


def read_who(root: Spot) -> Who:
    """The whole of pack.yaml. Where it is wrong the values are stand-ins, and the problems say so."""
    parts = root.parts(("provider", "stewards", "care"), _SECTIONS)
    found = {key: section(parts, key, f"{key} by id") for key in _SECTIONS if key != "channels"}
    provider = text(parts, "provider")
    # Without a section of organisations, the provider is the only one.
    organisations = found["organisations"].keys() if "organisations" in parts else (provider,)
    ids = _Ids(
        organisations=organisations,
        flights=found["flights"].keys(),
        missions=found["missions"].keys(),
        customers=found["customers"].keys(),
        stewards=found["stewards"].keys(),
    )
    if provider:
        reference(parts["provider"], organisations, "an organisation")
    customers = {id: _customer(id, spot, ids) for id, spot in found["customers"].items()}
    stewards = {id: _steward(id, spot, ids, provider) for id, spot in found["stewards"].items()}
    _check_people({**found["customers"], **found["stewards"]}, (*customers.values(), *stewards.values()), ids, found)
    if "default" in found["missions"]:
        found["missions"]["default"].wrong("another id: care calls every other mission's care so", "'default'")
    return Who(
        provider=provider,
        organisations=_organisations(found["organisations"]) or {provider: _alone(provider)},
        flights={id: _flight(id, spot, ids) for id, spot in found["flights"].items()},
        missions={id: _mission(id, spot, ids) for id, spot in found["missions"].items()},
        customers=customers,
        stewards=stewards,
        care=_cares(parts.get("care"), found["care"], ids),
        care_spots=found["care"],
        rooms=_rooms(parts.get("channels"), ids),
    )


def _alone(provider: str) -> Organisation:
    return Organisation(id=provider, name=provider, role="provider")


def _organisations(spots: Mapping[str, Spot]) -> dict[str, Organisation]:
    organisations = {}
    for id, spot in spots.items():
        parts = spot.parts(("name", "role"))
        role = parts["role"].choice(ROLES) if "role" in parts else None
        organisations[id] = Organisation(id=id, name=text(parts, "name"), role=role or "")
    return organisations


def _flight(id: str, spot: Spot, ids: _Ids) -> Flight:
    parts = spot.parts(("name", "launch", "landing", "training_starts"), ("operators",))
    launch = parts["launch"].moment() if "launch" in parts else None
    landing = parts["landing"].moment() if "landing" in parts else None
    training = parts["training_starts"].day() if "training_starts" in parts else None
    if launch and landing and launch >= landing:
        parts["landing"].wrong(f"a moment after the launch ({launch:%Y-%m-%dT%H:%MZ})")
    if training and launch and training > launch.date():
        parts["training_starts"].wrong(f"a day no later than the launch ({launch:%Y-%m-%d})")
    operators = section(parts, "operators", "organisations by role")
    return Flight(
        id=id,
        name=text(parts, "name"),
        launch=launch or _NEVER,
        landing=landing or _NEVER,
        training_starts=training or _NEVER.date(),
        operators={role: _operator(role, one, ids) for role, one in operators.items()},
    )


def _operator(role: str, spot: Spot, ids: _Ids) -> str:
    if role not in ROLES:
        spot.wrong(f"one of the roles {', '.join(ROLES)}", found=f"the unknown role {role!r}")
    return reference(spot, ids.organisations, "an organisation")


def _mission(id: str, spot: Spot, ids: _Ids) -> Mission:
    parts = spot.parts(("flight", "customer", "kind", "goal", "success"), ("visibility",))
    # What a customer has not said about being seen is taken as a wish not to be.
    visibility = parts["visibility"].choice(VISIBILITIES) if "visibility" in parts else None
    return Mission(
        id=id,
        flight=reference(parts.get("flight"), ids.flights, "a flight"),
        customer=reference(parts.get("customer"), ids.customers, "a customer"),
        kind=text(parts, "kind"),
        goal=text(parts, "goal"),
        success=texts(parts, "success", "sentences in the customer's own words"),
        visibility=visibility or "private",
    )


def _customer(id: str, spot: Spot, ids: _Ids) -> Customer:
    parts = spot.parts(("name",), ("language", "organisation", "identities"))
    return Customer(
        id=id,
        name=text(parts, "name"),
        language=text(parts, "language", "en"),
        organisation=reference(parts.get("organisation"), ids.organisations, "an organisation") or None,
        identities=_identities(parts),
    )


def _steward(id: str, spot: Spot, ids: _Ids, provider: str) -> Steward:
    parts = spot.parts(("name", "timezone", "hours"), ("organisation", "away", "topics", "identities"))
    return Steward(
        id=id,
        name=text(parts, "name"),
        organisation=reference(parts.get("organisation"), ids.organisations, "an organisation") or provider,
        timezone=_zone(parts.get("timezone")),
        hours=_hours(parts.get("hours")),
        away=tuple(_away(one) for one in (parts["away"].items("absences") if "away" in parts else ())),
        topics=frozenset(texts(parts, "topics", "topics")),
        identities=_identities(parts),
    )


def _zone(spot: Spot | None) -> ZoneInfo:
    expected = "a time zone such as Europe/Paris"
    name = spot.text(expected) if spot is not None else None
    if spot is None or name is None:
        return ZoneInfo("UTC")
    try:
        return ZoneInfo(name)
    except (
        ZoneInfoNotFoundError,
        ValueError,
        OSError,
    ):  # unknown, a path out of the database, a folder of it
        spot.wrong(expected)
        return ZoneInfo("UTC")


def _hours(spot: Spot | None) -> Hours:
    written = spot.text('hours such as "Mon-Fri 08:00-19:00"') if spot is not None else None
    if spot is not None and written is not None:
        try:
            return Hours.parse(written)
        except HoursError as error:
            spot.wrong(error.expected, found=f"{error.found!r} in {written!r}" if error.found != written else None)
    return Hours.parse("always")


def _away(spot: Spot) -> tuple[date, date]:
    parts = spot.parts(("from", "to"))
    first = parts["from"].day() if "from" in parts else None
    last = parts["to"].day() if "to" in parts else None
    if first and last and first > last:
        parts["to"].wrong(f"a day no earlier than {first}")
    return (first, last) if first and last else (_NEVER.date(), _NEVER.date())


def _identities(parts: Mapping[str, Spot]) -> tuple[Identity, ...]:
    found = []
    for spot in parts["identities"].items("identities") if "identities" in parts else ():
        keys = spot.parts(("channel", "user"), ("team",))
        channel, team = _channel(keys, spot)
        found.append(Identity(channel=channel, team=team, user=text(keys, "user")))
    return tuple(found)


def _channel(parts: Mapping[str, Spot], spot: Spot) -> tuple[str, str]:
    """The channel, and the team where that channel has teams."""
    channel = (parts["channel"].choice(CHANNELS) if "channel" in parts else None) or ""
    if channel == "slack" and "team" not in parts:
        spot.wrong("the key 'team': the Slack workspace", found="none")
    if channel not in {"slack", ""} and "team" in parts:
        parts["team"].wrong("no team: only Slack has teams")
    return channel, text(parts, "team")


def _check_people(
    spots: Mapping[str, Spot],
    people: Collection[Customer | Steward],
    ids: _Ids,
    found: Mapping[str, Mapping[str, Spot]],
) -> None:
    """No id and no identity stands for two people."""
    for id in ids.stewards:
        if id in ids.customers:
            found["stewards"][id].wrong("an id that no customer has", found=f"{id!r}, a customer's id")
    if _STRANGER in spots:
        spots[_STRANGER].wrong("another id: cases.yaml calls unknown people so", found=f"{_STRANGER!r}")
    owners: dict[Identity, str] = {}
    for person in people:
        spot = found["stewards" if isinstance(person, Steward) else "customers"][person.id]
        for identity in person.identities:
            if identity in owners and identity.channel and identity.user:
                where = f"{identity.channel} {identity.team} {identity.user}".replace("  ", " ")
                told = f"{where}, already an identity of {owners[identity]!r}"
                spot.wrong("identities that belong to one person", found=told)
            owners.setdefault(identity, person.id)


def _cares(spot: Spot | None, spots: Mapping[str, Spot], ids: _Ids) -> dict[str, Care]:
    if spot is not None and "default" not in spots:
        spot.wrong("the key 'default': who looks after customers whose mission has no care", found="none")
    return {id: _care(id, one, ids) for id, one in spots.items()}


def _care(id: str, spot: Spot, ids: _Ids) -> Care:
    if id != "default" and id not in ids.missions:
        spot.wrong("'default' or the id of a mission", found=f"the unknown mission {id!r}")
    parts = spot.parts(("steward",), ("ladder",))
    rungs = parts["ladder"].items("stewards' ids") if "ladder" in parts else ()
    return Care(
        steward=reference(parts.get("steward"), ids.stewards, "a steward"),
        ladder=tuple(reference(rung, ids.stewards, "a steward") for rung in rungs),
    )


def _rooms(spot: Spot | None, ids: _Ids) -> tuple[Room, ...]:
    rooms: dict[str, Room] = {}
    for one in spot.items("shared rooms") if spot is not None and not spot.empty else ():
        parts = one.parts(("channel", "room"), ("team", "mission"))
        channel, team = _channel(parts, one)
        room = text(parts, "room")
        if room and room in rooms:
            parts["room"].wrong("a room's id once in the pack", found=f"{room!r} a second time")
        mission = reference(parts.get("mission"), ids.missions, "a mission") or None
        rooms[room] = Room(channel=channel, team=team, room=room, mission=mission)
    return tuple(rooms.values())
