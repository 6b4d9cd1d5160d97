"""A steward's desk in the terminal."""

from __future__ import annotations

import asyncio
from functools import partial

from bot.app import at_work, open_house
from bot.channels.terminal import Terminal, stewards_screen
from bot.clock import Clock
from bot.desk.terminal import TerminalDesk
from bot.growing.publishing import DOCUMENTS
from bot.knowing import knowing_of
from bot.ledger.engine import RecordUnavailable
from bot.messages import Post
from bot.pack import Pack
from bot.settings import Settings
from bot.terminal import lines
from bot.terminal.ingesting import bring_up_to_date
from bot.terminal.log import log_beside
from bot.terminal.screen import console, plain, show


async def desk(pack: Pack, settings: Settings, steward: str, clock: Clock) -> None:
    """Runs until the input ends or `quit`. Whatever happens in the steward's care appears as it happens."""
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
        ingest=partial(knowing.bring_up_to_date, pack.folder / DOCUMENTS),
    ) as house:
        heard = TerminalDesk(pack, house.engine, house.casework, steward, clock, house.keeping)

        def appear(post: Post) -> None:
            show(screen, "▸ desk", post.text, clock(), style="yellow")

        screen.print(plain(f"The desk of {pack.stewards[steward].name}. `help` lists the commands; Ctrl-D ends.\n"))
        screen.print(plain(await heard.hear("list")))
        terminal.open(stewards_screen(steward), appear)
        async with at_work(house):
            with lines.beside_output():
                async for line in lines.typed("desk › "):
                    if line.strip() in ("quit", "exit"):
                        break
                    try:
                        screen.print(plain(await heard.hear(line) + "\n"))
                    except RecordUnavailable as error:
                        screen.print(plain(f"Not done: {error}\n"))
