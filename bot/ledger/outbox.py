"""Messages on their way out: `pending → sending → sent | uncertain | failed`, in order per destination.

`withheld` is what the concierge would have said, had a person not taken over before it was sent, or had the room not
filled with people who may not read it. One row is one message of the platform: what is too long becomes several.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Row, and_, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.ledger import cards
from bot.ledger.buttons import Meaning
from bot.ledger.tables import conversations
from bot.ledger.tables import outbox as table
from bot.messages import SLACK, TELEGRAM, TERMINAL, Act, Address, Attachment, Identity, Pace, Post, Purpose, Sent
from bot.wording import pieces

LONGEST = {TELEGRAM: 3_700, SLACK: 10_000}
"""Characters in one message. Telegram takes 4,096 and we add who speaks; Slack shows about 12,000 well."""
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The message of a steward's that asked for something to be sent; told, with a reaction, once it was delivered."""

    address: Address
    ref: str
    direct: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A message to put into the outbox. `key` says what it is, so that the same message is never put there twice.

    `card` is the escalation's card under which it stands, or which it is (`opens`, or an EDIT). `asks` are the stewards
    whom it asks to acknowledge `escalation`. `grants` is what it may quote, where it goes into a shared room.
    `prompt` is the token of the button whose words an answer to this message will be.
    """

    key: str
    address: Address
    text: str
    purpose: Purpose
    author: str
    conversation: int | None
    direct: bool = True
    act: Act = Act.SAY
    target: str = ""
    recipient: Identity | None = None
    thread: str = ""
    under: str = ""
    attachments: tuple[Attachment, ...] = ()
    mentions: tuple[Identity, ...] = ()
    buttons: tuple[Meaning, ...] = ()
    card: int | None = None
    opens: bool = False
    prompt: str = ""
    confirms: Origin | None = None
    grants: frozenset[str] = frozenset()
    asks: tuple[str, ...] = ()
    escalation: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """An outbox row: the draft as it stands in the record, and how far it has come."""

    id: int
    draft: Draft
    state: str
    attempts: int
    doubts: int
    platform_id: str | None
    error: str | None

    @property
    def address(self) -> Address:
        return self.draft.address

    @property
    def post(self) -> Post:
        """What a channel is given, but for what is made up only when it is sent: card and buttons."""
        draft = self.draft
        return Post(
            id=self.id,
            address=draft.address,
            text=draft.text,
            purpose=draft.purpose,
            author=draft.author,
            direct=draft.direct,
            act=draft.act,
            target=draft.target,
            to=draft.recipient,
            thread=draft.thread,
            under=draft.under,
            attachments=draft.attachments,
            mentions=draft.mentions,
            prompt=bool(draft.prompt),
        )


def _value(row: Row[tuple[object, ...]]) -> Outgoing:
    draft = Draft(
        key=row.key,
        address=Address(channel=row.channel, team=row.team, room=row.room),
        text=row.text,
        purpose=Purpose(row.purpose),
        author=row.author,
        conversation=row.conversation,
        direct=row.direct,
        act=Act(row.act),
        target=row.target,
        recipient=Identity(**row.recipient) if row.recipient else None,
        thread=row.thread,
        under=row.under,
        attachments=tuple(Attachment(**one) for one in row.attachments),
        mentions=tuple(Identity(**one) for one in row.mentions),
        buttons=tuple(Meaning(**one) for one in row.buttons),
        card=row.card,
        opens=row.opens,
        prompt=row.prompt,
        confirms=_origin(row.confirms) if row.confirms else None,
        grants=frozenset(row.grants),
        asks=tuple(row.asks),
        escalation=row.escalation,
    )
    return Outgoing(
        id=row.id,
        draft=draft,
        state=row.state,
        attempts=row.attempts,
        doubts=row.doubts,
        platform_id=row.platform_id,
        error=row.error,
    )


def _origin(kept: dict[str, object]) -> Origin:
    address = kept["address"]
    assert isinstance(address, dict)
    return Origin(address=Address(**address), ref=str(kept["ref"]), direct=bool(kept["direct"]))


async def put(connection: AsyncConnection, draft: Draft, *, now: datetime) -> int | None:
    """Puts a message into the outbox and returns its row, or None where its key is already there.

    A text that is too long for its platform becomes several rows; the one that is returned is the last of them.
    """
    row: int | None = None
    for part in _parts(draft):
        row = await _put_one(connection, part, now)
        if row is None:
            return None
    return row


def _parts(draft: Draft) -> list[Draft]:
    """The draft as messages of its platform: what is asked, confirmed or shown beside the words goes with the last."""
    limit = LONGEST.get(draft.address.channel)
    if limit is None or draft.act is not Act.SAY:
        return [draft]
    # Telegram counts signs beyond the basic plane twice
    counts_twice = any(sign > "\uffff" for sign in draft.text)
    texts = pieces(draft.text, limit // 2 if counts_twice else limit)
    if len(texts) < 2:
        return [draft]
    plain = replace(draft, attachments=(), buttons=(), prompt="", confirms=None, asks=())
    first = [replace(plain, text=text, key=f"{draft.key}:{n}") for n, text in enumerate(texts[:-1], 1)]
    return [*first, replace(draft, text=texts[-1], mentions=())]


async def _put_one(connection: AsyncConnection, draft: Draft, now: datetime) -> int | None:
    row = insert(table).values(
        key=draft.key,
        conversation=draft.conversation,
        channel=draft.address.channel,
        team=draft.address.team,
        room=draft.address.room,
        direct=draft.direct,
        purpose=draft.purpose.value,
        author=draft.author,
        text=draft.text,
        act=draft.act.value,
        target=draft.target,
        recipient=asdict(draft.recipient) if draft.recipient else None,
        thread=draft.thread,
        under=draft.under,
        attachments=[asdict(one) for one in draft.attachments],
        mentions=[asdict(one) for one in draft.mentions],
        buttons=[asdict(one) for one in draft.buttons],
        card=draft.card,
        opens=draft.opens,
        prompt=draft.prompt,
        confirms=asdict(draft.confirms) if draft.confirms else None,
        grants=sorted(draft.grants),
        asks=list(draft.asks),
        escalation=draft.escalation,
        doubts=0,
        state="pending",
        attempts=0,
        not_before=now,
        created_at=now,
    )
    try:
        async with connection.begin_nested():
            result = await connection.execute(row)
    except IntegrityError:
        return None
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


async def places_waiting(connection: AsyncConnection, *, now: datetime) -> tuple[Address, ...]:
    """The addresses for which something is pending and due."""
    query = (
        select(table.c.channel, table.c.team, table.c.room)
        .where(table.c.state == "pending", table.c.not_before <= now)
        .group_by(table.c.channel, table.c.team, table.c.room)
        .order_by(func.min(table.c.id))
    )
    rows = await connection.execute(query)
    return tuple(Address(channel=row.channel, team=row.team, room=row.room) for row in rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class NotYet:
    """Something waits for an address, and may be sent from this moment on."""

    until: datetime


async def claim(
    connection: AsyncConnection, address: Address, *, now: datetime, pace: Pace | None = None
) -> Outgoing | NotYet | None:
    """Takes the oldest message for an address and marks it `sending`; None where none may be sent now.

    Nothing overtakes: while one is being sent, or waits for its next try, later ones for that address wait too. The
    pace is counted in rows, so that it is kept over all processes. An answer of the concierge is withheld when a person
    has taken the conversation over meanwhile.
    """
    while True:
        query = (
            select(table)
            .where(_to(address), table.c.state.in_(("pending", "sending")))
            .order_by(table.c.id)
            .limit(1)
            .with_for_update()
        )
        row = (await connection.execute(query)).one_or_none()
        if row is None or row.state == "sending" or row.not_before > now:
            return None
        if row.purpose == Purpose.ANSWER and await _is_held(connection, row.conversation):
            await _move(connection, row.id, state="withheld")
            continue
        until = await _paced(connection, address, pace or Pace(), direct=row.direct, now=now)
        if until is not None:
            await _move(connection, row.id, not_before=until)
            return NotYet(until=until)
        claimed = replace(_value(row), state="sending", attempts=row.attempts + 1)
        await _move(connection, row.id, state=claimed.state, sending_at=now, attempts=claimed.attempts)
        return claimed


async def _paced(
    connection: AsyncConnection, address: Address, pace: Pace, *, direct: bool, now: datetime
) -> datetime | None:
    """When the platform would take the next message for an address; None: now."""
    waits: list[datetime] = []
    if pace.room_gap is not None:
        waits += await _nth_latest(connection, _to(address), 1, now - pace.room_gap, pace.room_gap)
    if pace.group_a_minute is not None and not direct:
        waits += await _nth_latest(connection, _to(address), pace.group_a_minute, now - MINUTE, MINUTE)
    if pace.team_a_second is not None:
        team = and_(table.c.channel == address.channel, table.c.team == address.team)
        waits += await _nth_latest(connection, team, pace.team_a_second, now - SECOND, SECOND)
    return max(waits, default=None)


async def _nth_latest(
    connection: AsyncConnection, which: ColumnElement[bool], count: int, since: datetime, span: timedelta
) -> list[datetime]:
    """Where `count` were sent since a moment already: when the oldest of these is a span ago."""
    query = (
        select(table.c.sending_at)
        .where(which, table.c.sending_at > since)
        .order_by(table.c.sending_at.desc())
        .limit(count)
    )
    found = (await connection.execute(query)).scalars().all()
    return [found[-1] + span] if len(found) == count else []


async def _is_held(connection: AsyncConnection, conversation: int | None) -> bool:
    query = select(exists().where(conversations.c.id == conversation, conversations.c.holder.is_not(None)))
    return bool((await connection.execute(query)).scalar_one())


async def sent(connection: AsyncConnection, out: Outgoing, sent: Sent, *, now: datetime) -> None:
    """The channel has it; whoever asked for it is told, and a card that it opened is known by its platform's name."""
    await _move(connection, out.id, state="sent", sent_at=now, platform_id=sent.id, error=None)
    draft = out.draft
    if draft.card is not None and draft.act is Act.TOPIC:
        await cards.opened(connection, draft.card, thread=sent.thread or sent.id)
    elif draft.card is not None and draft.opens:
        await cards.opened(connection, draft.card, thread=sent.thread, message=sent.id)
    if draft.confirms is not None:
        await put(connection, _confirmation(out, draft.confirms), now=now)


def _confirmation(out: Outgoing, origin: Origin) -> Draft:
    return Draft(
        key=f"delivered:{out.id}",
        address=origin.address,
        text="",
        purpose=Purpose.DESK,
        author="",
        conversation=None,
        direct=origin.direct,
        act=Act.REACT,
        target=origin.ref,
    )


async def postpone(connection: AsyncConnection, post: int, *, why: str, until: datetime) -> None:
    """It did not arrive, and is tried again."""
    await _move(connection, post, state="pending", not_before=until, error=why)


async def fail(connection: AsyncConnection, post: int, *, why: str) -> None:
    """It did not arrive and will not."""
    await _move(connection, post, state="failed", error=why)


async def doubt(connection: AsyncConnection, post: int, *, why: str) -> None:
    """Nobody can say whether it arrived, and a person must look."""
    await _move(connection, post, state="uncertain", error=why, doubts=table.c.doubts + 1)


async def doubt_and_repeat(connection: AsyncConnection, post: int, *, why: str, until: datetime) -> None:
    """Nobody can say whether it arrived; sent again, it may stand there twice, which is counted."""
    await _move(connection, post, state="pending", not_before=until, error=why, doubts=table.c.doubts + 1)


async def withhold(connection: AsyncConnection, post: int, *, why: str) -> None:
    """It must not be said any more."""
    await _move(connection, post, state="withheld", error=why)


async def settle(connection: AsyncConnection, post: int, *, again: bool, now: datetime) -> bool:
    """A person has looked at an uncertain message: it is sent again, or is taken for sent. False where it is neither
    uncertain any more.
    """
    values = {"state": "pending", "not_before": now} if again else {"state": "sent", "sent_at": now}
    query = update(table).where(table.c.id == post, table.c.state == "uncertain").values(**values)
    return (await connection.execute(query)).rowcount == 1


async def by_id(connection: AsyncConnection, post: int) -> Outgoing | None:
    """One row."""
    row = (await connection.execute(select(table).where(table.c.id == post))).one_or_none()
    return None if row is None else _value(row)


async def prompted(connection: AsyncConnection, address: Address, answers: str) -> str:
    """The token whose words an answer to a message is, '' where that message asked for none."""
    query = select(table.c.prompt).where(_to(address), table.c.platform_id == answers, table.c.prompt != "")
    return (await connection.execute(query)).scalars().first() or ""


async def spoke_in(connection: AsyncConnection, address: Address, thread: str) -> bool:
    """Whether the concierge has spoken in a thread of a room."""
    in_thread = (table.c.thread == thread) | (table.c.under == thread)
    query = select(table.c.id).where(_to(address), in_thread, table.c.purpose == Purpose.ANSWER.value).limit(1)
    return (await connection.execute(query)).first() is not None


async def first_said(connection: AsyncConnection, channel: str) -> Mapping[Address, str]:
    """Where something was said on a channel, each with the platform's id of the first of it."""
    said = select(table.c.channel, table.c.team, table.c.room, func.min(table.c.platform_id).label("first")).where(
        table.c.channel == channel,
        table.c.act == Act.SAY.value,
        table.c.state == "sent",
        table.c.platform_id.is_not(None),
    )
    rows = await connection.execute(said.group_by(table.c.channel, table.c.team, table.c.room))
    return {Address(channel=row.channel, team=row.team, room=row.room): str(row.first) for row in rows}


async def asked_for(connection: AsyncConnection, escalation: int, steward: str) -> tuple[str, ...]:
    """How far each message has come that asks a steward to acknowledge an escalation; but for one that lies at their
    terminal: every steward has one, and nobody knows whether it is ever opened.
    """
    lies_there = and_(table.c.channel == TERMINAL, table.c.state == "pending")
    rows = await connection.execute(
        select(table.c.state, table.c.asks).where(table.c.escalation == escalation, ~lies_there)
    )
    return tuple(row.state for row in rows if steward in row.asks)


async def opening_waits(connection: AsyncConnection, card: int) -> bool:
    """Whether a card is still to be sent for the first time."""
    query = select(table.c.id).where(table.c.card == card, table.c.opens, table.c.state == "pending").limit(1)
    return (await connection.execute(query)).first() is not None


async def opening_failed(connection: AsyncConnection, card: int) -> bool:
    """Whether a card never arrived, and is not on its way."""
    query = select(table.c.state).where(table.c.card == card, table.c.opens)
    return set((await connection.execute(query)).scalars()) <= {"failed", "withheld"}


async def in_sending(connection: AsyncConnection, *, since: datetime) -> tuple[Outgoing, ...]:
    """Messages whose sending began before a moment and never ended: their process died or hangs."""
    query = select(table).where(table.c.state == "sending", table.c.sending_at < since).order_by(table.c.id)
    return tuple(_value(row) for row in await connection.execute(query))


async def count(connection: AsyncConnection, states: Collection[str]) -> int:
    """How many messages are in one of the states."""
    query = select(func.count()).select_from(table).where(table.c.state.in_(states))
    return int((await connection.execute(query)).scalar_one())


async def oldest_pending(connection: AsyncConnection) -> datetime | None:
    """When the message was put there that has waited longest to be sent."""
    query = select(func.min(table.c.created_at)).where(table.c.state == "pending")
    found: datetime | None = (await connection.execute(query)).scalar_one()
    return found


async def doubts(connection: AsyncConnection) -> int:
    """How many messages may stand somewhere twice."""
    query = select(func.count()).select_from(table).where(table.c.doubts > 0)
    return int((await connection.execute(query)).scalar_one())


async def move(connection: AsyncConnection, before: Address, after: Address) -> None:
    """A room has another id: what is still to be sent there goes to the new one."""
    query = update(table).where(_to(before), table.c.state.in_(("pending", "uncertain")))
    await connection.execute(query.values(room=after.room))


def _to(address: Address) -> ColumnElement[bool]:
    return and_(table.c.channel == address.channel, table.c.team == address.team, table.c.room == address.room)


async def _move(connection: AsyncConnection, post: int, **values: object) -> None:
    await connection.execute(update(table).where(table.c.id == post).values(**values))
