"""PDF into blocks. A page only says which glyph stands where; lines, paragraphs and headings are read from that.

Headings are told by size and weight, paragraphs by space, indent and short last lines, lists by their marks.
What repeats in the margins is dropped. Tables come from their ruled lines, and go on over pages.
"""

from __future__ import annotations

import io
import logging
import re
import statistics
import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

import pdfplumber
from pdfminer.pdfdocument import PDFPasswordIncorrect
from pdfminer.psexceptions import PSException
from pdfplumber.utils.exceptions import MalformedPDFException, PdfminerException

from knowledge.reading import pdf_page
from knowledge.reading.blocks import Block, Heading, Items, Paragraph, Row, Unreadable, table
from knowledge.reading.pdf_page import Grid, Line, Piece, unwrapped

# Every page of a damaged file can break the parser at another place, and it has no error of its own for that.
_DAMAGE = (
    PdfminerException, MalformedPDFException, PSException, ValueError, LookupError, TypeError, AttributeError,
    AssertionError, ArithmeticError, RecursionError, NotImplementedError, OSError, EOFError, struct.error, zlib.error,
)  # fmt: skip

_BULLET = re.compile(r"(?:[•‣▪●◦·○■□–—*-]|(\d{1,3})[.)]|\(?[a-z][.)])\s+(?=\S)")
_PAGE_NUMBER = re.compile(
    r"\W*(?:page|seite|p\.?)?\s*(?:\d{1,4}|[ivxl]{1,6})(?:\s*(?:of|/|von)\s*\d{1,4})?\W*", re.IGNORECASE
)
_CAPTION = re.compile(r"(?:table|tab\.)\s+\w+\b.*", re.IGNORECASE)
_MARGIN = 0.09  # of the page's height, above and below
_HEADING_SIZE = 1.1  # times the size of the running text
_HEADING_WORDS = 16
_BOLD_HEADING_WORDS = 12
_SAME = 4.0  # points within which two edges are the same


def blocks(content: bytes) -> Iterator[Block]:
    """The blocks of a file. Raises `Unreadable`: damaged, locked with a password, or without text."""
    pieces = _pieces(content)
    lines = [piece for piece in pieces if isinstance(piece, Line)]
    body = _body_size(lines, [piece for piece in pieces if isinstance(piece, Grid)])
    running = _running(lines, body)
    kept = [piece for piece in pieces if not (isinstance(piece, Line) and piece in running)]
    yield from _Setting([piece for piece in kept if isinstance(piece, Line)], body).blocks(kept)


def _pieces(content: bytes) -> list[Piece]:
    logging.getLogger("pdfminer").setLevel(logging.ERROR)  # it warns of every oddity of every font
    try:
        with pdfplumber.open(io.BytesIO(content)) as file:
            pieces = [piece for page in file.pages for piece in pdf_page.pieces(page)]
            pages, images = len(file.pages), sum(len(page.images) for page in file.pages)
    except _DAMAGE as error:
        if any(isinstance(cause, PDFPasswordIncorrect) for cause in (error, *error.args)):
            raise Unreadable("the PDF is locked with a password", "save it without a password") from error
        raise Unreadable("the PDF is damaged, or no PDF at all", "export it again from where it was written") from error
    if not pages:
        raise Unreadable("the PDF has no pages", "export it again from where it was written")
    if not pieces and images:
        raise Unreadable("the PDF is a scan: pictures of pages without text", "run text recognition (OCR) on it")
    if not any(re.search(r"[^\W_]", piece.text) if isinstance(piece, Line) else piece.rows for piece in pieces):
        raise Unreadable("the PDF has no text", "export it again with its text, or remove it")
    return pieces


def _running(lines: Sequence[Line], body: float) -> set[Line]:
    """Headers, footers and page numbers: what stands on several pages at one height, or is only a number there."""
    if not lines:
        return set()
    pages = len({said.page for said in lines})
    places: dict[tuple[str, int], set[int]] = {}
    for said in lines:
        places.setdefault(_place(said, body), set()).add(said.page)
    return {
        said
        for said in lines
        if (_is_marginal(said) and _PAGE_NUMBER.fullmatch(said.text))
        or len(places[_place(said, body)]) >= (2 if _is_marginal(said) else max(3, pages * 0.6))
    }


def _place(said: Line, body: float) -> tuple[str, int]:
    """A line's text and height. Page numbers count up: in small print every number is the same as any other."""
    text = re.sub(r"\d+", "#", said.text) if said.size <= body and _is_marginal(said) else said.text
    return text.casefold(), round(said.top / _SAME)


def _is_marginal(said: Line) -> bool:
    return said.bottom < said.height * _MARGIN or said.top > said.height * (1 - _MARGIN)


def _body_size(lines: Sequence[Line], grids: Sequence[Grid]) -> float:
    """The size of running text: that of most characters, or of the tables where only headings stand beside them."""
    sizes: Counter[float] = Counter()
    for said in lines:
        sizes[said.size] += len(said.text)
    if len(lines) <= 2 * len(grids) and not any(_is_full_stop(said.text) for said in lines):
        sizes = Counter(grid.size for grid in grids)
    return sizes.most_common(1)[0][0] if sizes else 0.0


class _Setting:
    """How a document is set: the size of its text, its headings' sizes, the space between its lines."""

    def __init__(self, lines: Sequence[Line], body: float) -> None:
        self._body = body
        weight = sum(len(said.text) * (1 if said.bold else -1) for said in lines if said.size == self._body)
        self._bold_text = weight > 0
        steps = [
            after.top - before.top
            for before, after in pairwise(lines)
            if before.page == after.page and before.size == after.size == self._body and after.top > before.top
        ]
        self._step = statistics.quantiles(steps, n=4)[0] if len(steps) > 1 else self._body * 1.3
        self._right = {
            page: max(said.x1 for said in found) for page, found in groupby(lines, key=lambda said: said.page)
        }
        self._words = frozenset(word for said in lines for word in re.findall(r"[\w-]+", said.text.casefold()))
        looks = {self._look(said) for said in lines if self._is_heading(said)}
        self._levels = {look: level for level, look in enumerate(sorted(looks, reverse=True), 1)}

    def blocks(self, pieces: Sequence[Piece]) -> Iterator[Block]:
        """The blocks of the whole document."""
        caption = ""
        for group in self._groups(pieces):
            first = group[0]
            if isinstance(first, Grid):
                yield _table([piece for piece in group if isinstance(piece, Grid)], caption)
                caption = ""
                continue
            lines = [piece for piece in group if isinstance(piece, Line)]
            text = unwrapped([said.text for said in lines], self._words)
            if caption:
                yield Paragraph(text=caption, page=first.page)
                caption = ""
            if self._is_heading(first):
                yield Heading(level=self._levels[self._look(first)], text=text, page=first.page)
            elif _BULLET.match(first.text):
                yield self._list(lines)
            elif _CAPTION.fullmatch(text) and len(text.split()) <= _HEADING_WORDS:
                caption = text
            else:
                yield Paragraph(text=text, page=first.page)
        if caption:
            yield Paragraph(text=caption)

    def _look(self, said: Line) -> tuple[float, bool]:
        return said.size, said.bold

    def _is_heading(self, said: Line) -> bool:
        words = len(said.text.split())
        if not re.search(r"[^\W\d_]", said.text) or said.text.endswith((",", ";")):
            return False
        if said.size >= self._body * _HEADING_SIZE:
            return words <= _HEADING_WORDS and not _is_bulleted(said)
        if self._bold_text or not said.bold or said.size < self._body * 0.95:
            return False
        return words <= _BOLD_HEADING_WORDS and not said.text.endswith((".", ":")) and not _is_bulleted(said)

    def _groups(self, pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
        """Pieces that make one block: a paragraph's or list's lines, a heading's, one table's parts."""
        group: list[Piece] = []
        for piece in pieces:
            if group and not self._goes_on(group, piece):
                yield group
                group = []
            group.append(piece)
        if group:
            yield group

    def _goes_on(self, group: Sequence[Piece], piece: Piece) -> bool:
        last = group[-1]
        if isinstance(last, Grid) or isinstance(piece, Grid):
            return isinstance(last, Grid) and isinstance(piece, Grid) and _same_table(last, piece)
        first = group[0]
        if self._is_heading(last) or self._is_heading(piece):
            alike = self._is_heading(last) and self._is_heading(piece) and self._look(last) == self._look(piece)
            return alike and last.page == piece.page and 0 < piece.top - last.top <= 1.6 * last.size
        listing = isinstance(first, Line) and bool(_BULLET.match(first.text))
        if _BULLET.match(piece.text):
            return listing and isinstance(first, Line) and _alike(first.text, piece.text)
        if last.size != piece.size and abs(last.size - piece.size) > 1:
            return False
        near = last.page == piece.page and 0 < piece.top - last.top <= 1.25 * max(self._step, piece.size)
        if not near:
            # The next page or column: a sentence that has not ended goes on there.
            turned = last.page != piece.page or piece.top < last.top
            return turned and not re.search(r"[.!?:;][\"'”’)]*$", last.text)
        if listing:
            return piece.x0 > min(said.x0 for said in group) + 2 or not _is_full_stop(last.text)
        return not self._ends(last, piece)

    def _ends(self, last: Line, piece: Line) -> bool:
        """Whether a paragraph ends although no space follows: the next line is indented, or the last one short."""
        if not _is_full_stop(last.text):
            return False
        indented = piece.x0 > last.x0 + 5
        return indented or last.x1 < self._right[last.page] - 0.25 * (self._right[last.page] - last.x0)

    def _list(self, lines: Sequence[Line]) -> Items:
        items: list[list[str]] = []
        for said in lines:
            if marker := _BULLET.match(said.text):
                items.append([said.text[marker.end() :]])
            else:
                items[-1].append(said.text)
        number = _BULLET.match(lines[0].text)
        first = int(number[1]) if number and number[1] else None
        told = tuple(unwrapped(item, self._words) for item in items)
        return Items(items=told, first=first, page=lines[0].page)


def _is_bulleted(said: Line) -> bool:
    """Whether a mark begins the line; a number may begin a heading as well."""
    marker = _BULLET.match(said.text)
    return marker is not None and not marker[1]


def _alike(first: str, second: str) -> bool:
    """Whether two lines carry marks of one list."""
    return first[0].isdigit() == second[0].isdigit()


def _is_full_stop(text: str) -> bool:
    return bool(re.search(r"[.!?:][\"'”’)]*$", text))


def _same_table(last: Grid, piece: Grid) -> bool:
    """Whether a table at the beginning of a page goes on with the one that the page before ended on."""
    if piece.page != last.page + 1 or len(piece.rows[0]) != len(last.rows[0]):
        return False
    aligned = abs(piece.x0 - last.x0) <= _SAME and abs(piece.x1 - last.x1) <= _SAME
    return aligned and not (last.bold and piece.bold and piece.rows[0] != last.rows[0])


def _table(parts: Sequence[Grid], caption: str) -> Block:
    header = parts[0].rows[0]
    rows: list[Row] = []
    for part in parts:
        repeated = part is not parts[0] and part.rows[0] == header
        for number, cells in enumerate(part.rows[1:] if repeated else part.rows):
            if part is not parts[0] and number == 0 and rows and _goes_on(rows[-1].cells, cells):
                rows[-1] = replace(rows[-1], cells=_grown(rows[-1].cells, cells))
            else:
                rows.append(Row(cells=cells, page=part.page))
    return table(rows, marked=parts[0].bold or None, caption=caption)


def _goes_on(above: Sequence[str], below: Sequence[str]) -> bool:
    """Whether a page's first row is the rest of the last row of the page before: its cells begin inside sentences."""
    pairs = [(old, new) for old, new in zip(above, below, strict=True) if new]
    return not below[0] and all(old and not _is_full_stop(old) for old, _ in pairs)


def _grown(above: Sequence[str], below: Sequence[str]) -> tuple[str, ...]:
    return tuple(unwrapped(list(filter(None, pair)), frozenset()) for pair in zip(above, below, strict=True))
