"""How a conversation looks in a terminal."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from bot.desks import CONCIERGE
from bot.messages import Post, readable

WIDTH = 100


def console(*, record: bool = False) -> Console:
    """A console that wraps like a chat window. Text is never read as markup: it may come from anybody.

    `record` keeps what is printed, so that a picture can be made of it.
    """
    return Console(highlight=False, markup=False, width=min(WIDTH, Console().width), record=record)


def plain(text: str) -> Text:
    """The text as it may stand on a screen: a name in a pack or a line from anybody may hold what a terminal obeys."""
    return Text(readable(text))


def show(screen: Console, who: str, text: str, at: datetime, *, style: str) -> None:
    """One message: who and when, then the text, indented."""
    screen.print(Text.assemble((readable(who), f"bold {style}"), (f"  {at:%H:%M}", "dim")))
    screen.print(Padding(plain(text), (0, 0, 1, 2)))


def style_of(post: Post) -> str:
    """The concierge and the people who answer through it look different."""
    return "cyan" if post.author == CONCIERGE else "magenta"
