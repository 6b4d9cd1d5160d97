"""Who was given an answer that does not stand any more, as lines or as JSON; and telling them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from rich.console import Console

from bot.app import open_record
from bot.casework import Casework
from bot.growing.outdated import Gone
from bot.growing.retelling import Concerned, Retelling, Whether
from bot.knowing import knowing_of
from bot.messages import readable
from bot.pack import Pack
from bot.settings import Settings
from bot.terminal.ingesting import bring_up_to_date
from bot.terminal.screen import console, plain


async def print_outdated(
    pack: Pack, settings: Settings, since: datetime | None, now: datetime, *, as_json: bool
) -> None:
    """Prints each answer that does not stand any more, newest first."""
    async with _retelling(pack, settings) as retelling:
        found = await retelling.concerned(now, since=since)
    if as_json:
        for one in found:
            sys.stdout.write(json.dumps(_row(one), ensure_ascii=False) + "\n")
        return
    screen = console()
    for one in found:
        _show(screen, one)
    if not found:
        screen.print(plain("Nobody was given an answer that does not stand any more."))


async def tell(
    pack: Pack, settings: Settings, steward: str, since: datetime | None, now: datetime, *, confirmed: bool
) -> None:
    """Shows what each customer in a steward's care would be told, asks, and tells them; once an answer."""
    screen = console()
    async with _retelling(pack, settings) as retelling:
        found = await retelling.concerned(now, since=since)
        to_tell = [one for one in found if retelling.may_tell(one, steward)]
        words = [await retelling.words(one, now) for one in to_tell]
        _preview(screen, found, to_tell, words)
        if not to_tell or not (confirmed or _yes(screen, len(to_tell))):
            screen.print(plain("Nobody was told."))
            return
        done = [await retelling.tell(one, text, by=steward, now=now) for one, text in zip(to_tell, words, strict=True)]
    told = done.count(Whether.TOLD)
    screen.print(plain(f"{told} on their way; `concierge run` delivers them, or a chat that is open."))
    for one, whether in zip(to_tell, done, strict=True):
        if whether is not Whether.TOLD:
            screen.print(plain(f"{one.who}: {whether}"))


@asynccontextmanager
async def _retelling(pack: Pack, settings: Settings) -> AsyncIterator[Retelling]:
    knowing = knowing_of(settings, pack.provider)
    await asyncio.to_thread(bring_up_to_date, pack, settings.index_folder(pack.provider), knowing=knowing)
    async with open_record(settings.record_url(pack.provider)) as engine:
        yield Retelling(pack, engine, Casework(pack, engine, lambda _steward: ()), knowing)


def _preview(screen: Console, found: Sequence[Concerned], to_tell: Sequence[Concerned], words: Sequence[str]) -> None:
    for one in found:
        if one not in to_tell:
            screen.print(plain(f"{one.who}: {one.whether if one.whether is not Whether.OPEN else 'not in your care'}"))
    for one, text in zip(to_tell, words, strict=True):
        screen.print(plain(f"\nTo {one.who}:"), style="bold")
        screen.print(plain(text))


def _yes(screen: Console, count: int) -> bool:
    screen.print(plain(f"\nTell {count} {'customer' if count == 1 else 'answers to their customers'}? yes/no"))
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _show(screen: Console, one: Concerned) -> None:
    asked = one.outdated.given.asked
    room = "" if asked.direct else f", in the shared room {asked.address}"
    screen.print(plain(f"{asked.at:%Y-%m-%d %H:%M}  {one.who}{room}: {asked.question}"), style="bold")
    for gone in one.outdated.gone:
        screen.print(plain(f"    “{gone.place.said}” — {gone.place.title} ({gone.place.document}): {_became(gone)}"))
    told = f" by {one.told.steward} {one.told.at:%Y-%m-%d}" if one.told and one.whether is Whether.TOLD else ""
    screen.print(plain(f"    {one.whether}{told}"))


def _became(gone: Gone) -> str:
    return f"replaced by {gone.by.title} ({gone.by.id})" if gone.by else gone.became.value


def _row(one: Concerned) -> dict[str, object]:
    asked = one.outdated.given.asked
    return {
        "answer": one.outdated.given.id,
        "at": asked.at.isoformat(),
        "who": one.who,
        "customer": one.customer,
        "room": None if asked.direct else str(asked.address),
        "question": readable(asked.question),
        "gone": [
            {
                "said": gone.place.said,
                "document": gone.place.document,
                "title": gone.place.title,
                "passage": gone.place.passage,
                "became": gone.became.value,
                "by": gone.by.id if gone.by else None,
            }
            for gone in one.outdated.gone
        ],
        "whether": one.whether.value,
        "told_at": one.told.at.isoformat() if one.told and one.whether is Whether.TOLD else None,
    }
