"""The vectors of a generation's sentences, in two files that are mapped into memory and never changed.

    sentence-keys.bin      16 bytes of hash a sentence, sorted
    sentence-vectors.bin   its vector in the same order, half precision

A question is compared with every sentence of the best passages; reading them anew each time would take longer than
all the rest of an answer. Sentences that stand in many documents are kept once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

KEYS: Final = "sentence-keys.bin"
VECTORS: Final = "sentence-vectors.bin"
_HASH: Final = 16
_AT_ONCE: Final = 256


class SentenceVectors:
    """What was embedded, by text. Threads may share it."""

    def __init__(self, keys: NDArray[np.void], vectors: NDArray[np.float16]) -> None:
        self._keys = keys
        self._vectors = vectors

    @classmethod
    def nothing(cls) -> SentenceVectors:
        """No sentence at all."""
        return cls(np.empty(0, f"V{_HASH}"), np.empty((0, 0), np.float16))

    @classmethod
    def open(cls, generation: Path) -> SentenceVectors:
        """The files in a generation's folder. Raises OSError or ValueError where they are not what was written."""
        if not (generation / KEYS).stat().st_size:
            return cls.nothing()
        keys = np.memmap(generation / KEYS, dtype=f"V{_HASH}", mode="r")
        numbers = np.memmap(generation / VECTORS, dtype=np.float16, mode="r")
        return cls(keys, numbers.reshape(len(keys), -1))

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, texts: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of those texts that are known."""
        if not len(self._keys) or not texts:
            return {}
        asked = np.array([_hash(text) for text in texts], dtype=f"V{_HASH}")
        places = np.minimum(np.searchsorted(_ordered(self._keys), _ordered(asked)), len(self._keys) - 1)
        known = self._keys[places] == asked
        rows = self._vectors[places[known]].astype(np.float32)
        return dict(zip((t for t, k in zip(texts, known.tolist(), strict=True) if k), rows, strict=True))


def write(
    generation: Path,
    texts: Iterable[str],
    before: SentenceVectors,
    embed: Callable[[Sequence[str]], Vectors],
) -> int:
    """Writes both files for these texts; how many had to be embedded because `before` does not know them."""
    keys: list[bytes] = []
    seen: set[bytes] = set()
    embedded = 0
    rough = generation / "sentence-vectors.rough"
    with rough.open("wb") as file:
        for some in _portions(texts):
            new = [(key, text) for key, text in ((_hash(text), text) for text in some) if key not in seen]
            new = list(dict(new).items())
            known = before.get([text for _, text in new])
            missing = [text for _, text in new if text not in known]
            if missing:
                known |= zip(missing, embed(missing), strict=True)
                embedded += len(missing)
            for key, text in new:
                file.write(np.asarray(known[text], np.float16).tobytes())
                keys.append(key)
                seen.add(key)
    _sort(generation, rough, keys)
    return embedded


def _sort(generation: Path, rough: Path, keys: Sequence[bytes]) -> None:
    found = np.array(keys, dtype=f"V{_HASH}")
    order = np.argsort(_ordered(found), kind="stable") if len(found) else np.empty(0, np.intp)
    found[order].tofile(generation / KEYS)
    with (generation / VECTORS).open("wb") as file:
        if len(found):
            vectors = np.memmap(rough, dtype=np.float16, mode="r").reshape(len(found), -1)
            for start in range(0, len(found), _AT_ONCE):
                file.write(vectors[order[start : start + _AT_ONCE]].tobytes())
    rough.unlink()


def _portions(texts: Iterable[str]) -> Iterator[list[str]]:
    portion: list[str] = []
    for text in texts:
        portion.append(text)
        if len(portion) == _AT_ONCE:
            yield portion
            portion = []
    if portion:
        yield portion


def _ordered(keys: NDArray[np.void]) -> NDArray[np.bytes_]:
    """The same hashes as numpy can compare them. Trailing zero bytes are cut there, which keeps the order."""
    return keys.view(f"S{_HASH}")


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_HASH).digest()
