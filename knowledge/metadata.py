"""What is said about a document beside its text: title, audience, validity, what it replaces, caveat, owner.

It stands as front matter (YAML between `---` lines) in .md and .txt, or in a sidecar `guide.meta.yaml` beside
`guide.pdf`. Nothing here opens a document's text.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from knowledge.marks import Problem, Spot, compose

__all__ = ["SUFFIXES", "DocumentMeta", "Problem", "Survey", "front_matter", "scan", "survey"]

SUFFIXES: Final = (".md", ".txt", ".html", ".pdf", ".docx")
"""What a document's file name may end on, in any case."""

SIDECAR: Final = ".meta.yaml"

_KEYS: Final = ("title", "audience", "valid_from", "replaces", "caveat", "owner")
_AUDIENCE: Final = re.compile(r"everyone|stewards|(flight|mission|organisation):\S(.*\S)?")
_AUDIENCE_WORDS: Final = "everyone, stewards, flight:ID, mission:ID or organisation:ID"


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentMeta:
    """A document and what is said about it.

    `id` is the path under the documents' folder without its suffix; `path` is that path with it. `audience`
    are the grants that open it; before `valid_from` it is not used, and what it `replaces` (ids) still is;
    `caveat` is told with every answer from it; `owner` is the organisation accountable for what it says.
    """

    id: str
    title: str
    audience: frozenset[str]
    valid_from: date | None = None
    replaces: tuple[str, ...] = ()
    caveat: str | None = None
    owner: str | None = None
    path: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """All documents of a folder, by id.

    `spots` leads from (document's id, key) to the place of a value, for whoever has more to check about it.
    """

    documents: tuple[DocumentMeta, ...]
    spots: Mapping[tuple[str, str], Spot]


def scan(documents: Path) -> tuple[tuple[DocumentMeta, ...], tuple[Problem, ...]]:
    """Every document under a folder with its metadata, by id, and every problem.

    A missing folder has no documents.
    """
    problems: list[Problem] = []
    found = survey(documents, problems)
    return found.documents, tuple(problems)


def survey(documents: Path, problems: list[Problem]) -> Survey:
    """The same as `scan`, with the places of what was said; problems are added to the list."""
    spots: dict[tuple[str, str], Spot] = {}
    metas: dict[str, DocumentMeta] = {}
    paths, sidecars = _files(documents, problems)
    for path in paths:
        meta, said = _read(documents, path, sidecars.pop(_id(path), None), problems)
        if other := metas.get(meta.id):
            expected = f"another name: {_shown(documents, other.path)} has the id {meta.id!r} already"
            _note(problems, documents, path, f"a second document with the id {meta.id!r}", expected)
            continue
        metas[meta.id] = meta
        spots |= {(meta.id, key): spot for key, spot in said.items()}
    for sidecar in sidecars.values():
        expected = f"a document of the same name ({', '.join(SUFFIXES)}) beside it"
        _note(problems, documents, sidecar, "a sidecar without a document", expected)
    _check_replacements(metas, spots)
    return Survey(documents=tuple(metas[name] for name in sorted(metas)), spots=spots)


def front_matter(text: str) -> tuple[str | None, str]:
    """A text's front matter (None where it has none, or never closes it) and the rest.

    The rest begins with as many line breaks as the front matter had lines, so that its lines keep their
    numbers.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    if lines[0].rstrip() != "---":
        return None, text
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if end is None:
        return None, text
    return "\n".join(lines[1:end]), "\n" * (end + 1) + "\n".join(lines[end + 1 :])


def _files(documents: Path, problems: list[Problem]) -> tuple[list[Path], dict[str, Path]]:
    """The documents and the sidecars (by the id of the document that they speak of), paths relative to the
    folder."""
    paths: list[Path] = []
    sidecars: dict[str, Path] = {}
    for path in _walk(documents):
        if path.name.endswith(SIDECAR):
            sidecars[_id(path, SIDECAR)] = path
        elif path.suffix.lower() in SUFFIXES:
            paths.append(path)
        else:
            found = f"a file that ends on {path.suffix!r}" if path.suffix else "a file without a suffix"
            expected = f"{', '.join(SUFFIXES)}, or {SIDECAR} beside one"
            _note(problems, documents, path, found, expected)
    return paths, sidecars


def _walk(documents: Path) -> Iterator[Path]:
    for folder, inside, names in os.walk(documents):
        # What begins with a dot is the desktop's or the version control's, never an operator's document.
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield (Path(folder) / name).relative_to(documents)


def _read(
    documents: Path, path: Path, sidecar: Path | None, problems: list[Problem]
) -> tuple[DocumentMeta, dict[str, Spot]]:
    spot = _front(documents, path, problems)
    if sidecar is not None:
        if spot is not None:
            expected = f"it in one place: {_shown(documents, sidecar)} describes this document too"
            spot.wrong(expected, found="front matter")
        spot = _sidecar(documents, sidecar, problems)
    said = spot.parts((), _KEYS) if spot is not None else {}
    return _meta(path, said), said


def _front(documents: Path, path: Path, problems: list[Problem]) -> Spot | None:
    if path.suffix.lower() not in {".md", ".txt"}:
        return None
    file = _shown(documents, path)
    text = _text(documents, path, problems)
    yaml_text, _ = front_matter(text)
    if yaml_text is None and text.removeprefix("\ufeff").split("\n")[0].rstrip() == "---":
        found, expected = "front matter that never ends", "a second line of --- after it"
        problems.append(Problem(file=file, place="line 1", found=found, expected=expected))
    return None if yaml_text is None else compose(yaml_text, file, problems, above=1)


def _sidecar(documents: Path, path: Path, problems: list[Problem]) -> Spot | None:
    return compose(_text(documents, path, problems), _shown(documents, path), problems)


def _text(documents: Path, path: Path, problems: list[Problem]) -> str:
    try:
        # Bytes that are not UTF-8 are the business of whoever reads the document's text.
        return (documents / path).read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        found = f"a file that cannot be opened ({error.strerror})"
        _note(problems, documents, path, found, "a readable file")
        return ""


def _note(problems: list[Problem], documents: Path, path: Path, found: str, expected: str) -> None:
    problems.append(Problem(file=_shown(documents, path), place="", found=found, expected=expected))


def _meta(path: Path, said: Mapping[str, Spot]) -> DocumentMeta:
    title = said["title"].text() if "title" in said else None
    return DocumentMeta(
        id=_id(path),
        title=title.strip() if title else _title(path),
        audience=_audience(said["audience"]) if "audience" in said else frozenset({"stewards"}),
        valid_from=said["valid_from"].day() if "valid_from" in said else None,
        replaces=_replaces(said["replaces"]) if "replaces" in said else (),
        caveat=said["caveat"].text() if "caveat" in said else None,
        owner=said["owner"].text("an organisation's id") if "owner" in said else None,
        path=path,
    )


def _audience(spot: Spot) -> frozenset[str]:
    named = set()
    for item in spot.one_or_more(_AUDIENCE_WORDS):
        if (text := item.text(_AUDIENCE_WORDS)) is None:
            continue
        if _AUDIENCE.fullmatch(text):
            named.add(text)
        else:
            item.wrong(_AUDIENCE_WORDS)
    return frozenset(named)


def _replaces(spot: Spot) -> tuple[str, ...]:
    names = (item.text("a document's id") for item in spot.one_or_more("documents' ids"))
    return tuple(dict.fromkeys(unicodedata.normalize("NFC", name) for name in names if name))


def _check_replacements(metas: Mapping[str, DocumentMeta], spots: Mapping[tuple[str, str], Spot]) -> None:
    for meta in metas.values():
        for name in meta.replaces:
            if name not in metas:
                spots[meta.id, "replaces"].wrong("the id of a document in this pack", repr(name))
        if meta.id in _replaced(meta, metas):
            found = f"a document that in the end replaces itself ({meta.id!r})"
            spots[meta.id, "replaces"].wrong("older documents only, never in a circle", found)


def _replaced(meta: DocumentMeta, metas: Mapping[str, DocumentMeta]) -> set[str]:
    """Everything that a document replaces, directly or through others."""
    seen: set[str] = set()
    waiting = list(meta.replaces)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += metas[name].replaces if name in metas else ()
    return seen


def _id(path: Path, suffix: str | None = None) -> str:
    # Some systems take file names apart into letters and accents; what an operator types is composed.
    whole = unicodedata.normalize("NFC", path.as_posix())
    return whole.removesuffix(suffix if suffix is not None else path.suffix)


def _title(path: Path) -> str:
    words = re.sub(r"[-_\s]+", " ", path.stem).strip() or path.stem
    return words[:1].upper() + words[1:]


def _shown(documents: Path, path: Path) -> str:
    return f"{documents.name}/{path.as_posix()}"
