"""The questions whose answers did not help, as lines."""

from __future__ import annotations

from bot.app import open_record
from bot.ledger import transcript
from bot.ledger.engine import reading
from bot.pack import Pack
from bot.settings import Settings
from bot.terminal.screen import console, plain


async def print_gaps(pack: Pack, settings: Settings) -> None:
    """Prints each, oldest first."""
    async with open_record(settings.record_url(pack.provider)) as engine, reading(engine) as connection:
        found = await transcript.known_gaps(connection)
    screen = console()
    for one in found:
        screen.print(plain(f"{one.at:%Y-%m-%d %H:%M}  {one.customer or 'somebody'}  {one.question}"))
    if not found:
        screen.print(plain("Nobody has said that an answer did not help."))
