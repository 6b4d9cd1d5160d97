"""Plain text into blocks. Nothing marks a heading or a list there, so both are told by how people type them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from knowledge.metadata import front_matter
from knowledge.reading import markdown
from knowledge.reading.blocks import Block, Definition, Heading, Items, Paragraph
from knowledge.reading.characters import clean, decoded

_UNDERLINE = re.compile(r"([=\-~_*^\"#])\1{2,}")
_HASHES = re.compile(r"(#{1,6})\s+(\S.*?)\s*#*")
_NUMBERED = re.compile(r"((?:\d{1,2}\.)*\d{1,2})[.)]?\s+(\S.*)")
_BULLET = re.compile(r"(?:[-*+•‣▪●◦·–—]|(\d{1,3})[.)]|\(?[a-z][.)])\s+(?=\S)")
_TERM = re.compile(r"([A-Z0-9][^.:!?]{0,59}):\s+(\S.*)")
_TABLE_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+\|?\s*")
_LONGEST_HEADING = 80  # characters
_WRAPPED = 0.6  # of the widest line of the file: a line shorter than that did not end because it was full


def blocks(content: bytes) -> Iterator[Block]:
    """The blocks of a file, without its front matter. Raises `Unreadable` where it is not text."""
    _, body = front_matter(clean(decoded(content)))
    lines = [said.rstrip().expandtabs(4) for said in body.split("\n")]
    yield from _Page(groups=_groups(lines), width=max(map(len, lines), default=0)).blocks()


def _groups(lines: Sequence[str]) -> list[list[str]]:
    """Lines between empty ones."""
    groups: list[list[str]] = [[]]
    for said in lines:
        if said.strip():
            groups[-1].append(said)
        elif groups[-1]:
            groups.append([])
    return [group for group in groups if group]


@dataclass(slots=True)
class _Page:
    """A text as groups of lines; `level` is that of the heading under which it stands, 0 before the first."""

    groups: list[list[str]]
    width: int
    level: int = 0

    def blocks(self) -> Iterator[Block]:
        for number, group in enumerate(self.groups):
            followed = number + 1 < len(self.groups)
            while group and (found := self._heading(group, followed)):
                heading, used = found
                self.level = heading.level
                yield heading
                group = group[used:]
            if group:
                yield from _body(group)

    def _heading(self, group: Sequence[str], followed: bool) -> tuple[Heading, int] | None:
        """A heading at the beginning of a group, and how many lines it takes."""
        first = group[0].strip()
        rest = group[1:]
        if hashes := _HASHES.fullmatch(first):
            return Heading(level=len(hashes[1]), text=hashes[2]), 1
        if rest and len(first) <= _LONGEST_HEADING and (rule := _UNDERLINE.fullmatch(rest[0].strip())):
            return Heading(level=1 if rule[1] in "=#*" else 2, text=first), 2
        if (rule := _UNDERLINE.fullmatch(first)) is not None:
            return (Heading(level=self.level or 1, text=""), 1) if self.level == 0 else None
        if len(first) > _LONGEST_HEADING or not (rest or followed):
            return None
        if _is_capitals(first):
            return Heading(level=self._outer(), text=first), 1
        if (numbered := _NUMBERED.fullmatch(first)) and self._titles(numbered[2], rest):
            if rest and (_NUMBERED.match(rest[0].strip()) or rest[0].startswith(" ")):
                return None  # the first of several items, or one that goes on
            return Heading(level=2 + numbered[1].count("."), text=first), 1
        if not _BULLET.match(first) and self._titles(first, rest):
            return Heading(level=self._outer() + (self.level > 0), text=first), 1
        return None

    def _outer(self) -> int:
        """The level of the next heading in capitals: the file's first heading stands above all others."""
        return 1 if self.level == 0 else 2

    def _titles(self, text: str, rest: Sequence[str]) -> bool:
        """Whether a line that begins a group reads as a title: short, no sentence, and not broken off by the margin."""
        if text.endswith((".", ",", ":", ";", "!")) or not text[0].isupper() or _TERM.fullmatch(text):
            return False
        if len(text) > _WRAPPED * max(self.width, 60):
            return False
        return not rest or not rest[0].lstrip()[:1].islower()


def _is_capitals(text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    return len(letters) > 2 and all(c.isupper() for c in letters) and not text.endswith((".", "!", ";"))


def _body(group: Sequence[str]) -> Iterator[Block]:
    """What stands in a group of lines beside its heading: text, lists, definitions, a table drawn with bars."""
    if any(_TABLE_RULE.fullmatch(said) for said in group):
        yield from markdown.parsed("\n".join(group))
        return
    lines = [said.strip() for said in group if not _UNDERLINE.fullmatch(said.strip())]
    if len(lines) > 1 and all(map(_TERM.fullmatch, lines)):
        for term, meaning in (said.split(":", 1) for said in lines):
            yield Definition(term=term.strip(), meaning=meaning.strip())
        return
    start = next((n for n, said in enumerate(lines) if _BULLET.match(said)), len(lines))
    if start:
        yield from _running(lines[:start])
    if start < len(lines):
        yield _list(lines[start:])


def _running(lines: Sequence[str]) -> Iterator[Block]:
    """Lines as one paragraph, with the definitions ("Term: meaning" on lines of their own) that it ends on."""
    terms = [bool(_TERM.fullmatch(said)) for said in lines]
    whole = next((n for n in range(len(lines)) if all(terms[n:]) and _ends(lines[n - 1 : n])), len(lines))
    if len(lines) - whole < 2:
        whole = len(lines)
    if whole:
        yield Paragraph(text=" ".join(lines[:whole]))
    for term, meaning in (said.split(":", 1) for said in lines[whole:]):
        yield Definition(term=term.strip(), meaning=meaning.strip())


def _ends(before: Sequence[str]) -> bool:
    return not before or before[-1].endswith((".", "!", "?", ":"))


def _list(lines: Sequence[str]) -> Items:
    """Items with the lines that go on with them."""
    items: list[str] = []
    first = _BULLET.match(lines[0])
    for said in lines:
        if marker := _BULLET.match(said):
            items.append(said[marker.end() :])
        else:
            items[-1] += f" {said}"
    return Items(items=tuple(items), first=int(first[1]) if first and first[1] else None)
