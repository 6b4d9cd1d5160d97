"""The composition root: the only place that opens connections and names concrete classes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from docket import Docket
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import clock as clocks
from bot.casework import Casework
from bot.channels.terminal import stewards_screen
from bot.clock import Clock
from bot.concierge import Concierge
from bot.considering import Answerer, Teller
from bot.desk.composing import Composer
from bot.desk.hearing import DeskTurns
from bot.desks import Desk, DeskOf
from bot.growing.keeping import Keeping
from bot.growing.publishing import Publisher
from bot.intake import HouseIntake
from bot.ledger.doorstep import Doorstep, doorstep_of
from bot.ledger.engine import migrate, open_engine
from bot.messages import Channel
from bot.pack import Pack
from bot.rooms import Answers, Rooms
from bot.turns import Turns
from bot.work import Work, working
from escalation.cues import CueReader, Reading, shipped_reader


class Knowledge(Answerer, Protocol):
    """What answers, and says where something could help."""

    def suggest(self, text: str, grants: frozenset[str], on: date) -> Sequence[str]:
        """The documents, by title and section, that fit a text, best first."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """Everything that one process runs on."""

    pack: Pack
    engine: AsyncEngine
    concierge: Concierge
    casework: Casework
    turns: Turns
    intake: HouseIntake
    work: Work
    clock: Clock
    answerer: Knowledge
    keeping: Keeping
    publisher: Publisher


def desks(steward: str) -> Sequence[Desk]:
    """Where a steward is told of things: the terminal desk, which every installation has."""
    return (Desk(address=stewards_screen(steward)),)


@asynccontextmanager
async def open_house(
    pack: Pack,
    *,
    record: str,
    answerer: Knowledge,
    reader: CueReader | None = None,
    docket: str = "memory://",
    channels: Sequence[Channel] = (),
    clock: Clock = clocks.now,
    desk_of: DeskOf = desks,
    ingest: Callable[[], object] | None = None,
    teller: Teller | None = None,
) -> AsyncIterator[House]:
    """Opens the record (and brings its schema up to date), and puts the house together over it.

    `ingest` reads the pack's documents into the index that answers come from; without it nobody does.
    """
    async with (
        open_record(record) as engine,
        furnished(
            pack,
            engine,
            answerer=answerer,
            reader=reader,
            docket=docket,
            channels=channels,
            clock=clock,
            desk_of=desk_of,
            ingest=ingest,
            teller=teller,
        ) as house,
    ):
        yield house


@asynccontextmanager
async def open_record(url: str) -> AsyncIterator[AsyncEngine]:
    """The record, with its schema up to date."""
    engine = open_engine(url)
    try:
        await migrate(engine)
        yield engine
    finally:
        await engine.dispose()


@asynccontextmanager
async def furnished(
    pack: Pack,
    engine: AsyncEngine,
    *,
    answerer: Knowledge,
    reader: CueReader | None = None,
    docket: str = "memory://",
    channels: Sequence[Channel] = (),
    clock: Clock = clocks.now,
    desk_of: DeskOf = desks,
    rooms_answer: Answers = "mentioned",
    ingest: Callable[[], object] | None = None,
    teller: Teller | None = None,
) -> AsyncIterator[House]:
    """The house over an open record."""
    casework = Casework(pack, engine, desk_of)
    rooms = Rooms(pack, engine, channels, answers=rooms_answer)
    concierge = Concierge(pack, engine, answerer, reader or LazyReader(), casework, rooms, teller)
    publisher = Publisher(pack, engine, ingest)
    keeping = Keeping(pack, casework.desks, publisher)
    desk = DeskTurns(pack, engine, casework, keeping)
    turns = Turns(engine, concierge, desk)
    async with Docket(name=f"concierge-{pack.provider}", url=docket) as wakeups:
        work = Work(
            pack=pack,
            engine=engine,
            turns=turns,
            casework=casework,
            rooms=rooms,
            dresser=Composer(pack, engine, answerer.suggest),
            channels=channels,
            clock=clock,
            docket=wakeups,
        )
        beside = doorstep_of(engine.url)
        doorstep = Doorstep(beside) if beside is not None else None
        try:
            yield House(
                pack=pack,
                engine=engine,
                concierge=concierge,
                casework=casework,
                turns=turns,
                intake=HouseIntake(work, desk, engine, clock, doorstep),
                work=work,
                clock=clock,
                answerer=answerer,
                keeping=keeping,
                publisher=publisher,
            )
        finally:
            if doorstep is not None:
                await doorstep.close()


@asynccontextmanager
async def at_work(house: House) -> AsyncIterator[None]:
    """Runs the house's background tasks in this process while the body runs."""
    beside = [
        asyncio.create_task(house.intake.keep_carrying_in()),
        asyncio.create_task(house.publisher.keep_publishing()),
    ]
    try:
        async with working(house.work):
            yield
    finally:
        for one in beside:
            one.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


class LazyReader:
    """The shipped reader of cues, loaded when the first message is read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reader: CueReader | None = None

    version = "not loaded yet"

    def read(self, text: str, before: Sequence[str] = ()) -> Reading:
        return self._loaded().read(text, before)

    def _loaded(self) -> CueReader:
        with self._lock:
            if self._reader is None:
                self._reader = shipped_reader()
            return self._reader
