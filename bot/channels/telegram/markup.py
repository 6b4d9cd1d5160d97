"""A post as Telegram shows it: HTML that means what the words mean, and the buttons under it. Pure.

Whatever the words are, they stay words, and the message stays within Telegram's limits
(core.telegram.org/bots/api#sendmessage).
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from telegram import ForceReply, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.constants import InlineKeyboardMarkupLimit, KeyboardButtonStyle, MessageLimit

from bot.messages import TELEGRAM, Act, Attachment, Button, Card, Post, Purpose, Section, Style, readable
from bot.wording import telegram_html

LIMIT = int(MessageLimit.MAX_TEXT_LENGTH)
"""UTF-16 code units of a message without its markup. Telegram counts characters, which are never more."""

_MORE = "…"
_BELL = "🔔"
_CLIP = "📎"
_TITLE, _LABEL, _TAIL = 200, 40, 1_000  # code units
_SHORT = 60
"""Up to so many code units a section stands on one line with its title."""
_ROW, _BESIDE = 36, 3
"""Code units and buttons that fit beside each other on a phone."""
_STYLES = {Style.PRIMARY: KeyboardButtonStyle.PRIMARY, Style.DANGER: KeyboardButtonStyle.DANGER}
_REF = re.compile(r"(?P<chat>-?\d+):(?P<message>\d+)", re.ASCII)


def units(text: str) -> int:
    """The length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, limit: int) -> str:
    """The text, or as much of it as fits into so many code units with “…” at its end."""
    if units(text) <= limit:
        return text
    raw = text.encode("utf-16-le", "surrogatepass")[: max(0, limit - 1) * 2]
    return raw.decode("utf-16-le", "ignore").rstrip() + _MORE if limit > 0 else ""


def line(text: str, limit: int) -> str:
    """The text in one line of at most so many code units; “…” where it says nothing."""
    return cut(" ".join(readable(text).split()), limit) or _MORE


def source(attachment: Attachment) -> tuple[int, int] | None:
    """The chat and the message that an attachment came with, where that was on Telegram: there it can be copied."""
    found = _REF.fullmatch(attachment.ref)
    return (int(found["chat"]), int(found["message"])) if found else None


def rendered(post: Post) -> str:
    """The post as Telegram's HTML.

    It names the attachments that cannot be copied, or all of them where there is nothing else to say.
    """
    named = _named(post)
    page = _Page(LIMIT if post.card is None and not named else LIMIT - units(f"\n{_MORE}"))
    _put_bells(page, post)
    if post.card is not None:
        _put_card(page, post.card)
    else:
        _put_words(page, post, keep=sum(units(_clip(one)) + 2 for one in named))
    for one in named:
        page.apart("\n")
        page.put(_clip(one), "a" if _opens(one.link) else "", href=one.link)
    return page.html()


def keyboard(post: Post) -> InlineKeyboardMarkup | ForceReply | None:
    """The post's buttons, those of the whole before those of its parts; without any, the wish for an answer."""
    groups: list[Sequence[Button]] = [post.buttons]
    if post.card is not None:
        groups += [post.card.buttons, *_told_apart(post.card.sections)]
    rows = [[_button(one) for one in row] for group in groups for row in _rows(group)]
    if rows:
        return InlineKeyboardMarkup(rows[: int(InlineKeyboardMarkupLimit.TOTAL_BUTTON_NUMBER) // _BESIDE])
    return ForceReply(selective=True) if post.prompt else None


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Page:
    """HTML that grows until it is full; a “…” stands for what no longer fits."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._said = ""
        self._full = False
        self._cut = False

    @property
    def begun(self) -> bool:
        return bool(self._said)

    def put(self, text: str, tag: str = "", *, href: str = "", keep: int = 0) -> None:
        """Says the text inside the tag. Leaves so many code units for what must still be said after it."""
        shown = "" if self._full else cut(text, self._room - keep)
        self._cut = shown != text
        self._full = self._full or (self._cut and not keep)
        if shown:
            self._room -= units(shown)
            self._said += _tagged(shown, tag, href)

    def apart(self, between: str) -> None:
        """Parts what comes from what was said."""
        if self.begun:
            self.put(between)

    def html(self) -> str:
        if self._full and not re.search(rf"{_MORE}(</\w+>)?$", self._said):
            return f"{self._said}\n{_MORE}"
        return self._said or _MORE


def _tagged(text: str, tag: str, href: str) -> str:
    inside = telegram_html(text)
    if not tag:
        return inside
    where = f' href="{html.escape(href)}"' if href else ""
    return f"<{tag}{where}>{inside}</{tag}>"


def _put_bells(page: _Page, post: Post) -> None:
    """A link to a person notifies them; which of the sender's words were a name, nobody could say."""
    bells = [one for one in post.mentions if one.channel == TELEGRAM and one.user]
    for one in bells:
        page.put(_BELL, "a", href=f"tg://user?id={one.user}")
    page.apart(" ")


def _put_words(page: _Page, post: Post, *, keep: int) -> None:
    keep = min(keep, _TAIL)
    text = readable(post.text).strip()
    if post.purpose is Purpose.RELAY and post.author:
        page.put(line(post.author, _TITLE), "b")
        page.put("\n" if text else "")
    page.put(text, keep=keep)


def _put_card(page: _Page, card: Card) -> None:
    page.put(line(card.title, _TITLE), "b")
    before_was_short = True
    for section in card.sections:
        title = line(section.title, _TITLE) if section.title.strip() else ""
        text = readable(section.text).strip("\n" if section.fixed else None)
        if not title and not text:
            continue
        short = _is_short(section, title, text)
        page.put("\n" if short and before_was_short else "\n\n")
        page.put(title, "b")
        page.put((" · " if short else "\n") if title and text else "")
        page.put(text, "pre" if section.fixed else "i" if section.quiet else "")
        before_was_short = short


def _is_short(section: Section, title: str, text: str) -> bool:
    one_line = bool(title) and not section.fixed and "\n" not in text
    return one_line and units(title) + units(text) <= _SHORT


def _named(post: Post) -> Sequence[Attachment]:
    wordless = post.card is None and not readable(post.text).strip()
    if wordless or post.act is Act.EDIT:
        return post.attachments
    return [one for one in post.attachments if source(one) is None]


def _clip(attachment: Attachment) -> str:
    return f"{_CLIP} {line(attachment.what, _TITLE)}"


def _opens(link: str) -> bool:
    """Whether a link leads to a page, and not to one of Telegram's own doings (tg://…)."""
    return link.startswith(("https://", "http://"))


# ── buttons ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _told_apart(sections: Sequence[Section]) -> Iterator[Sequence[Button]]:
    """All buttons stand under the message: where two say the same, each also says to which part it belongs."""
    labels = Counter(button.label for section in sections for button in section.buttons)
    for section in sections:
        yield [
            replace(one, label=f"{one.label} · {section.title}") if labels[one.label] > 1 and section.title else one
            for one in section.buttons
        ]


def _rows(buttons: Sequence[Button]) -> Iterator[Sequence[Button]]:
    row: list[Button] = []
    for button in buttons:
        wider = [*row, button]
        # the buttons of a row are equally wide
        if row and (len(wider) > _BESIDE or len(wider) * max(units(one.label) for one in wider) > _ROW):
            yield row
            wider = [button]
        row = wider
    if row:
        yield row


def _button(button: Button) -> InlineKeyboardButton:
    return InlineKeyboardButton(line(button.label, _LABEL), callback_data=button.token, style=_STYLES.get(button.style))
