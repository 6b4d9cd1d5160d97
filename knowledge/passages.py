"""A passage: the smallest piece of a document that is searched, cited and allowed or refused as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

Kind = Literal["paragraph", "list", "table", "definition", "caveat"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """One paragraph, list, table row, definition or caveat, with all that decides who may read it and when."""

    id: str  # document#position-hash: stable while the text stands where it stands
    document: str
    title: str
    anchor: str  # "p. 12, Personal items" or "Personal items"
    heading: str  # path of headings, joined by " › "
    text: str
    kind: Kind
    position: int
    audience: frozenset[str]
    valid_from: date | None = None
    replaced_from: date | None = None  # first day on which a newer document speaks in this one's place
    caveat: str | None = None


def visible(passage: Passage, grants: frozenset[str], on: date) -> bool:
    """Whether a reader who holds `grants` may be told this passage on that day (PACK.md, who may see documents)."""
    if passage.audience.isdisjoint(grants):
        return False
    if passage.valid_from is not None and on < passage.valid_from:
        return False
    return passage.replaced_from is None or on < passage.replaced_from


_BREADTH = {"mission": 0, "organisation": 1, "flight": 2, "everyone": 3}


def breadth(passage: Passage, grants: Iterable[str]) -> int:
    """How widely the audience by which this reader may see the passage reaches; smaller is narrower.

    Of two documents that speak the narrower counts: mission before organisation before flight before
    everyone. `stewards` ranks with `everyone`: it is about the reader's role, not about their mission.
    """
    shared = passage.audience.intersection(grants)
    return min((_BREADTH.get(grant.partition(":")[0], 3) for grant in shared), default=4)
