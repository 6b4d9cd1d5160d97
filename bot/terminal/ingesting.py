"""Brings the index up to date, with a progress bar, and says what was done."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text
from sqlalchemy.engine import make_url

from bot.app import open_record
from bot.growing.publishing import DOCUMENTS, Restored, put_back
from bot.knowing import Knowing, knowing_of
from bot.ledger.engine import RecordUnavailable
from bot.messages import readable
from bot.pack import Pack
from bot.settings import Settings
from knowledge.ingest import IngestReport


def ingest_all(pack: Pack, settings: Settings, *, knowing: Knowing | None = None) -> bool:
    """What `concierge ingest` does: writes kept answers whose files are missing, and reads what changed. Whether
    nothing was in the way.
    """
    console = Console(stderr=True, highlight=False)
    # an index can be made before anybody has asked anything: then there is no record, and none is begun
    there = _is_there(settings.record_url(pack.provider))
    restored = asyncio.run(_kept_put_back(pack, settings)) if there else Restored()
    for name in restored.written:
        console.print(Text.assemble("written again ", readable(f"{DOCUMENTS}/{name}")))
    for name in restored.removed:
        console.print(Text.assemble("withdrawn ", readable(f"{DOCUMENTS}/{name}")))
    for trouble in restored.troubles:
        console.print(Text.assemble(("not written ", "red"), readable(trouble)))
    report = bring_up_to_date(
        pack, settings.index_folder(pack.provider), verbose=True, knowing=knowing or knowing_of(settings, pack.provider)
    )
    return not report.broken and not restored.troubles


def _is_there(record: str) -> bool:
    url = make_url(record)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").is_file()


async def _kept_put_back(pack: Pack, settings: Settings) -> Restored:
    try:
        async with open_record(settings.record_url(pack.provider)) as engine:
            return await put_back(pack, engine)
    except RecordUnavailable as error:
        return Restored(troubles=(f"kept answers, for nobody could look which there are: {error}",))


def bring_up_to_date(
    pack: Pack, folder: Path, *, verbose: bool = False, knowing: Knowing | None = None
) -> IngestReport:
    """Reads what changed among the pack's documents. A file that cannot be read is named and the rest goes on."""
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, int] = {}

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)  # type: ignore[arg-type]  # rich's TaskID is an int

        report = (knowing or Knowing(folder)).bring_up_to_date(pack.folder / DOCUMENTS, progress)
    for broken in report.broken:
        console.print(Text.assemble(("not read ", "red"), readable(str(broken))))
    if verbose or report.added or report.changed or report.removed:
        console.print(
            f"{report.passages} passages; {len(report.added)} documents added, {len(report.changed)} changed, "
            f"{len(report.removed)} removed, {len(report.unchanged)} unchanged"
        )
    return report
