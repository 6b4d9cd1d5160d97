"""Stand-ins for the models: a bag-of-words encoder, a pair reader of shared words, and an index in memory."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from knowledge.lexical import terms
from knowledge.pairing import Text
from knowledge.passages import Kind, Passage, visible

DAY = date(2027, 3, 1)
EVERYONE = frozenset({"everyone"})


class Words:
    """Vectors by hashing stems: texts with the same words are near."""

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit row a text."""
        rows = np.full((len(texts), 256), 1e-3, dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for term in terms(text):
                row[zlib.crc32(term.encode()) % 256] += 1.0
        lengths = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
        return np.asarray(rows / lengths, dtype=np.float32)


class Shared:
    """A pair reader that counts shared stems."""

    def odds(self, question: str, texts: Sequence[Text]) -> NDArray[np.float32]:
        """Four for a text with every word of the question, minus four for one with none."""
        asked = set(terms(question))
        read = [set(terms(f"{text.before} {text.said}")) for text in texts]
        return np.array([8 * len(asked & held) / max(len(asked), 1) - 4 for held in read], np.float32)


class InMemory:
    """Exact nearest neighbours among the visible passages; `leaks` makes it forget to filter."""

    def __init__(self, passages: Sequence[Passage], *, leaks: bool = False) -> None:
        self._passages = tuple(passages)
        self._vectors = Words().vectors([f"{p.title} {p.heading} {p.text}" for p in passages])
        self._leaks = leaks

    def nearest(
        self, vector: NDArray[np.float32], grants: frozenset[str], on: date, k: int
    ) -> list[tuple[Passage, float]]:
        """The k nearest with their cosines."""
        cosines = (self._vectors * vector).sum(axis=1)  # row by row: the same whatever stands beside a row
        order = [int(i) for i in np.argsort(-cosines)]
        kept = [i for i in order if self._leaks or visible(self._passages[i], grants, on)]
        return [(self._passages[i], float(cosines[i])) for i in kept[:k]]


def passage(
    text: str,
    *,
    document: str = "handbook",
    title: str = "Participant handbook",
    heading: str = "Kit",
    kind: Kind = "paragraph",
    position: int = 0,
    audience: frozenset[str] = EVERYONE,
    valid_from: date | None = None,
    replaced_from: date | None = None,
    caveat: str | None = None,
) -> Passage:
    """A passage for everyone unless told otherwise."""
    return Passage(
        id=f"{document}#{position}-{zlib.crc32(text.encode()):08x}",
        document=document,
        title=title,
        anchor=heading,
        heading=heading,
        text=text,
        kind=kind,
        position=position,
        audience=audience,
        valid_from=valid_from,
        replaced_from=replaced_from,
        caveat=caveat,
    )
