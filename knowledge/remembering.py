"""Models that keep what they said lately: the same sentences come up again and again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from knowledge.pairing import PairReader, Text
from knowledge.search import Encoder, Vector
from knowledge.sentence_vectors import SentenceVectors

VECTORS_KEPT: Final = 8_192


class RememberedPairs:
    """A pair reader that keeps what it said of the last pairs: an answer of one sentence was read already."""

    def __init__(self, pairs: PairReader, capacity: int = 512) -> None:
        self._pairs = pairs
        self._capacity = capacity
        self._kept: OrderedDict[tuple[str, Text], float] = OrderedDict()
        self._lock = threading.Lock()

    def odds(self, question: str, texts: Sequence[Text]) -> NDArray[np.float32]:
        """One number a text."""
        with self._lock:
            known = {text: self._kept[question, text] for text in texts if (question, text) in self._kept}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            known.update(zip(missing, map(float, self._pairs.odds(question, missing)), strict=True))
        with self._lock:
            self._kept.update(((question, text), known[text]) for text in missing)
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
        return np.array([known[text] for text in texts], np.float32)


class RememberedVectors:
    """An encoder that keeps the vectors of recently read texts: the same sentences come up again and again."""

    def __init__(self, encoder: Encoder, written: SentenceVectors, capacity: int = VECTORS_KEPT) -> None:
        """`written`: what need not be read at all, because an ingest has."""
        self._encoder = encoder
        self._written = written
        self._capacity = capacity
        self._kept: OrderedDict[str, Vector] = OrderedDict()
        self._lock = threading.Lock()

    def vectors(self, texts: Sequence[str]) -> Vector:
        """One row a text."""
        with self._lock:
            known = {text: self._kept[text] for text in texts if text in self._kept}
        known |= self._written.get([text for text in dict.fromkeys(texts) if text not in known])
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            known.update(zip(missing, self._encoder.vectors(missing), strict=True))
        with self._lock:
            for text in texts:
                self._kept[text] = known[text]
                self._kept.move_to_end(text)
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
        return np.array([known[text] for text in texts], dtype=np.float32)
