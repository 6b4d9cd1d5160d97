"""Who may read what: the table of grants, restated without the code and compared over random packs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bot.access import direct_grants, reader, room_grants
from bot.pack import Customer, Flight, Mission, Organisation, Pack, Person, Room, Steward
from escalation.care import Care, Hours
from escalation.policy import Policy

ORGANISATIONS = ("meridian", "brightwell", "kestrel")
FLIGHTS = ("aurora", "solstice")
MISSIONS = ("m0", "m1", "m2", "m3")
CUSTOMERS = ("lena", "priya", "daniel", "walter")
STEWARDS = ("amara", "ines", "duty")


def make_pack(
    of: dict[str, str | None],
    missions: dict[str, tuple[str, str]],
    care: dict[str, Care],
    rooms: Sequence[Room] = (),
) -> Pack:
    """A pack from who belongs where (`of`), each mission's flight and customer, and the cares."""
    moment = datetime(2027, 3, 14, tzinfo=UTC)
    day = date(2026, 9, 1)
    return Pack(
        provider="meridian",
        organisations={id: Organisation(id=id, name=id, role="customer") for id in ORGANISATIONS},
        flights={
            id: Flight(id=id, name=id, launch=moment, landing=moment, training_starts=day, operators={})
            for id in FLIGHTS
        },
        missions={
            id: Mission(
                id=id,
                flight=flight,
                customer=customer,
                kind="art",
                goal="g",
                success=(),
                visibility="private",
            )
            for id, (flight, customer) in missions.items()
        },
        customers={
            id: Customer(id=id, name=id, language="en", organisation=of.get(id), identities=()) for id in CUSTOMERS
        },
        stewards={id: make_steward(id) for id in STEWARDS},
        care=care,
        rooms=tuple(rooms),
        policy=Policy(),
        documents=(),
        folder=Path("pack"),
        warnings=(),
    )


def make_steward(id: str) -> Steward:
    return Steward(
        id=id,
        name=id,
        timezone=ZoneInfo("UTC"),
        hours=Hours.parse("always"),
        organisation="meridian",
        identities=(),
    )


cares = st.builds(
    Care, steward=st.sampled_from(STEWARDS), ladder=st.lists(st.sampled_from(STEWARDS), max_size=2).map(tuple)
)
rooms = st.builds(
    Room,
    channel=st.just("slack"),
    team=st.just("T0"),
    room=st.just("C0"),
    mission=st.none() | st.sampled_from(MISSIONS),
)
packs = st.builds(
    make_pack,
    st.dictionaries(st.sampled_from(CUSTOMERS), st.none() | st.sampled_from(ORGANISATIONS)),
    st.fixed_dictionaries({id: st.tuples(st.sampled_from(FLIGHTS), st.sampled_from(CUSTOMERS)) for id in MISSIONS}),
    st.fixed_dictionaries({"default": cares}, optional=dict.fromkeys(MISSIONS, cares)),
)
names = st.none() | st.sampled_from(CUSTOMERS + STEWARDS)


def everything(pack: Pack) -> set[str]:
    """Every grant that there can be in a pack."""
    kinds = (("mission", pack.missions), ("flight", pack.flights), ("organisation", pack.organisations))
    return {"everyone", "stewards"} | {f"{kind}:{id}" for kind, ids in kinds for id in ids}


def person(pack: Pack, name: str | None) -> Person | None:
    return pack.person(name) if name is not None else None


def may_read_directly(pack: Pack, who: str | None, grant: str) -> bool:
    """The table's rows for direct conversations, one grant at a time."""
    kind, _, id = grant.partition(":")
    if who is not None and who in pack.customers:
        own = [one for one in pack.missions.values() if one.customer == who]
        return (
            grant == "everyone"
            or (kind == "mission" and id in [one.id for one in own])
            or (kind == "flight" and id in [one.flight for one in own])
            or (kind == "organisation" and pack.customers[who].organisation == id)
        )
    if who in pack.stewards:
        named = []
        for mission in pack.missions.values():
            care = pack.care[mission.id] if mission.id in pack.care else pack.care["default"]
            if who == care.steward or who in care.ladder:
                named.append(mission)
        return (
            grant in ("everyone", "stewards")
            or (kind == "mission" and any(one.id == id for one in named))
            or (kind == "flight" and any(one.flight == id for one in named))
            or (kind == "organisation" and any(pack.customers[one.customer].organisation == id for one in named))
        )
    return False


def may_be_said(pack: Pack, room: Room, present: list[str | None], grant: str) -> bool:
    """The table's rows for rooms, one grant at a time."""
    if grant == "everyone":
        return True
    if room.mission is None:
        return False
    mission = pack.missions[room.mission]
    for who in present:
        if who in pack.stewards or who == mission.customer:
            continue
        if who is None or who not in pack.customers:
            return False
        theirs, its = pack.customers[who].organisation, pack.customers[mission.customer].organisation
        if theirs is None or theirs != its:
            return False
    return grant in (f"mission:{mission.id}", f"flight:{mission.flight}")


@given(packs, names)
def test_direct_grants_are_the_tables(pack: Pack, who: str | None) -> None:
    """For customers, stewards and strangers, every grant is held exactly when the table says so."""
    grants = direct_grants(pack, person(pack, who))
    assert grants == {grant for grant in everything(pack) if may_read_directly(pack, who, grant)}


@given(packs, rooms, st.lists(names, max_size=4))
def test_room_grants_are_the_tables(pack: Pack, room: Room, present: list[str | None]) -> None:
    """For every room and whoever is there, every grant is held exactly when the table says so."""
    grants = room_grants(pack, room, [person(pack, who) for who in present])
    assert grants == {grant for grant in everything(pack) if may_be_said(pack, room, present, grant)}


@given(packs, rooms, st.lists(names, max_size=3), names)
def test_one_more_in_a_room_never_opens_anything(
    pack: Pack, room: Room, present: list[str | None], newcomer: str | None
) -> None:
    """The weakest reader decides, so that company can only close."""
    people = [person(pack, who) for who in present]
    assert room_grants(pack, room, [*people, person(pack, newcomer)]) <= room_grants(pack, room, people)


def test_a_reader_has_a_kind() -> None:
    """Alone people are what they are; in a room everybody reads as the room, and the sender counts as
    present.
    """
    missions = dict.fromkeys(MISSIONS, ("aurora", "lena"))
    pack = make_pack({"lena": "brightwell"}, missions, {"default": Care(steward="amara")})
    room = Room(channel="slack", team="T0", room="C0", mission="m0")
    lena, amara = pack.customers["lena"], pack.stewards["amara"]
    assert [reader(pack, who, None).kind for who in (lena, amara, None)] == ["customer", "steward", "unknown"]
    assert reader(pack, lena, room, [amara]).kind == "room"
    assert reader(pack, lena, room, [amara]).grants == {"everyone", "mission:m0", "flight:aurora"}
    assert reader(pack, None, room, [lena]).grants == {"everyone"}
    assert reader(pack, None, None).grants == frozenset()
