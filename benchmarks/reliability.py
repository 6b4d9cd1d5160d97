"""Whether a probability means what it says: `python -m benchmarks.reliability [--pack DIR]… [--collections]`.

Of all answers that were given a probability of about so much, how many were right? Asked of a pack's cases (direct
questions of known people) and, with `--collections`, of those collections in training/ that the pair reader has not
learnt from, each read by a judge that has not learnt from it either. Whether an answer would be given is not asked
here: what would be said is judged even where the concierge keeps silent.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import track

from benchmarks.retrieval import pages
from benchmarks.retrieval.measures import Bin, Scored, calibration_error, reliability
from benchmarks.retrieval.showing import Grid
from bot.access import direct_grants
from bot.cases import Case, load_cases
from bot.evaluating.scoring import stands_in
from bot.pack import Pack, load_pack
from knowledge.answer import Answerer
from knowledge.embedding import MiniLM
from knowledge.index import Index
from knowledge.ingest import ingest
from knowledge.lexical import common_words
from knowledge.pairing import ShippedPairs
from knowledge.sentences import Unit

EXAMPLE = Path(__file__).parents[1] / "examples" / "meridian"
AT = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


def main() -> None:
    """Measures what was asked for, and shows it."""
    options = arguments()
    console = Console()
    found = {
        name: scored
        for pack, cases in zip(options.pack, options.cases, strict=True)
        for name, scored in [(f"{pack.resolve().name}, {cases.name}", of_pack(pack, cases, console))]
    }
    if options.collections:
        found["collections, each left out"] = of_collections()
    curves = {name: reliability(scored) for name, scored in found.items()}
    grid = table(curves)
    console.print(grid.rich())
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if options.plot:
        from benchmarks.retrieval import plots

        plots.reliability(curves, options.plot / "retrieval-reliability.svg")
        pages.put(options.plot / "retrieval.md", "reliability", grid.markdown())


def arguments() -> argparse.Namespace:
    """What was asked for; each pack with its own cases where no others are named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability", description="Whether probabilities hold.")
    parser.add_argument("--pack", type=Path, action="append", metavar="DIR", help="default: the example")
    parser.add_argument("--cases", type=Path, action="append", metavar="FILE", help="one for each pack, in their order")
    parser.add_argument("--collections", action="store_true", help="those in training/ too: takes many minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every probability there")
    parser.add_argument("--plot", type=Path, metavar="FOLDER", help="write the plot there, and figures into its page")
    options = parser.parse_args()
    options.pack = options.pack or [EXAMPLE]
    options.cases = options.cases or [pack / "cases.yaml" for pack in options.pack]
    if len(options.cases) != len(options.pack):
        parser.error("--cases names one file for each --pack")
    return options


# ── cases of a pack ────────────────────────────────────────────────────────────────────────────────────────


def of_pack(folder: Path, file: Path, console: Console) -> list[Scored]:
    """Every direct question of somebody whom the pack knows, of which the case says whether it is answered."""
    pack = load_pack(folder, today=AT.date())
    asked = [
        case
        for case in load_cases(file, pack)
        if case.kind == "ask" and case.room is None and case.as_ is not None and case.answered is not None
    ]
    with opened(pack) as answerer:
        return [scored(pack, answerer, case) for case in track(asked, file.name, console=console)]


@contextmanager
def opened(pack: Pack) -> Iterator[Answerer]:
    """The pack's documents in an index of their own."""
    encoder = MiniLM()
    with TemporaryDirectory(prefix="concierge-bench-") as place:
        ingest(pack.folder / "documents", Path(place), encoder)
        with Index.open(Path(place), encoder) as index:
            yield Answerer(
                index.everything, dense=index, encoder=encoder, pairs=ShippedPairs(), known=common_words()
            )  # fmt: skip


def scored(pack: Pack, answerer: Answerer, case: Case) -> Scored:
    """How sure the answer to a case is, and whether it is right; of what is not to be answered nothing is right."""
    assert case.as_ is not None
    grants, day = direct_grants(pack, pack.person(case.as_)), (case.at or AT).date()
    question = case.turns[-1].text
    probability = answerer.answer(question, grants, day).score
    return probability, bool(case.answered) and is_right(case, answerer.read(question, grants, day).chosen)


def is_right(case: Case, chosen: Sequence[Unit]) -> bool:
    """Whether all that the case asks for is there, and comes from where it should."""
    if not chosen or (case.sources and chosen[0].passage.document not in case.sources):
        return False
    said = [" ".join(part for unit in chosen for part in (unit.lead, unit.text, unit.passage.caveat or ""))]
    return all(stands_in(one, said) for one in case.contains)


# ── collections ────────────────────────────────────────────────────────────────────────────────────────────


def of_collections(only: Sequence[str] = ()) -> list[Scored]:
    """Questions that were written for the collections, as `training.abstention` measures them."""
    from training import abstention

    among = [folder for folder in abstention.folders() if folder.name not in abstention.TAUGHT_PAIRS]
    corpora = [abstention.collection(folder) for folder in among if not only or folder.name in only]
    names = [corpus.name for corpus in corpora]
    scored = abstention.measured(abstention.Bench(corpora, abstention.models(names, [])), names)
    return [(probability, one.right) for _, one, probability in scored if one.asked.kind == "written"]


# ── showing ────────────────────────────────────────────────────────────────────────────────────────────────


def table(curves: Mapping[str, Sequence[Bin]]) -> Grid:
    """A line for each range of probabilities, and the expected calibration error of each curve."""
    rows: list[tuple[str, ...]] = []
    for name, bins in curves.items():
        rows += [(name, f"{one.predicted:.2f}", f"{one.right:.2f}", str(one.count)) for one in bins]
        error = calibration_error(bins)
        count = sum(one.count for one in bins)
        rows.append((f"{name}: calibration error", "", "–" if error is None else f"{error:.3f}", str(count)))
    return Grid(title="Reliability", head=("", "predicted", "right", "answers"), rows=tuple(rows))


if __name__ == "__main__":
    main()
