"""What an ingest can take over from the present generation: text that did not change costs nothing again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Final, Self

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from knowledge.index import (
    FINDING,
    ROWS,
    IndexMissing,
    IndexOutdated,
    IndexUnusable,
    embedding_name,
    sentences_of,
    verified,
)
from knowledge.kept_vectors import hash_of
from knowledge.passages import Passage
from knowledge.places import Held, Place
from knowledge.sentence_vectors import SentenceVectors
from knowledge.store import Store, context

Vector = NDArray[np.float32]


class Before:
    """The present generation as an ingest sees it: where everything stands in it, and nothing of what stands there.

    Passages and vectors are read when they are needed, so that an ingest's memory does not grow with them.
    """

    def __init__(
        self,
        place: Place,
        held: Held,
        rows: Store,
        finding: Store | None,
        documents: Mapping[str, Sequence[str]],
        texts: Mapping[bytes, str],
        opened: ExitStack,
    ) -> None:
        self.manifest: Final = held.manifest
        self.name: Final = held.name
        self._place = place
        self._rows = rows
        self._finding = finding
        self._documents = documents
        self._texts = texts
        self._opened = opened

    @classmethod
    def open(cls, place: Place, embeddings: Embeddings, finding: Embeddings | None) -> tuple[Self | None, str | None]:
        """The present generation, checked; or why there is none that can be used, None where there never was one."""
        try:
            return cls._checked(place, embeddings, finding), None
        except IndexMissing:
            return None, None
        except IndexUnusable as error:
            return None, str(error)

    @classmethod
    def _checked(cls, place: Place, embeddings: Embeddings, finding: Embeddings | None) -> Self:
        with ExitStack() as undo:
            held = place.hold()
            undo.callback(held.release)
            if held.manifest.embedding != embedding_name(embeddings):
                raise IndexOutdated(f"{held.name} was made with {held.manifest.embedding}: it is made anew")
            place.check(held.name, held.manifest)
            with place.guard(held.name):
                rows = place.open(held.name, ROWS)
                undo.callback(rows.close)
                other = None
                if finding is not None and held.manifest.finding == embedding_name(finding):
                    other = place.open(held.name, FINDING)
                    undo.callback(other.close)
                documents: dict[str, list[str]] = {}
                texts: dict[bytes, str] = {}
                for passage in (one for portion in verified(rows, held.manifest, held.name) for one in portion):
                    documents.setdefault(passage.document, []).append(passage.id)
                    texts[hash_of(context(passage))] = passage.id
            return cls(place, held, rows, other, documents, texts, undo.pop_all())

    def passages(self, document: str) -> list[Passage]:
        """A document's passages in its order, as they were written."""
        with self._place.guard(self.name):
            return self._rows.passages(self._documents.get(document, ()))

    def vectors(self, texts: Sequence[str], *, finding: bool) -> dict[str, Vector]:
        """The vectors of those of the texts that stand in it; by the other embedding where `finding` is true."""
        store = self._finding if finding else self._rows
        known = {text: self._texts[key] for text in texts if (key := hash_of(text)) in self._texts}
        if not known or store is None:
            return {}
        with self._place.guard(self.name):
            found = store.vectors(list(set(known.values())))
        return {text: found[name] for text, name in known.items()}

    @property
    def sentences(self) -> SentenceVectors:
        """The vectors of its sentences."""
        return sentences_of(self._place, self.name)

    def close(self) -> None:
        """Let go of the files."""
        self._opened.close()
