"""`concierge evaluate`: a pack's cases through real turns, scored, shown, and written as JSON."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot.app import Knowledge
from bot.cases import Case, load_cases
from bot.chat_model import teller_of
from bot.clock import now
from bot.considering import Teller
from bot.errors import BotError
from bot.evaluating.playing import Played, stage
from bot.evaluating.scoring import Verdict, judge
from bot.evaluating.showing import show
from bot.evaluating.tally import Result, result
from bot.knowing import Knowing
from bot.pack import Pack
from bot.retrieval import retrieval_of
from bot.settings import Settings
from bot.terminal.ingesting import bring_up_to_date
from escalation.cues import CueReader

Step = Callable[[int], None]


class NotWritten(BotError):
    """The result could not be written to the file that was named."""

    def __init__(self, file: Path, error: OSError) -> None:
        super().__init__(f"The result cannot be written to {file}: {error.strerror or error}. Name another.")


async def run(pack: Pack, settings: Settings, cases_file: Path, at: datetime | None, json_out: Path | None) -> bool:
    """Evaluates a pack; True when every case holds. `at` stands in for the clock where a case has none.

    Raises PackError for cases that cannot be used, KnowledgeError for an index that cannot, NotWritten.
    """
    cases = load_cases(cases_file, pack)
    if json_out is not None:
        _make_room(json_out)
    folder = index_folder(pack, settings)
    knowing = Knowing(folder, retrieval_of(settings, pack.provider, at_server=False))
    await asyncio.to_thread(bring_up_to_date, pack, folder, knowing=knowing)
    with _bar(len(cases)) as bar:
        task = bar.add_task("cases", total=len(cases))
        played = await play_all(
            pack,
            cases,
            knowing,
            at=at,
            step=lambda done: bar.update(task, completed=done),
            teller=teller_of(settings, knowing),
        )
    verdicts, latencies = scored(played)
    show(Console(highlight=False, markup=False), verdicts, latencies)
    if json_out is not None:
        _write(json_out, result(verdicts, latencies))
    return not any(verdict.failures for verdict in verdicts)


async def play_all(
    pack: Pack,
    cases: Sequence[Case],
    answerer: Knowledge,
    *,
    reader: CueReader | None = None,
    at: datetime | None = None,
    step: Step = lambda done: None,
    teller: Teller | None = None,
) -> list[Played]:
    """Plays every case, one after the other; `step` hears how many are done. `reader` None: the shipped."""
    played: list[Played] = []
    async with stage(pack, answerer, reader, now, teller) as where:
        for one in cases[:1]:
            await where.play(one, one.at or at or now())  # loads models and index: not a turn like the others
        for one in cases:
            played.append(await where.play(one, one.at or at or now()))
            step(len(played))
    return played


def scored(played: Sequence[Played]) -> tuple[list[Verdict], list[float]]:
    """The verdicts, and the latencies of all turns in milliseconds."""
    return [judge(one.case, one.seen) for one in played], [taken for one in played for taken in one.latencies]


def index_folder(pack: Pack, settings: Settings) -> Path:
    """An index of its own for every pack folder, so that evaluating disturbs no concierge at work."""
    name = hashlib.sha256(str(pack.folder.resolve()).encode()).hexdigest()[:16]
    return settings.home / "evaluate" / name


def _bar(total: int) -> Progress:
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True, highlight=False), transient=True, disable=not total)


def _make_room(file: Path) -> None:
    """Finds out before the cases are played whether the result can be written after it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    except OSError as error:
        raise NotWritten(file, error) from error


def _write(file: Path, outcome: Result) -> None:
    try:
        file.write_text(json.dumps(outcome, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise NotWritten(file, error) from error
