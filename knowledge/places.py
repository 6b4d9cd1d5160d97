"""Where generations of an index are kept, and which one is the present: a folder, or a Chroma server."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from knowledge import generations
from knowledge.generations import IndexDamaged, Manifest
from knowledge.store import SEGMENTS, SYNCED_AT, Store, damage, in_process


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A generation that is not removed until it is released."""

    name: str
    manifest: Manifest
    release: Callable[[], None]


class Place(Protocol):
    """Where generations are kept. A generation is written under a name of its own, finished, and then switched to."""

    searches: bool
    """Whether the place itself is asked for what is near; else the vectors are read into memory."""

    def current(self) -> str | None:
        """The present generation's name, None where there is none. Raises `IndexDamaged`."""
        ...

    def hold(self) -> Held:
        """The present generation. Raises `IndexMissing` or `IndexDamaged`."""
        ...

    def fresh(self) -> str:
        """A name, never used before, under which the next generation is written."""
        ...

    def open(self, generation: str, collection: str, *, create_for: int | None = None) -> Store:
        """One collection of a generation, created for so many passages where that is given."""
        ...

    def guard(self, generation: str) -> AbstractContextManager[None]:
        """Turns what Chroma raises into errors of this package, which say what to do."""
        ...

    def settle(self, generation: str, collection: str, names: Sequence[str]) -> None:
        """Bring a collection that is all written, with rows of these names, into the form in which it stays."""
        ...

    def files(self, generation: str) -> Mapping[str, str]:
        """Hashes of the generation's files that Chroma trusts blindly."""
        ...

    def beside(self, generation: str) -> Path | None:
        """The folder in which files of a generation may lie beside its rows, None where there is none."""
        ...

    def check(self, generation: str, manifest: Manifest) -> None:
        """Raises `IndexDamaged` where those files are not what the manifest says."""
        ...

    def switch(self, generation: str, manifest: Manifest) -> None:
        """Make a generation whose rows are all written the present one, in one step that a crash cannot halve."""
        ...

    def tidy(self) -> None:
        """Remove what nobody reads: half-written generations, and all finished ones but the present and the last."""
        ...

    def close(self) -> None:
        """Let go of what is open, if anything."""
        ...


class OnDisk:
    """Generations as folders, each with a Chroma of its own. See `knowledge.generations`."""

    searches = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def current(self) -> str | None:
        return generations.current(self._folder)

    def hold(self) -> Held:
        path, reading = generations.hold(self._folder)
        try:
            manifest = Manifest.read(path)
        except BaseException:
            os.close(reading)
            raise
        return Held(name=path.name, manifest=manifest, release=lambda: os.close(reading))

    def fresh(self) -> str:
        return generations.fresh(self._folder).name

    def open(self, generation: str, collection: str, *, create_for: int | None = None) -> Store:
        client = in_process(self._folder / generation)
        return Store(client, collection, client.close, create_for=create_for)

    def guard(self, generation: str) -> AbstractContextManager[None]:
        return damage(str(self._folder / generation))

    def settle(self, generation: str, collection: str, names: Sequence[str]) -> None:
        if len(names) <= SYNCED_AT:  # all of them were written at once, with the last one
            return
        with closing(self.open(generation, collection)) as store:
            store.settle()
        with closing(self.open(generation, collection)) as store:
            store.vectors(names[:1])

    def files(self, generation: str) -> Mapping[str, str]:
        return generations.digests(self._folder / generation, SEGMENTS)

    def beside(self, generation: str) -> Path | None:
        return self._folder / generation

    def check(self, generation: str, manifest: Manifest) -> None:
        path = self._folder / generation
        try:
            found = self.files(generation)
        except OSError as error:
            raise IndexDamaged(f"{path} cannot be read ({error}): ingest again") from error
        if any(found.get(name) != known for name, known in manifest.files.items()):
            raise IndexDamaged(f"files in {path} are missing or were changed: ingest again")

    def switch(self, generation: str, manifest: Manifest) -> None:
        manifest.write(self._folder / generation)
        generations.switch(self._folder, self._folder / generation)

    def tidy(self) -> None:
        generations.tidy(self._folder)

    def close(self) -> None:
        """Nothing is kept open."""
