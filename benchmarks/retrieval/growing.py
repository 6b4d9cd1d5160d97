"""Time and memory against the size of the corpus: each system and size is built and served in processes of their own.

A corpus of any size is made from the texts that there are: the first half of one, the second half of another, and
between their vectors the mean. Words and vectors are distributed like real ones, and nobody waits for an encoder.
"""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from benchmarks.retrieval.data import SEED, Text
from benchmarks.retrieval.encoding import Shared
from benchmarks.retrieval.systems import Bm25s, Ours, QuickStart, System
from benchmarks.turn import size_of, two_cores
from bot.evaluating.tally import percentile
from knowledge.embedding import Vector
from knowledge.sentences import sentences

TOGETHER = 50  # texts a document, as handbooks have them
WARM_UP = 5  # questions that are not counted
_TEXTS, _VECTORS, _QUESTIONS = "texts.json", "vectors.npy", "questions.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What one system takes at one size: milliseconds, seconds, megabytes."""

    system: str
    texts: int
    search_median: float
    search_p99: float
    answer_median: float
    answer_p99: float
    resident: float
    build: float
    disk: float

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def grown(texts: Sequence[Text], vectors: Vector, count: int) -> tuple[list[Text], Vector]:
    """So many texts like those that there are, and their vectors; a small corpus is a part of them as they are."""
    chance = random.Random(SEED)
    if count <= len(texts):
        some = chance.sample(range(len(texts)), count)
        return [texts[i] for i in some], vectors[some]
    made, rows = list(texts), [vectors]
    while len(made) < count:
        one, other = chance.sample(range(len(texts)), 2)
        said, more = sentences(texts[one].text), sentences(texts[other].text)
        body = " ".join([*said[: (len(said) + 1) // 2], *more[len(more) // 2 :]])
        made.append(Text(id=f"made-{len(made)}", title=texts[one].title, text=body))
        mean = vectors[one] + vectors[other]
        rows.append((mean / np.linalg.norm(mean))[np.newaxis])
    return made, np.vstack(rows)


def costs(
    texts: Sequence[Text],
    vectors: Vector,
    questions: Sequence[str],
    sizes: Sequence[int],
    folder: Path,
    told: Callable[[str, int], None],
) -> list[Cost]:
    """Every system at every size, one after the other; `told` is called before each."""
    found = []
    for size in sizes:
        place = folder / str(size)
        place.mkdir(parents=True)
        some, rows = grown(texts, vectors, size)
        (place / _TEXTS).write_text(json.dumps([asdict(text) for text in some]), encoding="utf-8")
        (place / _QUESTIONS).write_text(json.dumps(list(questions)), encoding="utf-8")
        np.save(place / _VECTORS, rows)
        for name in SYSTEMS:
            told(name, size)
            built = _process("build", name, place)
            served = _process("serve", name, place)
            found.append(Cost(system=SYSTEMS[name].name, texts=size, **(built | served)))
    return found


def _process(what: str, name: str, place: Path) -> dict[str, float]:
    """Runs one step in a new process; the last line of what it prints is its result."""
    command = [sys.executable, "-m", "benchmarks.retrieval.growing", what, name, str(place)]
    environment = {**os.environ, "ANONYMIZED_TELEMETRY": "False"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


# ── in a process of its own ────────────────────────────────────────────────────────────────────────────────

SYSTEMS: dict[str, System] = {"ours": Ours(together=TOGETHER), "quick-start": QuickStart(), "bm25s": Bm25s()}


def main() -> None:
    """Builds or serves one system, and prints what it took."""
    what, name, place = sys.argv[1:]
    with two_cores():
        result = {"build": build, "serve": serve}[what](SYSTEMS[name], Path(place), Path(place) / name)
    print(json.dumps(result), flush=True)


def build(system: System, place: Path, folder: Path) -> dict[str, float]:
    """The index, with vectors that are there already."""
    texts = [Text(**row) for row in json.loads((place / _TEXTS).read_text(encoding="utf-8"))]
    rows = np.load(place / _VECTORS)
    encoder = Shared({one: row for text, row in zip(texts, rows, strict=True) for one in sentences(text.text)})
    began = perf_counter()
    system.build(folder, texts, encoder)
    return {"build": perf_counter() - began, "disk": size_of(folder) / 1e6}


def serve(system: System, place: Path, folder: Path) -> dict[str, float]:
    """What a process that answers needs: half of the questions are searched for, the other half answered."""
    questions = json.loads((place / _QUESTIONS).read_text(encoding="utf-8"))
    with system.open(folder, Shared()) as searcher:
        for question in questions[:WARM_UP]:
            searcher.search(question)
            searcher.tell(question)
        rest = questions[WARM_UP:]
        searched = [_timed(searcher.search, question) for question in rest[::2]]
        answered = [_timed(searcher.whole_answer, question) for question in rest[1::2]]
        gc.collect()
        resident = _resident()
    return {
        "search_median": median(searched),
        "search_p99": percentile(searched, 99),
        "answer_median": median(answered),
        "answer_p99": percentile(answered, 99),
        "resident": resident,
    }


def _timed(work: Callable[[str], object], question: str) -> float:
    began = perf_counter()
    work(question)
    return (perf_counter() - began) * 1000


def _resident() -> float:
    """Megabytes that this process holds now; where the system does not tell, the most that it ever held."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
