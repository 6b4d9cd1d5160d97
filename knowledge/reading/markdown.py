"""Markdown (CommonMark with tables) into blocks, as plain text: emphasis says nothing to a reader of answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from knowledge.metadata import front_matter
from knowledge.reading import html
from knowledge.reading.blocks import Block, Definition, Heading, Items, Paragraph, Row, Table, nested, table
from knowledge.reading.characters import clean, decoded, line

_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]:?")  # the mark in the text, and the one before the note


def blocks(content: bytes) -> Iterator[Block]:
    """The blocks of a file, without its front matter. Raises `Unreadable` where it is not text."""
    _, body = front_matter(clean(decoded(content)))
    yield from parsed(body)


def parsed(text: str) -> Iterator[Block]:
    """The blocks of a Markdown text."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    yield from _inside(SyntaxTreeNode(parser.parse(_FOOTNOTE.sub("", text))))


def _inside(node: SyntaxTreeNode) -> Iterator[Block]:
    for child in node.children:
        match child.type:
            case "heading":
                yield Heading(level=int(child.tag[1]), text=line(_text(child)))
            case "paragraph":
                yield from _paragraph(_text(child))
            case "bullet_list" | "ordered_list":
                if items := tuple(_items(child)):
                    yield Items(items=items, first=_first(child))
            case "table":
                yield _table(child)
            case "fence" | "code_block":
                yield from _paragraph(child.content)
            case "html_block":
                yield from html.fragment(child.content)
            case _:
                yield from _inside(child)


def _paragraph(text: str) -> Iterator[Block]:
    """A paragraph, or the definitions that some flavours write as a term and lines that begin with a colon."""
    lines = [line(said) for said in text.splitlines()]
    if len(lines) > 1 and all(said.startswith(": ") for said in lines[1:]):
        for meaning in lines[1:]:
            yield Definition(term=lines[0], meaning=meaning[2:])
    elif whole := "\n".join(filter(None, lines)):
        yield Paragraph(text=whole)


def _text(node: SyntaxTreeNode) -> str:
    """The words of inline content. What is struck out, and comments, are left out."""
    match node.type:
        case "text" | "code_inline":
            return node.content
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "image":
            return node.content
        case "s":
            return ""
        case "html_inline":
            return "\n" if node.content.lower().startswith("<br") else ""
        case "link":
            return html.linked("".join(map(_text, node.children)), str(node.attrs.get("href", "")))
    return "".join(map(_text, node.children))


def _items(node: SyntaxTreeNode) -> Iterator[str]:
    for item in node.children:
        own: list[str] = []
        inner: list[str] = []
        for part in item.children:
            if part.type in {"bullet_list", "ordered_list"}:
                inner += _items(part)
            else:
                own += map(_told, _inside_of(part))
        yield from nested(" ".join(filter(None, own)), inner)


def _inside_of(part: SyntaxTreeNode) -> Sequence[Block]:
    return list(_inside(SyntaxTreeNode([*part.to_tokens()])))


def _told(block: Block) -> str:
    """A block that stands inside a list's item, as running text."""
    match block:
        case Paragraph() | Heading():
            return line(block.text)
        case Definition():
            return f"{block.term}: {block.meaning}"
        case Items():
            return "; ".join(block.items)
        case Table():
            return "; ".join(": ".join(filter(None, row.cells)) for row in block.rows)


def _first(node: SyntaxTreeNode) -> int | None:
    return int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None


def _table(node: SyntaxTreeNode) -> Table:
    rows = [
        Row(cells=tuple(line(_text(cell)) for cell in row.children)) for part in node.children for row in part.children
    ]
    # Markdown cannot leave the header out; one without a word in it stands for none.
    return table(rows, marked=any(rows[0].cells))
