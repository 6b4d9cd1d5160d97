"""Which of many passages one reader may be told on one day, as an array: one truth value a row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from knowledge.passages import Passage, visible


class Visibility:
    """Says of a fixed sequence of passages which ones a reader may be told.

    Passages with the same audience and the same days are told alike, so that `visible` is asked once for each kind:
    the rule stands in one place, and asking it for a hundred thousand passages takes a fraction of a millisecond.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        kinds: dict[tuple[frozenset[str], date | None, date | None], int] = {}
        self._examples: list[Passage] = []
        self._kind = np.zeros(len(passages), dtype=np.int32)
        for row, passage in enumerate(passages):
            kind = (passage.audience, passage.valid_from, passage.replaced_from)
            if kind not in kinds:
                kinds[kind] = len(kinds)
                self._examples.append(passage)
            self._kind[row] = kinds[kind]

    def seen(self, grants: frozenset[str], on: date) -> NDArray[np.bool_]:
        """One truth value a passage: whether a reader with these grants may be told it on that day."""
        told = np.array([visible(example, grants, on) for example in self._examples], dtype=np.bool_)
        return told[self._kind] if self._examples else np.zeros(0, dtype=np.bool_)
