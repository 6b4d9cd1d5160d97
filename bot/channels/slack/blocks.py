"""Posts, cards and forms as Slack's Block Kit (docs.slack.dev/reference/block-kit). Pure, and within Slack's limits.

Words stand in `rich_text` blocks and plain text objects, never in mrkdwn. In rich text a mention, a link and bold are
elements of their own and text is only text (docs.slack.dev/reference/block-kit/blocks/rich-text-block): nobody's words
can become markup, and nothing has to be put among them to prevent it. In mrkdwn escaping is not enough: a line that
begins with `&gt;` is still a quotation, `:tada:` an emoji, a bare URL a link. It is also how people's own messages
look, and it is not folded behind “See more” as sections are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from bot.messages import SLACK, Act, Attachment, Button, Card, Form, Post, Purpose, Section, Style, readable
from bot.wording import mrkdwn, pieces

Block = dict[str, Any]

TEXT, HEADER, LABEL, SHORT = 3_000, 150, 75, 24
ROW, BUTTONS, CHOICES = 5, 25, 100
FALLBACK, FALLBACK_OF_EDIT = 40_000, 4_000
_TOKEN_OF_BUTTON, _TOKEN_OF_VIEW, _VALUE, _HINT = 2_000, 3_000, 150, 2_000
_ATTACHMENTS, _MENTIONS, _LINK = 20, 20, 2_000

DIVIDER: Block = {"type": "divider"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Surface:
    """How many blocks a place takes, and how much altogether, by `size`."""

    blocks: int
    size: int


MESSAGE = Surface(blocks=50, size=12_000)
"""Undocumented: chat.postMessage refuses blocks of about 13,200 characters in all with `msg_blocks_too_long`, and a
divider alone counts for 125 of them (github.com/slackapi/bolt-js/issues/2509, /2867)."""
VIEW = Surface(blocks=100, size=60_000)
"""A view may have 250 KB (docs.slack.dev/reference/methods/views.publish, `view_too_large`): at four bytes a sign."""
_CONTAINER = 125


def size(blocks: Iterable[Block]) -> int:
    """What the blocks count for, on the safe side."""
    return sum(len(json.dumps(block, ensure_ascii=False)) + _CONTAINER for block in blocks)


# ── what is asked for ────────────────────────────────────────────────────────────────────────────────────────────────


def message(post: Post) -> tuple[str, list[Block]]:
    """A post's text and its blocks. Notifications and screen readers use the text.

    No blocks where the words alone are more than blocks may hold: then Slack shows the text, which may be much longer,
    so that nothing anybody wrote is cut off.
    """
    numbers = count()
    if post.card is None:
        head, body, rows = [], _said(post), []
    else:
        head, body, rows = [*_mentioning(post), _header(post.card.title)], *_card(post.card, numbers)
    body += _attached(post.attachments)
    rows += _rows(post.buttons, numbers)
    whole = _fits([*head, *body, *rows], MESSAGE)
    if not whole and not head and not rows and post.act is not Act.EDIT:
        return _fallback(post), []
    return _fallback(post), [*head, *body, *rows] if whole else _shortened(head, body, rows, MESSAGE)


def home(card: Card) -> Block:
    """The page that the app keeps for somebody: a view for views.publish."""
    body, rows = _card(card, count())
    head = [_header(card.title)]
    blocks = [*head, *body, *rows]
    return {"type": "home", "blocks": blocks if _fits(blocks, VIEW) else _shortened(head, body, rows, VIEW)}


def modal(form: Form, token: str) -> Block:
    """A form: a view for views.open. Its callback id is `form`; of ours it carries the token and nothing else.

    What is chosen comes back as `choice`, what is written as `words`, each the id of its block and of its element.
    """
    return {
        "type": "modal",
        "callback_id": "form",
        "private_metadata": token if len(token) <= _TOKEN_OF_VIEW else "",
        "title": _plain(form.title, SHORT),
        "submit": _plain(form.submit, SHORT),
        "close": _plain("Cancel", SHORT),
        "blocks": _inputs(form) or [{"type": "section", "text": _plain(form.hint or form.title, TEXT)}],
    }


# ── fitting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fits(blocks: Sequence[Block], surface: Surface) -> bool:
    return len(blocks) <= surface.blocks and size(blocks) <= surface.size


def _shortened(head: list[Block], body: list[Block], rows: list[Block], surface: Surface) -> list[Block]:
    """As much of the body as there is place for, and that it is not all. The buttons at the end stay: with them
    somebody can act."""
    note = _context("… There is more, but Slack does not show it here.")
    kept: list[Block] = []
    for block in body:
        if not _fits([*head, *kept, block, note, *rows], surface):
            break
        kept.append(block)
    while kept and kept[-1] == DIVIDER:
        kept.pop()
    return [*head, *kept, note, *rows]


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _line(text: str) -> str:
    """The text on one line."""
    return " ".join(readable(text).split())


# ── the text ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fallback(post: Post) -> str:
    """The post as one text, escaped, with the mentions in front."""
    words = readable(post.text).strip() or _line(post.card.title if post.card else "")
    if post.purpose is Purpose.RELAY and _line(post.author):
        words = f"{_line(post.author)}: {words}"
    lines = [words, *(_named(one) + (f": {_link(one)}" if _link(one) else "") for one in post.attachments)]
    text = " ".join([*(f"<@{user}>" for user in _mentions(post)), mrkdwn("\n".join(filter(None, lines)) or "…")])
    limit = FALLBACK_OF_EDIT if post.act is Act.EDIT else FALLBACK
    # a cut must not leave half of an entity, nor a star without its word joiner
    return text if len(text) <= limit else re.sub(r"(&[a-z]{0,3}|[*_~`])$", "", text[: limit - 1]) + "…"


def _mentions(post: Post) -> list[str]:
    users = [one.user for one in post.mentions if one.channel == SLACK]
    return [user for user in users if re.fullmatch(r"[A-Z][A-Z0-9]{1,30}", user)][:_MENTIONS]


# ── blocks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _plain(text: str, limit: int) -> Block:
    """A plain text object, on one line; `emoji` false leaves `:words:` between colons as they are."""
    return {"type": "plain_text", "text": _cut(_line(text) or "…", limit), "emoji": False}


def _text(text: str, *, bold: bool = False) -> Block:
    return {"type": "text", "text": text, **({"style": {"bold": True}} if bold else {})}


def _part(*elements: Block) -> Block:
    return {"type": "rich_text_section", "elements": [*elements]}


def _rich(*parts: Block) -> Block:
    return {"type": "rich_text", "elements": [*parts]}


def _header(title: str) -> Block:
    return {"type": "header", "text": _plain(title, HEADER)}


def _context(text: str) -> Block:
    element = {"type": "plain_text", "text": _cut(text, TEXT), "emoji": False}
    return {"type": "context", "elements": [element]}


def _people(post: Post) -> list[Block]:
    """The mentions, each with a space after it."""
    return [part for user in _mentions(post) for part in ({"type": "user", "user_id": user}, _text(" "))]


def _mentioning(post: Post) -> list[Block]:
    people = _people(post)
    return [_rich(_part(*people))] if people else []


def _said(post: Post) -> list[Block]:
    """What is said without a card, under the name of who says it where it is handed on for somebody."""
    lead = _people(post)
    if post.purpose is Purpose.RELAY and _line(post.author):
        lead.append(_text(_cut(_line(post.author), HEADER) + "\n", bold=True))
    words = [[_text(piece)] for piece in pieces(readable(post.text), TEXT)]
    return [_rich(_part(*part)) for part in ([*lead, *(words[0] if words else [])], *words[1:]) if part]


def _attached(attachments: Sequence[Attachment]) -> list[Block]:
    """A line an attachment: a link where there is one. A file of another platform cannot be posted, only named."""
    lines = [_part(_text("📎 "), _attachment(one)) for one in attachments[:_ATTACHMENTS]]
    if len(attachments) > _ATTACHMENTS:
        lines.append(_part(_text(f"… and {len(attachments) - _ATTACHMENTS} more")))
    return [_rich(*lines)] if lines else []


def _attachment(one: Attachment) -> Block:
    if _link(one):
        return {"type": "link", "url": _link(one), "text": _cut(_line(one.what) or "a file", HEADER)}
    return _text(_cut(_line(one.what) or "a file", HEADER) + " (it cannot be shown here)")


def _named(one: Attachment) -> str:
    return "📎 " + _cut(_line(one.what) or "a file", HEADER)


def _link(one: Attachment) -> str:
    """Where it can be opened; only what is an address on the web."""
    return one.link if re.fullmatch(r"https?://[!-~]+", one.link) and len(one.link) <= _LINK else ""


def _rows(buttons: Sequence[Button], numbers: Iterator[int]) -> list[Block]:
    """Buttons in rows of five. One whose token Slack does not carry whole is left out: cut, it would mean another."""
    made = [_button(one, next(numbers)) for one in buttons if 0 < len(one.token) <= _TOKEN_OF_BUTTON][:BUTTONS]
    return [{"type": "actions", "elements": made[at : at + ROW]} for at in range(0, len(made), ROW)]


def _button(button: Button, number: int) -> Block:
    return {
        "type": "button",
        "text": _plain(button.label, LABEL),
        "action_id": f"{'ask' if button.asks else 'press'}:{number}",
        "value": button.token,
        **({} if button.style is Style.PLAIN else {"style": button.style.value}),
    }


def _card(card: Card, numbers: Iterator[int]) -> tuple[list[Block], list[Block]]:
    """The sections of a card, and its own buttons. A line is drawn only where buttons end what belongs together."""
    body: list[Block] = []
    for section in card.sections:
        shown = _section(section, numbers)
        body += [DIVIDER, *shown] if shown and body and body[-1]["type"] == "actions" else shown
    rows = _rows(card.buttons, numbers)
    if rows and body and body[-1]["type"] == "actions":
        body.append(DIVIDER)
    return body, rows


def _section(section: Section, numbers: Iterator[int]) -> list[Block]:
    title, words = _cut(_line(section.title), HEADER), readable(section.text).strip()
    shown: list[Block] = []
    if section.fixed and words:
        # its first line may be indented
        picture = {"type": "rich_text_preformatted", "elements": [_text(_cut(_unframed(section.text), TEXT))]}
        shown = [_rich(*([_part(_text(title, bold=True))] if title else []), picture)]
    elif section.quiet and (title or words):
        shown = [_context(" · ".join(filter(None, (title, words))))]
    elif title or words:
        ends = "\n" if title and words else ""
        heading = [_text(title + ends, bold=True)] if title else []
        shown = [_rich(_part(*heading, *([_text(_cut(words, TEXT))] if words else [])))]
    return [*shown, *_rows(section.buttons, numbers)]


def _unframed(text: str) -> str:
    """The text without empty lines before and after it."""
    return re.sub(r"\A(?:[^\S\n]*\n)+", "", readable(text)).rstrip()


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _inputs(form: Form) -> list[Block]:
    options = [
        {"text": _plain(label or value, LABEL), "value": value}
        for value, label in form.choices
        if 0 < len(value) <= _VALUE
    ]
    made: list[Block] = []
    if form.choose and options:
        select = {"type": "static_select", "options": options[:CHOICES]}
        made.append(_input("choice", form.choose, select, hint=_left_out(options)))
    if form.write:
        field = {"type": "plain_text_input", "multiline": True, "max_length": TEXT}
        made.append(_input("words", form.write, field, optional=form.optional))
    if made and form.hint:
        made[-1].setdefault("hint", _plain(form.hint, _HINT))
    return made


def _left_out(options: Sequence[Block]) -> str:
    return f"Slack shows the first {CHOICES} of {len(options)}." if len(options) > CHOICES else ""


def _input(name: str, label: str, element: Block, *, hint: str = "", optional: bool = False) -> Block:
    return {
        "type": "input",
        "block_id": name,
        "label": _plain(label, _HINT),
        "element": {**element, "action_id": name},
        "optional": optional,
        **({"hint": _plain(hint, _HINT)} if hint else {}),
    }
