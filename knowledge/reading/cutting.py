"""Blocks into passages: neither so short that they say nothing nor so long that they say everything."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from knowledge.passages import Kind
from knowledge.reading.blocks import Block, Definition, Heading, Items, Paragraph, Row, Table
from knowledge.reading.typed import typed
from knowledge.sentences import sentences

FEWEST = 60
"""Words below which a paragraph is put together with the next one of its section."""
MOST = 180
"""Words above which a paragraph or a list is parted."""
LEAD_WORDS = 30
"""A single sentence of at most so many words before a list leads in to it, with or without a colon."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """A passage's text and place; `headings` is the path of sections, outermost first."""

    text: str
    kind: Kind
    headings: tuple[str, ...]
    page: int | None


def cut(blocks: Iterable[Block]) -> Iterator[Cut]:
    """The passages of a document, in its order. None reaches over a heading."""
    section = _Section()
    for block in typed(blocks):
        match block:
            case Heading():
                yield from section.flush()
                section.enter(block)
            case Paragraph():
                yield from section.add(block)
            case Items():
                lead = section.take_lead()
                yield from section.flush()
                yield from section.list(block, lead)
            case Table():
                yield from section.flush()
                yield from section.table(block)
            case Definition():
                yield from section.flush()
                yield section.passage(f"{block.term}: {block.meaning}", "definition", block.page)
    yield from section.flush()


@dataclass(slots=True)
class _Section:
    """Where the cut stands: the open headings, and the paragraphs that wait for company."""

    path: list[tuple[int, str]] = field(default_factory=list)
    waiting: list[Paragraph] = field(default_factory=list)

    def enter(self, heading: Heading) -> None:
        self.path = [(level, text) for level, text in self.path if level < heading.level]
        if heading.text:
            self.path.append((heading.level, heading.text))

    def passage(self, text: str, kind: Kind, page: int | None, caption: str = "") -> Cut:
        headings = (*(text for _, text in self.path), *((caption,) if caption else ()))
        return Cut(text=text, kind=kind, headings=headings, page=page)

    def add(self, paragraph: Paragraph) -> Iterator[Cut]:
        if self._words() + _words(paragraph.text) > MOST and not self._leads():
            yield from self.flush()
        self.waiting.append(paragraph)
        if self._words() >= FEWEST and not self._leads():
            yield from self.flush()

    def flush(self) -> Iterator[Cut]:
        if not self.waiting:
            return
        page = self.waiting[0].page
        whole = "\n\n".join(paragraph.text for paragraph in self.waiting)
        self.waiting = []
        for part in [whole] if _words(whole) <= MOST else _parted(sentences(whole)):
            yield self.passage(part, "paragraph", page)

    def take_lead(self) -> str:
        """The sentence that leads in to the list which follows, taken out of the running text."""
        if not self.waiting:
            return ""
        last = self.waiting[-1]
        said = sentences(last.text)
        if not said or not (last.text.endswith((":", "?")) or (len(said) == 1 and _words(last.text) <= LEAD_WORDS)):
            return ""
        self.waiting.pop()
        if rest := " ".join(said[:-1]):
            self.waiting.append(Paragraph(text=rest, page=last.page))
        return said[-1]

    def list(self, items: Items, lead: str) -> Iterator[Cut]:
        lines = [f"{_mark(items, n)} {item}" for n, item in enumerate(items.items)]
        above = [lead] if lead else []
        for part in _grouped(lines, MOST - _words(lead)):
            yield self.passage("\n".join([*above, *part]), "list", items.page)

    def table(self, table: Table) -> Iterator[Cut]:
        for row in table.rows:
            if text := _told(table.header, row):
                yield self.passage(text, "table", row.page, table.caption)

    def _words(self) -> int:
        return sum(_words(paragraph.text) for paragraph in self.waiting)

    def _leads(self) -> bool:
        """Whether what waits asks or announces what comes next: the two belong together."""
        return bool(self.waiting) and self.waiting[-1].text.endswith((":", "?"))


def _mark(items: Items, number: int) -> str:
    return "-" if items.first is None else f"{items.first + number}."


def _told(header: Sequence[str], row: Row) -> str:
    """A row that can be read without the table: each cell behind the name of its column."""
    if len(row.cells) > 1 and len(set(row.cells)) == 1:
        return row.cells[0]  # one cell over all columns
    if not header:
        cells = [cell for cell in row.cells if cell]
        return f"{cells[0].rstrip(':')}: {'; '.join(cells[1:])}" if len(cells) > 1 else "".join(cells)
    names = [*header, *[""] * (len(row.cells) - len(header))]
    return "; ".join(
        f"{name.rstrip(':')}: {cell}" if name else cell for name, cell in zip(names, row.cells, strict=False) if cell
    )


def _parted(said: Sequence[str]) -> Iterator[str]:
    """Sentences in parts of about the same length."""
    total = sum(_words(sentence) for sentence in said)
    parts = math.ceil(total / MOST)
    goal = total / parts
    taken: list[str] = []
    for sentence in said:
        if taken and _words(" ".join(taken)) + _words(sentence) / 2 > goal:
            yield " ".join(taken)
            taken = []
        taken.append(sentence)
    yield " ".join(taken)


def _grouped(lines: Sequence[str], most: int) -> Iterator[list[str]]:
    group: list[str] = []
    for text in lines:
        if group and sum(map(_words, group)) + _words(text) > most:
            yield group
            group = []
        group.append(text)
    if group:
        yield group


def _words(text: str) -> int:
    return len(text.split())
