"""Word documents (.docx) into blocks, in the order of their pages, as they read with all changes accepted."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterable, Iterator
from zipfile import BadZipFile

import docx
from docx.document import Document
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement

from knowledge.reading.blocks import Block, Heading, Items, Paragraph, Row, Table, Unreadable, nested, table
from knowledge.reading.characters import clean, line

_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_OUTLINE_LEVELS = 9
# A text box is stored twice, the second time for older programs.
_SECOND_COPY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_NOT_READ = frozenset({_SECOND_COPY, *map(qn, ("w:del", "w:moveFrom", "w:pPr", "w:rPr", "w:instrText"))})
_HIDING = ("w:vanish", "w:strike", "w:dstrike")


# Each part of a damaged file breaks the zip reader, the XML parser or the reading in another way.
_DAMAGE = (
    OpcError, BadZipFile, zlib.error, SyntaxError, LookupError, ValueError, TypeError, AttributeError, RuntimeError,
    OSError, EOFError,
)  # fmt: skip


def blocks(content: bytes) -> list[Block]:
    """The blocks of a document. Raises `Unreadable` where the file is none."""
    if content.startswith(b"\xd0\xcf\x11\xe0"):  # the container of old Word files and of encrypted new ones
        raise Unreadable("it is a password-protected or an old .doc file", "save it as .docx without a password")
    if not content.startswith(b"PK"):
        raise Unreadable("it is no Word document, whatever its name says", "save it from Word as .docx")
    try:
        return list(_Reading(docx.Document(io.BytesIO(content))).blocks())
    except _DAMAGE as error:
        raise Unreadable(f"the Word document is damaged ({_short(error)})", "save it from Word again") from error


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:80] or type(error).__name__


class _Reading:
    """The walk through one document's body."""

    def __init__(self, document: Document) -> None:
        self._body: BaseOxmlElement = document.element.body
        styles = document.styles.element.findall(qn("w:style"))
        self._styles = {style.get(qn("w:styleId")): style for style in styles}
        numbering = document.part.numbering_part.element if _has_numbering(document) else None
        self._numbering: BaseOxmlElement | None = numbering

    def blocks(self) -> Iterator[Block]:
        waiting: list[tuple[int, bool, str]] = []
        for element in _flat(self._body):
            if element.tag == qn("w:tbl"):
                yield from _listed(waiting)
                waiting = []
                yield self._table(element)
            elif text := _text(element):
                level, numbered = self._listing(element)
                heading = self._level(element)
                if heading is None and level is not None:
                    waiting.append((level, numbered, line(text)))
                    continue
                yield from _listed(waiting)
                waiting = []
                yield Heading(level=heading, text=line(text)) if heading is not None else Paragraph(text=text)
        yield from _listed(waiting)

    def _chain(self, paragraph: BaseOxmlElement) -> Iterator[BaseOxmlElement]:
        """A paragraph's style and those that it is based on."""
        found = paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
        name = found.get(qn("w:val")) if found is not None else None
        seen: set[str] = set()
        while name and name not in seen and (style := self._styles.get(name)) is not None:
            seen.add(name)
            yield style
            based = style.find(qn("w:basedOn"))
            name = based.get(qn("w:val")) if based is not None else None

    def _level(self, paragraph: BaseOxmlElement) -> int | None:
        """The level of a heading (a document's title is 1, as is `Heading 1`), None for other text."""
        for owner in (paragraph, *self._chain(paragraph)):
            if (name := _style_name(owner)) == "title":
                return 1
            if match := _HEADING.fullmatch(name):
                return 1 + int(match[1])
            outline = owner.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}")
            if outline is not None and int(outline.get(qn("w:val"), "9")) < _OUTLINE_LEVELS:
                return 2 + int(outline.get(qn("w:val")))
        return None

    def _listing(self, paragraph: BaseOxmlElement) -> tuple[int | None, bool]:
        """How deep in a list a paragraph stands (None: in none), and whether its items are numbered."""
        names = [_style_name(style) for style in self._chain(paragraph)]
        for owner in (paragraph, *self._chain(paragraph)):
            properties = owner.find(f"{qn('w:pPr')}/{qn('w:numPr')}")
            if properties is None:
                continue
            number = properties.find(qn("w:numId"))
            if number is not None and number.get(qn("w:val")) != "0":
                depth = properties.find(qn("w:ilvl"))
                level = int(depth.get(qn("w:val"), "0")) if depth is not None else _depth(names)
                return level, self._is_numbered(number.get(qn("w:val")), level)
            return None, False
        listed = [name for name in names if name.startswith(("list bullet", "list number"))]
        return (_depth(listed), listed[0].startswith("list number")) if listed else (None, False)

    def _is_numbered(self, number: str, level: int) -> bool:
        if self._numbering is None:
            return False
        for num in self._numbering.findall(qn("w:num")):
            if num.get(qn("w:numId")) == number and (of := num.find(qn("w:abstractNumId"))) is not None:
                return self._format(of.get(qn("w:val")), level) not in {"bullet", "none"}
        return False

    def _format(self, abstract: str, level: int) -> str:
        if self._numbering is not None:
            for kind in self._numbering.findall(qn("w:abstractNum")):
                if kind.get(qn("w:abstractNumId")) == abstract:
                    for depth in kind.findall(qn("w:lvl")):
                        form = depth.find(qn("w:numFmt"))
                        if depth.get(qn("w:ilvl")) == str(level) and form is not None:
                            return str(form.get(qn("w:val")))
        return "bullet"

    def _table(self, element: BaseOxmlElement) -> Table:
        rows = [row for row in _flat(element) if row.tag == qn("w:tr")]
        grid: list[list[str]] = []
        for row in rows:
            cells: list[str] = []
            for cell in (part for part in _flat(row) if part.tag == qn("w:tc")):
                merge = cell.find(f"{qn('w:tcPr')}/{qn('w:vMerge')}")
                span = cell.find(f"{qn('w:tcPr')}/{qn('w:gridSpan')}")
                goes_on = merge is not None and merge.get(qn("w:val"), "continue") == "continue"
                text = _cell(cell)
                if goes_on and grid and len(cells) < len(grid[-1]):
                    text = grid[-1][len(cells)]
                cells += [text] * (int(span.get(qn("w:val"), "1")) if span is not None else 1)
            grid.append(cells)
        marked = bool(rows) and (_repeats(rows[0]) or _is_bold(rows[0]))
        return table([Row(cells=tuple(cells)) for cells in grid], marked=marked or None)


def _has_numbering(document: Document) -> bool:
    return any(relation.reltype.endswith("/numbering") for relation in document.part.rels.values())


def _flat(element: BaseOxmlElement) -> Iterator[BaseOxmlElement]:
    """Paragraphs, tables, rows and cells directly inside, also where a content control or a change wraps them."""
    for child in element:
        if child.tag in {qn("w:p"), qn("w:tbl"), qn("w:tr"), qn("w:tc")}:
            yield child
        elif child.tag in {qn("w:sdt"), qn("w:sdtContent"), qn("w:ins"), qn("w:customXml"), qn("w:moveTo")}:
            yield from _flat(child)


def _text(element: BaseOxmlElement) -> str:
    """A paragraph's words on their lines, without what is deleted, struck out or hidden."""
    said = (" ".join(part.split()) for part in clean("".join(_pieces(element))).splitlines())
    return "\n".join(filter(None, said))


def _pieces(element: BaseOxmlElement) -> Iterator[str]:
    for child in element:
        if child.tag == qn("w:t"):
            yield child.text or ""
        elif child.tag == qn("w:tab"):
            yield " "
        elif child.tag in {qn("w:br"), qn("w:cr")}:
            yield "\n"
        elif child.tag == qn("w:noBreakHyphen"):
            yield "-"
        elif child.tag not in _NOT_READ and not _is_hidden(child):
            yield from _pieces(child)
            if child.tag == qn("w:p"):  # of a text box
                yield "\n"


def _is_hidden(run: BaseOxmlElement) -> bool:
    properties = run.find(qn("w:rPr"))
    return properties is not None and any(_is_on(properties, name) for name in _HIDING)


def _is_on(properties: BaseOxmlElement, name: str) -> bool:
    found = properties.find(qn(name))
    return found is not None and found.get(qn("w:val"), "true") not in {"0", "false", "off"}


def _style_name(element: BaseOxmlElement) -> str:
    name = element.find(qn("w:name"))
    return str(name.get(qn("w:val"), "")).casefold() if name is not None else ""


def _depth(names: Iterable[str]) -> int:
    """`List Bullet 2` stands one deeper than `List Bullet`."""
    digits = [name[-1] for name in names if name[-1:].isdigit()]
    return int(digits[0]) - 1 if digits else 0


def _listed(waiting: list[tuple[int, bool, str]]) -> Iterator[Items]:
    """The paragraphs of a list as one; deeper ones belong to the item above them."""
    if not waiting:
        return
    outermost = min(level for level, _, _ in waiting)
    items: list[tuple[str, list[str]]] = []
    for level, _, text in waiting:
        if level == outermost or not items:
            items.append((text, []))
        else:
            items[-1][1].append(text)
    told = tuple(said for own, inner in items for said in nested(own, inner))
    yield Items(items=told, first=1 if waiting[0][1] else None)


def _cell(cell: BaseOxmlElement) -> str:
    parts: list[str] = []
    for part in _flat(cell):
        if part.tag == qn("w:p"):
            parts.append(_text(part))
        else:
            parts += [_cell(inner) for row in _flat(part) for inner in _flat(row)]
    return line(" ".join(parts))


def _repeats(row: BaseOxmlElement) -> bool:
    return row.find(f"{qn('w:trPr')}/{qn('w:tblHeader')}") is not None


def _is_bold(row: BaseOxmlElement) -> bool:
    """Whether every word of a row is set in bold."""
    runs = [run for run in row.iter(qn("w:r")) if "".join(_pieces(run)).strip()]
    bold = [(properties := run.find(qn("w:rPr"))) is not None and _is_on(properties, "w:b") for run in runs]
    return bool(bold) and all(bold)
