"""Brings the index up to date, with a progress bar, and says what was done."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from bot.knowing import Knowing
from bot.messages import readable
from bot.pack import Pack
from knowledge.ingest import IngestReport

DOCUMENTS = "documents"


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
