"""What the settings choose for searching reaches the index and the answers: an embedding, a reranker, a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_ingest import EVERYBODY, TODAY, Counting, write

from bot.knowing import Knowing, knowing_of
from bot.retrieval import Retrieval, retrieval_of
from bot.settings import Settings
from knowledge.answer import Answer
from knowledge.choosing import NotChosen
from knowledge.index import Index, IndexOutdated, Server
from knowledge.ingest import ingest

MODELS = """
from langchain_core.documents.compressor import BaseDocumentCompressor
from langchain_core.embeddings import Embeddings


class Letters(Embeddings):
    name = "letters"

    def embed_documents(self, texts):
        return [[text.lower().count(letter) + 0.1 for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


class Last(BaseDocumentCompressor):
    def compress_documents(self, documents, query, callbacks=None):
        return documents[::-1]
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of an operator's own, with a small embedding and a reranker in it; its name."""
    name = f"own_{tmp_path.name.replace('-', '_')}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "models.py").write_text(MODELS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return name


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    write(folder, "kit.md", "# Mass\n\nYour kit may weigh up to 1.5 kg.\n\n# Size\n\nIt may be up to 30 cm long.")
    write(folder, "notes.md", "The kit was weighed twice.", audience="stewards")
    return folder


def test_a_chosen_embedding_finds_and_does_not_judge(package: str, documents: Path, tmp_path: Path) -> None:
    """The same answer, as likely as without it."""
    chosen = Knowing(tmp_path / "chosen", Retrieval(embeddings=f"{package}.models:Letters"))
    plain = Knowing(tmp_path / "plain")
    told = []
    for knowing in (chosen, plain):
        knowing.bring_up_to_date(documents)
        told.append(knowing.answer("How heavy may my kit be?", EVERYBODY, TODAY))
    assert isinstance(told[0], Answer)
    assert told[0] == told[1]


def test_a_chosen_reranker_says_what_is_read_first(package: str, documents: Path, tmp_path: Path) -> None:
    chosen = Knowing(tmp_path / "index", Retrieval(compressor=f"{package}.models:Last"))
    plain = Knowing(tmp_path / "index")
    plain.bring_up_to_date(documents)
    before = plain.suggest("How heavy may my kit be?", EVERYBODY, TODAY)
    assert len(before) == 2
    assert chosen.suggest("How heavy may my kit be?", EVERYBODY, TODAY) == before[::-1]


def test_another_embedding_costs_only_its_own_vectors(package: str, documents: Path, tmp_path: Path) -> None:
    """What the shipped encoder made is taken over when one is chosen, changed, or dropped again."""
    folder, shipped = tmp_path / "index", Counting()
    finding = Retrieval(embeddings=f"{package}.models:Letters").finding
    assert ingest(documents, folder, shipped).embedded == 3
    asked = len(shipped.texts)
    with pytest.raises(IndexOutdated, match="ingest"):
        Index.open(folder, shipped, finding=finding)
    report = ingest(documents, folder, shipped, finding=finding)
    assert (report.embedded, report.rebuilt, len(shipped.texts)) == (3, None, asked)
    assert ingest(documents, folder, shipped, finding=finding).embedded == 0
    with Index.open(folder, shipped, finding=finding) as index:
        found = index.found("kit weigh", EVERYBODY, TODAY, 9)
        assert {passage.document for passage, _ in found} == {"kit"}
    assert ingest(documents, folder, shipped).embedded == 0
    assert len(shipped.texts) == asked


def test_settings_choose(package: str, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        index_server="http://127.0.0.1:1",
        embeddings=f"{package}.models:Letters",
        reranker=f"{package}.models:Last",
        _env_file=None,  # type: ignore[call-arg]
    )
    found = retrieval_of(settings, "meridian")
    assert found.server == Server(url="http://127.0.0.1:1", space="concierge.meridian")
    assert type(found.finding).__name__ == "Letters"
    assert found.reranker is not None
    assert retrieval_of(settings, "meridian", at_server=False).server is None


def test_a_model_that_cannot_be_had_is_told(documents: Path, tmp_path: Path) -> None:
    """When it is first needed, as a line that an operator can do something with."""
    settings = Settings(home=tmp_path, embeddings="nobody.at_all:model", _env_file=None)  # type: ignore[call-arg]
    with pytest.raises(NotChosen, match=r"nobody\.at_all:model"):
        knowing_of(settings, "meridian").bring_up_to_date(documents)
