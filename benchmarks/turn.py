"""How fast the concierge is on this machine: `python -m benchmarks.turn [--only turn|start|ingest]`.

Each number stands beside that of a peer in the same run, on the same texts, with the same sentence encoder:
the retrieval of LangChain's quick start with Chroma, which finds the nearest passages and does nothing else.
Nothing is asserted: a number here means something only beside another of the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from bot.evaluating.tally import percentile

if TYPE_CHECKING:
    from langchain_chroma import Chroma

    from bot.app import House
    from bot.channels.terminal import Typed
    from bot.knowing import Knowing
    from bot.pack import Pack

PACK = Path(__file__).parents[1] / "examples" / "meridian"
AT = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
WARM_UP = 5  # turns that are not counted
TURNS = 100
STARTS = 5
NEAREST = 4  # passages that the quick start looks up
CORES = 2
PASSAGES = 10_000
PEER_PASSAGES = 2_000
PER_DOCUMENT = 100
SEED = 20270314

Asked = tuple[str, str]
"""Who asks, and what."""


def main() -> None:
    """Runs the parts that were asked for, and says on what machine."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.turn", description="How fast the concierge is here.")
    options.add_argument("--only", choices=tuple(PARTS), help="run one part")
    options.add_argument("--passages", type=int, default=PASSAGES, help=f"to ingest (default: {PASSAGES:,})")
    chosen = options.parse_args()
    os.environ["ANONYMIZED_TELEMETRY"] = "False"  # the peer's client reads it
    say("machine", machine())
    for name, part in PARTS.items():
        if chosen.only in (None, name):
            with TemporaryDirectory(prefix="concierge-bench-") as folder:
                part(Path(folder), chosen.passages)


# ── a turn ─────────────────────────────────────────────────────────────────────────────────────────────────


def turn(folder: Path, _passages: int) -> None:
    """Warm turns: handed over, read, answered and committed, with the record in a file."""
    took, alone, peer = asyncio.run(take_turns(folder))
    base = median(peer)
    say("a whole turn, warm", f"{spread(took)}; {median(took) / base:.1f} × the quick start")
    say("its answer alone", f"{spread(alone)}; {median(alone) / base:.1f} × the quick start")
    say("quick start: nearest passages", f"{spread(peer)} (LangChain + Chroma, same encoder, k={NEAREST})")


async def take_turns(folder: Path) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of each turn, each answer alone, and the peer: one after the other for every question.

    Taking them in turn puts all three in the same weather, on a machine that others use too.
    """
    from bot.app import open_house
    from bot.channels.terminal import Typed
    from bot.knowing import Knowing

    pack, knowing = ingested(folder)
    asked = questions(pack)
    other = Knowing(folder / "index")  # one that has not read the question before
    answer(pack, knowing, asked[-1])  # opens it; the question itself is not among those that are timed
    quick = quick_start(folder / "peer", texts_of(folder), other)
    typed = {who: Typed(who, started=AT) for who, _ in asked}
    record = f"sqlite+aiosqlite:///{folder / 'record.db'}"  # synchronous=FULL, as every record is opened
    took, alone, peer = [], [], []
    async with open_house(pack, record=record, answerer=knowing, clock=lambda: AT) as house:
        for who, text in asked[:-1]:
            took.append(await one_turn(house, typed[who], text))
            alone.append(timed(partial(answer, pack, other, (who, text))))
            peer.append(timed(partial(quick.similarity_search, text, k=NEAREST)))
    return took[WARM_UP:], alone[WARM_UP:], peer[WARM_UP:]


async def one_turn(house: House, typed: Typed, text: str) -> float:
    """From a message that is handed over to its answer in the outbox."""
    from bot.ledger import conversations
    from bot.ledger.engine import reading

    message = typed.message(text, at=AT)
    began = perf_counter()
    await house.work.receive(message)
    async with reading(house.engine) as connection:
        place = await conversations.at(connection, message.address)
    assert place is not None
    await house.concierge.take_turn(place.id, AT)
    return (perf_counter() - began) * 1000


def answer(pack: Pack, knowing: Knowing, one: Asked) -> object:
    """The search and the choice of sentences, without a record."""
    from bot.access import direct_grants

    return knowing.answer(one[1], direct_grants(pack, pack.person(one[0])), AT.date())


def questions(pack: Pack) -> list[Asked]:
    """What customers of the example ask directly, each question once, their subjects mixed."""
    from bot.cases import load_cases

    asked = {
        case.turns[-1].text: case.as_
        for case in load_cases(pack.folder / "cases.yaml", pack)
        if case.kind == "ask" and case.room is None and case.as_ in pack.customers
    }
    mixed = [(who, text) for text, who in asked.items() if who is not None]
    random.Random(SEED).shuffle(mixed)
    return mixed[: WARM_UP + TURNS + 1]


# ── a start ────────────────────────────────────────────────────────────────────────────────────────────────

ASK = "from bot.cli import main; main()"
QUICK = """
import sys
from langchain_chroma import Chroma
from knowledge.embedding import MiniLM
store = Chroma(persist_directory=sys.argv[1], embedding_function=MiniLM())
print(store.similarity_search(sys.argv[2], k=4)[0].page_content)
"""


def start(folder: Path, _passages: int) -> None:
    """From nothing to the first answer: a new process that asks one question of an index that is there."""
    pack, knowing = ingested(folder)
    who, text = questions(pack)[0]
    quick_start(folder / "peer", texts_of(folder), knowing)
    ours = [ASK, "ask", text, "--as", who, "--pack", str(PACK), "--at", AT.isoformat()]
    took, peer = [], []
    for _ in range(STARTS):
        took.append(timed(lambda: fresh(ours, folder)))
        peer.append(timed(lambda: fresh([QUICK, str(folder / "peer"), text], folder)))
    ratio = median(took) / median(peer)
    say("start-up to the first answer", f"{spread(took)}; {ratio:.1f} × the quick start")
    say("quick start: to the first passage", spread(peer))


def fresh(program: Sequence[str], folder: Path) -> None:
    """Runs a program in a new process; its index is the one in the folder."""
    environment = {**os.environ, "CONCIERGE_INDEX": str(folder / "index"), "PYTHONPATH": str(PACK.parents[1])}
    subprocess.run([sys.executable, "-c", *program], check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)


# ── an ingest ──────────────────────────────────────────────────────────────────────────────────────────────


def ingest(folder: Path, passages: int) -> None:
    """Generated documents into a new index, on two cores; then again, with nothing changed."""
    from bot.knowing import Knowing

    knowing = Knowing(folder / "index")
    texts = write_documents(folder / "documents", passages)
    with two_cores() as cores:
        began = perf_counter()
        report = knowing.bring_up_to_date(folder / "documents", quiet)
        took = perf_counter() - began
        again = timed(lambda: knowing.bring_up_to_date(folder / "documents", quiet)) / 1000
        began = perf_counter()
        some = texts[:PEER_PASSAGES]
        quick_start(folder / "peer", some, knowing)
        peer = len(some) / (perf_counter() - began)
    rate = report.passages / took
    say(f"ingest of {report.passages:,} passages", f"{took:.1f} s on {cores} cores, {rate:.0f} passages/s")
    say("", f"{rate / peer:.2f} × the quick start's {peer:.0f} passages/s (of {len(some):,}, same encoder)")
    say("ingest again, nothing changed", f"{again:.2f} s")
    size = size_of(folder / "index")
    say("index size", f"{size / 1e6:.1f} MB, {size / max(report.passages, 1) / 1000:.1f} kB a passage")


def write_documents(folder: Path, passages: int) -> list[str]:
    """Documents of distinct paragraphs under headings of their own, of about the length of real ones."""
    folder.mkdir()
    chance = random.Random(SEED)
    texts: list[str] = []
    while len(texts) < passages:
        number = len(texts) // PER_DOCUMENT
        some = [paragraph(chance, len(texts) + n) for n in range(min(PER_DOCUMENT, passages - len(texts)))]
        body = "\n\n".join(f"## Item {len(texts) + n}\n\n{text}" for n, text in enumerate(some))
        head = f"---\ntitle: Folder {number}\naudience: [everyone]\n---\n\n# Folder {number}\n\n"
        (folder / f"folder-{number:04}.md").write_text(head + body + "\n", encoding="utf-8")
        texts += some
    return texts


WHO = (
    "The crew",
    "A guest",
    "The flight surgeon",
    "Each operator",
    "Ground control",
    "The suit team",
    "Your steward",
)
DOES = (
    "checks",
    "stores",
    "returns",
    "records",
    "seals",
    "prepares",
    "hands over",
    "reviews",
    "weighs",
    "cleans",
)
WHAT = ("the cold locker", "a glove ring", "the sample tray", "every camera", "the water bag", "a tool pouch")
WHEN = (
    "before launch",
    "after docking",
    "on the third day",
    "during the night pass",
    "once the hatch is shut",
)
WHY = ("because space is short", "so that nothing drifts", "as the station asks", "to keep the air clean")


def paragraph(chance: random.Random, number: int) -> str:
    """Three sentences like those of an operations manual; the numbers make every paragraph another."""
    sentences = [
        f"{chance.choice(WHO)} {chance.choice(DOES)} {chance.choice(WHAT)} {chance.choice(WHEN)}, "
        f"{chance.choice(WHY)}, within {chance.randint(2, 90)} minutes."
        for _ in range(2)
    ]
    return " ".join([*sentences, f"Item {number} may weigh {chance.randint(10, 9_999)} grams."])


# ── what every part needs ──────────────────────────────────────────────────────────────────────────────────


def ingested(folder: Path) -> tuple[Pack, Knowing]:
    """The example pack, with an index of its own."""
    from bot.knowing import Knowing
    from bot.pack import load_pack

    pack = load_pack(PACK, today=AT.date())
    knowing = Knowing(folder / "index")
    knowing.bring_up_to_date(pack.folder / "documents", quiet)
    return pack, knowing


def texts_of(folder: Path) -> list[str]:
    """Every passage of an index."""
    from knowledge.embedding import MiniLM
    from knowledge.index import Index

    with Index.open(folder / "index", MiniLM()) as index:
        return [passage.text for passage in index.everything]


def quick_start(folder: Path, texts: Sequence[str], knowing: Knowing) -> Chroma:
    """The peer: a vector store as LangChain's guide makes one, with the encoder of the concierge."""
    from langchain_chroma import Chroma

    return Chroma.from_texts(list(texts), knowing.embeddings, persist_directory=str(folder))


@contextmanager
def two_cores() -> Iterator[int]:
    """Holds this process to two cores, where the system can do that; gives how many it has."""
    if not hasattr(os, "sched_setaffinity"):
        yield os.cpu_count() or 1
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:CORES])
    try:
        yield len(os.sched_getaffinity(0))
    finally:
        os.sched_setaffinity(0, before)


def machine() -> str:
    """The processor, how many of its cores this process may use, and the Python that runs."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{processor()}, {cores} cores, Python {platform.python_version()}, {platform.system()}"


def processor() -> str:
    """The processor's name, as well as the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or platform.machine()


def timed(work: Callable[[], object]) -> float:
    """How long something takes, in milliseconds."""
    began = perf_counter()
    work()
    return (perf_counter() - began) * 1000


def spread(took: Sequence[float]) -> str:
    """The median and the 95th percentile of milliseconds."""
    return f"median {median(took):.1f} ms, p95 {percentile(took, 95):.1f} ms, n={len(took)}"


def size_of(folder: Path) -> int:
    """Bytes of all files under a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def quiet(stage: str, done: int, total: int) -> None:
    """A progress that nobody watches."""


def say(what: str, number: str) -> None:
    """One line of the result, at once."""
    print(f"{what:<36}{number}", flush=True)


PARTS: dict[str, Callable[[Path, int], None]] = {"turn": turn, "start": start, "ingest": ingest}


if __name__ == "__main__":
    main()
