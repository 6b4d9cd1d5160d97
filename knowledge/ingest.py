"""Brings the index up to what the documents say now. Only what changed is read, only new text is embedded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Final

from langchain_core.embeddings import Embeddings

from knowledge import generations
from knowledge.documents import READER, DocumentMeta, Passage, Problem, UnreadableDocument, load, read, scan
from knowledge.errors import KnowledgeError
from knowledge.generations import IndexMissing, IndexUnusable, Known, Manifest, Progress
from knowledge.index import (
    SEGMENTS,
    Connect,
    Index,
    Store,
    batches,
    context,
    damage,
    digest,
    embedding_name,
    in_process,
)

__all__ = ["DocumentsInvalid", "IngestReport", "ingest", "replaced_from"]


class DocumentsInvalid(KnowledgeError):
    """What is said about the documents is wrong somewhere; nothing was ingested. `problems` has every mistake."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestReport:
    """What an ingest found, as documents' ids.

    `broken` could not be read, and nothing is answered from them; those of them from which something was answered
    before are in `removed` too: a stale answer is worse than none. `rebuilt` says why the index was made anew.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    broken: tuple[UnreadableDocument, ...]
    passages: int
    embedded: int
    rebuilt: str | None
    generation: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Loaded:
    """A document as it is now: what is said about it, its file, and the day on which it is superseded."""

    meta: DocumentMeta
    content: bytes
    digest: str
    until: date | None

    def known(self, passages: int) -> Known:
        """What the manifest keeps of it."""
        return Known(
            content=self.digest,
            described=sha256(repr(self._described()).encode()).hexdigest(),
            passages=passages,
        )

    def _described(self) -> tuple[object, ...]:
        meta = self.meta
        return (
            meta.path.as_posix(), meta.title, sorted(meta.audience), meta.valid_from, meta.caveat, self.until
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """What the next generation holds, by document."""

    documents: Mapping[str, _Loaded]
    passages: Mapping[str, tuple[Passage, ...]]
    broken: tuple[UnreadableDocument, ...]

    def manifest(self) -> dict[str, Known]:
        return {name: self.documents[name].known(len(found)) for name, found in self.passages.items()}


def ingest(
    documents: Path,
    folder: Path,
    embeddings: Embeddings,
    progress: Progress = lambda stage, done, total: None,
    *,
    wait: bool = True,
    connect: Connect = in_process,
) -> IngestReport:
    """Bring the index in `folder` up to the documents; without a change nothing is written.

    A missing or damaged index, or one of another embedding model, is made anew. Readers keep the generation that
    they have open. Raises `DocumentsInvalid`; `IndexBusy` where another process ingests and `wait` is false.
    """
    with generations.exclusive(folder, wait=wait, progress=progress):
        generations.tidy(folder)  # what an ingest that was killed has left
        metas, problems = scan(documents)
        if problems:
            raise DocumentsInvalid(problems)
        before, why = _open(folder, embeddings, connect)
        try:
            plan = _plan(documents, metas, before, progress)
            if before is not None and _is_same(before.manifest, plan):
                return _report(before.manifest, before.manifest, plan, 0, why, before.generation)
            memory = _Memory(embeddings, before)
        finally:
            if before is not None:
                before.close()
        generation, manifest = _write(folder, plan, memory, connect, progress)
        generations.switch(folder, generation)
        generations.tidy(folder)
        return _report(before.manifest if before else None, manifest, plan, memory.embedded, why, generation.name)


def replaced_from(metas: Iterable[DocumentMeta]) -> dict[str, date]:
    """The first day on which each superseded document is not used any more: that of its earliest replacement."""
    days: dict[str, date] = {}
    for meta in metas:
        day = meta.valid_from or date.min
        for name in meta.replaces:
            days[name] = min(day, days.get(name, day))
    return days


def _open(folder: Path, embeddings: Embeddings, connect: Connect) -> tuple[Index | None, str | None]:
    """The present index, or why there is none that can be used."""
    try:
        return Index.open(folder, embeddings, connect=connect), None
    except IndexMissing:
        return None, None
    except IndexUnusable as error:
        return None, str(error)


def _plan(documents: Path, metas: Sequence[DocumentMeta], before: Index | None, progress: Progress) -> _Plan:
    days = replaced_from(metas)
    loaded: dict[str, _Loaded] = {}
    passages: dict[str, tuple[Passage, ...]] = {}
    broken: list[UnreadableDocument] = []
    kept = _by_document(before.everything) if before is not None else {}
    for number, meta in enumerate(metas):
        progress("reading", number, len(metas))
        try:
            content = load(documents, meta)
            now = _Loaded(meta=meta, content=content, digest=sha256(content).hexdigest(), until=days.get(meta.id))
            old = kept.get(meta.id, ()) if before is not None and _reads_alike(before.manifest, now) else ()
            fresh = old if old and _told_alike(old[0], meta) else read(documents, meta, now.content)
        except UnreadableDocument as error:
            broken.append(error)
            continue
        loaded[meta.id] = now
        passages[meta.id] = tuple(_described(passage, now) for passage in fresh)
    progress("reading", len(metas), len(metas))
    return _Plan(documents=loaded, passages=passages, broken=tuple(broken))


def _by_document(passages: Iterable[Passage]) -> dict[str, list[Passage]]:
    found: dict[str, list[Passage]] = {}
    for passage in passages:
        found.setdefault(passage.document, []).append(passage)
    return found


def _reads_alike(manifest: Manifest, now: _Loaded) -> bool:
    """Whether reading the file again would give the same text."""
    known = manifest.documents.get(now.meta.id)
    return known is not None and manifest.reader == READER and known.content == now.digest


def _told_alike(old: Passage, meta: DocumentMeta) -> bool:
    """Whether title and caveat, which are part of what is searched, are as they were."""
    return (old.title, old.caveat) == (meta.title, meta.caveat)


def _described(passage: Passage, now: _Loaded) -> Passage:
    return replace(passage, audience=now.meta.audience, valid_from=now.meta.valid_from, replaced_from=now.until)


def _is_same(manifest: Manifest, plan: _Plan) -> bool:
    return manifest.reader == READER and dict(manifest.documents) == plan.manifest()


class _Memory(Embeddings):
    """An embedding model that remembers the vectors of the generation before: text that only moved costs nothing."""

    def __init__(self, embeddings: Embeddings, before: Index | None) -> None:
        self.model: Final = embeddings
        self._known: dict[str, list[float]] = {}
        if before is not None:
            vectors = before.vectors()
            self._known = {context(passage): vectors[passage.id].tolist() for passage in before.everything}
        self.name: Final = embedding_name(embeddings)
        self.embedded = 0

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self.embedded += len(new)
            self._known |= zip(new, self.model.embed_documents(new), strict=True)
        return [self._known[text] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.model.embed_query(text)


def _write(folder: Path, plan: _Plan, memory: _Memory, connect: Connect, progress: Progress) -> tuple[Path, Manifest]:
    """A whole new generation beside the present one.

    Rows are written anew rather than changed in a copy: Chroma's graph never carries deleted rows or old damage
    along, and a server, where no folder can be copied, is written to in the same way.
    """
    passages = [passage for found in plan.passages.values() for passage in found]
    generation = generations.fresh(folder)
    with damage(generation):
        store = Store(generation, memory, connect, create_for=len(passages))
    try:
        done = 0
        for batch in batches(passages):
            progress("indexing", done, len(passages))
            memory.embed_documents([context(passage) for passage in batch])  # its errors are not the index's
            with damage(generation):
                store.add(batch)
            done += len(batch)
        progress("indexing", done, len(passages))
    finally:
        store.close()
    manifest = Manifest(
        embedding=memory.name,
        reader=READER,
        passages=len(passages),
        ids=digest(passages),
        # Chroma never writes the graph of a single passage to disk.
        files=generations.digests(generation, SEGMENTS) if len(passages) > 1 else {},
        documents=plan.manifest(),
    )
    manifest.write(generation)
    Index.check(generation, memory.model, connect)
    return generation, manifest


def _report(
    old: Manifest | None, new: Manifest, plan: _Plan, embedded: int, why: str | None, generation: str
) -> IngestReport:
    was = old.documents if old is not None else {}
    return IngestReport(
        added=tuple(name for name in new.documents if name not in was),
        changed=tuple(name for name in new.documents if name in was and new.documents[name] != was[name]),
        removed=tuple(name for name in was if name not in new.documents),
        unchanged=tuple(name for name in new.documents if was.get(name) == new.documents[name]),
        broken=plan.broken,
        passages=new.passages,
        embedded=embedded,
        rebuilt=why,
        generation=generation,
    )
