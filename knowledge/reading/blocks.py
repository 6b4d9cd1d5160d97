"""What a page is made of, whatever the format: the values that every reader yields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.errors import KnowledgeError


class Unreadable(KnowledgeError):
    """A file that no text can be had from: `why`, and what its owner can do (`remedy`)."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(f"{why}; {remedy}")
        self.why = why
        self.remedy = remedy


@dataclass(frozen=True, kw_only=True, slots=True)
class Heading:
    """Opens a section. Level 1 is the outermost; an empty text closes the sections of its level and below."""

    level: int
    text: str
    page: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Paragraph:
    """Running text."""

    text: str
    page: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Items:
    """A list. `first` is the number of its first item where the items are numbered."""

    items: tuple[str, ...]
    first: int | None = None
    page: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row of a table, and the page that it stands on."""

    cells: tuple[str, ...]
    page: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows under a header; the header is empty where the table has none."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]
    caption: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """A term and what it means."""

    term: str
    meaning: str
    page: int | None = None


Block = Heading | Paragraph | Items | Table | Definition

_HEADER_WORDS = 6
_TOGETHER = 40  # words of an inner list that still reads well on one line


def table(rows: Sequence[Row], *, marked: bool | None = None, caption: str = "") -> Table:
    """A table of these rows. `marked` tells whether the file itself marks the first row as the header.

    Where it does not tell, the first row counts as the header, unless the table is a plain list of pairs
    ("Mass | 1.5 kg"): there it would turn the first pair into the name of all others.
    """
    rows = [row for row in rows if any(row.cells)]
    if len(rows) > 1 and len(rows[1].cells) > 1 and len(over := {cell for cell in rows[0].cells if cell}) == 1:
        return table(rows[1:], marked=marked, caption=caption or over.pop())  # one cell over all columns
    if rows and (marked or (marked is None and len(rows) > 1 and _names_columns(rows[0].cells))):
        return Table(header=rows[0].cells, rows=tuple(rows[1:]), caption=caption)
    return Table(header=(), rows=tuple(rows), caption=caption)


def nested(own: str, inner: Sequence[str]) -> list[str]:
    """The lines of a list's item that has a list inside: each can be read without the one above it."""
    if not inner or not own:
        return [own, *inner] if own else list(inner)
    told = own if own.endswith((":", ".", "!", "?")) else f"{own}:"
    whole = f"{told} {'; '.join(item.rstrip(';.') for item in inner)}"
    return [whole] if len(whole.split()) <= _TOGETHER else [f"{told} {item}" for item in inner]


def _names_columns(cells: Sequence[str]) -> bool:
    if len(cells) != 2:
        return True
    second = cells[1]  # "Aurora 2" names a column; "14 March", "up to 1.5 kg" and sentences are values
    is_value = re.match(r"\W*\d", second) or re.search(r"\d[\s.,]*[^\W\d]|\d\s*[%€$£°]", second)
    return not (is_value or second.endswith((".", "!", "?")) or len(second.split()) > _HEADER_WORDS)
