"""The systems that are compared: each builds an index in a folder, and searches and answers from it when opened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from langchain_core.embeddings import Embeddings

from benchmarks.retrieval.data import Text
from benchmarks.retrieval.encoding import Shared
from knowledge.answer import Answerer
from knowledge.index import Index
from knowledge.ingest import ingest
from knowledge.lexical import common_words
from knowledge.pairing import ShippedPairs
from knowledge.sentences import sentences

DAY = date(2027, 3, 1)
EVERYONE = frozenset({"everyone"})
DEPTH = 10  # texts of a ranking that are looked at
CHUNKS = 3 * DEPTH  # pieces that a peer is asked for, as several may be of one text

Ranked = list[tuple[str, float]]
"""Ids of texts, each once, and how well they fit, the best first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What would be said: its `score` as a measure of how sure the system is, the text it is from, the piece of it
    that was found, and what is chosen from that."""

    score: float
    source: str | None
    shown: str
    said: str


class Searcher(Protocol):
    """An opened system."""

    def search(self, question: str) -> Ranked:
        """The texts that fit best."""
        ...

    def tell(self, question: str) -> Told:
        """What would be told, whether or not the system is sure of it."""
        ...

    def whole_answer(self, question: str) -> object:
        """An answer as a user would wait for it: for the clock."""
        ...


class System(Protocol):
    """Something that can be compared. What `build` leaves in a folder, another process can open."""

    @property
    def name(self) -> str:
        """As it is called in tables."""
        ...

    def build(self, folder: Path, texts: Sequence[Text], encoder: Shared) -> None:
        """Makes the index."""
        ...

    def open(self, folder: Path, encoder: Shared) -> AbstractContextManager[Searcher]:
        """Opens what `build` made."""
        ...


# ── this search ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class Ours:
    """This search as it ships: documents for everyone, ingested, searched with the access filter on.

    `together`: texts a document. One by one, each is a document of its own and found by its name; more of them are
    cut and joined as documents are, and only fit to measure time and memory.
    """

    name: str = "this search"
    together: int = 1

    def build(self, folder: Path, texts: Sequence[Text], encoder: Shared) -> None:
        """Writes the texts as documents and ingests them."""
        documents = folder / "documents"
        documents.mkdir(parents=True)
        for start in range(0, len(texts), self.together):
            some = texts[start : start + self.together]
            head = f"---\ntitle: {json.dumps(some[0].title or 'Untitled')}\naudience: [everyone]\n---\n"
            body = "\n\n".join(text.text for text in some)
            (documents / f"text-{start:07}.txt").write_text(f"{head}{body}\n", encoding="utf-8")
        named = {f"text-{number:07}": text.id for number, text in enumerate(texts)}
        (folder / "names.json").write_text(json.dumps(named), encoding="utf-8")
        ingest(documents, folder / "index", encoder)

    @contextmanager
    def open(self, folder: Path, encoder: Shared) -> Iterator[Searcher]:
        """As `bot.knowing` opens it, with the shared encoder."""
        named = json.loads((folder / "names.json").read_text(encoding="utf-8"))
        with Index.open(folder / "index", encoder) as index:
            yield _Ours(
                Answerer(
                    index.everything, dense=index, encoder=encoder, pairs=ShippedPairs(), known=common_words()
                ),
                named,
            )  # fmt: skip


class _Ours:
    def __init__(self, answerer: Answerer, named: dict[str, str]) -> None:
        self._answerer = answerer
        self._named = named

    def search(self, question: str) -> Ranked:
        ranking = self._answerer.search(question, EVERYONE, DAY)
        pairs = [] if ranking is None else [(self._named[f.passage.document], f.score) for f in ranking.found]
        return _distinct(pairs)

    def tell(self, question: str) -> Told:
        """The chosen sentences even where it would keep silent; `score` is what it decides by."""
        reading = self._answerer.read(question, EVERYONE, DAY)
        score = self._answerer.answer(question, EVERYONE, DAY).score  # 0 for courtesies and the like
        if not reading.chosen:
            return Told(score=score, source=None, shown="", said="")
        first = reading.chosen[0].passage
        said = " ".join(unit.text for unit in reading.chosen)
        return Told(score=score, source=self._named[first.document], shown=first.text, said=said)

    def whole_answer(self, question: str) -> object:
        """Just what a turn calls: for the clock."""
        return self._answerer.answer(question, EVERYONE, DAY)


# ── LangChain and Chroma ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class QuickStart:
    """LangChain's introduction to retrieval: its splitter, its Chroma store, in process.

    `embeddings` None: with the encoder of this search.
    """

    name: str = "LangChain + Chroma"
    embeddings: Embeddings | None = None

    def build(self, folder: Path, texts: Sequence[Text], encoder: Shared) -> None:
        """Splits what is longer than a thousand characters, and embeds."""
        from langchain_chroma import Chroma

        with _chroma(folder) as client:
            Chroma.from_documents(
                pieces(texts), self.embeddings or encoder, client=client, collection_name="quick-start"
            )

    @contextmanager
    def open(self, folder: Path, encoder: Shared) -> Iterator[Searcher]:
        """The store over what is in the folder."""
        from langchain_chroma import Chroma

        embeddings = self.embeddings or encoder
        with _chroma(folder) as client:
            store = Chroma(client=client, collection_name="quick-start", embedding_function=embeddings)
            yield _QuickStart(store, embeddings)


class _QuickStart:
    def __init__(self, store: Any, embeddings: Embeddings) -> None:
        self._store = store
        self._embeddings = embeddings

    def search(self, question: str) -> Ranked:
        return _distinct((d.metadata["id"], -distance) for d, distance in self._found(question, CHUNKS))

    def tell(self, question: str) -> Told:
        (document, distance), *_ = self._found(question, 1)
        said = best_sentence(question, document.page_content, self._embeddings)
        return Told(score=-distance, source=document.metadata["id"], shown=document.page_content, said=said)

    def whole_answer(self, question: str) -> object:
        return self.tell(question)

    def _found(self, question: str, count: int) -> list[Any]:
        """Documents with their distance: the nearest first, and the smaller the surer."""
        found: list[Any] = self._store.similarity_search_with_score(question, k=count)
        return found


def pieces(texts: Sequence[Text]) -> list[Any]:
    """The texts as LangChain documents, parted as its introduction parts them."""
    from langchain_core.documents import Document
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200, add_start_index=True)
    whole = [Document(page_content=text.whole, metadata={"id": text.id, "title": text.title}) for text in texts]
    return splitter.split_documents(whole)


@contextmanager
def _chroma(folder: Path) -> Iterator[Any]:
    import chromadb
    from chromadb.config import Settings

    client: Any = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
    try:
        yield client
    finally:
        client.close()


class ChromasOwn(Embeddings):
    """Chroma's default embedding where its model is on this machine already."""

    def __init__(self) -> None:
        """Raises FileNotFoundError where it would have to be downloaded."""
        from chromadb.utils.embedding_functions.onnx_mini_lm_l6_v2 import ONNXMiniLM_L6_V2 as Default

        model = Default.DOWNLOAD_PATH / Default.EXTRACTED_FOLDER_NAME / "model.onnx"
        if not model.exists():
            raise FileNotFoundError("its model is not on this machine, and nothing is downloaded")
        self._function = Default(preferred_providers=["CPUExecutionProvider"])

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """See LangChain's `Embeddings`."""
        return [np.asarray(vector, np.float32).tolist() for vector in self._function(texts)]

    def embed_query(self, text: str) -> list[float]:
        """See LangChain's `Embeddings`."""
        return self.embed_documents([text])[0]


# ── bm25s ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class Bm25s:
    """bm25s as its own introduction uses it: its tokenizer with English stop words and PyStemmer."""

    name: str = "bm25s"

    def build(self, folder: Path, texts: Sequence[Text], encoder: Shared) -> None:
        """Indexes and saves, the texts beside."""
        import bm25s
        import Stemmer

        tokens = bm25s.tokenize(
            [text.whole for text in texts], stopwords="en", stemmer=Stemmer.Stemmer("english"), show_progress=False
        )
        retriever = bm25s.BM25()
        retriever.index(tokens, show_progress=False)
        corpus = [{"id": text.id, "text": text.whole} for text in texts]
        retriever.save(str(folder), corpus=corpus, show_progress=False)

    @contextmanager
    def open(self, folder: Path, encoder: Shared) -> Iterator[Searcher]:
        """The saved index, with its texts."""
        import bm25s

        yield _Bm25s(bm25s.BM25.load(str(folder), load_corpus=True), encoder)


class _Bm25s:
    def __init__(self, retriever: Any, encoder: Shared) -> None:
        import Stemmer

        self._retriever = retriever
        self._stemmer = Stemmer.Stemmer("english")
        self._encoder = encoder

    def search(self, question: str) -> Ranked:
        return _distinct((row["id"], score) for row, score in self._found(question, DEPTH))

    def tell(self, question: str) -> Told:
        (row, score), *_ = self._found(question, 1)
        said = best_sentence(question, row["text"], self._encoder)
        return Told(score=score, source=row["id"], shown=row["text"], said=said)

    def whole_answer(self, question: str) -> object:
        return self.tell(question)

    def _found(self, question: str, count: int) -> list[tuple[Any, float]]:
        import bm25s

        tokens = bm25s.tokenize(question, stemmer=self._stemmer, show_progress=False)
        count = min(count, len(self._retriever.corpus))
        rows, scores = self._retriever.retrieve(tokens, k=count, show_progress=False)
        return [(row, float(score)) for row, score in zip(rows[0], scores[0], strict=True)]


# ── what they share ────────────────────────────────────────────────────────────────────────────────────────


def best_sentence(question: str, text: str, embeddings: Embeddings) -> str:
    """The sentence of a text that is nearest to the question: the shortest answer that a vector search can give."""
    among = sentences(text) or [text]
    vectors = np.array(embeddings.embed_documents([question, *among]), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return among[int(np.argmax(vectors[1:] @ vectors[0]))]


def _distinct(pairs: Any) -> Ranked:
    """Each text once, at its best place."""
    first: dict[str, float] = {}
    for one, score in pairs:
        first.setdefault(one, float(score))
    return list(first.items())


def systems() -> tuple[list[System], dict[str, str]]:
    """Everything that can be compared on this machine, and why the others cannot, by name."""
    found: list[System] = [Ours(), QuickStart(), Bm25s()]
    name = "Chroma's own embedding"
    try:
        found.append(QuickStart(name=name, embeddings=ChromasOwn()))
    except FileNotFoundError as error:
        return found, {name: str(error)}
    return found, {}
