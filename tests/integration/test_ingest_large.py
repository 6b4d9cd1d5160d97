"""A large ingest: what a kill cannot take, and what memory it needs."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from servers import wait_for
from test_ingest import EVERYBODY, TODAY, Counting, generations, texts, write

from knowledge.index import Index
from knowledge.ingest import ingest
from knowledge.kept_vectors import KeptVectors

LIMIT = 100
"""Megabytes; measured: 38, and 198 with every vector as a list of numbers."""

AT_ONCE = 64
"""Texts that are embedded at a time: what a kill may cost."""

SLOW = """
import sys, threading
from pathlib import Path
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from knowledge.ingest import ingest

class Counting(Embeddings):
    name = "slow"

    def __init__(self, told):
        self.told, self.model = told, DeterministicFakeEmbedding(size=16)

    def embed_documents(self, texts):
        threading.Event().wait(0.2)
        with self.told.open("a") as file:
            file.writelines(text.replace("\\n", " | ") + "\\n" for text in texts)
        return self.model.embed_documents(texts)

    def embed_query(self, text):
        return self.model.embed_query(text)

report = ingest(Path(sys.argv[1]), Path(sys.argv[2]), Counting(Path(sys.argv[3])))
print(report.embedded, report.passages)
"""

WIDE = """
import resource, sys
from pathlib import Path
import numpy as np
from langchain_core.embeddings import Embeddings
from knowledge.ingest import ingest

class Wide(Embeddings):
    name = "wide"

    def embed_documents(self, texts):
        return [np.random.default_rng(hash(text) % 2**32).normal(size=1536).tolist() for text in texts]

    def embed_query(self, text):
        return self.embed_documents([text])[0]

def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

ingest(Path(sys.argv[1]), Path(sys.argv[2]) / "small", Wide())
before = most()
ingest(Path(sys.argv[3]), Path(sys.argv[2]) / "large", Wide())
print(most() - before)
"""


def run(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)


def sections(count: int, *, first: int = 0, words: str = "") -> str:
    return "\n\n".join(f"# Section {n}\n\nThis is about {n}.{words}" for n in range(first, first + count))


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    return folder


def embedded(told: Path) -> list[str]:
    return told.read_text(encoding="utf-8").splitlines() if told.exists() else []


def test_what_was_embedded_before_a_kill_is_not_embedded_again(documents: Path, tmp_path: Path) -> None:
    """The model is asked once for each text, but for those that it was busy with at that moment."""
    for number in range(5):
        write(documents, f"part-{number}.md", sections(200, first=200 * number))
    told, folder = tmp_path / "told", tmp_path / "index"
    with run(SLOW, documents, folder, told) as first:
        wait_for(lambda: len(embedded(told)) >= 4 * AT_ONCE or first.poll() is not None, "four portions are embedded")
        first.send_signal(signal.SIGKILL)
    assert first.returncode == -signal.SIGKILL
    before = len(embedded(told))
    assert before < 1000
    with run(SLOW, documents, folder, told) as second:
        said, _ = second.communicate(timeout=120)
    anew, passages = map(int, said.split())
    assert passages == 1000
    assert anew <= 1000 - before + AT_ONCE
    asked = Counter(embedded(told))
    read = {text.rpartition(" | ")[2] for text in asked if " | " in text}
    assert read == {f"This is about {n}." for n in range(1000)}
    assert sum(count - 1 for count in asked.values()) <= AT_ONCE
    assert [path.name for path in folder.iterdir() if "vectors" in path.name] == []
    assert len(generations(folder)) == 1


def test_an_ingest_that_failed_goes_on_where_it_was(documents: Path, tmp_path: Path) -> None:
    """A model behind a network may refuse for a while: what it gave until then is kept."""

    class Fails(Counting):
        refuses = True

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            if self.refuses and len(self.texts) >= 2 * AT_ONCE:
                raise ConnectionError("too many requests")
            return super().embed_documents(texts)

    write(documents, "all.md", sections(300))
    model = Fails()
    with pytest.raises(ConnectionError):
        ingest(documents, tmp_path / "index", model)
    model.refuses = False
    assert ingest(documents, tmp_path / "index", model).embedded == 300 - 2 * AT_ONCE
    assert len(model.texts) == len(set(model.texts))


@pytest.mark.parametrize("left", [b"", b"garbage" * 1000])
def test_kept_vectors_that_cannot_be_read_are_made_again(documents: Path, tmp_path: Path, left: bytes) -> None:
    folder, model = tmp_path / "index", Counting()
    folder.mkdir()
    (folder / "vectors.db").write_bytes(left)
    write(documents, "kit.md", "Up to 1.5 kg.")
    assert ingest(documents, folder, model).embedded == 1
    assert texts(folder, model) == ["Up to 1.5 kg."]


def test_vectors_of_another_model_are_not_taken(tmp_path: Path) -> None:
    with KeptVectors.open(tmp_path) as kept:
        kept.put("one", {"text": [1.0, 2.0]})  # type: ignore[dict-item]
        assert kept.get("one", ["text", "other"])["text"].tolist() == [1.0, 2.0]
        assert kept.get("two", ["text"]) == {}


def test_kept_vectors_hold_no_words(documents: Path, tmp_path: Path) -> None:
    """Documents lie in one place, with their audiences."""
    with KeptVectors.open(tmp_path) as kept:
        kept.put("one", {"The bag was weighed twice.": [1.0]})  # type: ignore[dict-item]
    with sqlite3.connect(tmp_path / "vectors.db") as database:
        said = " ".join(map(repr, database.execute("SELECT * FROM vectors")))
    database.close()
    assert "weighed" not in said


def test_memory_does_not_grow_with_what_is_ingested(documents: Path, tmp_path: Path) -> None:
    """Vectors as Python numbers take 49 KB a passage, and 100 MB here; what an array and Chroma take is far less."""
    small = tmp_path / "few"
    small.mkdir()
    write(small, "kit.md", sections(200))
    for number in range(20):
        write(documents, f"part-{number}.md", sections(100, first=100 * number, words=" It says this." * 20))
    with run(WIDE, small, tmp_path, documents) as process:
        said, _ = process.communicate(timeout=200)
    assert int(said) < LIMIT


def test_chroma_has_everything_on_disk_that_it_writes_in_steps(
    documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph too large to be kept in memory until the end is whole all the same, and stays as it was checked."""
    for module in ("store", "places"):
        monkeypatch.setattr(f"knowledge.{module}.SYNCED_AT", 512)
    write(documents, "long.md", sections(1_203))
    folder, model = tmp_path / "index", Counting()
    report = ingest(documents, folder, model)
    (lengths,) = (folder / report.generation).rglob("length.bin")
    assert lengths.stat().st_size == 4 * 1_203
    for _ in range(2):
        with Index.open(folder, model) as index:
            vectors = index.vectors()
            for passage in index.everything[::50]:
                assert index.nearest(vectors[passage.id], passage.audience, TODAY, 1)[0][0] == passage
    assert ingest(documents, folder, model).rebuilt is None


def test_the_same_paragraph_a_thousand_times_is_an_index(documents: Path, tmp_path: Path) -> None:
    """Chroma's graph loses its way among rows that are alike; that is no damage, and nothing is missing here."""
    write(
        documents,
        "all.md",
        "\n\n".join(f"# Section\n\nSigned in duplicate.\n\n# Part {n}\n\nNo {n}." for n in range(700)),
    )
    folder, model = tmp_path / "index", Counting()
    assert ingest(documents, folder, model).passages == 1_400
    with Index.open(folder, model) as index:
        alike = model.embed_query("Handbook")
        assert len(index.nearest(alike, EVERYBODY, TODAY, 2_000)) == 1_400


def test_a_thousand_documents_tell_how_far_they_are(documents: Path, tmp_path: Path) -> None:
    """Each stage goes from nothing to all of it, never back, and is told often enough for a bar that moves."""
    for number in range(1000):
        write(documents, f"note-{number}.md", f"This is about {number}.")
    told: dict[str, list[tuple[int, int]]] = {}
    ingest(documents, tmp_path / "index", Counting(), lambda stage, *far: told.setdefault(stage, []).append(far))
    assert list(told) == ["reading", "indexing", "reading sentences", "checking"]
    for steps in told.values():
        assert (steps[0], steps[-1]) == ((0, 1000), (1000, 1000))
        assert steps == sorted(steps)
    assert len(told["reading"]) == 1001
    assert len(told["indexing"]) == 1 + -(-1000 // AT_ONCE)
    with Index.open(tmp_path / "index", Counting()) as index:
        assert len(index.everything) == 1000
