"""Slack's mark-up into plain words, and whom they name.

On the wire `&`, `<` and `>` of what a person wrote are escaped, and `<…>` is a mention, a link or a date
(docs.slack.dev/messaging/formatting-message-text). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.messages import readable

JSON = Mapping[str, Any]

_MARK = re.compile(r"<([^<>]*)>")
_GONE = "\x00"  # where the concierge was named: taken out with the blanks and the comma that went with it
_BEFORE_END = re.compile(rf",?[ \t]*{_GONE}(?=[?!.])")
_FIRST = re.compile(rf"^[ \t]*{_GONE}[ \t]*[,:]?[ \t]*", re.MULTILINE)
_INSIDE = re.compile(rf"[ \t]*{_GONE}[ \t]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spoken:
    """What a person reads in a message; whether it names the concierge, and whether it names somebody else."""

    text: str
    to_us: bool = False
    to_others: bool = False


def spoken(wire: str, bot: str) -> Spoken:
    """A text of Slack as a person reads it. `bot` is the concierge's user id: its own name is left out."""
    marks = _MARK.findall(wire)
    named = [_named(mark) for mark in marks]
    text = _MARK.sub(lambda found: _GONE if _named(found[1]) == bot else _shown(found[1]), wire.replace(_GONE, ""))
    return Spoken(
        text=readable(_without_marker(_unescaped(text))).strip(),
        to_us=bot in named,
        to_others=any(name and name != bot for name in named),
    )


def _without_marker(text: str) -> str:
    for pattern, instead in ((_BEFORE_END, ""), (_FIRST, ""), (_INSIDE, " ")):
        text = pattern.sub(instead, text)
    return text


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _named(mark: str) -> str:
    """Whom a mark calls: a user's id, a group's or everybody's name; nobody: an empty text."""
    name = mark.partition("|")[0]
    if name.startswith("@"):
        return name[1:]
    everybody = name in ("!here", "!channel", "!everyone") or name.startswith("!subteam^")
    return name if everybody else ""


def _shown(mark: str) -> str:
    what, _, label = mark.partition("|")
    match what[:1]:
        case "@":
            return f"@{label or 'someone'}"
        case "#":
            return f"#{label or 'a-channel'}"
        case "!":
            return _special(what[1:], label)
    return _link(what, label)


def _special(what: str, label: str) -> str:
    if what in ("here", "channel", "everyone"):
        return f"@{what}"
    if what.startswith("subteam^"):
        return f"@{label.removeprefix('@') or 'a-group'}"
    return label  # a date: what its sender wrote for those who cannot show it


def _link(url: str, label: str) -> str:
    address = url.removeprefix("mailto:").removeprefix("tel:")
    if not label or label == address or url.split("://", 1)[-1].rstrip("/") == label.rstrip("/"):
        return address
    return f"{label} ({address})"


# ── rich text: what a person typed, where the text beside it is empty ────────────────────────────────────────────────


def wire_text(blocks: Iterable[JSON]) -> str:
    """The words of rich text blocks as the text of a message would have them on the wire."""
    lines = [_lines(part) for block in blocks if block.get("type") == "rich_text" for part in block.get("elements", ())]
    return "\n".join(lines).strip()


def _lines(part: JSON) -> str:
    elements = part.get("elements", ())
    if part.get("type") != "rich_text_list":
        return "".join(_inline(element) for element in elements)
    ordered = part.get("style") == "ordered"
    return "\n".join(f"{f'{n}.' if ordered else '•'} {_lines(item)}" for n, item in enumerate(elements, 1))


def _inline(element: JSON) -> str:
    match element.get("type"):
        case "text":
            return _escaped(element.get("text", ""))
        case "link":
            label = _escaped(element.get("text", ""))
            return f"<{element.get('url', '')}|{label}>" if label else f"<{element.get('url', '')}>"
        case "user":
            return f"<@{element.get('user_id', '')}>"
        case "channel":
            return f"<#{element.get('channel_id', '')}>"
        case "usergroup":
            return f"<!subteam^{element.get('usergroup_id', '')}>"
        case "broadcast":
            return f"<!{element.get('range', '')}>"
        case "emoji":
            return f":{element.get('name', '')}:"
    return _escaped(str(element.get("fallback", "")))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
