"""The background tasks, through docket: take a turn, deliver, mind the timers, sweep.

A task is only a wake-up: what is due stands in rows, and the sweeper finds whatever a lost wake-up left behind. So a
Redis that is gone, a process that died, or another process on the same record loses nothing. The sweeper is a loop of
this process and not a task of docket: it must run exactly when docket cannot.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from docket import Docket, Worker
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot import access, replies
from bot.casework import ANSWER_TIMER, Casework
from bot.clock import Clock
from bot.ledger import cards, conversations, inbox, invitations, outbox
from bot.ledger.engine import RecordUnavailable, reading, writing
from bot.ledger.outbox import NotYet, Outgoing
from bot.messages import Address, Channel, Identity, Inbound, Kind, Post, Purpose, SendError
from bot.pack import Customer, Pack
from bot.people import find
from bot.rooms import Rooms
from bot.turns import TurnTaker
from escalation import record

logger = logging.getLogger(__name__)

SWEEP_EVERY = timedelta(milliseconds=500)
SEND_WITHIN = timedelta(seconds=15)
SENDING_AT_MOST = timedelta(seconds=60)  # longer than a send and the question whether it arrived can take together
WAKE_WITHIN = timedelta(seconds=1)
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=5)
TYPING_AFTER = timedelta(seconds=1)
TYPING_EVERY = timedelta(seconds=4)  # Telegram shows it for five
TRIES = 300  # about a day: a platform that is down for an evening must not cost a message
AT_ONCE = 8  # conversations, or destinations, that a sweep attends to together


class Dresser(Protocol):
    """What completes a post just before it is sent."""

    async def dress(self, out: Outgoing, now: datetime) -> Post | None:
        """The post as it is to be sent; None where there is nothing to send any more."""
        ...


class Work:
    """The tasks over one record. `docket` may be lost at any moment: rows say what is due."""

    def __init__(
        self,
        *,
        pack: Pack,
        engine: AsyncEngine,
        turns: TurnTaker,
        casework: Casework,
        rooms: Rooms,
        dresser: Dresser,
        channels: Sequence[Channel],
        clock: Clock,
        docket: Docket,
    ) -> None:
        self._pack = pack
        self._engine = engine
        self._turns = turns
        self._casework = casework
        self._rooms = rooms
        self._dresser = dresser
        self._channels = {channel.name: channel for channel in channels}
        self._clock = clock
        self.docket = docket
        self._at_work: dict[str, asyncio.Lock] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._register()

    # ── inbound ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def receive(self, inbound: Inbound) -> bool:
        """Commits what a channel hands over; only then may the channel acknowledge it. False for a redelivery.

        Raises RecordUnavailable: then the channel must not acknowledge, and the platform delivers it again.
        """
        kept = await self.receive_all([(inbound, self._clock())])
        return kept[0]

    async def receive_all(self, events: Sequence[tuple[Inbound, datetime]]) -> list[bool]:
        """Commits several events, each with the moment at which it came, in one transaction."""
        async with writing(self._engine) as connection:
            bound = await invitations.bound(connection)
            kept = [await self._keep(connection, inbound, at, bound) for inbound, at in events]
        for conversation in dict.fromkeys(one for one in kept if one is not None):
            await self._wake(self._turn_task, f"turn:{conversation}", conversation)
        return [one is not None for one in kept]

    async def _keep(
        self, connection: AsyncConnection, inbound: Inbound, now: datetime, bound: Mapping[Identity, str]
    ) -> int | None:
        """Keeps an event, and says in which conversation; None for a redelivery."""
        if inbound.kind is Kind.MOVED:
            await self._move(connection, inbound)
        person = find(self._pack, inbound.sender, bound)
        customer = person.id if inbound.direct and isinstance(person, Customer) else None
        place = await conversations.ensure(
            connection, inbound.address, direct=inbound.direct, customer=customer, now=now
        )
        addressed = await self._rooms.addressed(connection, inbound, person)
        event = replace(inbound, addressed=addressed)
        row = await inbox.receive(connection, event, conversation=place.id, now=now)
        return place.id if row is not None else None

    async def _move(self, connection: AsyncConnection, inbound: Inbound) -> None:
        before = replace(inbound.address, room=inbound.about or "")
        if await conversations.move(connection, before, inbound.address):
            await outbox.move(connection, before, inbound.address)
            await cards.move(connection, before, inbound.address)
            logger.warning("room %s is %s from now on: say so in the pack's channels", before, inbound.address)

    async def wake_for(self, address: Address) -> None:
        """Something was put into the outbox for an address outside of a turn."""
        await self._wake(self._deliver_task, f"deliver:{address}", address.channel, address.team, address.room)

    async def _wake(self, task: str, key: str, *args: object) -> None:
        try:
            async with asyncio.timeout(WAKE_WITHIN.total_seconds()):
                await self.docket.add(task, key=key)(*args)
        except (RedisError, OSError):  # a TimeoutError is an OSError
            logger.warning("no wake-up could be sent (%s); the sweeper will find the row", key)

    async def settled(self, address: Address) -> bool:
        """Whether everything that came from an address is answered and everything for it is on its way or there."""
        async with reading(self._engine) as connection:
            place = await conversations.at(connection, address)
            waits = place is not None and bool(await inbox.waiting(connection, place.id))
            return not waits and address not in await outbox.places_waiting(connection, now=self._clock())

    # ── the tasks ────────────────────────────────────────────────────────────────────────────────────────────────────

    _turn_task = "take_turns"
    _deliver_task = "deliver"

    def _register(self) -> None:
        """Makes the tasks known to the docket: also where this process only receives, and another one works."""

        async def take_turns(conversation: int) -> None:
            await self.take_turns(conversation)

        async def deliver(channel: str, team: str, room: str) -> None:
            await self.deliver(Address(channel=channel, team=team, room=room))

        self.docket.register(take_turns)
        self.docket.register(deliver)

    async def take_turns(self, conversation: int) -> None:
        """Takes turns in a conversation until nothing waits there, and sends what they said."""
        async with self._alone(f"turn:{conversation}"), self._typing(conversation):
            while await self._turns.take_turn(conversation, self._clock()) is not None:
                pass
        await self._deliver_all()

    @asynccontextmanager
    async def _typing(self, conversation: int) -> AsyncIterator[None]:
        """Where an answer takes a while, its customer sees that one is being looked for."""
        showing = asyncio.create_task(self._show_typing(conversation))
        try:
            yield
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)

    async def _show_typing(self, conversation: int) -> None:
        await asyncio.sleep(TYPING_AFTER.total_seconds())
        async with reading(self._engine) as connection:
            place = await conversations.by_id(connection, conversation)
            waiting = [one for one in await inbox.waiting(connection, conversation) if one.addressed]
        channel = self._channels.get(place.address.channel)
        while channel is not None and waiting and place.holder is None:
            await channel.typing(place.address, waiting[-1].thread)
            await asyncio.sleep(TYPING_EVERY.total_seconds())

    async def sweep(self) -> None:
        """Does whatever is due and was not done: sends that never ended, timers, turns, deliveries."""
        for duty in self._duties:
            await self._attend(duty)

    async def keep_sweeping(self) -> None:
        """Sweeps for as long as it runs; the duties beside each other, so that a slow one keeps no other waiting."""
        async with asyncio.TaskGroup() as duties:
            for duty in self._duties:
                duties.create_task(self._again_and_again(duty))

    @property
    def _duties(self) -> tuple[Callable[[], Awaitable[object]], ...]:
        return (self._recover_stuck, self._mind_timers, self._take_waiting, self._deliver_all)

    async def _again_and_again(self, duty: Callable[[], Awaitable[object]]) -> None:
        while True:
            await self._attend(duty)
            await asyncio.sleep(SWEEP_EVERY.total_seconds())

    async def _attend(self, duty: Callable[..., Awaitable[object]], *args: object) -> None:
        """One duty, alone with its failure: what goes wrong for one customer must not stop the rest."""
        try:
            await duty(*args)
        except RecordUnavailable as error:
            logger.error("%s", error)
        except Exception:  # the sweeper's edge: the row stays due and is looked at again
            logger.exception("a sweep could not do its duty; it is tried again")

    async def _attend_each(self, duty: Callable[..., Awaitable[object]], subjects: Sequence[object]) -> None:
        room = asyncio.Semaphore(AT_ONCE)

        async def attend(subject: object) -> None:
            async with room:
                await self._attend(duty, subject)

        async with asyncio.TaskGroup() as attending:  # unlike gather, it waits for each of them when it is cancelled
            for subject in subjects:
                attending.create_task(attend(subject))

    async def _take_waiting(self) -> None:
        async with reading(self._engine) as connection:
            waiting = await inbox.conversations_waiting(connection)
        await self._attend_each(self.take_turns, waiting)

    async def _mind_timers(self) -> None:
        async with reading(self._engine) as connection:
            timers = await record.due(connection, now=self._clock())
        for timer in timers:
            if timer.kind == ANSWER_TIMER:
                await self._attend(self._casework.climb, timer.subject, self._clock())

    async def _deliver_all(self) -> None:
        async with reading(self._engine) as connection:
            places = await outbox.places_waiting(connection, now=self._clock())
        # where somebody is delivering already they go on until nothing is left: no need to wait for a slow platform
        free = [place for place in places if not self._lock(f"deliver:{place}").locked()]
        await self._attend_each(self.deliver, free)

    async def deliver(self, address: Address) -> None:
        """Sends, in order, what waits for an address, as far as this process can reach it."""
        channel = self._channels.get(address.channel)
        if channel is None or not channel.hosts(address):
            return
        async with self._alone(f"deliver:{address}"):
            while True:
                async with writing(self._engine) as connection:
                    claimed = await outbox.claim(connection, address, now=self._clock(), pace=channel.pace)
                if claimed is None:
                    return
                if isinstance(claimed, NotYet):
                    await self._wake_at(claimed.until, address)
                    return
                await self._to_its_end(self._send(channel, claimed))

    async def _to_its_end(self, sending: Coroutine[object, object, None]) -> None:
        """What is being sent is not broken off when this process is told to end: it would be in doubt for nothing."""
        task = asyncio.create_task(sending)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        await asyncio.shield(task)

    async def finish_sending(self) -> None:
        """Waits until nothing is being sent."""
        while self._sending:
            await asyncio.wait(set(self._sending))

    async def _wake_at(self, moment: datetime, address: Address) -> None:
        try:
            async with asyncio.timeout(WAKE_WITHIN.total_seconds()):
                wake = self.docket.add(self._deliver_task, when=moment, key=f"deliver:{address}:{moment.isoformat()}")
                await wake(address.channel, address.team, address.room)
        except (RedisError, OSError):  # a TimeoutError is an OSError
            logger.warning("no wake-up could be sent for %s; the sweeper will find the row", address)

    async def _send(self, channel: Channel, out: Outgoing) -> None:
        try:
            post = await self._last_look_in_time(out)
            async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                sent = await channel.send(post) if post is not None else None
        except SendError as error:
            await self._not_sent(channel, out, error)
        except TimeoutError:
            why = f"no answer within {SEND_WITHIN.total_seconds():g} s"
            await self._not_sent(channel, out, SendError(why, in_doubt=True))
        except RecordUnavailable as error:  # before anything was sent: it is written from the record
            await self._not_sent(channel, out, SendError(str(error)))
        except Exception as error:  # the adapter's edge: what it did not foresee is a send in doubt
            logger.exception("the channel %s failed", channel.name)
            await self._not_sent(channel, out, SendError(f"{type(error).__name__}: {error}", in_doubt=True))
        else:
            if sent is not None:
                async with writing(self._engine) as connection:
                    await outbox.sent(connection, out, sent, now=self._clock())

    async def _last_look_in_time(self, out: Outgoing) -> Post | None:
        try:
            async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                return await self._last_look(out)
        except TimeoutError:
            raise SendError("who reads there could not be found out in time") from None

    async def _last_look(self, out: Outgoing) -> Post | None:
        """The post as it is sent, after asking once more who reads there; None where it must not be sent any more."""
        post = await self._dresser.dress(out, self._clock())
        if post is None:
            async with writing(self._engine) as connection:
                await outbox.withhold(connection, out.id, why="there is nothing to change any more")
            return None
        if out.draft.purpose is Purpose.DESK and not out.draft.direct and await self._rooms.has_customers(out.address):
            raise SendError("a customer reads in that room: no desk may be there", retry=False)
        if out.draft.grants <= access.EVERYONE or out.draft.grants <= await self._rooms.grants(out.address):
            return post
        instead = replace(
            out.draft,
            key=f"instead:{out.id}",
            text=replies.not_in_this_room_any_more(),
            purpose=Purpose.NOTICE,
            buttons=(),
            grants=frozenset(),
        )
        async with writing(self._engine) as connection:
            await outbox.withhold(connection, out.id, why="somebody came into the room who may not read it")
            await outbox.put(connection, instead, now=self._clock())
        return None

    async def _not_sent(self, channel: Channel, out: Outgoing, error: SendError) -> None:
        wait = max(min(FIRST_WAIT * 2 ** min(out.attempts - 1, 20), LONGEST_WAIT), error.after or timedelta())
        if error.in_doubt:
            await self._settle(channel, out, why=str(error), wait=wait)
            return
        async with writing(self._engine) as connection:
            await self._try_again(connection, out, why=str(error), wait=wait, retry=error.retry)

    async def _try_again(
        self, connection: AsyncConnection, out: Outgoing, *, why: str, wait: timedelta, retry: bool = True
    ) -> None:
        if retry and out.attempts < TRIES:
            await outbox.postpone(connection, out.id, why=why, until=self._clock() + wait)
        else:
            logger.error("message %s to %s is given up: %s", out.id, out.address, why)
            await outbox.fail(connection, out.id, why=why)
            await self._casework.not_delivered(connection, out, why, self._clock())

    async def recover_at_start(self) -> None:
        """What this process alone can deliver and an earlier one left in the middle of sending is settled at once."""
        await self._recover(self._clock(), [one for one in self._channels.values() if one.exclusive])

    async def _recover_stuck(self) -> None:
        await self._recover(self._clock() - SENDING_AT_MOST, list(self._channels.values()))

    async def _recover(self, since: datetime, channels: Sequence[Channel]) -> None:
        async with reading(self._engine) as connection:
            stuck = await outbox.in_sending(connection, since=since)
        for out in stuck:
            for channel in channels:
                if channel.name == out.address.channel and channel.hosts(out.address):
                    await self._settle(channel, out, why="its sending never ended", wait=timedelta())

    async def _settle(self, channel: Channel, out: Outgoing, *, why: str, wait: timedelta) -> None:
        """A send in doubt: the platform is asked. Where it cannot say, a steward's words wait for that steward to look;
        whatever else is said twice rather than never, and counted.
        """
        try:
            async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                found = await channel.find(out.post)
        except (SendError, TimeoutError) as error:
            told = f"{why}; and the platform cannot say: {error}"
            async with writing(self._engine) as connection:
                if out.draft.purpose is Purpose.RELAY:
                    await outbox.doubt(connection, out.id, why=told)
                    await self._casework.in_doubt(connection, out, self._clock())
                else:
                    await outbox.doubt_and_repeat(connection, out.id, why=told, until=self._clock() + wait)
            return
        async with writing(self._engine) as connection:
            if found is None:
                await self._try_again(connection, out, why=f"{why}; it had not arrived", wait=wait)
            else:
                await outbox.sent(connection, out, found, now=self._clock())

    @asynccontextmanager
    async def _alone(self, what: str) -> AsyncIterator[None]:
        # only saves work within a process: between processes the rows decide
        async with self._lock(what):
            yield

    def _lock(self, what: str) -> asyncio.Lock:
        return self._at_work.setdefault(what, asyncio.Lock())


@asynccontextmanager
async def working(work: Work) -> AsyncIterator[None]:
    """Runs the tasks in the background of this process while the body runs."""
    await work.recover_at_start()
    async with Worker(work.docket, minimum_check_interval=timedelta(milliseconds=50)) as worker:
        running = [asyncio.create_task(worker.run_forever()), asyncio.create_task(work.keep_sweeping())]
        try:
            yield
        finally:
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await work.finish_sending()
