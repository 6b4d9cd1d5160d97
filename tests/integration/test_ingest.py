"""Ingesting documents: only what changed costs anything, nothing stale stays, and a crash loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from knowledge.index import Index, IndexBusy, IndexDamaged
from knowledge.ingest import DocumentsInvalid, IngestReport, ingest, replaced_from
from knowledge.metadata import DocumentMeta

TODAY = date(2027, 3, 1)
EVERYBODY = frozenset({"everyone"})
Ingest = Callable[[], IngestReport]


class Counting(Embeddings):
    """A small model that counts what it is asked for."""

    name = "counting"

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._model = DeterministicFakeEmbedding(size=16)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.texts += texts
        return self._model.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        return self._model.embed_query(text)


@pytest.fixture
def model() -> Counting:
    return Counting()


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder with two documents."""
    folder = tmp_path / "documents"
    folder.mkdir()
    write(folder, "kit.md", "# Mass\n\nUp to 1.5 kg.\n\n# Size\n\nUp to 30 cm.")
    write(folder, "food.md", "Dinner is at eight.")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def run(documents: Path, folder: Path, model: Counting) -> Ingest:
    return lambda: ingest(documents, folder, model)


def write(folder: Path, name: str, body: str, **said: str) -> None:
    front = "".join(f"{key}: {value}\n" for key, value in {"audience": "everyone", **said}.items())
    (folder / name).write_text(f"---\n{front}---\n{body}\n", encoding="utf-8")


def texts(folder: Path, model: Embeddings, on: date = TODAY) -> list[str]:
    with Index.open(folder, model) as index:
        return [passage.text for passage in index.passages(EVERYBODY, on)]


def generations(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("generation-*"))


# ── what an ingest does ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_ingest_reads_everything(run: Ingest, folder: Path, model: Counting) -> None:
    report = run()
    assert report.added == ("food", "kit")
    assert (report.passages, report.embedded, report.rebuilt) == (3, 3, None)
    assert texts(folder, model) == ["Dinner is at eight.", "Up to 1.5 kg.", "Up to 30 cm."]


def test_a_second_ingest_changes_nothing(run: Ingest, folder: Path, model: Counting) -> None:
    """Not a passage is doubled, not a text is embedded, not a file is written."""
    first = run()
    asked = len(model.texts)
    second = run()
    assert (second.added, second.changed, second.removed) == ((), (), ())
    assert second.unchanged == ("food", "kit")
    assert (second.embedded, second.generation) == (0, first.generation)
    assert len(model.texts) == asked
    assert generations(folder) == [first.generation]


def test_only_what_changed_is_embedded(run: Ingest, documents: Path, folder: Path, model: Counting) -> None:
    """A passage that only moved down the page keeps its vector."""
    run()
    write(documents, "kit.md", "# Colour\n\nAny.\n\n# Mass\n\nUp to 1.5 kg.\n\n# Size\n\nUp to 30 cm.")
    report = run()
    assert (report.changed, report.unchanged, report.embedded) == (("kit",), ("food",), 1)
    assert texts(folder, model) == ["Dinner is at eight.", "Any.", "Up to 1.5 kg.", "Up to 30 cm."]


def test_a_removed_document_is_gone(run: Ingest, documents: Path, folder: Path, model: Counting) -> None:
    run()
    (documents / "kit.md").unlink()
    assert run().removed == ("kit",)
    assert texts(folder, model) == ["Dinner is at eight."]


def test_a_new_audience_costs_no_embedding(run: Ingest, documents: Path, folder: Path, model: Counting) -> None:
    run()
    write(documents, "kit.md", "# Mass\n\nUp to 1.5 kg.\n\n# Size\n\nUp to 30 cm.", audience="stewards")
    report = run()
    assert (report.changed, report.embedded) == (("kit",), 0)
    assert texts(folder, model) == ["Dinner is at eight."]


def test_a_replacement_changes_what_it_replaces(run: Ingest, documents: Path, folder: Path, model: Counting) -> None:
    """The older document's file is as it was; its passages know their last day all the same."""
    run()
    write(documents, "new-kit.md", "Up to 2 kg.", replaces="kit", valid_from="2027-06-01")
    report = run()
    assert (report.added, report.changed, report.embedded) == (("new-kit",), ("kit",), 1)
    assert "Up to 1.5 kg." in texts(folder, model, date(2027, 5, 31))
    assert texts(folder, model, date(2027, 6, 1)) == ["Dinner is at eight.", "Up to 2 kg."]


def test_the_earliest_replacement_counts() -> None:
    def meta(name: str, valid_from: date | None) -> DocumentMeta:
        return DocumentMeta(
            id=name,
            title=name,
            audience=EVERYBODY,
            path=Path(f"{name}.md"),
            replaces=("old",),
            valid_from=valid_from,
        )

    june, july = date(2027, 6, 1), date(2027, 7, 1)
    assert replaced_from([meta("a", july), meta("b", june)]) == {"old": june}
    assert replaced_from([meta("a", july), meta("b", None)]) == {"old": date.min}


def test_a_file_that_breaks_is_named_and_answers_no_more(
    run: Ingest, documents: Path, folder: Path, model: Counting
) -> None:
    """The rest goes on. A stale answer would be worse than none."""
    run()
    (documents / "kit.md").write_bytes(b"---\naudience: everyone\n---\ncaf\xe9")
    report = run()
    assert [broken.path.name for broken in report.broken] == ["kit.md"]
    assert "line 4" in str(report.broken[0])
    assert report.removed == ("kit",)
    assert texts(folder, model) == ["Dinner is at eight."]
    assert len(run().broken) == 1


def test_a_broken_replacement_still_replaces(run: Ingest, documents: Path, folder: Path, model: Counting) -> None:
    """The older document is not used again because the newer one cannot be read."""
    write(documents, "new-kit.md", "", replaces="kit")
    assert len(run().broken) == 1
    assert texts(folder, model) == ["Dinner is at eight."]


def test_wrong_front_matter_stops_the_ingest(run: Ingest, documents: Path, folder: Path, model: Counting) -> None:
    """Nobody can know who may read the document; what was there stays."""
    run()
    write(documents, "kit.md", "Up to 9 kg.", audience="everybody", valid_from="soon")
    with pytest.raises(DocumentsInvalid) as caught:
        run()
    assert len(caught.value.problems) == 2
    assert "Up to 1.5 kg." in texts(folder, model)


def test_an_empty_folder_is_an_empty_index(tmp_path: Path, folder: Path, model: Counting) -> None:
    assert ingest(tmp_path / "nothing", folder, model).passages == 0
    assert texts(folder, model) == []


def test_a_single_passage_is_an_index(tmp_path: Path, documents: Path, folder: Path, model: Counting) -> None:
    (documents / "kit.md").unlink()
    ingest(documents, folder, model)
    assert texts(folder, model) == ["Dinner is at eight."]
    assert ingest(documents, folder, model).rebuilt is None


def test_progress_is_told(documents: Path, folder: Path, model: Counting) -> None:
    told: list[tuple[str, int, int]] = []
    ingest(documents, folder, model, lambda *step: told.append(step))
    assert told == [
        ("reading", 0, 2),
        ("reading", 1, 2),
        ("reading", 2, 2),
        ("indexing", 0, 3),
        ("indexing", 3, 3),
        ("reading sentences", 0, 3),
        ("reading sentences", 3, 3),
        ("checking", 0, 3),
        ("checking", 3, 3),
    ]


def test_more_passages_than_chroma_keeps_in_memory(documents: Path, folder: Path, model: Counting) -> None:
    """They are all there when the index is opened again, and each is found by its vector."""
    write(documents, "long.md", "\n\n".join(f"# Section {n}\n\nThis is about {n}." for n in range(1200)))
    ingest(documents, folder, model)
    with Index.open(folder, model) as index:
        assert len(index.everything) == 1203
        vectors = index.vectors()
        for passage in index.everything[::50]:
            near = index.nearest(vectors[passage.id], EVERYBODY, TODAY, 1)
            assert near[0][0] == passage


# ── who reads meanwhile ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_open_index_stays_as_it_is(run: Ingest, documents: Path, folder: Path, model: Counting) -> None:
    """Its readers learn that there is a newer one, and its folder is kept for as long as they need it."""
    run()
    with Index.open(folder, model) as index:
        for n in range(3):
            write(documents, "food.md", f"Dinner is at {n}.")
            run()
        assert not index.is_current()
        assert index.nearest("dinner", EVERYBODY, TODAY, 9)
        assert index.generation in generations(folder)
        with Index.open(folder, model) as newer:
            assert newer.is_current()
            assert "Dinner is at 2." in [passage.text for passage in newer.everything]
    write(documents, "food.md", "Dinner is at nine.")
    run()
    assert index.generation not in generations(folder)
    assert len(generations(folder)) == 2


def test_two_ingests_do_not_collide(documents: Path, folder: Path, model: Counting) -> None:
    """The second waits, or says who is at it."""
    inside, leave = threading.Event(), threading.Event()

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "indexing":
            inside.set()
            assert leave.wait(30)

    first = threading.Thread(target=ingest, args=(documents, folder, model, progress))
    first.start()
    assert inside.wait(30)
    with pytest.raises(IndexBusy, match=f"process {os.getpid()}"):
        ingest(documents, folder, model, wait=False)
    waited: list[str] = []

    def told(stage: str, done: int, total: int) -> None:
        waited.append(stage)
        leave.set()

    report = ingest(documents, folder, model, told)
    first.join(30)
    assert waited[0].startswith("waiting for process")
    assert report.unchanged == ("food", "kit")


# ── damage and death ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_damaged_index_is_rebuilt(run: Ingest, folder: Path, model: Counting) -> None:
    """And the report says why everything was read again."""
    first = run()
    (folder / first.generation / "chroma.sqlite3").write_bytes(b"garbage")
    with pytest.raises(IndexDamaged):
        Index.open(folder, model)
    report = run()
    assert report.rebuilt is not None
    assert "ingest" in report.rebuilt
    assert len(texts(folder, model)) == 3


def test_another_model_rebuilds_the_index(run: Ingest, documents: Path, folder: Path) -> None:
    run()
    other = DeterministicFakeEmbedding(size=8)
    report = ingest(documents, folder, other)
    assert report.embedded == 3
    assert report.rebuilt is not None
    assert len(texts(folder, other)) == 3


KILLED = """
import os, signal, sys, threading
from pathlib import Path
from langchain_core.embeddings import DeterministicFakeEmbedding
from knowledge.ingest import ingest
import chromadb, langchain_chroma
after = float(sys.argv[3])
threading.Timer(after, os.kill, (os.getpid(), signal.SIGKILL)).start()
ingest(Path(sys.argv[1]), Path(sys.argv[2]), DeterministicFakeEmbedding(size=16))
os._exit(0)
"""


@pytest.mark.parametrize("after", [0.0, 0.05, 0.15, 0.3, 0.5])
def test_a_killed_ingest_leaves_the_old_index(documents: Path, folder: Path, after: float) -> None:
    """At whatever moment it dies: what is there is whole, old or new, and the next ingest clears up."""
    model = DeterministicFakeEmbedding(size=16)
    ingest(documents, folder, model)
    old = texts(folder, model)
    write(documents, "kit.md", "\n\n".join(f"# Section {n}\n\nThis is about {n}." for n in range(200)))
    command = [sys.executable, "-c", KILLED, str(documents), str(folder), str(after)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], timeout=120, check=False)
    assert done.returncode in {0, -signal.SIGKILL}
    assert texts(folder, model) in (old, texts_of_sections(200))
    report = ingest(documents, folder, model)
    assert report.rebuilt is None
    assert texts(folder, model) == texts_of_sections(200)
    assert len(generations(folder)) <= 2


def texts_of_sections(count: int) -> list[str]:
    return ["Dinner is at eight.", *(f"This is about {n}." for n in range(count))]
