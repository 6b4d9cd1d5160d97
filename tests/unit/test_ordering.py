"""Another embedding and a reranker change the order in which passages are read, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from answering_fakes import DAY, EVERYONE, InMemory, Shared, Words, passage
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import Callbacks
from langchain_core.documents import Document
from langchain_core.documents.compressor import BaseDocumentCompressor
from langchain_core.embeddings import Embeddings

from knowledge.answer import Answerer
from knowledge.choosing import NotChosen, compressor_of, embeddings_of
from knowledge.ordering import WAITING, Finder, Reranker
from knowledge.passages import Passage
from knowledge.search import Found, Library, Ranking, understand

SECRET = passage("The kit is kept in the vault.", document="secret", audience=frozenset({"stewards"}))
PASSAGES = [
    passage("The kit may weigh 1.5 kg.", position=0),
    passage("The kit is handed over on Monday.", position=1),
    passage("Dinner is served at eight.", position=2, heading="Food"),
    SECRET,
]


class Backwards(BaseDocumentCompressor):
    """A reranker that prefers the last, and gives copies without ids, as real ones do."""

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        return [Document(page_content="", metadata=one.metadata) for one in reversed(documents)]


class Says(BaseDocumentCompressor):
    """A reranker that names what it was told to name."""

    names: list[str]

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        return [Document(id=name, page_content="") for name in self.names]


class Fails(BaseDocumentCompressor):
    """A reranker whose service is away."""

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        raise ConnectionError("away")


class Hangs(BaseDocumentCompressor):
    """A reranker that does not answer until it is let go."""

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        LET_GO.wait(30)
        return list(reversed(documents))


LET_GO = threading.Event()


@pytest.fixture(autouse=True)
def let_go() -> Iterator[None]:
    LET_GO.clear()
    yield
    LET_GO.set()


class Meals(Embeddings):
    """A small embedding of another kind: it knows whether a text speaks of food, and nothing else."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[1.0, 0.1] if {"dinner", "eat"} & set(text.lower().split()) else [0.1, 1.0] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def meals(question: str, grants: frozenset[str], on: date, k: int) -> list[tuple[Passage, float]]:
    """Every passage by that embedding, those included that a reader may not see."""
    vectors = np.array(Meals().embed_documents([one.text for one in PASSAGES]))
    cosines = vectors @ np.array(Meals().embed_query(question))
    return sorted(zip(PASSAGES, cosines.tolist(), strict=True), key=lambda each: -each[1])[:k]


def searched(question: str, *, finder: Finder | None = None, reranker: Reranker | None = None) -> Ranking:
    library = Library(PASSAGES, finder=finder, reranker=reranker)
    query = understand(question, library.shelf(EVERYONE, DAY).view)
    return library.search(query, Words().vectors([query.text])[0], InMemory(PASSAGES), EVERYONE, DAY)


def by_id(found: Sequence[Found]) -> dict[str, tuple[float, float, float]]:
    return {f.passage.id: (f.score, f.lexical, f.cosine) for f in found}


# ── a reranker ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reranker_changes_the_order_and_no_number() -> None:
    """Scores and cosines are those that the judge was calibrated on."""
    before, after = searched("kit"), searched("kit", reranker=Reranker(Backwards()))
    assert [f.passage for f in after.found] == [f.passage for f in reversed(before.found)]
    assert by_id(after.found) == by_id(before.found)


@settings(max_examples=100, deadline=None)
@given(names=st.lists(st.sampled_from([*(p.id for p in PASSAGES), "", "nobody", "kit#9"])))
def test_whatever_a_reranker_names_the_passages_are_those_that_were_given(names: list[str]) -> None:
    """Inventions, doubles and passages that this reader may not see are ignored; what it leaves out follows."""
    given_order = [passage for passage in PASSAGES if passage is not SECRET]
    ordered = Reranker(Says(names=names)).order("kit", given_order)
    assert sorted(p.id for p in ordered) == sorted(p.id for p in given_order)
    named = [name for name in dict.fromkeys(names) if name in {p.id for p in given_order}]
    assert [p.id for p in ordered][: len(named)] == named


def test_a_reranker_that_fails_leaves_the_order(caplog: pytest.LogCaptureFixture) -> None:
    """The log says so, and holds no word of the question."""
    assert searched("kit", reranker=Reranker(Fails())).found == searched("kit").found
    assert "the reranker failed (ConnectionError)" in caplog.text
    assert "kit" not in caplog.text


def test_a_reranker_that_hangs_leaves_the_order() -> None:
    reranker = Reranker(Hangs(), within=0.02)
    for _ in range(WAITING + 2):  # in the end it is not even asked: no heap of threads waits for it
        assert reranker.order("kit", PASSAGES) == PASSAGES
    assert sum("_call" in thread.name for thread in threading.enumerate()) <= WAITING


def test_a_reranker_that_came_back_is_asked_again() -> None:
    """One that hung is not written off."""
    reranker = Reranker(Hangs(), within=0.02)
    for _ in range(WAITING):
        reranker.order("kit", PASSAGES)
    LET_GO.set()
    patient = Reranker(Hangs(), within=30)
    assert patient.order("kit", PASSAGES) == PASSAGES[::-1]


# ── another embedding ────────────────────────────────────────────────────────────────────────────────────────────────


def test_another_embedding_finds_what_this_one_does_not() -> None:
    """And what it finds comes first, with the numbers that the shipped encoder gives it."""
    before, after = searched("eat"), searched("eat", finder=Finder(meals))
    assert after.found[0].passage.text == "Dinner is served at eight."
    assert by_id(after.found) == by_id(before.found)


def test_another_embedding_never_shows_what_a_reader_may_not_see() -> None:
    assert SECRET.id not in by_id(searched("kit vault", finder=Finder(meals)).found)


@pytest.mark.parametrize("trouble", [ConnectionError("away"), ValueError("too long")])
def test_another_embedding_that_fails_is_done_without(trouble: Exception) -> None:
    def fails(question: str, grants: frozenset[str], on: date, k: int) -> list[tuple[Passage, float]]:
        raise trouble

    assert searched("kit", finder=Finder(fails)).found == searched("kit").found


def test_an_answer_is_as_likely_as_without_another_embedding() -> None:
    """The probability that an operator has set a threshold for keeps its meaning."""

    def read(finder: Finder | None) -> tuple[float, ...]:
        asked = Answerer(PASSAGES, dense=InMemory(PASSAGES), encoder=Words(), pairs=Shared(), finder=finder)
        return asked.read("How much may the kit weigh?", EVERYONE, DAY).numbers

    assert read(Finder(meals)) == read(None)


# ── what a setting names ─────────────────────────────────────────────────────────────────────────────────────────────


MODELS = """
from langchain_core.documents.compressor import BaseDocumentCompressor
from langchain_core.embeddings import DeterministicFakeEmbedding


class Same(BaseDocumentCompressor):
    def compress_documents(self, documents, query, callbacks=None):
        return documents


def embeddings():
    return DeterministicFakeEmbedding(size=7)


def broken():
    raise RuntimeError("no key")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of an operator's own, with models in it; its name."""
    name = f"house_{tmp_path.name.replace('-', '_')}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "models.py").write_text(MODELS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_a_setting_names_a_factory(package: str) -> None:
    assert len(embeddings_of(f"{package}.models:embeddings").embed_query("kit")) == 7
    assert isinstance(compressor_of(f"{package}.models:Same"), BaseDocumentCompressor)


def test_a_factory_that_fails_or_gives_something_else_is_told(package: str) -> None:
    with pytest.raises(NotChosen, match="no key"):
        embeddings_of(f"{package}.models:broken")
    with pytest.raises(NotChosen, match="gives a DeterministicFakeEmbedding"):
        compressor_of(f"{package}.models:embeddings")


@pytest.mark.parametrize(
    "setting", ["", "nonsense", "no.such:thing", "knowledge.errors:KnowledgeError", "nobody:model"]
)
def test_a_setting_that_names_nothing_of_use_is_told(setting: str) -> None:
    """The message has the setting in it, and what to check."""
    with pytest.raises(NotChosen, match=r"cannot be used|gives a"):
        embeddings_of(setting)


@pytest.mark.parametrize("setting", ["", "cohere:rerank", "no.such:thing", "knowledge.errors:KnowledgeError"])
def test_a_reranker_that_is_none_is_told(setting: str) -> None:
    with pytest.raises(NotChosen):
        compressor_of(setting)
