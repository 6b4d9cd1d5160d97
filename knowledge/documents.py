"""Documents into passages: what is read, cited, allowed and refused (PACK.md, "Documents and who may see them")."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from knowledge.errors import KnowledgeError
from knowledge.metadata import DocumentMeta, Problem, scan
from knowledge.passages import Kind, Passage
from knowledge.reading import html, markdown, pdf, plain, word
from knowledge.reading.blocks import Block, Unreadable
from knowledge.reading.characters import line
from knowledge.reading.cutting import cut

__all__ = ["READER", "DocumentMeta", "Passage", "Problem", "UnreadableDocument", "fingerprint", "load", "read", "scan"]

READER: Final = "1"
"""Changes whenever the same file would give other passages: an index of another reader's is made anew."""


class UnreadableDocument(KnowledgeError):
    """No text can be had from a document: which file, why, and what its owner can do."""

    def __init__(self, path: Path, why: str, remedy: str) -> None:
        super().__init__(f"{path.as_posix()} cannot be read: {why}. What to do: {remedy}.")
        self.path = path
        self.why = why
        self.remedy = remedy


_READERS: Final[Mapping[str, Callable[[bytes], Iterable[Block]]]] = {
    ".md": markdown.blocks,
    ".txt": plain.blocks,
    ".html": html.blocks,
    ".docx": word.blocks,
    ".pdf": pdf.blocks,
}


def read(documents: Path, meta: DocumentMeta, content: bytes | None = None) -> tuple[Passage, ...]:
    """The passages of one document in its order, its caveat last; `content` where the file is open already.

    Raises `UnreadableDocument`. `replaced_from` is left open: only all documents together know it.
    """
    content = load(documents, meta) if content is None else content
    try:
        found = _passages(meta, content)
    except Unreadable as error:
        raise UnreadableDocument(meta.path, error.why, error.remedy) from error
    if not found:
        raise UnreadableDocument(meta.path, "it has no text", "write something into it, or remove it")
    if meta.caveat:
        found.append(_passage(meta, len(found), line(meta.caveat), "caveat", (), None))
    return tuple(found)


def load(documents: Path, meta: DocumentMeta) -> bytes:
    """A document's file as it is. Raises `UnreadableDocument`."""
    try:
        return (documents / meta.path).read_bytes()
    except OSError as error:
        remedy = "check that the file is there and may be opened"
        raise UnreadableDocument(meta.path, error.strerror or str(error), remedy) from error


def fingerprint(kind: Kind, heading: str, text: str) -> str:
    """Eight hexadecimal digits that change with a passage's content: the end of its id."""
    return hashlib.sha256("\x1f".join((kind, heading, text)).encode()).hexdigest()[:8]


def _passages(meta: DocumentMeta, content: bytes) -> list[Passage]:
    if not content.strip():
        raise Unreadable("the file is empty", "write something into it, or remove it")
    blocks = _READERS[meta.path.suffix.lower()](content)
    return [
        _passage(meta, position, found.text, found.kind, found.headings, found.page)
        for position, found in enumerate(cut(blocks))
    ]


def _passage(
    meta: DocumentMeta, position: int, text: str, kind: Kind, headings: tuple[str, ...], page: int | None
) -> Passage:
    # A first heading that repeats the title would be said twice wherever title and heading stand together.
    if headings and headings[0].casefold() == meta.title.casefold():
        headings = headings[1:]
    heading = " › ".join(headings)
    return Passage(
        id=f"{meta.id}#{position}-{fingerprint(kind, heading, text)}",
        document=meta.id,
        title=meta.title,
        anchor=_anchor(meta, headings, page),
        heading=heading,
        text=text,
        kind=kind,
        position=position,
        audience=meta.audience,
        valid_from=meta.valid_from,
        caveat=meta.caveat,
    )


def _anchor(meta: DocumentMeta, headings: tuple[str, ...], page: int | None) -> str:
    """Where a reader finds it: the page where there are pages, and the innermost heading."""
    innermost = headings[-1:]
    if page is not None:
        return ", ".join((f"p. {page}", *innermost))
    return innermost[0] if innermost else meta.title
