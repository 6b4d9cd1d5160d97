"""Vectors of sentences, kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from knowledge.sentence_vectors import SentenceVectors, write

WIDTH = 8
TEXTS = st.lists(st.text(max_size=12), max_size=40)


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Something that differs from text to text."""
    rows = [[float((hash(text) >> shift) % 97) / 97 for shift in range(WIDTH)] for text in texts]
    return np.array(rows, np.float32).reshape(len(texts), WIDTH)


@settings(deadline=None, max_examples=60)
@given(TEXTS, TEXTS)
def test_what_was_written_is_found_and_nothing_else(texts: list[str], others: list[str]) -> None:
    """Each text has its own vector, rounded to half precision; a text that was not written has none."""
    with TemporaryDirectory() as folder:
        write(Path(folder), texts, SentenceVectors.nothing(), embed)
        kept = SentenceVectors.open(Path(folder))
        found = kept.get([*texts, *others])
    assert set(found) == set(texts)
    assert len(kept) == len(set(texts))
    for text, vector in found.items():
        np.testing.assert_allclose(vector, embed([text])[0], atol=1e-3)


def test_only_new_sentences_are_embedded(tmp_path: Path) -> None:
    """What the generation before knows is taken over."""
    asked: list[str] = []

    def counting(texts: Sequence[str]) -> NDArray[np.float32]:
        asked.extend(texts)
        return embed(texts)

    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    assert write(tmp_path / "one", ["a", "b", "a"], SentenceVectors.nothing(), counting) == 2
    before = SentenceVectors.open(tmp_path / "one")
    assert write(tmp_path / "two", ["b", "c"], before, counting) == 1
    assert asked == ["a", "b", "c"]
    assert set(SentenceVectors.open(tmp_path / "two").get(["a", "b", "c"])) == {"b", "c"}
