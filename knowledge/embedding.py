"""Turns texts into vectors on this machine, with the sentence encoder that comes with the package.

The encoder is all-MiniLM-L6-v2 with eight-bit weights (see `training/encoder.py`). Nothing is downloaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray
from tokenizers import Tokenizer

from knowledge.errors import KnowledgeError

SHIPPED: Final = Path(__file__).parent / "models" / "minilm"
WIDTH: Final = 384
"""Numbers in a vector."""
LONGEST: Final = 256
"""Tokens of a text that are read; the encoder was trained on no longer ones."""

Vector = NDArray[np.float32]


class EncoderError(KnowledgeError):
    """A file of the sentence encoder is missing: install the package again, or rebuild it."""


class MiniLM(Embeddings):
    """Unit vectors whose inner product is the cosine similarity of two texts.

    A text's vector depends on that text alone: texts are run one by one, each at its own length, because
    the integers inside the encoder are scaled over everything that runs together. `threads` texts are
    computed at a time; one object may be shared by threads.
    """

    def __init__(self, folder: Path = SHIPPED, *, threads: int = 2) -> None:
        """Raises `EncoderError` when a file in the folder is missing."""
        model, tokenizer = (_content(folder / name) for name in ("model.onnx", "tokenizer.json"))
        self.name: Final = f"minilm-{hashlib.sha256(model + tokenizer).hexdigest()[:12]}"
        """Changes whenever the vectors could: an index made under another name must be made anew."""
        self._threads = threads
        self._tokenizer = Tokenizer.from_buffer(tokenizer)
        self._tokenizer.enable_truncation(LONGEST)
        self._session = onnxruntime.InferenceSession(model, _options(), providers=["CPUExecutionProvider"])

    def embed_query(self, text: str) -> list[float]:
        """The vector of one text."""
        found: list[float] = self.vector(text).tolist()
        return found

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """The vectors of many texts, in their order."""
        found: list[list[float]] = self.vectors(texts).tolist()
        return found

    def vector(self, text: str) -> Vector:
        """`embed_query` as an array of 384 numbers."""
        ids = np.array([self._tokenizer.encode(_readable(text)).ids], np.int32)
        vector: Vector = self._session.run(["vectors"], {"ids": ids, "mask": np.ones_like(ids)})[0][0]
        return vector

    def vectors(self, texts: Sequence[str]) -> Vector:
        """`embed_documents` as an array of one row a text. Equal texts are computed once, the longest
        first."""
        distinct = sorted(set(texts), key=len, reverse=True)
        if len(distinct) == 1:
            return np.repeat(self.vector(distinct[0])[np.newaxis], len(texts), axis=0)
        with ThreadPoolExecutor(self._threads) as pool:
            found = dict(zip(distinct, pool.map(self.vector, distinct), strict=True))
        return np.array([found[text] for text in texts], np.float32).reshape(len(texts), WIDTH)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise EncoderError(f"{file}: {error.strerror}. Install the package again, or rebuild the model") from error


def _readable(text: str) -> str:
    """What can reach the 256th token, without halves of characters that no encoding has."""
    return text[: LONGEST * 40].encode("utf-8", "ignore").decode("utf-8")


def _options() -> onnxruntime.SessionOptions:
    """One thread inside a run: `vectors` computes several texts at once, which waits less on a busy
    machine."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return options
