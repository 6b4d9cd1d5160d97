"""The index finds what is near in meaning, and only among what its reader may be told."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import DeterministicFakeEmbedding

from knowledge.embedding import MiniLM
from knowledge.index import Index, IndexDamaged, IndexMissing, IndexOutdated
from knowledge.ingest import ingest
from knowledge.passages import visible

LAUNCH = date(2027, 3, 14)
EVERYBODY = frozenset({"everyone"})
DOCUMENTS = {
    "handbook.md": "title: Handbook\naudience: [everyone]\nreplaces: handbook-old\nvalid_from: 2027-03-14"
    "\n---\n# Personal kit\n\nEach participant may bring belongings of up to 1.5 kg.\n\n# Food\n\nDinner is at eight.",
    "handbook-old.md": "title: Old handbook\naudience: [everyone]\n---\n# Personal kit\n\nYour bag may weigh 3 kg.",
    "aurora.md": "title: Aurora\naudience: ['flight:aurora-2', 'mission:voss']\ncaveat: Dates move."
    "\n---\n# Launch\n\nLift-off is on 14 March from the northern pad.",
    "lookalike.md": "title: Lookalike\naudience: ['flight:aurora-22', 'mission:voss-two']\n---\nLift-off is in May.",
    "notes.md": "title: Notes\n---\nThe customer's bag was weighed twice; keep this among stewards.",
}


@pytest.fixture(scope="module")
def model() -> MiniLM:
    return MiniLM()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, model: MiniLM) -> Path:
    """An index of a few documents with different audiences and days."""
    documents = tmp_path_factory.mktemp("documents")
    for name, text in DOCUMENTS.items():
        (documents / name).write_text(f"---\n{text}", encoding="utf-8")
    place = tmp_path_factory.mktemp("index")
    ingest(documents, place, model)
    return place


@pytest.fixture(scope="module")
def index(folder: Path, model: MiniLM) -> Iterator[Index]:
    with Index.open(folder, model) as opened:
        yield opened


def test_the_nearest_passage_need_not_share_a_word(index: Index) -> None:
    found = index.nearest("How heavy can my bag be?", EVERYBODY, LAUNCH, 2)
    assert found[0][0].text == "Each participant may bring belongings of up to 1.5 kg."
    assert 1 >= found[0][1] > found[1][1] >= -1


def test_a_question_may_come_as_its_vector(index: Index, model: MiniLM) -> None:
    by_text = index.nearest("Where is dinner?", EVERYBODY, LAUNCH, 3)
    by_vector = index.nearest(model.vector("Where is dinner?"), EVERYBODY, LAUNCH, 3)
    assert [passage.id for passage, _ in by_text] == [passage.id for passage, _ in by_vector]


def test_similarity_is_the_cosine(index: Index, model: MiniLM) -> None:
    """Chroma speaks of distances; nobody else has to."""
    (passage, cosine) = index.nearest("Where is dinner?", EVERYBODY, LAUNCH, 1)[0]
    question = model.vector("Where is dinner?")
    assert cosine == pytest.approx(float(question @ index.vectors()[passage.id]), abs=1e-5)


def test_a_newer_document_speaks_from_its_first_day_on(index: Index) -> None:
    """Until then the older one does; never both."""
    for day, title in ((LAUNCH - timedelta(days=1), "Old handbook"), (LAUNCH, "Handbook")):
        found = index.nearest("How heavy can my bag be?", EVERYBODY, day, 9)
        assert {passage.title for passage, _ in found} == {title}
        assert {passage.title for passage in index.passages(EVERYBODY, day)} == {title}


def test_who_holds_nothing_is_told_nothing(index: Index) -> None:
    assert index.nearest("How heavy can my bag be?", frozenset(), LAUNCH, 9) == []
    assert index.nearest("How heavy can my bag be?", frozenset({"", "mission:nobody"}), LAUNCH, 9) == []


def test_a_grant_is_not_a_prefix_of_another(index: Index) -> None:
    found = index.nearest("When is lift-off?", frozenset({"flight:aurora-2", "mission:voss"}), LAUNCH, 9)
    assert {passage.document for passage, _ in found} == {"aurora"}


GRANTS = [
    "everyone",
    "stewards",
    "flight:aurora-2",
    "flight:aurora-22",
    "mission:voss",
    "mission:voss-two",
    "mission:x",
]


@settings(max_examples=60)
@given(
    grants=st.frozensets(st.sampled_from(GRANTS)),
    day=st.dates(LAUNCH - timedelta(days=3), LAUNCH + timedelta(days=3)),
    k=st.integers(1, 20),
    seed=st.integers(0, 99),
)
def test_nothing_outside_grants_and_days_is_ever_near(
    index: Index, grants: frozenset[str], day: date, k: int, seed: int
) -> None:
    """Whatever is asked: exactly what may be seen can come back, and with a large k all of it does."""
    vector = DeterministicFakeEmbedding(size=384).embed_query(str(seed))
    found = [passage for passage, _ in index.nearest(vector, grants, day, k)]
    assert all(visible(passage, grants, day) for passage in found)
    assert len(found) == len(set(found)) == min(k, len(index.passages(grants, day)))


def test_everything_about_a_passage_comes_back(index: Index) -> None:
    """The index is the one truth about passages: the lexical side reads them from here."""
    launch = next(passage for passage in index.everything if passage.document == "aurora" and passage.heading)
    assert launch.audience == {"flight:aurora-2", "mission:voss"}
    assert (launch.title, launch.anchor, launch.heading, launch.kind) == (
        "Aurora",
        "Launch",
        "Launch",
        "paragraph",
    )
    assert (launch.caveat, launch.valid_from, launch.replaced_from) == ("Dates move.", None, None)
    old = next(passage for passage in index.everything if passage.document == "handbook-old")
    assert old.replaced_from == LAUNCH


def test_threads_share_an_index(index: Index) -> None:
    def ask(n: int) -> str:
        return index.nearest(f"How heavy can my bag be? {n}", EVERYBODY, LAUNCH, 1)[0][0].heading

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(24))) == {"Personal kit"}


def test_one_reader_may_leave_while_another_stays(folder: Path, model: MiniLM) -> None:
    with Index.open(folder, model) as one:
        with Index.open(folder, model) as other:
            assert other.nearest("dinner", EVERYBODY, LAUNCH, 1)
        other.close()  # a second time does no harm
        assert one.nearest("dinner", EVERYBODY, LAUNCH, 1)


# ── what may have happened to the folder ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A copy of the index's folder, to be spoilt."""
    return Path(shutil.copytree(folder, tmp_path / "index"))


def generation(folder: Path) -> Path:
    return folder / (folder / "CURRENT").read_text().strip()


def test_an_empty_folder_asks_for_an_ingest(tmp_path: Path, model: MiniLM) -> None:
    with pytest.raises(IndexMissing, match="ingest"):
        Index.open(tmp_path / "none", model)


def test_another_embedding_model_asks_for_an_ingest(copy: Path) -> None:
    """Vectors of different models cannot be compared."""
    with pytest.raises(IndexOutdated, match="minilm"):
        Index.open(copy, DeterministicFakeEmbedding(size=384))


@pytest.mark.parametrize("name", ["chroma.sqlite3", "manifest.json", "data_level0.bin", "header.bin", "length.bin"])
@pytest.mark.parametrize("spoilt", [b"", b"\x00garbage" * 300, None])
def test_a_spoilt_file_is_noticed(copy: Path, model: MiniLM, name: str, spoilt: bytes | None) -> None:
    """Before it can end the process, or answer from the wrong row."""
    (file,) = generation(copy).rglob(name)
    if spoilt is None:
        file.unlink()
    else:
        file.write_bytes(spoilt)
    with pytest.raises(IndexDamaged, match="ingest"):
        Index.open(copy, model)


@pytest.mark.parametrize("said", ["", "generation-000099-0123abcd", "../elsewhere", "\x00"])
def test_a_spoilt_pointer_is_noticed(copy: Path, model: MiniLM, said: str) -> None:
    (copy / "CURRENT").write_text(said)
    with pytest.raises(IndexDamaged, match="ingest"):
        Index.open(copy, model)


def test_a_changed_text_is_noticed(copy: Path, model: MiniLM) -> None:
    """A passage's id holds a hash of what it says."""
    change = "UPDATE embedding_metadata SET string_value = replace(string_value, '1.5 kg', '15 kg')"
    with closing(sqlite3.connect(generation(copy) / "chroma.sqlite3")) as database, database:
        assert database.execute(f"{change} WHERE key = 'chroma:document' AND string_value LIKE '%1.5 kg%'").rowcount
    with pytest.raises(IndexDamaged, match="not what was written"):
        Index.open(copy, model)


def test_a_missing_row_is_noticed(copy: Path, model: MiniLM) -> None:
    with closing(sqlite3.connect(generation(copy) / "chroma.sqlite3")) as database, database:
        database.execute("DELETE FROM embeddings WHERE id = (SELECT max(id) FROM embeddings)")
    with pytest.raises(IndexDamaged, match="does not hold"):
        Index.open(copy, model)
