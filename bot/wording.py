"""Plain words into what a platform takes: cut to its lengths at the ends of sentences, its special signs made harmless.

Pure. Nobody's words may become somebody's markup: what a customer writes reaches a steward as it was written.
"""

from __future__ import annotations

import html
import re

_ENDS = (
    re.compile(r"(\n{2,})"),  # between paragraphs
    re.compile(r"(\n)"),
    re.compile(r"[.!?…][\"”’)\]]*(\s+)"),  # after a sentence
    re.compile(r"(\s+)"),
)


def pieces(text: str, limit: int) -> tuple[str, ...]:
    """The text in pieces of at most `limit` characters, cut as late as possible at the end of a paragraph, else of a
    line, a sentence, a word; only a word that is longer than the limit is cut itself. No text gives no piece.
    """
    found: list[str] = []
    rest = text.strip()
    while len(rest) > limit:
        end, after = _cut(rest, limit)
        found.append(rest[:end].rstrip())
        rest = rest[after:].lstrip()
    return tuple(piece for piece in (*found, rest) if piece)


def _cut(text: str, limit: int) -> tuple[int, int]:
    """Where a piece ends and where the next one begins."""
    for ends in _ENDS:
        # an end in the first third would leave a crumb: a weaker one further on reads better
        places = [m for m in ends.finditer(text, limit // 3, limit + 1) if m.start(1) <= limit]
        if places:
            return places[-1].span(1)
    return limit, limit


def telegram_html(text: str) -> str:
    """Text as Telegram's HTML says it (core.telegram.org/bots/api#html-style)."""
    return html.escape(text, quote=False)


def mrkdwn(text: str) -> str:
    """Text as Slack's mrkdwn says it: with these three escaped nothing in it is a mention, a link or a command
    (docs.slack.dev/messaging/formatting-message-text). Stars and underscores are made visible by a word joiner.
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([*_~`])", "\\1\u2060", escaped)
