"""A customer's conversation in the terminal."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial

from rich.console import Console

from bot.app import House, at_work, open_house
from bot.channels.terminal import Terminal, Typed, customers_screen
from bot.chat_model import teller_of
from bot.clock import Clock
from bot.growing.publishing import DOCUMENTS
from bot.knowing import knowing_of
from bot.ledger import conversations, transcript
from bot.ledger.engine import RecordUnavailable, reading
from bot.messages import Address, Post
from bot.pack import Pack
from bot.settings import Settings
from bot.terminal import lines
from bot.terminal.ingesting import bring_up_to_date
from bot.terminal.lines import until
from bot.terminal.log import log_beside
from bot.terminal.screen import console, plain, show, style_of

EARLIER = 6


async def chat(pack: Pack, settings: Settings, customer: str, clock: Clock) -> None:
    """Runs until the input ends. What was said before is shown first; another terminal may hold the steward."""
    screen, terminal = console(), Terminal()
    log_beside(settings.home / pack.provider)
    knowing = knowing_of(settings, pack.provider)
    await asyncio.to_thread(bring_up_to_date, pack, settings.index_folder(pack.provider), knowing=knowing)
    async with open_house(
        pack,
        record=settings.record_url(pack.provider),
        answerer=knowing,
        docket=settings.docket,
        channels=[terminal],
        clock=clock,
        teller=teller_of(settings, knowing),
        ingest=partial(knowing.bring_up_to_date, pack.folder / DOCUMENTS),
    ) as house:
        address = customers_screen(customer)
        await _earlier(house, screen, customer, address)
        terminal.open(address, lambda post: _post(screen, post, clock()))
        async with at_work(house):
            with lines.beside_output():
                await _converse(house, screen, customer, address, clock)


async def _converse(house: House, screen: Console, customer: str, address: Address, clock: Clock) -> None:
    typed = Typed(customer, started=clock())
    async for line in lines.typed(f"{house.pack.customers[customer].name} › "):
        try:
            await house.work.receive(typed.message(line, at=clock()))
        except RecordUnavailable as error:
            screen.print(plain(f"Not sent: {error}"))
            continue
        if not lines.from_a_person():
            await _settled(house, address)
    await _settled(house, address)


async def _settled(house: House, address: Address) -> None:
    await until(lambda: house.work.settled(address))


def _post(screen: Console, post: Post, at: datetime) -> None:
    show(screen, post.author, post.text, at, style=style_of(post))


async def _earlier(house: House, screen: Console, customer: str, address: Address) -> None:
    name = house.pack.customers[customer].name
    screen.print(plain(f"You are {name}. Write to the concierge; Ctrl-D ends.\n"))
    async with reading(house.engine) as connection:
        place = await conversations.at(connection, address)
        said = await transcript.delivered(connection, place.id, count=EARLIER) if place else ()
    for entry in said:
        person = house.pack.person(entry.author) if entry.author else None
        who = person.name if person else "Concierge"
        show(screen, who, entry.text, entry.at, style="dim")
