"""What a message says about how somebody is: the cues, one reading of them, and who reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from escalation.signals import CUES, PLEASANT, TROUBLED, Cue, Reading

__all__ = ["CUES", "PLEASANT", "TROUBLED", "Cue", "CueReader", "Reading", "shipped_reader"]


class CueReader(Protocol):
    """Reads cues. The same text always gives the same reading under the same `version`."""

    version: str

    def read(self, text: str, before: Sequence[str] = ()) -> Reading:
        """The cues of `text`; `before` are the same customer's earlier messages, oldest first. Never fails
        on a text."""
        ...


def shipped_reader() -> CueReader:
    """The reader that comes with the package; it reads English and takes about a tenth of a second to load.

    Raises `escalation.reader.ReaderError` when its files are missing or damaged.
    """
    from escalation.reader import OnnxReader  # numpy and onnxruntime load only where messages are read

    return OnnxReader()
