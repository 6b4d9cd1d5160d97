"""The cues of the mission pack's format, and what a reader of a message reports. Values only."""

from __future__ import annotations

from dataclasses import dataclass

CUES: tuple[str, ...] = (
    "anxiety",
    "anger",
    "disappointment",
    "grief",
    "isolation",
    "confusion",
    "distrust",
    "embarrassment",
    "withdrawal",
    "exposure",
    "conflict",
    "medical",
    "safety",
    "unmet_expectation",
    "legal",
    "asks_for_person",
    "crisis",
    "joy",
    "gratitude",
    "relief",
    "pride",
    "curiosity",
)
"""Every cue, in the order of the format's table."""

PLEASANT: frozenset[str] = frozenset({"joy", "gratitude", "relief", "pride", "curiosity"})
"""The cues of the table's last row: they never add strain."""

TROUBLED: frozenset[str] = frozenset(CUES) - PLEASANT
"""The cues above the table's last row: each adds strain by its intensity."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cue:
    """One emotional signal in one message: its name, its intensity (0..1), and the words that carried it."""

    name: str
    intensity: float
    words: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What one version of a cue reader saw in one message.

    `unread_language` says that the message is in a language which that reader cannot read: then the absence
    of cues means nothing.
    """

    cues: tuple[Cue, ...]
    version: str
    unread_language: bool = False
