"""What goes between the documents, a chat model and whoever checks it: inert values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from knowledge.answer import Abstention, Answer, Reading
from knowledge.passages import Passage

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Consulted:
    """What the documents' own sentences come to, what was weighed for it, and from what the judge answers."""

    outcome: Answer | Abstention
    reading: Reading
    threshold: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a model is asked to answer, and from what; passages are numbered from 1 in their order."""

    question: str
    before: tuple[str, ...]
    passages: tuple[Passage, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A sentence as the model has it, with the numbers of the passages that it is said to be taken from."""

    text: str
    passages: tuple[int, ...]


class Think(Protocol):
    """Runs something that keeps a processor busy, away from the event loop."""

    async def __call__(self, do: Callable[[], T], /) -> T:
        """What it comes to."""
        ...
