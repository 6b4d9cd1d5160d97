"""How the index grows: `python -m benchmarks.scale [--passages 1000 20000 100000]`.

Documents are put together from the paragraphs of a public set (`--data`, SQuAD in the format of `shared/data`): each
paragraph once as it is, and then, up to the size that is asked for, halves of two paragraphs under another title.
The paragraphs' vectors are the real encoder's; those of the recombined ones are the jittered mean of their halves',
because a hundred thousand real ones take half an hour. Nothing is asserted: a number here means something only beside
another of the same run.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from zlib import crc32

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.turn import machine
from bot.evaluating.tally import percentile
from knowledge.embedding import WIDTH, MiniLM
from knowledge.index import Index
from knowledge.ingest import ingest
from knowledge.store import permitted

DATA = Path(os.environ.get("CONCIERGE_DATA") or Path(__file__).parents[2] / "shared" / "data") / "squad-a.json.gz"
SIZES = (1_000, 20_000, 100_000)
ENCODED = 1_000  # distinct paragraphs whose vectors the real encoder makes
PER_DOCUMENT = 100
QUESTIONS = 60
PEER_QUESTIONS = 15
NEW_READERS = 8
WARM_UP = 5
JITTER = 0.02
ON = date(2027, 3, 1)
READER = frozenset({"everyone", "flight:one", "mission:m0"})
"""May be told about four passages in five: few readers of a pack that large may be told as many."""

_ITEM = re.compile(r"Item (\d+)\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Paragraphs with their vectors, and questions that some of them answer."""

    paragraphs: Sequence[str]
    vectors: NDArray[np.float32]
    questions: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One size: milliseconds where nothing else is said."""

    passages: int
    visible: int
    open_s: float
    rss_mb: float
    new_reader: float
    search: tuple[float, float]
    answer: tuple[float, float]
    peer: tuple[float, float]


class Given(Embeddings):
    """The vectors of generated passages as they were worked out beforehand; questions go to the real encoder."""

    name = "given"
    __module__ = "benchmarks.scale"  # and not `__main__`: an index knows the model that it was made with by its name

    def __init__(self, vectors: NDArray[np.float32] | None = None) -> None:
        self._vectors = vectors
        self._encoder = MiniLM()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        found: list[list[float]] = np.array([self._vector(text) for text in texts]).tolist()
        return found

    def embed_query(self, text: str) -> list[float]:
        return self._encoder.embed_query(text)

    def _vector(self, text: str) -> NDArray[np.float32]:
        assert self._vectors is not None
        item = _ITEM.search(text)
        if item is None:  # a sentence: what its vector is makes no difference to how long anything takes
            made = np.random.default_rng(crc32(text.encode())).normal(size=WIDTH).astype(np.float32)
            return np.asarray(made / np.linalg.norm(made), np.float32)
        number, many = int(item[1]), len(self._vectors)
        if number < many:
            return self._vectors[number]
        one, other = halves(number, many)
        noise = np.random.default_rng(number).normal(0.0, JITTER, WIDTH).astype(np.float32)
        mixed = self._vectors[one] + self._vectors[other] + noise
        return np.asarray(mixed / np.linalg.norm(mixed), np.float32)


def main() -> None:
    """Measures each size in a process of its own, and prints a table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.scale", description="How the index grows here.")
    options.add_argument("--passages", type=int, nargs="+", default=list(SIZES), help="sizes, in passages")
    options.add_argument("--data", type=Path, default=DATA, help="paragraphs and questions (.json.gz)")
    options.add_argument("--encoded", type=int, default=ENCODED, help="paragraphs that the real encoder reads")
    options.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    os.environ["ANONYMIZED_TELEMETRY"] = "False"  # the peer's client reads it
    if chosen.measure is not None:
        print(json.dumps(asdict(measured(chosen.measure))))
        return
    if not chosen.data.is_file():
        sys.exit(f"{chosen.data} is not there: name a set of paragraphs and questions with --data")
    console = Console()
    console.print(f"machine: {machine()}")
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bars:
        source, rate = read(chosen.data, chosen.encoded, stages(bars, ""))
        console.print(f"real encoder: {rate:.0f} paragraphs/s, measured on {len(source.paragraphs)}")
        rows = [one_size(size, source, bars) for size in chosen.passages]
    console.print(table(rows))
    console.print("Vectors are given to the ingest: with the real encoder, add the passages divided by its rate.")
    console.print("The peer is LangChain's Chroma over the same rows, k=4, with the reader's rights as its filter.")


def one_size(size: int, source: Source, bars: Progress) -> tuple[float, Measured]:
    """Passages ingested a second, and what a new process measures over them."""
    with TemporaryDirectory(prefix="concierge-scale-") as name:
        folder = Path(name)
        write(folder / "documents", size, source, stages(bars, f"{size:,}: "))
        (folder / "questions.json").write_text(json.dumps(list(source.questions)), encoding="utf-8")
        began = perf_counter()
        told = stages(bars, f"{size:,}: ")
        report = ingest(folder / "documents", folder / "index", Given(source.vectors), told)
        rate = report.passages / (perf_counter() - began)
        waiting = bars.add_task(f"{size:,}: measuring", total=None)
        command = [sys.executable, "-m", "benchmarks.scale", "--measure", str(folder)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        bars.remove_task(waiting)
        found = {
            key: tuple(value) if isinstance(value, list) else value for key, value in json.loads(done.stdout).items()
        }
        return rate, Measured(**found)


# ── what is measured ───────────────────────────────────────────────────────────────────────────────────────


def measured(folder: Path) -> Measured:
    """Opens an index and asks it, in this process, which has done nothing else before."""
    from knowledge.answer import Answerer
    from knowledge.lexical import common_words
    from knowledge.pairing import ShippedPairs

    encoder, pairs, given = MiniLM(), ShippedPairs(), Given()
    questions: list[str] = json.loads((folder / "questions.json").read_text(encoding="utf-8"))
    began = perf_counter()
    with Index.open(folder / "index", given) as index:
        answerer = Answerer(
            index.everything,
            dense=index,
            encoder=encoder,
            pairs=pairs,
            known=common_words(),
            sentences=index.sentences,
        )
        opened = perf_counter() - began
        for question in questions[:WARM_UP]:
            answerer.answer(question, READER, ON)
        rss = resident()
        asked = questions[WARM_UP:]
        newcomers = [frozenset({"everyone", f"mission:m{number}"}) for number in range(1, NEW_READERS + 1)]
        first = [timed(partial(answerer.search, q, who, ON)) for q, who in zip(asked, newcomers, strict=False)]
        asked = asked[NEW_READERS:]
        searched = [timed(partial(answerer.search, question, READER, ON)) for question in asked[:QUESTIONS]]
        answered = [timed(partial(answerer.answer, question, READER, ON)) for question in asked[QUESTIONS:]]
        peer = quick_start(folder, index, given, asked[:PEER_QUESTIONS])
        return Measured(
            passages=len(index.everything),
            visible=len(index.passages(READER, ON)),
            open_s=opened,
            rss_mb=rss,
            new_reader=median(first),
            search=(median(searched), percentile(searched, 99)),
            answer=(median(answered), percentile(answered, 99)),
            peer=(median(peer), percentile(peer, 99)),
        )


def quick_start(folder: Path, index: Index, embeddings: Embeddings, questions: Sequence[str]) -> list[float]:
    """LangChain's Chroma store on the same rows, with what the reader may be told as its filter."""
    from langchain_chroma import Chroma

    store = Chroma(
        persist_directory=str(folder / "index" / index.generation),
        collection_name="passages",
        embedding_function=embeddings,
        create_collection_if_not_exists=False,
    )
    allowed = permitted(READER, ON)
    store.similarity_search(questions[0], k=4, filter=allowed)  # it reads its graph when it is first asked
    return [timed(partial(store.similarity_search, question, k=4, filter=allowed)) for question in questions]


def timed(step: Callable[[], object]) -> float:
    """Milliseconds that a step takes."""
    began = perf_counter()
    step()
    return (perf_counter() - began) * 1000


def resident() -> float:
    """Megabytes of memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


# ── what it is measured on ─────────────────────────────────────────────────────────────────────────────────


def read(data: Path, encoded: int, told: Callable[[str, int, int], None]) -> tuple[Source, float]:
    """The public set with its vectors, and how many paragraphs a second the real encoder reads."""
    with gzip.open(data, "rt", encoding="utf-8") as file:
        kept = json.load(file)
    paragraphs = [" ".join(one["text"].split()) for one in kept["paragraphs"][:encoded]]
    known = {one["id"] for one in kept["paragraphs"][:encoded]}
    asked = [one["question"] for one in kept["questions"] if one["answers"] and one["paragraph"] in known]
    encoder, vectors, began = MiniLM(), [], perf_counter()
    for start in range(0, len(paragraphs), 50):
        told("reading with the encoder", start, len(paragraphs))
        vectors.append(encoder.vectors(paragraphs[start : start + 50]))
    rate = len(paragraphs) / (perf_counter() - began)
    told("reading with the encoder", len(paragraphs), len(paragraphs))
    many = WARM_UP + NEW_READERS + 2 * QUESTIONS
    spread_out = asked[:: max(1, len(asked) // many)][:many]
    return Source(paragraphs=paragraphs, vectors=np.concatenate(vectors), questions=spread_out), rate


def write(folder: Path, size: int, source: Source, told: Callable[[str, int, int], None]) -> None:
    """Documents of a hundred passages each: three in four for everyone or a flight, the others for one mission each."""
    folder.mkdir()
    for number in range(0, size, PER_DOCUMENT):
        told("writing documents", number, size)
        document = number // PER_DOCUMENT
        audience = ("everyone", "flight:one", "everyone", f"mission:m{document // 4 % 20}")[document % 4]
        items = range(number, min(size, number + PER_DOCUMENT))
        body = "\n\n".join(f"# Item {item}\n\n{text(item, source.paragraphs)}" for item in items)
        head = f"---\ntitle: Volume {document}\naudience: ['{audience}']\n---\n"
        (folder / f"volume-{document:05}.md").write_text(head + body + "\n", encoding="utf-8")
    told("writing documents", size, size)


def text(number: int, paragraphs: Sequence[str]) -> str:
    """A paragraph as it is, or the first half of one and the second half of another."""
    if number < len(paragraphs):
        return paragraphs[number]
    one, other = (paragraphs[index].split() for index in halves(number, len(paragraphs)))
    return " ".join([*one[: len(one) // 2], *other[len(other) // 2 :]])


def halves(number: int, many: int) -> tuple[int, int]:
    """The paragraphs of which a recombined one is made."""
    return number % many, (number * 7_919 + 13) % many


def stages(bars: Progress, before: str) -> Callable[[str, int, int], None]:
    """Shows how far each stage is, and takes a finished one away."""
    tasks = {}

    def told(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = bars.add_task(f"{before}{stage}", total=total)
        bars.update(tasks[stage], completed=done, total=total)
        if done >= total:
            bars.remove_task(tasks.pop(stage))

    return told


def table(rows: Sequence[tuple[float, Measured]]) -> Table:
    """One column a size."""
    found = Table(show_lines=False)
    found.add_column("")
    for _, one in rows:
        found.add_column(f"{one.passages:,}", justify="right")
    lines: list[tuple[str, Callable[[float, Measured], str]]] = [
        ("passages the reader may be told", lambda _, m: f"{m.visible:,}"),
        ("ingest, passages/s", lambda rate, _: f"{rate:.0f}"),
        ("open, s", lambda _, m: f"{m.open_s:.1f}"),
        ("memory of the process, MB", lambda _, m: f"{m.rss_mb:.0f}"),
        ("first question of a new reader, ms", lambda _, m: f"{m.new_reader:.1f}"),
        ("search, median / p99, ms", lambda _, m: f"{m.search[0]:.1f} / {m.search[1]:.1f}"),
        ("whole answer, median / p99, ms", lambda _, m: f"{m.answer[0]:.1f} / {m.answer[1]:.1f}"),
        ("peer: filtered search, median / p99, ms", lambda _, m: f"{m.peer[0]:.1f} / {m.peer[1]:.1f}"),
        ("search, times as fast as the peer", lambda _, m: f"{m.peer[0] / m.search[0]:.1f}"),
    ]
    for label, shown in lines:
        found.add_row(label, *(shown(rate, one) for rate, one in rows))
    return found


if __name__ == "__main__":
    main()
