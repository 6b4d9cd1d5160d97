"""`python -m benchmarks.retrieval [--data FILE …] [--questions N] [--sizes N,N] [--json FILE] [--plot FOLDER]`.

Compares this search with its peers on public data: which texts are found, whether the answer is among what is told,
whether a system knows when to be silent, and what all that costs.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.retrieval import pages, showing
from benchmarks.retrieval.asking import Result, compare
from benchmarks.retrieval.data import Asked, DataSet, load, views
from benchmarks.retrieval.encoding import Shared
from benchmarks.retrieval.growing import Cost, costs
from benchmarks.retrieval.systems import pieces, systems
from benchmarks.turn import machine, two_cores

QUESTIONS = 250
SIZES = (1_000, 5_000, 20_000)
TIMED = 105  # questions: five to warm up, fifty to search for, fifty to answer
FILES = ("squad-a.json.gz", "cranfield.json.gz")
PACKAGES = ("langchain-chroma", "chromadb", "langchain-text-splitters", "bm25s", "onnxruntime", "numpy")


def main() -> None:
    """Runs the comparison and shows it."""
    options = arguments()
    os.environ["ANONYMIZED_TELEMETRY"] = "False"  # read by a peer's client
    logging.getLogger("bm25s").setLevel(logging.WARNING)
    console = Console()
    with two_cores() as cores:
        console.print(f"[bold]machine[/]   {machine()}; held to {cores}", highlight=False)
        console.print(f"[bold]versions[/]  {versions()}", highlight=False)
        results, grown, grids = run(options, console)
    if options.json:
        found = {"machine": machine(), "versions": versions(), "quality": [r.as_dict() for r in results]}
        found |= {"costs": [cost.as_dict() for cost in grown]}
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if options.plot:
        publish(options.plot, results, grown, [grid.markdown() for grid in grids])


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval", description="This search and its peers.")
    parser.add_argument(
        "--data", type=Path, nargs="+", action="extend", metavar="FILE", help="sets in one of the two formats"
    )
    parser.add_argument("--questions", type=int, default=QUESTIONS, help=f"of each set and view (default: {QUESTIONS})")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="of corpora that are timed; '' for none")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")
    parser.add_argument(
        "--plot", type=Path, metavar="FOLDER", help="write plots there, and tables into its retrieval.md"
    )
    options = parser.parse_args()
    options.data = options.data or default_files()
    if missing := [file for file in options.data if not file.is_file()]:
        parser.error(f"{missing[0]} is not there; name a file with --data, or its folder in CONCIERGE_DATA")
    return options


def default_files() -> list[Path]:
    """Both public sets: in the folder that CONCIERGE_DATA names, else where they lie beside a checkout."""
    folder = Path(os.environ.get("CONCIERGE_DATA") or Path(__file__).parents[3] / "shared" / "data")
    return [folder / name for name in FILES]


def versions() -> str:
    """What the peers are."""
    return ", ".join(f"{name} {version(name)}" for name in PACKAGES)


def run(options: argparse.Namespace, console: Console) -> tuple[list[Result], list[Cost], list[showing.Grid]]:
    """Everything, with its progress on the screen, and the tables as soon as they are there."""
    sets = [load(file) for file in options.data]
    encoder = Shared()
    with TemporaryDirectory(prefix="concierge-bench-") as place, watched(console) as progress:
        results = [
            result
            for number, data in enumerate(sets)
            for result in quality(data, options.questions, encoder, Path(place) / str(number), progress)
        ]
        grids = showing.quality(results)
        console.print(*(grid.rich() for grid in grids))
        sizes = [int(size) for size in options.sizes.split(",") if size.strip()]
        grown = growth(sets[0], encoder, sizes, Path(place) / "growth", progress) if sizes else []
    if grown:
        grids.append(showing.growth(grown))
        console.print(grids[-1].rich())
    return results, grown, grids


def quality(data: DataSet, count: int, encoder: Shared, place: Path, progress: Progress) -> list[Result]:
    """Every system on one data set."""
    asked = views(data, count)
    whole = list(dict.fromkeys([*(t.whole for t in data.texts), *(p.page_content for p in pieces(data.texts))]))
    task = progress.add_task(f"{data.name}: reading", total=len(whole))
    encoder.read(whole, lambda many: progress.advance(task, many))
    compared, left_out = systems()
    for name, why in left_out.items():
        progress.console.print(f"[dim]{name} is left out: {why}[/]")
    results = []
    for system in compared:
        task = progress.add_task(f"{data.name}: {system.name}", total=sum(map(questions, asked)))
        results += compare(
            system, data, asked, place / system.name, encoder, lambda task=task: progress.advance(task)  # type: ignore[misc]
        )  # fmt: skip
    return results


def questions(asked: Asked) -> int:
    """How many questions one view asks."""
    return len(asked.answerable) + len(asked.near) + len(asked.outside)


def growth(data: DataSet, encoder: Shared, sizes: Sequence[int], place: Path, progress: Progress) -> list[Cost]:
    """Time and memory on corpora that are made of one data set."""
    asked = [question.text for question in views(data, TIMED)[0].answerable]
    vectors = encoder.vectors([text.whole for text in data.texts])
    steps = progress.add_task("time and memory", total=None)

    def told(name: str, size: int) -> None:
        progress.update(steps, description=f"{size:,} texts: {name}", advance=1)

    return costs(data.texts, np.asarray(vectors), asked, sizes, place, told)


@contextmanager
def watched(console: Console) -> Iterator[Progress]:
    """A bar for each step."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield progress


def publish(folder: Path, results: Sequence[Result], grown: Sequence[Cost], tables: Sequence[str]) -> None:
    """Plots beside the page, tables into it."""
    from benchmarks.retrieval import plots

    plots.quality(results, folder / "retrieval-quality.svg")
    if grown:
        plots.growth(grown, folder / "retrieval-growth.svg")
    where = f"{machine()}. {versions()}."
    pages.put(folder / "retrieval.md", "retrieval", "\n\n".join([where, *tables]))


if __name__ == "__main__":
    main()
