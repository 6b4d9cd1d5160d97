"""An index whose rows a Chroma server keeps, for more passages than one machine's memory, or for several machines.

    SPACE.catalogue                     which generation is the present one, and the manifest of each finished one
    SPACE.generation-000012-5e….rows    a generation's rows

Everything that workers must agree on is at the server: a worker on another machine reads the catalogue and needs
nothing else. The present generation is named by one row, which is replaced in one step.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from knowledge.errors import KnowledgeError
from knowledge.generations import IndexDamaged, IndexMissing, Manifest
from knowledge.places import Held
from knowledge.store import Store

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

ANSWERS_WITHIN: Final = 10.0
"""Seconds for one request. Chroma's client would wait for ever, and a question with it."""

_PRESENT: Final = "PRESENT"
_NAME: Final = re.compile(r"generation-(\d{6,})-[0-9a-f]{8}")
_NOWHERE: Final = [[1.0]]  # the catalogue's rows are never searched, and Chroma stores none without a vector


class IndexUnreachable(KnowledgeError):
    """The Chroma server that keeps the index does not answer: check CONCIERGE_INDEX_SERVER and the server."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A Chroma server's address, and the name under which this index's collections stand there beside others'."""

    url: str
    space: str


class AtServer:
    """Generations as collections of one Chroma server.

    A reader keeps nothing there locked. The present generation and the one before it stay: a reader learns of a newer
    one before each question, so that an older one than these two is read by nobody.
    """

    searches = True

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client: Client | None = None

    def current(self) -> str | None:
        with self.guard(_PRESENT):
            catalogue = self._catalogue()
            return _document(catalogue, _PRESENT) if catalogue is not None else None

    def hold(self) -> Held:
        name = self.current()
        if name is None:
            raise IndexMissing(f"there is no index {self._server.space} at {self._server.url}: ingest the documents")
        with self.guard(name):
            catalogue = self._catalogue()
            kept = _document(catalogue, name) if catalogue is not None else None
        if kept is None:
            raise IndexDamaged(f"the generation {name} at {self._server.url} is gone: ingest again")
        return Held(name=name, manifest=Manifest.parse(kept, f"{name} at {self._server.url}"), release=lambda: None)

    def fresh(self) -> str:
        with self.guard("the catalogue"):
            number = max((_number(name) for name in self._generations()), default=0) + 1
        return f"generation-{number:06}-{secrets.token_hex(4)}"

    def open(self, generation: str, collection: str, *, create_for: int | None = None) -> Store:
        name = f"{self._server.space}.{generation}.{collection}"
        return Store(self._connection(), name, lambda: None, create_for=create_for)

    @contextmanager
    def guard(self, generation: str) -> Iterator[None]:
        """What does not exist is damage, and everything else is a server that does not do what it is there for."""
        import httpx
        from chromadb.errors import ChromaError, NotFoundError

        where = f"{generation} of {self._server.space} at {self._server.url}"
        try:
            yield
        except NotFoundError as error:
            raise IndexDamaged(f"{where} is gone: ingest again") from error
        except (ChromaError, ValueError, httpx.HTTPError, OSError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise IndexUnreachable(f"{where} cannot be reached ({said}): check CONCIERGE_INDEX_SERVER") from error

    def settle(self, generation: str, collection: str, names: Sequence[str]) -> None:
        """A server does so by itself."""

    def files(self, generation: str) -> Mapping[str, str]:
        return {}

    def beside(self, generation: str) -> Path | None:
        return None

    def check(self, generation: str, manifest: Manifest) -> None:
        """A server's files are its own affair."""

    def switch(self, generation: str, manifest: Manifest) -> None:
        with self.guard(generation):
            name = f"{self._server.space}.catalogue"
            catalogue = self._connection().get_or_create_collection(name, embedding_function=None)
            catalogue.upsert(ids=[generation], documents=[manifest.text()], embeddings=cast(Any, _NOWHERE))
            catalogue.upsert(ids=[_PRESENT], documents=[generation], embeddings=cast(Any, _NOWHERE))

    def tidy(self) -> None:
        present = self.current()
        with self.guard("the catalogue"):
            catalogue = self._catalogue()
            if present is None or catalogue is None:
                return
            finished = sorted((name for name in catalogue.get(include=[])["ids"] if name != _PRESENT), key=_number)
            older = [name for name in finished if _number(name) < _number(present)]
            kept = {present, *older[-1:]}
            for name in self._collections():
                generation = self._generation(name)
                # One with a later number is being written, perhaps by another machine.
                if generation not in kept and _number(generation) <= _number(present):
                    self._connection().delete_collection(name)
            if gone := [name for name in finished if name not in kept and _number(name) <= _number(present)]:
                catalogue.delete(ids=gone)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            for session in _sessions(self._client):
                session.close()
            self._client = None

    def _connection(self) -> Client:
        if self._client is None:
            self._client = _connected(self._server.url)
        return self._client

    def _catalogue(self) -> Collection | None:
        from chromadb.errors import NotFoundError

        try:
            return self._connection().get_collection(f"{self._server.space}.catalogue", embedding_function=None)
        except NotFoundError:
            return None

    def _collections(self) -> list[str]:
        """Collections of this space's generations, finished or not."""
        known = (one.name for one in self._connection().list_collections())
        return [name for name in known if self._generation(name)]

    def _generation(self, collection: str) -> str:
        """The generation of a collection's name; "" where it is none of this space."""
        space, _, rest = collection.partition(".generation-")
        name = f"generation-{rest.partition('.')[0]}"
        return name if space == self._server.space and _NAME.fullmatch(name) else ""

    def _generations(self) -> set[str]:
        return {self._generation(name) for name in self._collections()}


def _connected(url: str) -> Client:
    import chromadb
    from chromadb.config import Settings

    parts = urlsplit(url)
    ssl = parts.scheme == "https"
    found = chromadb.HttpClient(
        host=parts.hostname or url,
        port=parts.port or (443 if ssl else 8000),
        ssl=ssl,
        settings=Settings(anonymized_telemetry=False),
    )
    client = cast("Client", found)  # Chroma announces an interface that cannot be closed
    for session in _sessions(client):
        session.timeout = ANSWERS_WITHIN
    return client


def _sessions(client: Client) -> list[Any]:
    """What a client's requests go through. It neither closes them when it is closed nor takes a time-out."""
    return [cast(Any, part)._server._session for part in (client, client._admin_client)]


def _document(catalogue: Collection, name: str) -> str | None:
    found = catalogue.get(ids=[name], include=["documents"])["documents"]
    return found[0] if found else None


def _number(name: str) -> int:
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else 0
