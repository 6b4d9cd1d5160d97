"""What can be said: the sentences, list items and table rows of a passage, each with what leads in to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from knowledge.passages import Passage

LONGEST = 420  # characters of one thing said; anything longer is parted at the next clause


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """One thing that can be quoted by itself."""

    passage: Passage
    text: str  # as it is said
    lead: str  # the question or lead-in that it belongs to, "" where it stands alone
    place: int  # its position among the passage's units
    before: str = ""  # the sentence before it, in running text

    @property
    def context(self) -> str:
        """Title, innermost heading and lead-in: what a reader of the page would have read before."""
        heading = self.passage.heading.rsplit(" › ", 1)[-1]
        return ". ".join(part.rstrip(".:?") for part in (self.passage.title, heading, self.lead) if part)


_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|approx|no|nos|dr|mr|mrs|ms|prof|st|vs|fig|sec|p|pp|cf|ca|incl|max|min|tel|ext|inc|ltd|u\.s|"
    r"a\.m|p\.m|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec)|(?-i:\b[A-Z]))\.$",
    re.IGNORECASE,
)
_END = re.compile(r"[.!?。！？]+[\"'”’)\]]*(?=\s)")
_EMPHASIS = re.compile(r"(\*\*\*|\*\*|__|~~|`)(?=\S)(.+?)(?<=\S)\1")
_STARRED = re.compile(r"(?<![\w*])[*_](?=\S)([^*_\n]+?)(?<=\S)[*_](?![\w*])")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*\)")
_BULLET = re.compile(r"^\s*(?:[-*+•‣▪–]\s+|(?:\d{1,3}|[a-z])[.)]\s+)")


def plain(text: str) -> str:
    """The text without Markdown emphasis, code marks and link targets."""
    text = _LINK.sub(r"\1", text)
    text = _EMPHASIS.sub(r"\2", text)
    return _STARRED.sub(r"\1", text)


def sentences(text: str) -> list[str]:
    """The sentences of running text; abbreviations, initials and decimals do not end one."""
    text = " ".join(text.split())
    found: list[str] = []
    start = 0
    for match in _END.finditer(text):
        before = text[start : match.end()]
        following = text[match.end() :].lstrip()[:1]
        if (_ABBREVIATION.search(before) and not before.endswith(("?", "!"))) or following.islower():
            continue
        found.append(before.strip())
        start = match.end()
    found.append(text[start:].strip())
    return [part for sentence in found if sentence for part in _parted(sentence)]


def _parted(sentence: str) -> Iterator[str]:
    while len(sentence) > LONGEST:
        cut = max(sentence.rfind(mark, LONGEST // 3, LONGEST) for mark in ("; ", ", ", " "))
        cut = cut if cut > 0 else LONGEST
        yield sentence[: cut + 1].strip()
        sentence = sentence[cut + 1 :].strip()
    if sentence:
        yield sentence


@lru_cache(maxsize=16_384)
def units(passage: Passage) -> tuple[Unit, ...]:
    """Everything in a passage that can be quoted, in its order.

    A question inside a document (as in an FAQ) is no answer: it becomes the lead-in of what follows it.
    """
    text = plain(passage.text)
    if passage.kind == "list":
        pairs = list(_items(text))
    elif passage.kind == "table":
        pairs = [(" ".join(text.split()), "")]
    else:
        pairs = list(_running(text))
    running = passage.kind not in ("list", "table")
    return tuple(
        Unit(
            passage=passage,
            text=said,
            lead=lead,
            place=place,
            before=pairs[place - 1][0] if running and place else "",
        )
        for place, (said, lead) in enumerate(pairs)
        if said
    )


def _running(text: str) -> Iterator[tuple[str, str]]:
    lead = ""
    for block in re.split(r"\n\s*\n", text):
        for sentence in sentences(block):
            if sentence.endswith("?"):
                lead = sentence
            else:
                yield sentence, lead


def _items(text: str) -> Iterator[tuple[str, str]]:
    """Items with their lead-in. A line is an item when it has a bullet, or when it is not the first line."""
    lead = ""
    for number, line in enumerate(filter(str.strip, text.splitlines())):
        said = _BULLET.sub("", line).strip()
        if number == 0 and not _BULLET.match(line) and said.endswith((":", "?", ".")):
            lead = said
            if not said.endswith(("?", ":")):
                yield from ((part, "") for part in sentences(said))
        elif len(said) > LONGEST:
            yield from ((part, lead) for part in sentences(said))
        else:
            yield said, lead
