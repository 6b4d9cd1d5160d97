"""An index that a Chroma server keeps: the same answers, the same rights, and several workers that agree."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from zlib import crc32

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import DeterministicFakeEmbedding
from servers import free_port, wait_for
from test_ingest import EVERYBODY, TODAY, Counting, write

from knowledge.index import Index, IndexMissing, IndexOutdated, IndexUnreachable, Server
from knowledge.ingest import ingest
from knowledge.passages import visible

CHROMA = Path(sys.executable).with_name("chroma")
GRANTS = ["everyone", "stewards", "flight:a", "flight:ab", "mission:m"]

pytestmark = pytest.mark.skipif(not CHROMA.exists(), reason="Chroma's command is not installed")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Chroma server on loopback."""
    folder = tmp_path_factory.mktemp("chroma")
    port = free_port()
    command = [str(CHROMA), "run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={"ANONYMIZED_TELEMETRY": "False"}, cwd=folder)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(lambda: _answers(address), "the Chroma server answers")
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/v2/heartbeat").is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def server(url: str, request: pytest.FixtureRequest) -> Server:
    """A name of the test's own at the server."""
    return Server(url=url, space=f"t{crc32(request.node.name.encode()):08x}")


@pytest.fixture
def model() -> Counting:
    return Counting()


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    write(folder, "kit.md", "# Mass\n\nUp to 1.5 kg.\n\n# Size\n\nUp to 30 cm.")
    write(folder, "food.md", "Dinner is at eight.", audience="['flight:a', 'mission:m']", valid_from="2027-03-01")
    write(folder, "notes.md", "Weighed twice.", audience="stewards")
    return folder


def collections(server: Server) -> set[str]:
    """What the server keeps for an index, by name."""
    known = httpx.get(f"{server.url}/api/v2/tenants/default_tenant/databases/default_database/collections").json()
    return {one["name"] for one in known if one["name"].startswith(f"{server.space}.")}


def test_another_machine_reads_what_this_one_ingested(
    documents: Path, tmp_path: Path, model: Counting, server: Server
) -> None:
    """It needs the server and nothing of this machine's folder."""
    report = ingest(documents, tmp_path / "here", model, server=server)
    assert (report.passages, report.embedded, report.rebuilt) == (4, 4, None)
    with Index.open(tmp_path / "elsewhere", model, server=server) as index:
        assert [passage.text for passage in index.passages(EVERYBODY, TODAY)] == ["Up to 1.5 kg.", "Up to 30 cm."]
        vectors = index.vectors()
        for passage in index.everything:
            ((found, cosine),) = index.nearest(vectors[passage.id], passage.audience, TODAY, 1)
            assert found == passage
            assert cosine == pytest.approx(1.0, abs=1e-3)


def test_a_second_ingest_from_anywhere_changes_nothing(
    documents: Path, tmp_path: Path, model: Counting, server: Server
) -> None:
    first = ingest(documents, tmp_path / "here", model, server=server)
    second = ingest(documents, tmp_path / "elsewhere", model, server=server)
    assert (second.embedded, second.generation) == (0, first.generation)


def test_workers_learn_of_a_newer_generation_and_old_ones_go(
    documents: Path, tmp_path: Path, model: Counting, server: Server
) -> None:
    """The present generation and the one before it stay at the server; whoever reads goes on meanwhile."""
    ingest(documents, tmp_path / "here", model, server=server)
    with Index.open(tmp_path / "elsewhere", model, server=server) as index:
        assert index.is_current()
        write(documents, "food.md", "Dinner is at nine.")
        assert ingest(documents, tmp_path / "here", model, server=server).embedded == 1
        assert not index.is_current()
        assert index.nearest("kit", EVERYBODY, TODAY, 9)
    for hour in ("ten", "eleven"):
        write(documents, "food.md", f"Dinner is at {hour}.")
        ingest(documents, tmp_path / "here", model, server=server)
    with Index.open(tmp_path / "elsewhere", model, server=server) as newest:
        assert newest.generation.startswith("generation-000004-")
        assert "Dinner is at eleven." in [passage.text for passage in newest.everything]
    assert len(collections(server)) == 3  # two generations and the catalogue


def test_rows_of_an_ingest_that_died_are_removed(
    documents: Path, tmp_path: Path, model: Counting, server: Server
) -> None:
    """Nobody ever sees them, and once a later generation is read they are gone."""
    ingest(documents, tmp_path / "here", model, server=server)

    class Dies(Counting):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            raise ConnectionError("gone")

    write(documents, "food.md", "Dinner is at nine.")
    dying = Dies()
    dying.__class__.__qualname__, dying.__class__.__module__ = Counting.__qualname__, Counting.__module__
    with pytest.raises(ConnectionError):
        ingest(documents, tmp_path / "here", dying, server=server)
    with Index.open(tmp_path, model, server=server) as index:
        assert "Dinner is at eight." in [passage.text for passage in index.everything]
    assert len(collections(server)) == 3
    ingest(documents, tmp_path / "here", model, server=server)
    assert {name.split("-")[1] for name in collections(server) if ".generation-" in name} == {"000001", "000003"}


def test_indexes_at_one_server_do_not_meet(documents: Path, tmp_path: Path, model: Counting, server: Server) -> None:
    """Even where the name of one begins with the name of the other."""
    ingest(documents, tmp_path / "one", model, server=server)
    other = Server(url=server.url, space=f"{server.space}.b")
    with pytest.raises(IndexMissing, match="ingest"):
        Index.open(tmp_path, model, server=other)
    write(documents, "food.md", "Dinner is at nine.")
    ingest(documents, tmp_path / "two", model, server=other)
    with Index.open(tmp_path, model, server=server) as index:
        assert "Dinner is at eight." in [passage.text for passage in index.everything]


def test_another_embedding_model_asks_for_an_ingest(
    documents: Path, tmp_path: Path, model: Counting, server: Server
) -> None:
    ingest(documents, tmp_path, model, server=server)
    with pytest.raises(IndexOutdated, match="counting"):
        Index.open(tmp_path, DeterministicFakeEmbedding(size=16), server=server)


def test_a_server_that_is_away_is_no_reason_to_rebuild(documents: Path, tmp_path: Path, model: Counting) -> None:
    """It is told as what it is, and nothing is embedded."""
    away = Server(url=f"http://127.0.0.1:{free_port()}", space="away")
    with pytest.raises(IndexUnreachable, match="CONCIERGE_INDEX_SERVER"):
        ingest(documents, tmp_path, model, server=away)
    with pytest.raises(IndexUnreachable, match="CONCIERGE_INDEX_SERVER"):
        Index.open(tmp_path, model, server=away)
    assert model.texts == []


def test_nothing_outside_grants_and_days_is_ever_near(
    documents: Path, tmp_path: Path, model: Counting, server: Server
) -> None:
    """The server is asked for permitted rows only: with a large k all of them come back, and nothing else."""
    ingest(documents, tmp_path, model, server=server)
    with Index.open(tmp_path, model, server=server) as index:

        @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(
            grants=st.frozensets(st.sampled_from(GRANTS)),
            day=st.dates(TODAY - timedelta(days=2), TODAY + timedelta(days=2)),
            k=st.integers(1, 9),
            seed=st.integers(0, 99),
        )
        def holds(grants: frozenset[str], day: date, k: int, seed: int) -> None:
            vector = DeterministicFakeEmbedding(size=16).embed_query(str(seed))
            found = [passage for passage, _ in index.nearest(vector, grants, day, k)]
            allowed = [passage for passage in index.everything if visible(passage, grants, day)]
            assert set(found) <= set(allowed)
            assert len(found) == min(k, len(allowed))

        holds()


def test_the_folder_holds_no_rows(documents: Path, tmp_path: Path, model: Counting, server: Server) -> None:
    """Only the lock by which two ingests of one machine do not collide."""
    ingest(documents, tmp_path / "here", model, server=server)
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["ingest.lock"]
    shutil.rmtree(tmp_path / "here")
    with Index.open(tmp_path / "here", model, server=server) as index:
        assert len(index.everything) == 4
