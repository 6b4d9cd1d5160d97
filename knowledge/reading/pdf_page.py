"""One page of a PDF: from glyphs to lines of text and ruled tables, in the order in which they are read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from pdfplumber.page import Page
from pdfplumber.table import Table as Ruled

from knowledge.reading.characters import clean, line

_GLYPH = re.compile(r"\(cid:\d+\)")  # a glyph whose character the file does not tell
_COLUMN_GAP = 9.0  # points between two columns at least
_WIDEST_GUTTER = 48.0  # points; more stands between the columns of a table without lines, which is read row by row
_COLUMN_ROWS = 6  # rows that two columns share at least
_COLUMN_SHARE = 0.6
_TOUCHING = 0.1  # of the size: a narrower gap is none


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of text: its box (points from the page's upper left corner), size and weight."""

    text: str
    page: int
    x0: float
    x1: float
    top: float
    bottom: float
    size: float
    bold: bool
    height: float  # of the page


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """A table as it stands on one page."""

    rows: tuple[tuple[str, ...], ...]
    bold: bool  # whether its first row is
    size: float  # of most of its letters
    page: int
    x0: float
    x1: float
    top: float


Piece = Line | Grid


def pieces(page: Page) -> Iterator[Piece]:
    """Lines and tables of a page, from its top to its bottom; of two columns, the left one first."""
    page = page.dedupe_chars()  # some programs make bold by printing twice
    grids = [grid for grid in page.find_tables() if _is_table(grid)]
    words = [
        _word(found, page)
        for found in page.extract_words(extra_attrs=["fontname", "size"])
        if not any(_is_inside(found, grid.bbox) for grid in grids)
    ]
    rows = _rows(words)
    gutter = _gutter(rows, float(page.width))
    lines = [_joined(part) for row in rows for part in _parts(row, gutter)]
    yield from _in_reading_order([*lines, *(_grid(grid, page) for grid in grids)], gutter)


def _is_table(grid: Ruled) -> bool:
    """Whether ruled lines make a table: a frame around a paragraph, or a ruled-off column, does not."""
    return len(grid.rows[0].cells) > 1 and any(cell for row in grid.extract() for cell in row)


def _word(found: dict[str, Any], page: Page) -> Line:
    return Line(
        text=_told(found["text"]),
        page=page.page_number,
        x0=found["x0"],
        x1=found["x1"],
        top=found["top"],
        bottom=found["bottom"],
        size=found["size"],
        bold=_is_bold(found["fontname"]),
        height=float(page.height),
    )


def _told(text: str) -> str:
    """Characters as they read; a glyph without a character is what a list begins with, or nothing."""
    return "•" if _GLYPH.fullmatch(text) else _GLYPH.sub("", text)


def _is_bold(font: object) -> bool:
    return bool(re.search(r"bold|black|heavy|semibold|demi", str(font), re.IGNORECASE))


def _is_inside(found: dict[str, Any], box: tuple[float, float, float, float]) -> bool:
    x0, top, x1, bottom = box
    return bool(x0 <= (found["x0"] + found["x1"]) / 2 <= x1 and top <= (found["top"] + found["bottom"]) / 2 <= bottom)


def _rows(words: Sequence[Line]) -> list[list[Line]]:
    """Words at one height, each row from left to right."""
    rows: list[list[Line]] = []
    for word in sorted(words, key=lambda word: (word.bottom + word.top) / 2):
        middle = (word.top + word.bottom) / 2
        if rows and any(other.top <= middle <= other.bottom for other in rows[-1]):
            rows[-1].append(word)
        else:
            rows.append([word])
    return [sorted(row, key=lambda word: word.x0) for row in rows]


def _gutter(rows: Sequence[Sequence[Line]], width: float) -> float | None:
    """Where the space between two columns is: an x at which most rows that reach over it have a gap."""
    best: tuple[int, float] | None = None
    for x in range(int(width * 0.35), int(width * 0.65), 2):
        across = [row for row in rows if row[0].x0 < x - _COLUMN_GAP < x + _COLUMN_GAP < row[-1].x1]
        parted = sum(_COLUMN_GAP <= _gap_at(row, x) <= _WIDEST_GUTTER for row in across)
        if parted >= _COLUMN_ROWS and parted >= _COLUMN_SHARE * len(across) and (best is None or parted > best[0]):
            best = parted, float(x)
    return best[1] if best else None


def _gap_at(row: Sequence[Line], x: float) -> float:
    return max((right.x0 - left.x1 for left, right in pairwise(row) if left.x1 <= x <= right.x0), default=0.0)


def _parts(row: list[Line], gutter: float | None) -> list[list[Line]]:
    if gutter is None or _gap_at(row, gutter) < _COLUMN_GAP:
        return [row]
    return [[word for word in row if word.x0 < gutter], [word for word in row if word.x0 >= gutter]]


def _joined(words: Sequence[Line]) -> Line:
    """A row of words as one line; its size is that of most of its characters, its weight that of all."""
    sizes: Counter[float] = Counter()
    for word in words:
        sizes[round(word.size * 2) / 2] += len(word.text)
    return replace(
        words[0],
        text=line("".join(_spaced(before, word) for before, word in zip([None, *words], words, strict=False))),
        x1=max(word.x1 for word in words),
        top=min(word.top for word in words),
        bottom=max(word.bottom for word in words),
        size=sizes.most_common(1)[0][0],
        bold=all(word.bold for word in words),
    )


def _spaced(before: Line | None, word: Line) -> str:
    """A word behind a space, unless it follows at once: a change of font alone parts no word."""
    touches = before is None or word.x0 - before.x1 < _TOUCHING * word.size
    return word.text if touches and before is not None and before.text != "•" else f" {word.text}"


def _in_reading_order(pieces: Sequence[Piece], gutter: float | None) -> list[Piece]:
    """By height, or in columns by bands: what reaches over the gutter closes a band."""
    by_height = sorted(pieces, key=lambda piece: (piece.top, piece.x0))
    if gutter is None:
        return by_height
    ordered: list[Piece] = []
    band: list[Piece] = []
    for piece in by_height:
        if piece.x0 < gutter < piece.x1:
            ordered += [*_columns(band, gutter), piece]
            band = []
        else:
            band.append(piece)
    return ordered + _columns(band, gutter)


def _columns(band: Sequence[Piece], gutter: float) -> list[Piece]:
    return [piece for piece in band if piece.x0 < gutter] + [piece for piece in band if piece.x0 >= gutter]


def _grid(grid: Ruled, page: Page) -> Grid:
    rows = [[unwrapped(clean(cell or "").splitlines(), frozenset()) for cell in row] for row in grid.extract()]
    head = page.crop(grid.rows[0].bbox, strict=False).chars
    letters = [char for char in head if char["text"].strip()]
    sizes = Counter(round(char["size"] * 2) / 2 for char in page.crop(grid.bbox, strict=False).chars)
    return Grid(
        rows=tuple(tuple(row) for row in rows if any(row)),
        bold=bool(letters) and all(_is_bold(char["fontname"]) for char in letters),
        size=sizes.most_common(1)[0][0] if sizes else 0.0,
        page=page.page_number,
        x0=grid.bbox[0],
        x1=grid.bbox[2],
        top=grid.bbox[1],
    )


def unwrapped(lines: Sequence[str], words: Collection[str]) -> str:
    """Lines as one. A hyphen at a line's end goes unless the document writes the word with it elsewhere."""
    whole = ""
    for said in lines:
        if whole.endswith("-") and said[:1].islower():
            head, tail = re.search(r"[\w-]*$", whole), re.match(r"[\w-]*", said)
            joined = f"{head[0] if head else ''}{tail[0] if tail else ''}".casefold()
            whole = whole + said if joined in words else whole[:-1] + said
        elif whole.endswith("-") and re.search(r"\w-$", whole):
            whole += said  # "X-" before a capital or a number is a compound
        else:
            whole = f"{whole} {said}"
    return line(whole)
