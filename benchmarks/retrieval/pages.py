"""Puts what was measured between two markers of a page and leaves the rest of it alone."""

from __future__ import annotations

from pathlib import Path


def put(page: Path, name: str, text: str) -> None:
    """Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->`. Raises ValueError where they are not there."""
    content = page.read_text(encoding="utf-8")
    page.write_text(between(content, name, text), encoding="utf-8")


def between(content: str, name: str, text: str) -> str:
    """The page with another text between its markers. Raises ValueError where they are not there, once each."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if content.count(begin) != 1 or content.count(end) != 1 or content.index(end) < content.index(begin):
        raise ValueError(f"expected {begin} and after it {end}, once each")
    head, _, rest = content.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}\n{text.strip()}\n{end}{tail}"
