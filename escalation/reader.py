"""The reader of cues that comes with the package: a small network, and plain rules for what must not be
missed.

The network (`training/README.md` says how it came to be) reads a message in windows of 128 tokens; a cue
counts with its strongest window. The rules of `escalation.crisis` are added to it, so that neither can
silence the other.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NoModel,
    RuntimeException,
)
from tokenizers import Encoding, Tokenizer

from escalation import EscalationError, crisis, language, plain
from escalation.signals import CUES, Cue, Reading

SHIPPED: Final = Path(__file__).parent / "models" / "cues"
_WINDOW: Final = 126
"""Tokens of text that are read at once, beside the two that mark its ends."""
_STEP: Final = 94
"""Windows overlap by a quarter, so that no sentence is seen only in halves."""
_MOST_WINDOWS: Final = 32
"""A text with more is read in windows spread evenly over it: reading takes bounded time."""
_LONGEST: Final = 40_000
"""Characters that the network reads: of a longer text the two ends. The rules read all of it."""
_CARRIES: Final = 0.4
"""Share of the strongest word's weight from which a word counts as carrying a cue."""
_PASSAGES: Final = 3
_RULED: Final = {"crisis": 0.9, "asks_for_person": 0.6}
"""Intensity of a cue that a rule found, at least."""

_OnnxError: Final = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NoModel, RuntimeException)

_SURE: Final = 0.25
_CERTAIN: Final = 0.65
_EXPLAINS: Final = ("withdrawal", "asks_for_person")

Numbers = NDArray[np.float32]
_Piece = tuple[list[int], list[tuple[int, int]]]


class ReaderError(EscalationError):
    """The files of the cue reader are missing or damaged: install the package again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Window:
    """What the network says of one window, and where its tokens stand in the text."""

    cues: Numbers
    strength: Numbers
    carrying: Numbers
    offsets: Sequence[tuple[int, int]]


class OnnxReader:
    """Reads cues from English text, one message at a time; may be shared by threads.

    `before` is accepted and not used yet: this version reads each message by itself.
    """

    def __init__(self, folder: Path = SHIPPED) -> None:
        """Raises `ReaderError` when a file in the folder is missing, damaged or made for other cues."""
        try:
            model, tokenizer, card = (
                (folder / name).read_bytes() for name in ("model.onnx", "tokenizer.json", "cues.json")
            )
            self._session = onnxruntime.InferenceSession(model, _options(), providers=["CPUExecutionProvider"])
            self._tokenizer = Tokenizer.from_buffer(tokenizer)
            described = json.loads(card)
            if described["labels"] != list(CUES):
                raise ValueError("made for other cues")
            levels = [described["thresholds"][name] for name in CUES]
        except (OSError, ValueError, KeyError, *_OnnxError) as error:
            raise ReaderError(f"{folder}: {error}. Install the package again, or rebuild the reader") from error
        self.version = f"{described['version']}-{hashlib.sha256(model + tokenizer + card).hexdigest()[:8]}"
        self._levels: Final[Numbers] = np.array(levels, np.float32)
        self._words = frozenset(word for word in self._tokenizer.get_vocab() if not word.startswith("##"))
        self._start, self._end = (self._tokenizer.token_to_id(mark) for mark in ("[CLS]", "[SEP]"))

    def read(self, text: str, before: Sequence[str] = ()) -> Reading:
        """The cues of `text`."""
        clean = _SURROGATES.sub("\ufffd", text)
        heard = plain.heard(clean)
        found = {cue.name: cue for cue in self._heard(heard)}
        for said in plain.said(heard):
            if said.alone or said.cue in found:
                words = tuple(text[start:end] for start, end in said.spans)
                found[said.cue] = _at_least(said.intensity, said.cue, words, found.get(said.cue))
        for name, spans in (
            ("crisis", crisis.crisis(clean)),
            ("asks_for_person", crisis.asks_for_person(clean)),
        ):
            if spans:
                words = tuple(text[start:end] for start, end in spans)
                found[name] = _at_least(_RULED[name], name, words, found.get(name))
        cues = tuple(found[name] for name in CUES if name in found)
        return Reading(cues=cues, version=self.version, unread_language=language.unread(clean, self._words))

    def probabilities(self, text: str) -> Numbers:
        """What the network alone says of each cue, 0..1, before thresholds and rules."""
        windows = [window.cues for window in self._windows(_SURROGATES.sub("\ufffd", text))]
        return np.max(windows, axis=0) if windows else np.zeros(len(CUES), np.float32)

    def _heard(self, text: str) -> list[Cue]:
        """The cues above their thresholds, each read from the window that says it most strongly."""
        windows = self._windows(text)
        if not windows:
            return []
        probabilities = np.array([window.cues for window in windows])
        best = probabilities.argmax(axis=0)
        return [
            Cue(
                name=name,
                intensity=_tenths(windows[best[place]].strength[place]),
                words=_passages(text, windows[best[place]], place),
            )
            for place, name in enumerate(CUES)
            if self._counts(name, probabilities.max(axis=0), text)
        ]

    def _counts(self, name: str, odds: Numbers, text: str) -> bool:
        """Whether the network is sure enough of a cue.

        Of a crisis it says a little too often that it may be one: below _SURE a word of danger must stand in the text.
        Up to _CERTAIN one must if a wish to leave the programme, or for a person, would explain what it heard.
        """
        place = CUES.index(name)
        if odds[place] <= self._levels[place]:
            return False
        if name != "crisis" or odds[place] > _CERTAIN or plain.of_danger(text):
            return True
        explained = any(odds[CUES.index(other)] > self._levels[CUES.index(other)] for other in _EXPLAINS)
        return bool(odds[place] > _SURE and not explained)

    def _windows(self, text: str) -> list[_Window]:
        shift = max(0, len(text) - _LONGEST)
        half = _LONGEST // 2
        parts = [(0, text)] if not shift else [(0, text[:half]), (len(text) - half, text[-half:])]
        pieces = [piece for start, part in parts for piece in self._pieces(part, start)]
        return [self._run(ids, offsets) for ids, offsets in _spread(pieces)]

    def _pieces(self, text: str, shift: int) -> list[_Piece]:
        """Token numbers and places, a window at a time; nothing for a text without a token."""
        encoded: Encoding = self._tokenizer.encode(text, add_special_tokens=False)
        ids, places = encoded.ids, [(start + shift, end + shift) for start, end in encoded.offsets]
        last = max(1, len(ids) - (_WINDOW - _STEP))
        return [(ids[at : at + _WINDOW], places[at : at + _WINDOW]) for at in range(0, last, _STEP) if ids]

    def _run(self, ids: list[int], offsets: list[tuple[int, int]]) -> _Window:
        tokens = np.array([[self._start, *ids, self._end]], np.int32)
        cues, strength, carrying = self._session.run(
            ["cues", "strength", "carrying"], {"ids": tokens, "mask": np.ones_like(tokens)}
        )
        return _Window(cues=cues[0], strength=strength[0], carrying=carrying[0, 1:-1], offsets=offsets)


def _options() -> onnxruntime.SessionOptions:
    """One thread: a message is small, and several may be read at once."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return options


_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def _spread(pieces: Sequence[_Piece]) -> list[_Piece]:
    if len(pieces) <= _MOST_WINDOWS:
        return list(pieces)
    chosen = np.linspace(0, len(pieces) - 1, _MOST_WINDOWS).round().astype(int)
    return [pieces[place] for place in chosen]


def _at_least(intensity: float, name: str, words: tuple[str, ...], heard: Cue | None) -> Cue:
    """The cue that a rule found; the network's intensity counts where it is higher."""
    return Cue(name=name, intensity=max(intensity, heard.intensity if heard else 0.0), words=words)


def _tenths(value: float) -> float:
    """Rounded to tenths, and never nothing: a cue that is there has some intensity."""
    return max(0.1, round(float(value), 1))


def _passages(text: str, window: _Window, place: int) -> tuple[str, ...]:
    """The passages whose words carry the cue, whole words only, in the text's order."""
    weights = window.carrying[:, place]
    chosen = np.flatnonzero(weights >= _CARRIES * float(weights.max())).tolist()
    spans: list[tuple[int, int, float]] = []
    for token in chosen:
        start, end = _whole_word(text, *window.offsets[token])
        weight = float(weights[token])
        if spans and start <= spans[-1][1] + 1 + _GAP:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]), max(weight, spans[-1][2]))
        else:
            spans.append((start, end, weight))
    strongest = sorted(spans, key=lambda span: -span[2])[:_PASSAGES]
    passages = (text[start:end].strip() for start, end, _ in sorted(strongest))
    return tuple(passage for passage in passages if passage)


_GAP: Final = 6
"""Characters between two carrying words that are quoted with them: a short word in between."""


def _whole_word(text: str, start: int, end: int) -> tuple[int, int]:
    while start > 0 and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return start, end
