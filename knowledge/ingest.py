"""Brings the index up to what the documents say now. Only what changed is read, only new text is embedded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from knowledge import generations, sentence_vectors
from knowledge.before import Before
from knowledge.documents import READER, DocumentMeta, Passage, Problem, UnreadableDocument, load, read, scan
from knowledge.errors import KnowledgeError
from knowledge.generations import Known, Manifest, Progress
from knowledge.index import FINDING, ROWS, Server, answers, digest, embedding_name, place_of, verified
from knowledge.kept_vectors import KeptVectors
from knowledge.places import Place
from knowledge.sentence_vectors import SentenceVectors
from knowledge.sentences import units
from knowledge.spool import Spool
from knowledge.store import Store, context

__all__ = ["DocumentsInvalid", "IngestReport", "ingest", "replaced_from"]

Vectors = NDArray[np.float32]

_EMBEDDED_AT_ONCE: Final = 64  # texts: what a kill can cost, and how often progress is told
_WRITTEN_AT_ONCE: Final = 512  # rows: Chroma takes more than twice as long when it is given fewer at a time


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
class _Document:
    """A document as it is now: what is said about it, a hash of its file, the day on which it is superseded, and how
    many passages it has.
    """

    meta: DocumentMeta
    digest: str
    until: date | None
    passages: int = 0

    def known(self) -> Known:
        """What the manifest keeps of it."""
        return Known(
            content=self.digest,
            described=sha256(repr(self._described()).encode()).hexdigest(),
            passages=self.passages,
        )

    def _described(self) -> tuple[object, ...]:
        meta = self.meta
        return (
            meta.path.as_posix(), meta.title, sorted(meta.audience), meta.valid_from, meta.caveat, self.until
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """What the next generation holds, by document; the passages that were read lie in the spool."""

    documents: Mapping[str, _Document]
    broken: tuple[UnreadableDocument, ...]
    spool: Spool

    def known(self) -> dict[str, Known]:
        return {name: document.known() for name, document in self.documents.items()}

    @property
    def total(self) -> int:
        return sum(document.passages for document in self.documents.values())

    def passages(self, before: Before | None) -> Iterator[Passage]:
        """Every passage, one document after the other. Of what did not change the text is taken over."""
        for name, document in self.documents.items():
            kept = before.passages(name) if before is not None and name not in self.spool else self.spool.get(name)
            for passage in kept:
                yield _described(passage, document)


def ingest(
    documents: Path,
    folder: Path,
    embeddings: Embeddings,
    progress: Progress = lambda stage, done, total: None,
    *,
    wait: bool = True,
    finding: Embeddings | None = None,
    server: Server | None = None,
) -> IngestReport:
    """Bring the index in `folder`, or at a server, up to the documents; without a change nothing is written.

    A missing or damaged index, or one of other embedding models, is made anew. Readers keep the generation that they
    have open. An ingest that was killed goes on where it was: no text is embedded twice. `finding`: another embedding
    that finds passages beside this one. Raises `DocumentsInvalid`; `IndexBusy` where another process ingests and `wait`
    is false; `IndexUnreachable`.
    """
    with generations.exclusive(folder, wait=wait, progress=progress):
        place = place_of(folder, server)
        try:
            place.tidy()  # what an ingest that was killed has left
            metas, problems = scan(documents)
            if problems:
                raise DocumentsInvalid(problems)
            with KeptVectors.open(folder) as kept, Spool(folder) as spool:
                report = _brought_up(_Work(documents, place, embeddings, finding, kept, spool, progress), metas)
            KeptVectors.forget(folder)
            return report
        finally:
            place.close()


@dataclass(frozen=True, slots=True)
class _Work:
    """What an ingest works with."""

    folder: Path
    place: Place
    embeddings: Embeddings
    finding: Embeddings | None
    kept: KeptVectors
    spool: Spool
    progress: Progress


def _brought_up(work: _Work, metas: Sequence[DocumentMeta]) -> IngestReport:
    before, why = Before.open(work.place, work.embeddings, work.finding)
    try:
        plan = _plan(work, metas, before)
        old = before.manifest if before is not None else None
        if before is not None and _is_same(before.manifest, plan, work.finding):
            return _report(old, before.manifest, plan, 0, why, before.name)
        generation, manifest, embedded = _write(work, plan, before)
    finally:
        if before is not None:
            before.close()
    work.place.switch(generation, manifest)
    work.place.tidy()
    return _report(old, manifest, plan, embedded, why, generation)


def replaced_from(metas: Iterable[DocumentMeta]) -> dict[str, date]:
    """The first day on which each superseded document is not used any more: that of its earliest replacement."""
    days: dict[str, date] = {}
    for meta in metas:
        day = meta.valid_from or date.min
        for name in meta.replaces:
            days[name] = min(day, days.get(name, day))
    return days


def _plan(work: _Work, metas: Sequence[DocumentMeta], before: Before | None) -> _Plan:
    days = replaced_from(metas)
    found: dict[str, _Document] = {}
    broken: list[UnreadableDocument] = []
    for number, meta in enumerate(metas):
        work.progress("reading", number, len(metas))
        try:
            found[meta.id] = _read(work, meta, days.get(meta.id), before)
        except UnreadableDocument as error:
            broken.append(error)
    work.progress("reading", len(metas), len(metas))
    return _Plan(documents=found, broken=tuple(broken), spool=work.spool)


def _read(work: _Work, meta: DocumentMeta, until: date | None, before: Before | None) -> _Document:
    """A document as it is now. Its passages go to the spool, unless they stand in the index as they are."""
    content = load(work.folder, meta)
    document = _Document(meta=meta, digest=sha256(content).hexdigest(), until=until)
    if before is not None and _reads_alike(before, document):
        return replace(document, passages=before.manifest.documents[meta.id].passages)
    passages = read(work.folder, meta, content)
    work.spool.put(meta.id, passages)
    return replace(document, passages=len(passages))


def _reads_alike(before: Before, now: _Document) -> bool:
    """Whether reading the file again would give the same text, title and caveat: all that is searched."""
    known = before.manifest.documents.get(now.meta.id)
    if known is None or before.manifest.reader != READER or known.content != now.digest:
        return False
    if known == replace(now, passages=known.passages).known():
        return True
    old = before.passages(now.meta.id)
    return bool(old) and (old[0].title, old[0].caveat) == (now.meta.title, now.meta.caveat)


def _described(passage: Passage, now: _Document) -> Passage:
    return replace(passage, audience=now.meta.audience, valid_from=now.meta.valid_from, replaced_from=now.until)


def _is_same(manifest: Manifest, plan: _Plan, finding: Embeddings | None) -> bool:
    by = embedding_name(finding) if finding is not None else None
    return (manifest.reader, manifest.finding, dict(manifest.documents)) == (READER, by, plan.known())


class _Memory:
    """An embedding model that is asked only for texts whose vectors nobody has."""

    def __init__(self, model: Embeddings, before: Before | None, kept: KeptVectors, *, finding: bool = False) -> None:
        self.name: Final = embedding_name(model)
        self.embedded = 0
        self._model = model
        self._before = before
        self._kept = kept
        self._finding = finding

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """One row a text."""
        known = self._before.vectors(texts, finding=self._finding) if self._before is not None else {}
        known |= self._kept.get(self.name, [text for text in texts if text not in known])
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            made = dict(zip(new, np.asarray(self._model.embed_documents(new), np.float32), strict=True))
            self._kept.put(self.name, made)
            self.embedded += len(new)
            known |= made
        return np.array([known[text] for text in texts], np.float32)


def _write(work: _Work, plan: _Plan, before: Before | None) -> tuple[str, Manifest, int]:
    """A whole new generation beside the present one, checked; its name, manifest, and how many texts were embedded.

    Rows are written anew rather than changed in a copy: Chroma's graph never carries deleted rows or old damage
    along, and a server, where no folder can be copied, is written to in the same way.
    """
    memory = _Memory(work.embeddings, before, work.kept)
    other = _Memory(work.finding, before, work.kept, finding=True) if work.finding is not None else None
    generation = work.place.fresh()
    names = _write_rows(work, generation, plan, before, memory)
    if other is not None:
        _write_finding(work, generation, plan, before, other)
    _write_sentences(work, generation, plan, before)
    manifest = Manifest(
        embedding=memory.name,
        finding=other.name if other is not None else None,
        reader=READER,
        passages=len(names),
        ids=digest(names),
        # Chroma never writes the graph of a single passage to disk.
        files=work.place.files(generation) if len(names) > 1 else {},
        documents=plan.known(),
    )
    _check(work, generation, manifest, names)
    return generation, manifest, memory.embedded + (other.embedded if other is not None else 0)


def _write_rows(work: _Work, generation: str, plan: _Plan, before: Before | None, memory: _Memory) -> list[str]:
    """Writes every passage; their ids, in order."""
    return _write_all(work, generation, ROWS, _embedded(work, "indexing", plan, before, memory), plan.total, Store.add)


def _write_finding(work: _Work, generation: str, plan: _Plan, before: Before | None, memory: _Memory) -> None:
    """Writes every passage's vector by the other embedding."""
    portions = _embedded(work, "indexing once more", plan, before, memory)
    _write_all(work, generation, FINDING, portions, plan.total, Store.add_vectors)


def _write_sentences(work: _Work, generation: str, plan: _Plan, before: Before | None) -> None:
    """Reads every sentence ahead, so that an answer need not."""
    folder = work.place.beside(generation)
    if folder is None:
        return
    done = 0

    def told() -> Iterator[str]:
        nonlocal done
        for passage in plan.passages(before):
            if done % _EMBEDDED_AT_ONCE == 0:
                work.progress("reading sentences", done, plan.total)
            yield from (unit.text for unit in units(passage))
            done += 1

    known = before.sentences if before is not None else SentenceVectors.nothing()
    sentence_vectors.write(folder, told(), known, _Memory(work.embeddings, None, work.kept).vectors)
    work.progress("reading sentences", done, plan.total)


def _write_all(
    work: _Work,
    generation: str,
    collection: str,
    portions: Iterator[tuple[list[Passage], Vectors]],
    total: int,
    add: Callable[[Store, Sequence[Passage], Vectors], None],
) -> list[str]:
    names: list[str] = []
    with work.place.guard(generation):
        store = work.place.open(generation, collection, create_for=total)
    try:
        for portion, vectors in portions:
            with work.place.guard(generation):
                add(store, portion, vectors)
            names += [passage.id for passage in portion]
    finally:
        store.close()
    with work.place.guard(generation):
        work.place.settle(generation, collection, names)
    return names


def _embedded(
    work: _Work, stage: str, plan: _Plan, before: Before | None, memory: _Memory
) -> Iterator[tuple[list[Passage], Vectors]]:
    """The plan's passages with their vectors, in portions. (The model's errors are its own, and not the index's.)"""
    done = 0
    for portion in _portions(plan.passages(before), _WRITTEN_AT_ONCE):
        vectors = []
        for some in _portions(portion, _EMBEDDED_AT_ONCE):
            work.progress(stage, done, plan.total)
            vectors.append(memory.vectors([context(passage) for passage in some]))
            done += len(some)
        yield portion, np.concatenate(vectors)
    work.progress(stage, done, plan.total)


def _check(work: _Work, generation: str, manifest: Manifest, names: Sequence[str]) -> None:
    """Reads back what was written. Raises `IndexDamaged`."""
    done = 0
    work.place.check(generation, manifest)
    with work.place.guard(generation):
        store = work.place.open(generation, ROWS)
        try:
            for portion in verified(store, manifest, generation):
                work.progress("checking", done, manifest.passages)
                done += len(portion)
            answers(store, names, generation)
        finally:
            store.close()
    work.progress("checking", done, manifest.passages)


_T = TypeVar("_T")


def _portions(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(items)
    while portion := list(islice(rest, size)):
        yield portion


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
