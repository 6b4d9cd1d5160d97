"""Prints the log of cues."""

from __future__ import annotations

import json
import sys
from datetime import datetime

from rich.table import Table

from bot.ledger.engine import migrate, open_engine, reading
from bot.messages import readable
from bot.pack import Pack
from bot.settings import Settings
from bot.terminal.screen import console
from escalation import record
from escalation.record import Logged


async def print_log(
    pack: Pack, settings: Settings, customer: str | None, since: datetime | None, *, as_json: bool
) -> None:
    """The cues of one customer or of everybody, oldest first, as a table or as JSON lines."""
    engine = open_engine(settings.record_url(pack.provider))
    try:
        await migrate(engine)
        async with reading(engine) as connection:
            log = await record.cues_of(connection, customer=customer, since=since)
    finally:
        await engine.dispose()
    if as_json:
        for one in log:
            sys.stdout.write(json.dumps(_row(one), ensure_ascii=False) + "\n")
    else:
        _table(pack, log)


def _row(one: Logged) -> dict[str, object]:
    return {
        "number": one.id,
        "at": one.at.isoformat(),
        "customer": one.customer,
        "conversation": one.conversation,
        "message": one.message,
        "cue": one.cue.name,
        "intensity": round(one.cue.intensity, 3),
        "words": list(one.cue.words),
        "reader": one.reader,
        "corrections": [
            {
                "at": each.at.isoformat(),
                "steward": each.steward,
                "was_there": each.was_there,
                "intensity": each.intensity,
                "note": each.note,
            }
            for each in one.corrections
        ],
    }


def _table(pack: Pack, log: tuple[Logged, ...]) -> None:
    screen = console()
    if not log:
        screen.print("No cue has been logged.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("no.", "when (UTC)", "who", "cue", "how strongly", "words", "reader"):
        table.add_column(heading)
    for one in log:
        known = pack.customers.get(one.customer or "")
        said = "".join(f" [{c.steward}: {'yes' if c.was_there else 'no'}]" for c in one.corrections)
        table.add_row(
            str(one.id),
            f"{one.at:%Y-%m-%d %H:%M}",
            readable(known.name) if known else "unknown",
            one.cue.name + said,
            f"{one.cue.intensity:.1f}",
            " … ".join(one.cue.words),
            one.reader,
        )
    screen.print(table)
