"""Scenes as HTML that looks like Slack and Telegram, drawn from the blocks and the markup that the channels send."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from telegram import InlineKeyboardMarkup

from bot.channels.slack import blocks
from bot.channels.telegram import markup
from bot.desk.preview.staging import Line, Scene
from bot.messages import SLACK

_FICTION = (
    "Everything here is fiction: the people, the companies and the flights of the pack in examples/meridian.",
    "Drawn by python -m bot.desk.preview from what the channels send; these are not pictures of the apps themselves.",
)
_COLOURS = ("#4a154b", "#1264a3", "#2e7d5b", "#a8572b", "#7a5195")

Names = Mapping[str, str]
"""What a mention shows, by the platform's id of a person."""


def page(scenes: Iterable[Scene], names: Names, *, titled: bool = True) -> str:
    """A whole page. Without titles it is the app alone."""
    head = f"<header><h1>What they see</h1>{''.join(f'<p class=fiction>{line}</p>' for line in _FICTION)}</header>"
    shown = "\n".join(_scene(scene, names, titled=titled) for scene in scenes)
    return (
        f"<!doctype html>\n<html lang=en><meta charset=utf-8><title>What they see</title><style>{_css()}</style>\n"
        f"<body{'' if titled else ' class=alone'}>{head if titled else ''}\n{shown}\n</body></html>\n"
    )


@cache
def _css() -> str:
    return resources.files("bot.desk.preview").joinpath("page.css").read_text(encoding="utf-8")


def _scene(scene: Scene, names: Names, *, titled: bool) -> str:
    show = _slack if scene.app == SLACK else _telegram
    title = f"<h2>{html.escape(scene.about)}</h2>" if titled else ""
    return f"<section id={scene.name}>{title}{show(scene, names)}</section>"


# ── Slack ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _slack(scene: Scene, names: Names) -> str:
    said = "".join(_slack_line(line, names) for line in scene.lines)
    if scene.thread:
        replies = "".join(_slack_line(line, names) for line in scene.thread)
        said += f"<div class=thread><p class=replies>{len(scene.thread)} replies in the thread</p>{replies}</div>"
    if scene.home:
        said = f"<div class=page>{_blocks(blocks.home(scene.home)['blocks'], names)}</div>"
    return f"<div class=slack><p class=place>{html.escape(scene.place)}</p>{said}</div>"


def _slack_line(line: Line, names: Names) -> str:
    app = "<span class=app>APP</span>" if line.post else ""
    said = f"<p class=words>{html.escape(line.text)}</p>"
    if line.post:
        text, made = blocks.message(line.post)
        said = _blocks(made, names) if made else f"<p class=words>{text}</p>"  # the text is escaped for mrkdwn
    reaction = f"<span class=reaction>{line.reaction} 1</span>" if line.reaction else ""
    return (
        f'<div class=line><span class=face style="background:{_colour(line.who)}">{html.escape(line.who[:1])}</span>'
        f"<div class=body><p><span class=who>{html.escape(line.who)}</span>{app}<span class=at>{line.at}</span></p>"
        f"{said}{reaction}</div></div>"
    )


def _colour(who: str) -> str:
    return _COLOURS[sum(map(ord, who)) % len(_COLOURS)]


def _blocks(made: Iterable[Mapping[str, Any]], names: Names) -> str:
    return "".join(_block(block, names) for block in made)


def _block(block: Mapping[str, Any], names: Names) -> str:
    match block["type"]:
        case "header":
            return f"<p class=head>{html.escape(block['text']['text'])}</p>"
        case "rich_text":
            return "".join(_rich(part, names) for part in block["elements"])
        case "section":
            return f"<p class=rich>{html.escape(block['text']['text'])}</p>"
        case "context":
            return f"<p class=context>{' '.join(html.escape(one['text']) for one in block['elements'])}</p>"
        case "actions":
            return f"<p class=actions>{''.join(_slack_button(one) for one in block['elements'])}</p>"
        case "divider":
            return "<hr>"
        case other:
            raise ValueError(f"The preview cannot draw a block of type {other!r} yet.")


def _rich(part: Mapping[str, Any], names: Names) -> str:
    inside = "".join(_element(one, names) for one in part["elements"])
    return f"<pre>{inside}</pre>" if part["type"] == "rich_text_preformatted" else f"<p class=rich>{inside}</p>"


def _element(one: Mapping[str, Any], names: Names) -> str:
    match one["type"]:
        case "user":
            return f"<span class=mention>@{html.escape(names.get(one['user_id'], one['user_id']))}</span>"
        case "link":
            return f"<span class=mention>{html.escape(one.get('text', one['url']))}</span>"
        case _:
            text = html.escape(one["text"])
            return f"<b>{text}</b>" if one.get("style", {}).get("bold") else text


def _slack_button(one: Mapping[str, Any]) -> str:
    return f'<span class="{one.get("style", "plain")}">{html.escape(one["text"]["text"])}</span>'


# ── Telegram ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _telegram(scene: Scene, names: Names) -> str:
    said = "".join(_telegram_line(line) for line in (*scene.lines, *scene.thread))
    return f"<div class=telegram><p class=place>{html.escape(scene.place)}</p>{said}</div>"


def _telegram_line(line: Line) -> str:
    said = html.escape(line.text)
    keys = ""
    if line.post:
        said = markup.rendered(line.post).replace("</pre>\n", "</pre>")  # the line that ends there anyway
        keys = _keys(markup.keyboard(line.post))
    who = "" if line.mine else f"<p class=who>{html.escape(line.who)}</p>"
    reaction = f"<span class=reaction>{line.reaction}</span>" if line.reaction else ""
    return (
        f'<div class="line{" mine" if line.mine else ""}"><div class=bubble>{who}<div class=words>{said}</div>'
        f"{reaction}<p class=at>{line.at}</p></div>{keys}</div>"
    )


def _keys(shown: object) -> str:
    if not isinstance(shown, InlineKeyboardMarkup):
        return ""
    rows = (
        "".join(f'<span class="{one.style or "plain"}">{html.escape(one.text)}</span>' for one in row)
        for row in shown.inline_keyboard
    )
    return f"<div class=keys>{''.join(f'<div>{row}</div>' for row in rows)}</div>"
