"""Over real files and a real index: no passage outside a reader's grants is ever returned, cited or quoted.

What may be seen is worked out here from the front matter alone, by PACK.md's words, not by the code under test.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from answering_fakes import Shared, Words
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings

from knowledge.answer import Abstention, Answer, Answerer
from knowledge.index import Index
from knowledge.ingest import ingest
from knowledge.judge import Judge

LIBRARIES, READERS = 30, 70  # 2,100 readers in all

GRANTS = ("everyone", "stewards", "flight:a", "flight:ab", "mission:m", "mission:mn", "organisation:o")
SUBJECTS = ("kit", "suit", "launch", "seat", "meal", "call", "window", "locker", "doctor", "fitting")
DAYS = st.dates(date(2027, 3, 10), date(2027, 3, 16))
MARK = re.compile(r"secret(\d+)x")

# A judge that would rather answer than not: whatever could leak has every chance to.
EAGER = replace(Judge.load(), threshold=0.0, statement_threshold=0.0)


class Hashed(Words, Embeddings):
    """Vectors by hashing words, for the index and the answers alike: thousands of questions in seconds."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        found: list[list[float]] = self.vectors(texts).tolist()
        return found

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A document as its author wrote it; `replaces`, counted round, is the number of an earlier one."""

    subject: str
    audience: tuple[str, ...]
    valid_from: date | None
    replaces: int | None
    caveat: bool
    heading: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Somebody who asks, on a day."""

    grants: frozenset[str]
    on: date
    subject: str
    k: int


written = st.builds(
    Written,
    subject=st.sampled_from(SUBJECTS),
    audience=st.lists(st.sampled_from(GRANTS), min_size=1, max_size=3, unique=True).map(tuple),
    valid_from=st.none() | DAYS,
    replaces=st.none() | st.integers(0, 9),
    caveat=st.booleans(),
    heading=st.booleans(),
)
readers = st.builds(
    Reader,
    grants=st.frozensets(st.sampled_from(GRANTS), max_size=4),
    on=DAYS,
    subject=st.sampled_from(SUBJECTS),
    k=st.integers(1, 30),
)


def replaced_by(number: int, one: Written) -> int | None:
    """The older document that this one takes the place of."""
    return None if one.replaces is None or number == 0 else one.replaces % number


def file_of(number: int, one: Written) -> str:
    """The document's file. Everything that could be told from it carries its number: text, title, heading, caveat."""
    mark = f"secret{number}x"
    front = [f"title: About the {one.subject} {mark}", f"audience: [{', '.join(map(repr, one.audience))}]"]
    if one.valid_from is not None:
        front.append(f"valid_from: {one.valid_from}")
    if (older := replaced_by(number, one)) is not None:
        front.append(f"replaces: document-{older}")
    if one.caveat:
        front.append(f"caveat: The {one.subject} may change {mark}.")
    head = f"# The {one.subject} {mark}\n\n" if one.heading else ""
    body = (
        f"The {one.subject} is ready at 09:00 {mark}.\n\nFor the {one.subject}:\n\n- bring two {mark}\n- wait {mark}\n"
    )
    return "---\n" + "\n".join(front) + f"\n---\n{head}{body}"


def may_see(library: list[Written], reader: Reader) -> set[int]:
    """PACK.md: one of its audiences is granted, its day has come, and nothing that replaces it is valid yet."""
    valid = {n for n, one in enumerate(library) if one.valid_from is None or one.valid_from <= reader.on}
    replaced = {replaced_by(n, library[n]) for n in valid}
    return {n for n in valid - replaced if reader.grants & set(library[n].audience)}


@contextmanager
def indexed(library: list[Written]) -> Iterator[Index]:
    """The library as files, ingested and opened."""
    folder = Path(tempfile.mkdtemp(prefix="concierge-leak-"))
    try:
        (folder / "documents").mkdir()
        for number, one in enumerate(library):
            file = folder / "documents" / f"document-{number}.md"
            file.write_text(file_of(number, one), encoding="utf-8")
        ingest(folder / "documents", folder / "index", Hashed())
        with Index.open(folder / "index", Hashed()) as index:
            yield index
    finally:
        shutil.rmtree(folder)


def told(outcome: Answer | Abstention) -> set[int]:
    """The documents of which an outcome tells anything at all."""
    return {int(number) for number in MARK.findall(str(outcome))} | {
        int(name) for name in re.findall(r"document-(\d+)", str(outcome))
    }


def test_nothing_outside_a_readers_grants_is_ever_told() -> None:
    """Found, returned, cited, quoted: all of it lies within what the reader may see on that day."""
    asked = 0

    @settings(
        max_examples=LIBRARIES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
    @given(
        library=st.lists(written, min_size=1, max_size=10),
        people=st.lists(readers, min_size=READERS, max_size=READERS),
    )
    def holds(library: list[Written], people: list[Reader]) -> None:
        nonlocal asked
        with indexed(library) as index:
            answerer = Answerer(index.everything, dense=index, encoder=Hashed(), pairs=Shared(), judge=EAGER)
            for reader in people:
                _is_told_only_what_they_may_see(index, answerer, library, reader)
                asked += 1

    holds()
    assert asked >= 2_000


def _is_told_only_what_they_may_see(index: Index, answerer: Answerer, library: list[Written], reader: Reader) -> None:
    allowed = may_see(library, reader)
    question = f"When is the {reader.subject} ready?"
    seen = index.passages(reader.grants, reader.on)
    near = index.nearest(question, reader.grants, reader.on, reader.k)
    assert {number_of(one.document) for one in seen} == allowed
    assert {number_of(one.document) for one, _ in near} <= allowed
    assert len(near) == min(reader.k, len(seen))
    assert told(answerer.answer(question, reader.grants, reader.on, ["And the kit?"])) <= allowed


def test_the_judge_of_this_test_lets_answers_through() -> None:
    """An answer is given, and everything that it tells carries the number of its document."""
    everybody = Written(
        subject="kit", audience=("everyone",), valid_from=None, replaces=None, caveat=True, heading=True
    )
    with indexed([everybody]) as index:
        answerer = Answerer(index.everything, dense=index, encoder=Hashed(), pairs=Shared(), judge=EAGER)
        found = answerer.answer("When is the kit ready?", frozenset({"everyone"}), date(2027, 3, 12))
    assert isinstance(found, Answer)
    assert told(found) == {0}


def number_of(document: str) -> int:
    return int(document.removeprefix("document-"))
