"""The sentence encoder that all systems of a run share, so that what differs is never the encoder's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from langchain_core.embeddings import Embeddings

from knowledge.embedding import MiniLM, Vector
from knowledge.sentences import sentences

PORTION = 64


class Shared(Embeddings):
    """`MiniLM` that computes no text twice, as LangChain and as `knowledge` ask for vectors.

    `lent` are vectors by sentence: whatever holds such a sentence gets that vector, and nobody waits for an encoder.
    """

    def __init__(self, lent: Mapping[str, Vector] | None = None) -> None:
        self._encoder = MiniLM()
        self._known: dict[str, Vector] = {}
        self._lent = lent or {}
        self.name = self._encoder.name

    def vectors(self, texts: Sequence[str]) -> Vector:
        """One row a text."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        if self._lent:
            self._borrow(missing)
            missing = [text for text in missing if text not in self._known]
        if missing:
            self._known.update(zip(missing, self._encoder.vectors(missing), strict=True))
        return np.array([self._known[text] for text in texts], np.float32)

    def _borrow(self, texts: Sequence[str]) -> None:
        for text in texts:
            among = sentences(text.partition("\n")[2]) + sentences(text)  # the first line is mostly a title
            row = next((self._lent[one] for one in among if one in self._lent), None)
            if row is not None:
                self._known[text] = row

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """See LangChain's `Embeddings`."""
        found: list[list[float]] = self.vectors(texts).tolist()
        return found

    def embed_query(self, text: str) -> list[float]:
        """See LangChain's `Embeddings`."""
        return self.embed_documents([text])[0]

    def read(self, texts: Sequence[str], told: Callable[[int], None]) -> None:
        """Reads texts ahead; `told` is given how many more are done."""
        for start in range(0, len(texts), PORTION):
            told(len(self.vectors(texts[start : start + PORTION])))
