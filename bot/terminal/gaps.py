"""The questions that the documents do not answer, as lines or as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Console

from bot.app import open_record
from bot.growing.gaps import Gap, Gaps, who_asked
from bot.knowing import knowing_of
from bot.ledger import invitations
from bot.ledger.answered import ABSTAINED, FAILED, PARTLY, UNHELPFUL, Asked
from bot.ledger.engine import reading
from bot.messages import Identity, readable
from bot.pack import Pack
from bot.settings import Settings
from bot.terminal.ingesting import bring_up_to_date
from bot.terminal.screen import console, plain

NEAREST = 3
WHY = {
    ABSTAINED: "the documents don't say",
    FAILED: "looking it up failed",
    PARTLY: "the documents answer only a part",
    UNHELPFUL: "the answer did not help",
}


async def print_gaps(
    pack: Pack, settings: Settings, since: datetime | None, now: datetime, *, everything: bool, as_json: bool
) -> None:
    """Prints each, the most frequent first; those that are closed by now only with `everything`, or in JSON."""
    knowing = knowing_of(settings, pack.provider)
    await asyncio.to_thread(bring_up_to_date, pack, settings.index_folder(pack.provider), knowing=knowing)
    async with open_record(settings.record_url(pack.provider)) as engine:
        found = await Gaps(pack, engine, knowing, lambda texts: knowing.embeddings.vectors(texts)).found(
            now, since=since
        )
        async with reading(engine) as connection:
            bound = await invitations.bound(connection)
    if as_json:
        for gap in found:
            sys.stdout.write(json.dumps(_row(pack, gap, bound), ensure_ascii=False) + "\n")
        return
    shown = [gap for gap in found if everything or not gap.closed]
    screen = console()
    for gap in shown:
        _show(screen, pack, gap, bound)
    if not shown:
        screen.print(plain("No question is open that the documents do not answer."))
    if hidden := len(found) - len(shown):
        screen.print(plain(f"{hidden} more closed by now; --all shows them."))


def _show(screen: Console, pack: Pack, gap: Gap, bound: Mapping[Identity, str]) -> None:
    times = f"{gap.times}× " if gap.times > 1 else ""
    screen.print(plain(f"{times}{' '.join(gap.newest.question.split())}"), style="bold")
    asked = "; ".join(f"{_who(pack, one.asked, bound)} {one.asked.at:%Y-%m-%d %H:%M}" for one in gap.missed)
    screen.print(plain(f"    {asked} — {', '.join(WHY[why] for why in gap.why)}"))
    places = [_place(one.title, one.anchor) for one in gap.nearest[:NEAREST]]
    if places:
        screen.print(plain(f"    nearest: {' · '.join(places)}"))
    if gap.closed:
        screen.print(plain(f"    closed: {gap.closed}"))


def _place(title: str, anchor: str) -> str:
    return f"{title} › {anchor}" if anchor and anchor != title else title


def _who(pack: Pack, asked: Asked, bound: Mapping[Identity, str]) -> str:
    person = who_asked(pack, asked, bound)
    return f"{person.name if person else 'somebody'}{'' if asked.direct else ' in a shared room'}"


def _row(pack: Pack, gap: Gap, bound: Mapping[Identity, str]) -> dict[str, object]:
    people = [(who_asked(pack, one.asked, bound), one) for one in gap.missed]
    asked: Sequence[dict[str, object]] = [
        {
            "at": one.asked.at.isoformat(),
            "who": person.id if person else None,
            "direct": one.asked.direct,
            "conversation": one.asked.conversation,
            "message": one.asked.message,
            "question": one.asked.question,
            "why": one.why,
        }
        for person, one in people
    ]
    return {
        "question": readable(gap.newest.question),
        "times": gap.times,
        "why": list(gap.why),
        "asked": asked,
        "nearest": [
            {"document": one.document, "title": one.title, "section": one.anchor, "passage": one.passage}
            for one in gap.nearest
        ],
        "closed": gap.closed or None,
    }
