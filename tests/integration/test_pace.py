"""What platforms take in a second and a minute, kept over all processes on one record: the rows are counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from fakes import MONDAY, Hands
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.ledger import outbox
from bot.ledger.engine import open_engine, reading, writing
from bot.ledger.outbox import Draft, NotYet, Outgoing
from bot.messages import Address, Pace, Purpose, Sent

LENA = Address(channel="telegram", room="1001")
WALTER = Address(channel="telegram", room="1002")
GROUP = Address(channel="telegram", room="-100")
ELSEWHERE = Address(channel="slack", team="T0", room="D1")
STEP = timedelta(milliseconds=50)


@pytest.fixture
async def engines(record_url: str) -> AsyncIterator[list[AsyncEngine]]:
    """The record as two processes have it open."""
    opened = [open_engine(record_url) for _ in range(2)]
    yield opened
    for one in opened:
        await one.dispose()


async def put(engine: AsyncEngine, address: Address, count: int, *, direct: bool = True) -> None:
    async with writing(engine) as connection:
        for number in range(count):
            draft = Draft(
                key=f"{address}:{number}",
                address=address,
                text=str(number),
                purpose=Purpose.NOTICE,
                author="Concierge",
                conversation=None,
                direct=direct,
            )
            await outbox.put(connection, draft, now=MONDAY)


async def claim(engine: AsyncEngine, address: Address, now: datetime, pace: Pace) -> Outgoing | NotYet | None:
    async with writing(engine) as connection:
        return await outbox.claim(connection, address, now=now, pace=pace)


async def sends(
    engines: list[AsyncEngine], addresses: list[Address], pace: Pace, *, lasting: timedelta
) -> list[tuple[datetime, Address, str]]:
    """Both processes send all they may, again and again; what was sent when."""
    clock, found = Hands(), []
    while clock() < MONDAY + lasting:
        for address in addresses:
            for claimed in await asyncio.gather(*(claim(one, address, clock(), pace) for one in engines)):
                if isinstance(claimed, Outgoing):
                    found.append((clock(), address, claimed.draft.text))
                    async with writing(engines[0]) as connection:
                        await outbox.sent(connection, claimed, Sent(id=f"{claimed.id}"), now=clock())
        clock.moment += STEP
    return found


def most_within(moments: list[datetime], span: timedelta) -> int:
    return max(sum(1 for other in moments if one <= other < one + span) for one in moments)


async def test_between_two_messages_to_one_address_there_is_a_gap(engines: list[AsyncEngine]) -> None:
    """However many processes send; in order; another address does not wait for it."""
    pace = Pace(room_gap=timedelta(seconds=1))
    await put(engines[0], LENA, 3)
    await put(engines[0], WALTER, 1)
    found = await sends(engines, [LENA, WALTER], pace, lasting=timedelta(seconds=4))
    hers = [(moment - MONDAY, text) for moment, address, text in found if address == LENA]
    assert hers == [(timedelta(seconds=n), str(n)) for n in range(3)]
    assert [moment for moment, address, _ in found if address == WALTER] == [MONDAY]


async def test_a_group_gets_no_more_than_its_messages_a_minute(engines: list[AsyncEngine]) -> None:
    """A direct conversation is not counted so."""
    pace = Pace(group_a_minute=3)
    await put(engines[0], GROUP, 5, direct=False)
    for number in range(3):
        first = await claim(engines[number % 2], GROUP, MONDAY, pace)
        assert isinstance(first, Outgoing)
        async with writing(engines[0]) as connection:
            await outbox.sent(connection, first, Sent(id=str(number)), now=MONDAY)
    minute = timedelta(minutes=1)
    assert await claim(engines[1], GROUP, MONDAY + timedelta(seconds=59), pace) == NotYet(until=MONDAY + minute)
    assert await claim(engines[0], GROUP, MONDAY + timedelta(seconds=59), pace) is None  # nor asked about again
    assert isinstance(await claim(engines[0], GROUP, MONDAY + minute, pace), Outgoing)
    await put(engines[0], LENA, 5)
    assert len(await sends(engines, [LENA], pace, lasting=timedelta(seconds=1))) == 5


async def test_a_team_gets_no_more_than_its_messages_a_second(engines: list[AsyncEngine]) -> None:
    """Over all of its addresses; another team's are not counted."""
    rooms = [Address(channel="telegram", room=str(3000 + number)) for number in range(8)]
    for room in (*rooms, ELSEWHERE):
        await put(engines[0], room, 1)
    found = await sends(engines, [*rooms, ELSEWHERE], Pace(team_a_second=3), lasting=timedelta(seconds=4))
    ours = [moment for moment, address, _ in found if address != ELSEWHERE]
    assert len(ours) == 8
    assert most_within(ours, timedelta(seconds=1)) == 3
    assert [moment for moment, address, _ in found if address == ELSEWHERE] == [MONDAY]


async def test_one_message_is_claimed_by_one_process(engines: list[AsyncEngine]) -> None:
    """And none overtakes while it is being sent."""
    await put(engines[0], LENA, 2)
    found = await asyncio.gather(*(claim(engines[n % 2], LENA, MONDAY, Pace()) for n in range(6)))
    assert [one.draft.text for one in found if isinstance(one, Outgoing)] == ["0"]
    assert all(one is None or isinstance(one, Outgoing) for one in found)


async def test_what_a_platform_put_off_waits_for_as_long_as_it_said(engines: list[AsyncEngine]) -> None:
    """In every process, and what follows waits behind it."""
    await put(engines[0], LENA, 2)
    claimed = await claim(engines[0], LENA, MONDAY, Pace())
    assert isinstance(claimed, Outgoing)
    until = MONDAY + timedelta(seconds=30)
    async with writing(engines[0]) as connection:
        await outbox.postpone(connection, claimed.id, why="429", until=until)
    assert await claim(engines[1], LENA, until - STEP, Pace()) is None
    async with reading(engines[1]) as connection:
        assert await outbox.places_waiting(connection, now=MONDAY) == (LENA,)  # the second, which must wait
    again = await claim(engines[1], LENA, until, Pace())
    assert isinstance(again, Outgoing)
    assert again.id == claimed.id
