"""A kept answer as a document of the pack: its file's name and its text. Pure."""

from __future__ import annotations

import re
import unicodedata

import yaml

from bot.ledger.kept import Kept
from bot.pack import Pack

FOLDER = "kept"
"""Under the pack's `documents/`."""

_WHENCE = "Where this answer comes from"
_LONGEST_SLUG = 48
_ITEM = re.compile(r"(?:[-*•]|(\d{1,3})[.)])\s+(\S.*)")
_MEANT_AS_MARKDOWN = re.compile(r"([\\`*_\[\]<>&~|#])")
_BEGINS_A_BLOCK = re.compile(r"^(?=[-+=:])|^(\d+)(?=[.)](?:\s|$))")


def file_name(kept: Kept) -> str:
    """Under FOLDER; its number tells it from every other."""
    plain = unicodedata.normalize("NFKD", kept.draft.title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:_LONGEST_SLUG].strip("-")
    return f"{kept.id:04}{'-' + slug if slug else ''}.md"


def text(pack: Pack, kept: Kept) -> str:
    """The file. What the steward wrote stands in it as they wrote it: nothing of it is taken for Markdown but lists."""
    draft = kept.draft
    assert kept.decided_at is not None
    owner = pack.stewards[draft.answered_by].organisation if draft.answered_by in pack.stewards else None
    about = {
        "title": " ".join(draft.title.split()),
        "audience": [draft.audience],
        "valid_from": kept.decided_at.date(),
        **({"owner": owner} if owner in pack.organisations else {}),
    }
    front = yaml.safe_dump(about, allow_unicode=True, sort_keys=False, width=10_000)
    question, source = _escaped(" ".join(draft.question.split())), _escaped(_source(pack, kept))
    # under a heading of its own, so that no answer runs on into it
    return f"---\n{front}---\n\n## {question}\n\n{_body(draft.answer)}\n\n## {_WHENCE}\n\n{source}\n"


def _source(pack: Pack, kept: Kept) -> str:
    assert kept.decided_at is not None
    answered, approved = (_name(pack, one) for one in (kept.draft.answered_by, kept.decided_by))
    return (
        f"Answered by {answered} on {kept.draft.answered_at:%d %B %Y} (escalation {kept.draft.escalation}), "
        f"approved by {approved} on {kept.decided_at:%d %B %Y}."
    )


def _name(pack: Pack, steward: str | None) -> str:
    known = pack.stewards.get(steward or "")
    return known.name if known else steward or "nobody"


def _body(answer: str) -> str:
    """Lines that end where their author ended them, and lists that stay lists."""
    lines = [line.strip() for line in answer.strip().splitlines()]
    return "".join(_line(line) + _end(line, following) for line, following in zip(lines, [*lines[1:], ""], strict=True))


def _line(line: str) -> str:
    item = _ITEM.fullmatch(line)
    return f"{item[1] + '.' if item[1] else '-'} {_escaped(item[2])}" if item else _escaped(line)


def _end(line: str, following: str) -> str:
    """A new item, a new line, or, where a list begins or ends, a new paragraph; also before what looks like a meaning
    under its term.
    """
    items = bool(_ITEM.fullmatch(line)), bool(_ITEM.fullmatch(following))
    if not line or not following or all(items):
        return "\n"
    return "\n\n" if any(items) or following.startswith(":") else "\\\n"


def _escaped(line: str) -> str:
    return _BEGINS_A_BLOCK.sub(r"\1\\", _MEANT_AS_MARKDOWN.sub(r"\\\1", line))
