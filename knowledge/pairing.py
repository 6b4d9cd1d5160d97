"""Reads a question and a text together and says how likely the text answers it.

Likeness alone cannot tell "how heavy is the suit" from "what colour is the suit" when the text speaks of the suit's
weight; a small reader that sees both texts at once can, to a degree. It comes with the package and runs on the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from knowledge import embedding

SHIPPED: Final = Path(__file__).parent / "models" / "answering" / "pairs.onnx"
QUESTION_TOKENS: Final = 48
BEFORE_TOKENS: Final = 56
TITLE_TOKENS: Final = 16
TEXT_TOKENS: Final = 96

Odds = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """Something that could be said in answer, and what stands before it on its page: headings, the last sentence."""

    before: str
    said: str


class PairReader(Protocol):
    """Anything that can say how well texts answer a question."""

    def odds(self, question: str, texts: Sequence[Text]) -> Odds:
        """Log-odds, one a text, that the text answers the question."""
        ...


class ShippedPairs:
    """The pair reader that comes with the package. One object may be shared by threads."""

    def __init__(
        self, model: Path = SHIPPED, *, tokens: Path = embedding.SHIPPED / "tokenizer.json", threads: int = 2
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(str(tokens))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._threads = threads

    def odds(self, question: str, texts: Sequence[Text]) -> Odds:
        """Log-odds, one a text, that what it says answers the question."""
        asked = _earliest(self._ids(question, QUESTION_TOKENS), QUESTION_TOKENS)
        if len(texts) == 1:
            return np.array([self._one(asked, texts[0])], np.float32)
        with ThreadPoolExecutor(self._threads) as pool:
            found = list(pool.map(lambda text: self._one(asked, text), texts))
        return np.array(found, dtype=np.float32)

    def _ids(self, text: str, limit: int) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text[: limit * 40].encode("utf-8", "ignore").decode("utf-8")).ids
        return ids

    def _one(self, asked: list[int], text: Text) -> float:
        before = latest(self._ids(text.before, BEFORE_TOKENS)[1:], BEFORE_TOKENS)
        said = _earliest(self._ids(text.said, TEXT_TOKENS)[1:], TEXT_TOKENS)
        ids = np.array([asked + before + said], np.int32)
        kinds = np.array([[0] * (len(asked) + len(before)) + [1] * len(said)], np.int32)
        (odds,) = self._session.run(["odds"], {"ids": ids, "kinds": kinds, "mask": np.ones_like(ids)})
        return float(odds[0])


def latest(ids: list[int], limit: int) -> list[int]:
    """The first few and the last of too many tokens: the title, and what stands right before."""
    return ids if len(ids) <= limit else [*ids[:TITLE_TOKENS], *ids[TITLE_TOKENS - limit :]]


def _earliest(ids: list[int], limit: int) -> list[int]:
    return ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]]
