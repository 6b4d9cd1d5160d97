"""Rebuilds every model that ships, in order, from the base weights, the public data and the texts beside this file.

    python -m training.rebuild --base BASE --data DATA [--work FOLDER]

Each step prints its seed-fixed figures; a step whose result is already in the work folder is not done again, so that a
run that was ended goes on where it was. It takes hours on two cores.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PAIRS: Final = ROOT / "knowledge" / "models" / "answering" / "pairs.onnx"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A command of this folder; `leaves` is the file by which it is known to be done, where it leaves one."""

    title: str
    command: tuple[str, ...]
    leaves: Path | None = None


def steps(base: Path, data: Path, work: Path) -> Iterator[Step]:
    """In their order: each uses what the ones before it left."""
    squad, first, last = data / "squad-a.json.gz", work / "pairs-first.pt", work / "pairs-last.pt"
    yield Step(title="texts to vectors", command=("training.encoder", "--base", f"{base}"))
    yield Step(
        title="does this text answer this question: public data",
        command=(
            "training.pairs",
            "--base",
            f"{base}",
            "--squad",
            f"{squad}",
            "--out",
            f"{first}",
            "--onnx",
            f"{PAIRS}",
        ),
        leaves=first,
    )
    yield Step(
        title="the same: documents of providers",
        command=(
            "training.pairs", "--base", f"{base}", "--squad", f"{squad}", "--start", f"{first}", "--out", f"{last}",
            "--onnx", f"{PAIRS}",
        ),
        leaves=last,
    )  # fmt: skip
    yield Step(title="how sure is sure enough", command=("training.abstention", "--write"))
    yield Step(
        title="cues",
        command=(
            "training.cues_train", "--base", f"{base}", "--data", f"{data}", "--out", f"{work / 'cues'}",
            "--folds", "1", "--epochs", "4",
        ),
        leaves=work / "cues",
    )  # fmt: skip
    yield Step(
        title="cues, as they are shipped",
        command=("training.cues_export", "--stage", f"{work / 'cues'}", "--data", f"{data}"),
    )


def main() -> None:
    """Runs the steps; the first that fails ends it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="model.safetensors and tokenizer.json")
    parser.add_argument("--data", type=Path, required=True, help="goemotions/, multidogo/, squad-a.json.gz")
    parser.add_argument("--work", type=Path, default=Path("var/training"))
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    every = list(steps(arguments.base, arguments.data, arguments.work))
    for number, step in enumerate(every, start=1):
        print(f"── {number} of {len(every)}: {step.title}", flush=True)
        if step.leaves is not None and step.leaves.exists():
            print(f"   {step.leaves} is there already")
            continue
        subprocess.run([sys.executable, "-m", *step.command], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
