"""The durable record of what came in, what goes out and what was said, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.ledger import conversations, inbox, outbox, transcript
from bot.ledger.engine import RecordUnavailable, migrate, open_engine, reading, writing
from bot.ledger.outbox import Draft, Outgoing
from bot.ledger.transcript import Outcome
from bot.messages import Address, Identity, Inbound, Kind, Purpose, Sent

NOW = datetime(2027, 3, 1, 10, 0, tzinfo=UTC)
LENA = Address(channel="slack", team="T0", room="D1")
INES = Address(channel="slack", team="T0", room="D2")


def inbound(number: int = 1, **changes: object) -> Inbound:
    """A message as a channel hands it over."""
    values: dict[str, object] = {
        "event_key": f"event:{number}",
        "message_key": f"message:{number}",
        "address": LENA,
        "sender": Identity(channel="slack", user="U1", team="T0"),
        "text": f"message {number}",
        "sent_at": NOW,
        "order": f"{number:04d}",
    }
    return Inbound(**{**values, **changes})  # type: ignore[arg-type]  # the fields of Inbound, by name


def draft(key: str, address: Address = LENA, *, purpose: Purpose = Purpose.ANSWER, place: int | None = None) -> Draft:
    return Draft(
        key=key,
        address=address,
        text=f"text of {key}",
        purpose=purpose,
        author="Concierge",
        conversation=place,
    )


@pytest.fixture
async def connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction for a whole test."""
    async with writing(engine) as opened:
        yield opened


@pytest.fixture
async def place(connection: AsyncConnection) -> int:
    """A direct conversation with Lena."""
    found = await conversations.ensure(connection, LENA, direct=True, customer="lena", now=NOW)
    return found.id


# ── the store itself ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_sqlite_survives_a_power_cut_and_lets_readers_read(tmp_path: Path) -> None:
    """Every connection writes ahead, synchronously, and keeps foreign keys."""
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'record.db'}")
    async with reading(engine) as connection:
        pragmas = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    await engine.dispose()
    assert pragmas == ["wal", 2, 1]


async def test_a_transaction_that_fails_leaves_nothing(engine: AsyncEngine) -> None:
    """An error in the middle takes everything back."""

    async def breaks_off() -> None:
        async with writing(engine) as connection:
            await conversations.ensure(connection, LENA, direct=True, customer=None, now=NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await breaks_off()
    async with reading(engine) as connection:
        assert await conversations.at(connection, LENA) is None


async def test_two_writers_wait_for_each_other(engine: AsyncEngine) -> None:
    """Many transactions that read and then write, all at once: none fails, none is lost."""

    async def one(number: int) -> None:
        async with writing(engine) as connection:
            found = await conversations.ensure(connection, LENA, direct=True, customer=None, now=NOW)
            await inbox.receive(connection, inbound(number), conversation=found.id, now=NOW)

    await asyncio.gather(*(one(number) for number in range(12)))
    async with reading(engine) as connection:
        found = await conversations.at(connection, LENA)
        assert found is not None
        assert len(await inbox.waiting(connection, found.id)) == 12


async def test_a_locked_record_says_what_to_do(tmp_path: Path) -> None:
    """Another process holds the file for longer than anybody waits."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'record.db'}"
    holding, waiting = open_engine(url), open_engine(url, busy_timeout=0.05)
    await migrate(holding)
    async with writing(holding):
        with pytest.raises(RecordUnavailable, match="locked"):
            async with writing(waiting):
                pass
    await holding.dispose()
    await waiting.dispose()


async def test_a_record_that_is_no_database_says_so(tmp_path: Path) -> None:
    """Somebody pointed the setting at another file: it is named, and not a traceback."""
    (tmp_path / "record.db").write_text("Dear diary, " * 200)
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'record.db'}")
    with pytest.raises(RecordUnavailable, match=r"record\.db"):
        await migrate(engine)
    await engine.dispose()


async def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    """The path of the record goes through a file."""
    (tmp_path / "file").touch()
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'file' / 'record.db'}")
    with pytest.raises(RecordUnavailable):
        await migrate(engine)
    await engine.dispose()


@pytest.mark.skipif(os.name != "posix", reason="a port on which nobody listens refuses only there")
async def test_a_server_that_is_not_there_says_so_and_hides_the_password() -> None:
    """The error names the server, without what would let somebody in."""
    engine = open_engine("postgresql+asyncpg://concierge:secret@127.0.0.1:1/record")
    with pytest.raises(RecordUnavailable, match=r"127\.0\.0\.1:1/record") as refused:
        await migrate(engine)
    await engine.dispose()
    assert "secret" not in str(refused.value)


# ── conversations ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_conversation_is_one_place(connection: AsyncConnection) -> None:
    """The same address is the same conversation; another team's room of the same name is not."""
    first = await conversations.ensure(connection, LENA, direct=True, customer=None, now=NOW)
    again = await conversations.ensure(connection, LENA, direct=True, customer=None, now=NOW)
    other = await conversations.ensure(
        connection, Address(channel="slack", team="T1", room="D1"), direct=True, customer=None, now=NOW
    )
    assert first == again
    assert first.id != other.id


async def test_a_stranger_can_become_a_customer(connection: AsyncConnection) -> None:
    """Once they are known the conversation is theirs, and stays so."""
    for customer, expected in ((None, None), ("lena", "lena"), (None, "lena")):
        found = await conversations.ensure(connection, LENA, direct=True, customer=customer, now=NOW)
        assert found.customer == expected


async def test_a_conversation_is_held_and_released_for_an_escalation(connection: AsyncConnection, place: int) -> None:
    """Releasing another escalation's hold changes nothing."""
    await conversations.hold(connection, place, steward="ines", escalation=5, now=NOW)
    await conversations.release(connection, 6, now=NOW)
    assert (await conversations.by_id(connection, place)).holder == "ines"
    await conversations.release(connection, 5, now=NOW)
    found = await conversations.by_id(connection, place)
    assert (found.holder, found.held_for, found.held_at, found.released_at) == (None, None, None, NOW)


# ── inbox ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_redelivered_event_is_kept_once(connection: AsyncConnection, place: int) -> None:
    """The platform did not hear our acknowledgement and sends it again."""
    assert await inbox.receive(connection, inbound(), conversation=place, now=NOW) is not None
    assert await inbox.receive(connection, inbound(), conversation=place, now=NOW) is None
    assert len(await inbox.waiting(connection, place)) == 1


async def test_a_message_that_comes_as_two_events_is_kept_once(connection: AsyncConnection, place: int) -> None:
    """Slack tells of a mention as a message and as a mention: two events, one message."""
    await inbox.receive(connection, inbound(), conversation=place, now=NOW)
    assert await inbox.receive(connection, inbound(event_key="other"), conversation=place, now=NOW) is None


async def test_what_was_answered_is_not_taken_again_when_it_is_redelivered(
    connection: AsyncConnection, place: int
) -> None:
    """Done rows keep their keys."""
    row = await inbox.receive(connection, inbound(), conversation=place, now=NOW)
    assert row is not None
    assert await inbox.finish(connection, [row], now=NOW)
    assert await inbox.receive(connection, inbound(), conversation=place, now=NOW) is None
    assert await inbox.waiting(connection, place) == ()
    assert await inbox.conversations_waiting(connection) == ()


async def test_messages_are_taken_in_the_platforms_order(connection: AsyncConnection, place: int) -> None:
    """A retry brings an older message late; it is read first all the same."""
    for number in (3, 1, 2):
        await inbox.receive(connection, inbound(number), conversation=place, now=NOW)
    assert [one.text for one in await inbox.waiting(connection, place)] == [
        "message 1",
        "message 2",
        "message 3",
    ]


async def test_everything_about_an_event_is_kept(connection: AsyncConnection, place: int) -> None:
    """Who wrote, who else was there, what it changes, when by the platform's clock."""
    sent = inbound(
        kind=Kind.EDIT,
        about="message:0",
        present=(Identity(channel="slack", user="U2"),),
        sent_at=NOW - timedelta(1),
    )
    await inbox.receive(connection, sent, conversation=place, now=NOW)
    (kept,) = await inbox.waiting(connection, place)
    assert (kept.kind, kept.about, kept.present, kept.sender, kept.sent_at, kept.received_at) == (
        sent.kind,
        sent.about,
        sent.present,
        sent.sender,
        sent.sent_at,
        NOW,
    )


async def test_any_text_is_kept_as_far_as_a_person_can_read_it(connection: AsyncConnection, place: int) -> None:
    """NUL, a lone surrogate and an escape code are dropped; every language and emoji stays."""
    await inbox.receive(
        connection, inbound(text="a\x00b\ud800\x1b[31m 日本語 👩‍🚀\r\nend"), conversation=place, now=NOW
    )
    (kept,) = await inbox.waiting(connection, place)
    assert kept.text == "ab[31m 日本語 👩‍🚀\nend"


async def test_only_one_turn_finishes_a_message(engine: AsyncEngine) -> None:
    """Of two turns over the same rows the second learns that it lost, and what it did is taken back."""
    async with writing(engine) as connection:
        found = await conversations.ensure(connection, LENA, direct=True, customer=None, now=NOW)
        rows = [await inbox.receive(connection, inbound(n), conversation=found.id, now=NOW) for n in (1, 2)]

    async def finish(these: list[int | None]) -> bool:
        async with writing(engine) as connection:
            await conversations.by_id(connection, found.id, lock=True)
            return await inbox.finish(connection, [one for one in these if one is not None], now=NOW)

    assert sorted(await asyncio.gather(finish(rows), finish(rows[:1]))) == [False, True]


# ── outbox ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def claimed(connection: AsyncConnection, address: Address = LENA, *, now: datetime = NOW) -> str | None:
    found = await outbox.claim(connection, address, now=now)
    return found.post.text if isinstance(found, Outgoing) else None


async def test_the_same_thing_is_put_out_once(connection: AsyncConnection) -> None:
    """Its key says what it is."""
    assert await outbox.put(connection, draft("a"), now=NOW) is not None
    assert await outbox.put(connection, draft("a"), now=NOW) is None


async def test_messages_leave_in_order_one_at_a_time(connection: AsyncConnection) -> None:
    """While one is being sent the next one for that address waits; other addresses do not."""
    for key, address in (("a", LENA), ("b", LENA), ("c", INES)):
        await outbox.put(connection, draft(key, address), now=NOW)
    first = await outbox.claim(connection, LENA, now=NOW)
    assert isinstance(first, Outgoing)
    assert (first.post.text, first.state, first.attempts) == ("text of a", "sending", 1)
    assert await claimed(connection) is None
    assert await claimed(connection, INES) == "text of c"
    await outbox.sent(connection, first, Sent(id="p"), now=NOW)
    assert await claimed(connection) == "text of b"


async def test_nothing_overtakes_what_waits_for_its_next_try(connection: AsyncConnection) -> None:
    """A postponed message keeps its place in front of later ones."""
    for key in ("a", "b"):
        await outbox.put(connection, draft(key), now=NOW)
    first = await outbox.claim(connection, LENA, now=NOW)
    assert isinstance(first, Outgoing)
    later = NOW + timedelta(seconds=30)
    await outbox.postpone(connection, first.post.id, why="429", until=later)
    assert await claimed(connection, now=later - timedelta(seconds=1)) is None
    assert await claimed(connection, now=later) == "text of a"


@pytest.mark.parametrize("end", ["fail", "doubt"])
async def test_what_will_not_arrive_lets_the_next_one_pass(connection: AsyncConnection, end: str) -> None:
    """Given up or uncertain, it is counted and no longer in the way."""
    for key in ("a", "b"):
        await outbox.put(connection, draft(key), now=NOW)
    first = await outbox.claim(connection, LENA, now=NOW)
    assert isinstance(first, Outgoing)
    await getattr(outbox, end)(connection, first.post.id, why="gone")
    assert await claimed(connection) == "text of b"
    assert await outbox.count(connection, ("failed", "uncertain")) == 1


async def test_an_answer_is_withheld_while_a_person_holds_the_conversation(
    connection: AsyncConnection, place: int
) -> None:
    """Only the concierge's own voice: notices and a steward's words go out."""
    for key, purpose in (("a", Purpose.ANSWER), ("b", Purpose.NOTICE), ("c", Purpose.RELAY)):
        await outbox.put(connection, draft(key, purpose=purpose, place=place), now=NOW)
    await conversations.hold(connection, place, steward="ines", escalation=1, now=NOW)
    first = await outbox.claim(connection, LENA, now=NOW)
    assert isinstance(first, Outgoing)
    assert first.post.purpose is Purpose.NOTICE
    assert await outbox.count(connection, ("withheld",)) == 1


async def test_the_places_that_wait_are_those_for_which_something_is_due(connection: AsyncConnection) -> None:
    """What is postponed calls for nobody before its time."""
    await outbox.put(connection, draft("a"), now=NOW)
    await outbox.put(connection, draft("b", INES), now=NOW + timedelta(minutes=1))
    assert await outbox.places_waiting(connection, now=NOW) == (LENA,)
    assert await outbox.places_waiting(connection, now=NOW + timedelta(minutes=1)) == (LENA, INES)


async def test_two_processes_never_send_the_same_message(engine: AsyncEngine) -> None:
    """Both look at the same moment; one has it."""
    async with writing(engine) as connection:
        await outbox.put(connection, draft("a"), now=NOW)

    async def claim() -> object:
        async with writing(engine) as connection:
            return await outbox.claim(connection, LENA, now=NOW)

    found = await asyncio.gather(*(claim() for _ in range(6)))
    assert len([one for one in found if one is not None]) == 1


# ── transcript ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_edit_keeps_every_earlier_version(connection: AsyncConnection, place: int) -> None:
    """What it said before, and until when."""
    await transcript.say(
        connection, conversation=place, at=NOW, role="customer", author="lena", text="one", message_key="m"
    )
    for minutes, said in ((1, "two"), (2, "three")):
        assert await transcript.edit(connection, "m", text=said, at=NOW + timedelta(minutes=minutes))
    (entry,) = await transcript.latest(connection, place, count=5)
    assert (entry.text, entry.edited_at) == ("three", NOW + timedelta(minutes=2))
    versions = await connection.execute(text("SELECT text FROM transcript_versions ORDER BY id"))
    assert list(versions.scalars()) == ["one", "two"]


async def test_a_deletion_leaves_the_words_in_the_record(connection: AsyncConnection, place: int) -> None:
    """A steward sees that it was taken back."""
    await transcript.say(
        connection, conversation=place, at=NOW, role="customer", author="lena", text="one", message_key="m"
    )
    assert await transcript.delete(connection, "m", at=NOW)
    (entry,) = await transcript.latest(connection, place, count=5)
    assert (entry.text, entry.deleted_at) == ("one", NOW)


async def test_a_change_of_an_unknown_message_is_refused(connection: AsyncConnection) -> None:
    """There is nothing to change."""
    assert not await transcript.edit(connection, "nobody", text="x", at=NOW)
    assert not await transcript.delete(connection, "nobody", at=NOW)


async def test_the_latest_are_the_last_oldest_first_without_what_was_never_said(
    connection: AsyncConnection, place: int
) -> None:
    """An answer that was withheld is not shown as if it had been given."""
    for number in range(5):
        await transcript.say(connection, conversation=place, at=NOW, role="customer", author="lena", text=str(number))
    row = await outbox.put(connection, draft("a", place=place), now=NOW)
    await transcript.say(connection, conversation=place, at=NOW, role="concierge", author="", text="said", outbox=row)
    assert [one.text for one in await transcript.latest(connection, place, count=3)] == ["3", "4", "said"]
    await conversations.hold(connection, place, steward="ines", escalation=1, now=NOW)
    assert await outbox.claim(connection, LENA, now=NOW) is None
    assert [one.text for one in await transcript.latest(connection, place, count=3)] == ["2", "3", "4"]


async def test_what_came_in_late_stands_where_it_was_written(connection: AsyncConnection, place: int) -> None:
    """Before the first message that was written after it; answers stay where they were given, whatever clocks say."""

    async def heard(number: int) -> None:
        row = await inbox.receive(connection, inbound(number), conversation=place, now=NOW)
        said = f"q{number}"
        await transcript.say(
            connection, conversation=place, at=NOW, role="customer", author="lena", text=said, inbox=row
        )

    async def answered(text: str) -> None:
        at = NOW - timedelta(minutes=5)
        await transcript.say(connection, conversation=place, at=at, role="concierge", author="", text=text)

    for number, answer in ((1, "a1"), (4, "a4"), (3, "a3"), (2, "a2"), (5, "a5")):
        await heard(number)
        await answered(answer)
    whole = ["q1", "a1", "q2", "q3", "q4", "a4", "a3", "a2", "q5", "a5"]
    assert [one.text for one in await transcript.latest(connection, place, count=50)] == whole
    assert [one.text for one in await transcript.latest(connection, place, count=7)] == whole[-7:]
    assert [one.text for one in await transcript.delivered(connection, place, count=7)] == whole[-7:]


async def test_what_was_delivered_is_what_people_have_read(connection: AsyncConnection, place: int) -> None:
    """What is still on its way is not repeated to somebody who opens the conversation again."""
    await transcript.say(connection, conversation=place, at=NOW, role="customer", author="lena", text="q")
    row = await outbox.put(connection, draft("a", place=place), now=NOW)
    await transcript.say(connection, conversation=place, at=NOW, role="concierge", author="", text="a", outbox=row)
    assert [one.text for one in await transcript.delivered(connection, place, count=5)] == ["q"]
    out = await outbox.claim(connection, LENA, now=NOW)
    assert isinstance(out, Outgoing)
    await outbox.sent(connection, out, Sent(id="p"), now=NOW)
    assert [one.text for one in await transcript.delivered(connection, place, count=5)] == ["q", "a"]


async def test_outcomes_tell_what_was_unanswered_and_from_where_it_was_answered(
    connection: AsyncConnection, place: int
) -> None:
    """Only questions count; only after the given moment; sources newest first, each once."""
    outcomes = [
        ("abstained", True, ()),
        ("abstained", False, ()),
        ("failed", True, ()),
        ("answered", True, ("Handbook, Baggage", "Menu")),
        ("answered", True, ("Menu",)),
    ]
    for number, (outcome, question, citations) in enumerate(outcomes):
        row = await inbox.receive(connection, inbound(number), conversation=place, now=NOW)
        assert row is not None
        at = NOW + timedelta(minutes=number)
        await transcript.note_outcome(
            connection,
            place,
            Outcome(inbox=row, at=at, outcome=outcome, question=question, score=0.5, citations=citations),
        )
    everything = await transcript.unanswered(connection, place, since=None)
    assert everything == (NOW, NOW + timedelta(minutes=2))
    assert await transcript.unanswered(connection, place, since=NOW) == (NOW + timedelta(minutes=2),)
    assert await transcript.sources(connection, place, count=2) == ("Menu", "Handbook, Baggage")
