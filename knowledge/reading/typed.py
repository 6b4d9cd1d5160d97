"""Lists and glossaries that somebody typed as paragraphs, one after the other, without telling the program."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from knowledge.reading.blocks import Block, Definition, Items, Paragraph

_NUMBERED = re.compile(r"(\d{1,2})[.)]?\s+(?=\S)")
_TERM = re.compile(r"([A-Z0-9][^.:!?\n]{0,50}?)\s*:\s+(?=\S)")
_TERM_WORDS = 6


def typed(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks, with paragraphs in a row that count up as a list, and those that explain terms as definitions."""
    waiting: list[Paragraph] = []
    for block in blocks:
        if isinstance(block, Paragraph) and (not waiting or _follows(waiting, block)):
            waiting.append(block)
            continue
        yield from _told(waiting)
        waiting = [block] if isinstance(block, Paragraph) else []
        if not waiting:
            yield block
    yield from _told(waiting)


def _follows(before: list[Paragraph], paragraph: Paragraph) -> bool:
    first = _number(before[0])
    if first is not None:
        return _number(paragraph) == first + len(before)
    return _term(before[0]) is not None and _term(paragraph) is not None


def _told(paragraphs: list[Paragraph]) -> Iterator[Block]:
    if len(paragraphs) < 2:
        yield from paragraphs
    elif (first := _number(paragraphs[0])) is not None:
        items = tuple(_NUMBERED.sub("", paragraph.text, count=1) for paragraph in paragraphs)
        yield Items(items=items, first=first, page=paragraphs[0].page)
    else:
        for paragraph in paragraphs:
            meaning = _TERM.sub("", paragraph.text, count=1)
            yield Definition(term=_term(paragraph) or "", meaning=meaning, page=paragraph.page)


def _number(paragraph: Paragraph) -> int | None:
    found = _NUMBERED.match(paragraph.text)
    return int(found[1]) if found else None


def _term(paragraph: Paragraph) -> str | None:
    found = _TERM.match(paragraph.text)
    return found[1] if found and len(found[1].split()) <= _TERM_WORDS else None
