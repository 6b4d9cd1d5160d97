"""HTML into blocks: what a visitor of the page would read, without scripts, menus and what is hidden."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from itertools import zip_longest

from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning, Tag
from bs4.element import NavigableString, PageElement, PreformattedString

from knowledge.reading.blocks import Block, Definition, Heading, Items, Paragraph, Row, Table, Unreadable, nested, table
from knowledge.reading.characters import clean, decoded, line

_NO_TEXT = "script style noscript template svg canvas iframe object embed head title audio video"
_LEADS_ELSEWHERE = "nav menu form button select input textarea"
_STRUCK_OUT = "del s strike"
_DROPPED = frozenset(f"{_NO_TEXT} {_LEADS_ELSEWHERE} {_STRUCK_OUT}".split())
_SECTIONS = (
    "address article aside blockquote body center details div fieldset footer header hgroup main section summary"
)
_LISTS = "dd dl dt li ol ul"
_TABLES = "table tbody td th thead tr"
_BLOCKS = frozenset(f"{_SECTIONS} {_LISTS} {_TABLES} figcaption figure h1 h2 h3 h4 h5 h6 hr p pre".split())
_HEADING = re.compile(r"h([1-6])")
_HIDDEN = re.compile(r"display:none|visibility:hidden", re.IGNORECASE)
_DECLARED = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_RAISED = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
_LOWERED = str.maketrans("0123456789+-", "₀₁₂₃₄₅₆₇₈₉₊₋")
_MOST_SPAN = 100  # columns or rows that one cell may cover; more is a mistake in the page


def blocks(content: bytes) -> Iterator[Block]:
    """The blocks of a page. Raises `Unreadable` where its encoding is not what it says."""
    yield from fragment(_decoded(content))


def fragment(markup: str) -> Iterator[Block]:
    """The blocks of a piece of HTML."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)  # a page of one word is no file name
        soup = BeautifulSoup(markup, "lxml")
    yield from _inside(soup)


def _decoded(content: bytes) -> str:
    declared = _DECLARED.search(content[:2048])
    if declared is None or content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return decoded(content)
    name = declared[1].decode("ascii")
    try:
        return content.decode(name)
    except LookupError as error:
        raise Unreadable(f"it names an encoding that does not exist ({name})", "save it as UTF-8") from error
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not in the encoding that it names ({name})", "save it as UTF-8") from error


def _inside(element: Tag) -> Iterator[Block]:
    running: list[str] = []
    for child in element.children:
        if not isinstance(child, Tag) or (child.name not in _BLOCKS and not child.find(_BLOCKS)):
            running.append(_inline(child))
        elif not _is_dropped(child):
            yield from _paragraphs(running)
            running = []
            yield from _block(child)
    yield from _paragraphs(running)


def _block(tag: Tag) -> Iterator[Block]:
    if heading := _HEADING.fullmatch(tag.name):
        if text := _text(tag):
            yield Heading(level=int(heading[1]), text=text)
    elif tag.name in {"ul", "ol"}:
        if items := tuple(_items(tag)):
            yield Items(items=items, first=_first(tag))
    elif tag.name == "dl":
        yield from _definitions(tag)
    elif tag.name == "table" and not _is_layout(tag):
        yield _table(tag)
    elif tag.name == "pre":
        yield from _paragraphs([tag.get_text()])
    else:
        if tag.name == "footer":  # it speaks of the page, not of the last section
            yield Heading(level=2, text="")
        yield from _inside(tag)


def _paragraphs(running: Iterable[str]) -> Iterator[Paragraph]:
    for part in re.split(r"\n\s*\n", clean("".join(running))):
        if text := "\n".join(filter(None, (" ".join(said.split()) for said in part.splitlines()))):
            yield Paragraph(text=text)


def _inline(node: PageElement) -> str:
    """A node's text; line breaks are those of the page, not those of its source."""
    if isinstance(node, NavigableString):
        # Comments, doctypes and processing instructions are nobody's reading.
        return "" if isinstance(node, PreformattedString) else re.sub(r"[ \t\r\n\f]+", " ", str(node))
    if not isinstance(node, Tag) or _is_dropped(node):
        return ""
    if node.name == "br":
        return "\n"
    text = "".join(_inline(child) for child in node.children)
    match node.name:
        case "sup":
            return text.translate(_RAISED)
        case "sub":
            return text.translate(_LOWERED)
        case "a":
            return linked(text, str(node.get("href") or ""))
        case "img":
            return str(node.get("alt") or "")
    return f" {text} " if node.name in _BLOCKS else text


def linked(text: str, address: str) -> str:
    """A link's words, with its address where that leads out of the documents."""
    address = address.strip()
    bare = re.sub(r"^(mailto:|tel:|https?://)|/$", "", address)
    if not address.startswith(("http://", "https://", "mailto:", "tel:")) or bare in text:
        return text
    return f"{text} ({address.removeprefix('mailto:').removeprefix('tel:')})"


def _text(tag: Tag) -> str:
    return line(_inline(tag))


def _is_dropped(tag: Tag) -> bool:
    style = re.sub(r"\s", "", str(tag.get("style") or ""))
    return tag.name in _DROPPED or tag.has_attr("hidden") or bool(_HIDDEN.search(style))


def _items(tag: Tag) -> Iterator[str]:
    for item in tag.find_all("li", recursive=False):
        if _is_dropped(item):
            continue
        inner = [told for part in item.find_all(["ul", "ol"], recursive=False) for told in _items(part)]
        own = "".join(
            _inline(child) for child in item.children if not (isinstance(child, Tag) and child.name in {"ul", "ol"})
        )
        yield from nested(line(own), inner)


def _first(tag: Tag) -> int | None:
    if tag.name == "ul":
        return None
    start = str(tag.get("start") or "")
    return int(start) if start.isdecimal() else 1


def _definitions(tag: Tag) -> Iterator[Block]:
    terms: list[str] = []
    told = False
    for part in tag.find_all(["dt", "dd"]):
        if part.name == "dt":
            terms = [_text(part)] if told else [*terms, _text(part)]
            told = False
        elif meaning := _text(part):
            told = True
            yield Definition(term=", ".join(filter(None, terms)), meaning=meaning)


def _is_layout(tag: Tag) -> bool:
    """Whether a table only puts things side by side: old pages and mails do."""
    return bool(tag.find("table")) or (
        tag.find("th") is None and all(len(row.find_all(["td", "th"])) < 2 for row in tag.find_all("tr"))
    )


def _table(tag: Tag) -> Table:
    rows = [row for row in tag.find_all("tr") if not _is_dropped(row)]
    grid = _grid(rows)
    caption = _text(tag.caption) if tag.caption else ""
    depth = len([row for row in rows if row.parent and row.parent.name == "thead"])
    marked: bool | None = depth > 0 or None
    if rows and not depth:
        heads = [[cell.name == "th" for cell in row.find_all(["td", "th"])] for row in rows]
        if heads[0] and all(heads[0]):
            depth, marked = 1, True
        elif all(row[:1] == [True] for row in heads):
            marked = False  # names stand before the values, not above them
    if depth > 1:
        grid = [_merged(grid[:depth]), *grid[depth:]]
    return table([Row(cells=tuple(cells)) for cells in grid], marked=marked, caption=caption)


def _merged(above: list[list[str]]) -> list[str]:
    """A header of several rows as one."""
    return [" ".join(dict.fromkeys(filter(None, column))) for column in zip_longest(*above, fillvalue="")]


def _grid(rows: Iterable[Tag]) -> list[list[str]]:
    """Every cell's text in every column and row that it covers."""
    grid: list[list[str]] = []
    below: dict[int, tuple[int, str]] = {}
    for row in rows:
        cells: list[str] = []
        for cell in row.find_all(["td", "th"]):
            _fill(cells, below)
            text, rows_covered = _text(cell), _span(cell, "rowspan")
            for _ in range(_span(cell, "colspan")):
                if rows_covered > 1:
                    below[len(cells)] = (rows_covered - 1, text)
                cells.append(text)
        _fill(cells, below)
        grid.append(cells)
    return grid


def _fill(cells: list[str], below: dict[int, tuple[int, str]]) -> None:
    while (column := len(cells)) in below:
        left, text = below.pop(column)
        cells.append(text)
        if left > 1:
            below[column] = (left - 1, text)  # for the row after this one: this row is past the column


def _span(cell: Tag, name: str) -> int:
    value = str(cell.get(name) or "")
    return min(max(int(value), 1), _MOST_SPAN) if value.isdecimal() else 1
