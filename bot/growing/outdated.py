"""Answers that stood in documents which have since been replaced, changed or withdrawn. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from bot.ledger.answered import Given, Place
from knowledge.metadata import DocumentMeta
from knowledge.passages import Passage, visible


class Became(StrEnum):
    """What became of the document, or of the passage in it."""

    REPLACED = "replaced"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, kw_only=True, slots=True)
class Gone:
    """A passage that was quoted and does not stand any more; `by` is the document that replaces its document."""

    place: Place
    became: Became
    by: DocumentMeta | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outdated:
    """An answer that somebody was given, and what of it does not stand any more."""

    given: Given
    gone: tuple[Gone, ...]


class Standing:
    """What stands in the documents on one day, whoever may see it."""

    def __init__(self, passages: Iterable[Passage], metas: Sequence[DocumentMeta], on: date) -> None:
        self._metas = {meta.id: meta for meta in metas}
        self._on = on
        self._words = {(one.document, _fingerprint(one.id)) for one in passages if visible(one, one.audience, on)}

    def outdated(self, given: Iterable[Given]) -> tuple[Outdated, ...]:
        """Those of some answers of which a part does not stand any more."""
        looked_at = ((one, tuple(filter(None, map(self._gone, one.cited)))) for one in given)
        return tuple(Outdated(given=one, gone=gone) for one, gone in looked_at if gone)

    def _gone(self, place: Place) -> Gone | None:
        if (place.document, _fingerprint(place.passage)) in self._words:
            return None  # it may stand elsewhere on its page by now
        by = self._replacement(place.document)
        if by is not None:
            return Gone(place=place, became=Became.REPLACED, by=by)
        meta = self._metas.get(place.document)
        there = meta is not None and (meta.valid_from is None or meta.valid_from <= self._on)
        return Gone(place=place, became=Became.CHANGED if there else Became.WITHDRAWN)

    def _replacement(self, document: str) -> DocumentMeta | None:
        """The document that speaks in another's place on that day: of a row of replacements, the last."""
        seen: set[str] = set()
        found: DocumentMeta | None = None
        while document not in seen:
            seen.add(document)
            later = [
                meta
                for meta in self._metas.values()
                if document in meta.replaces and (meta.valid_from is None or meta.valid_from <= self._on)
            ]
            if later:
                found = max(later, key=lambda meta: (meta.valid_from or date.min, meta.id))
                document = found.id
        return found


def _fingerprint(passage: str) -> str:
    """The end of a passage's id, which changes with its words and not with its place."""
    return passage.rpartition("-")[2]
