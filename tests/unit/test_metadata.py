"""What is said about documents beside their text: front matter, sidecars, and what is wrong with them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from knowledge.metadata import front_matter, scan

HANDBOOK = """---
title: Participant handbook
audience: [flight:aurora-2]
valid_from: 2026-10-01
replaces: handbook-2025
caveat: Launch dates move.
owner: halcyon
---
# Welcome
"""


def write(folder: Path, **files: str) -> Path:
    """Files under documents/; in names, __ stands for a folder and _ for the dot of a suffix."""
    documents = folder / "documents"
    documents.mkdir(exist_ok=True)
    for name, text in files.items():
        path = documents / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return documents


def said(folder: Path, **files: str) -> list[str]:
    return [str(problem) for problem in scan(write(folder, **files))[1]]


def test_front_matter_says_everything(tmp_path: Path) -> None:
    """All keys of a Markdown document."""
    documents, problems = scan(write(tmp_path, handbook_md=HANDBOOK, **{"handbook-2025_txt": "Old."}))
    assert problems == ()
    handbook, older = documents
    assert (handbook.id, handbook.title) == ("handbook", "Participant handbook")
    assert handbook.audience == {"flight:aurora-2"}
    assert (handbook.valid_from, handbook.replaces) == (date(2026, 10, 1), ("handbook-2025",))
    assert (handbook.caveat, handbook.owner) == ("Launch dates move.", "halcyon")
    assert (older.id, older.title) == ("handbook-2025", "Handbook 2025")
    assert older.audience == {"stewards"}


def test_a_sidecar_speaks_for_any_format(tmp_path: Path) -> None:
    """A PDF in a sub-folder; its id is the path without the suffix."""
    sidecar = "title: Guide\naudience: everyone\n"
    [guide], problems = scan(write(tmp_path, sub__guide_pdf="%PDF", sub__guide_meta_yaml=sidecar))
    assert problems == ()
    assert (guide.id, guide.title, guide.path) == ("sub/guide", "Guide", Path("sub/guide.pdf"))
    assert guide.audience == {"everyone"}


def test_a_missing_folder_has_no_documents(tmp_path: Path) -> None:
    """There is nothing to complain of either."""
    assert scan(tmp_path / "documents") == ((), ())


def test_what_the_desktop_leaves_behind_is_not_looked_at(tmp_path: Path) -> None:
    """Names that begin with a dot are nobody's documents."""
    documents = write(tmp_path)
    (documents / ".DS_Store").write_bytes(b"\0")
    assert scan(documents) == ((), ())


@pytest.mark.parametrize(
    ("front", "place", "expected"),
    [
        (
            "colour: red",
            "line 2, colour",
            "found the unknown key 'colour', expected one of the keys",
        ),
        ("title: 5", "line 2, title", "found '5', expected a text (in quotes)"),
        ("title: A\ntitle: B", "line 3", "'title' a second time"),
        ("audience: all", "line 2, audience", "found 'all', expected everyone"),
        ("audience: [everyone, 'team:x']", "line 2, audience[2]", "found 'team:x'"),
        ("audience: [flight: aurora-2]", "line 2, audience[1]", "found a mapping"),
        ("audience: []", "line 2, audience", "at least one"),
        ("valid_from: soon", "line 2, valid_from", "found 'soon', expected a day such as 2027-03-14"),
        ("valid_from: 2027-02-30", "line 2, valid_from", "expected a day"),
        ("valid_from: 2027-02-03 10:00:00", "line 2, valid_from", "without a zone"),
        ("replaces: nothing", "line 2, replaces", "found 'nothing', expected the id of a document"),
        ("replaces: guide", "line 2, replaces", "replaces itself"),
        ("title: [", "line 2", "expected valid YAML"),
        ("- a list", "line 2", "found a list, expected a mapping of the keys title"),
    ],
)
def test_every_mistake_has_its_place(tmp_path: Path, front: str, place: str, expected: str) -> None:
    """File, line and key path, what was found, what was expected."""
    [problem] = said(tmp_path, guide_md=f"---\n{front}\n---\nText.\n")
    assert problem.startswith(f"documents/guide.md, {place}")
    assert expected in problem


def test_files_that_do_not_fit_together(tmp_path: Path) -> None:
    """Unknown suffixes, two documents with one id, a lone sidecar, a document described twice."""
    problems = said(
        tmp_path,
        sheet_xlsx="",
        guide_md="---\ntitle: A\n---\n",
        guide_meta_yaml="title: B",
        plan_txt="",
        plan_html="",
        lost_meta_yaml="title: C",
    )
    assert len(problems) == 4
    assert any("documents/sheet.xlsx: found a file that ends on '.xlsx'" in one for one in problems)
    assert any("a second document with the id 'plan'" in one for one in problems)
    assert any("documents/lost.meta.yaml: found a sidecar without a document" in one for one in problems)
    assert any("documents/guide.meta.yaml describes this document too" in one for one in problems)


def test_replacing_in_a_circle_would_hide_everything(tmp_path: Path) -> None:
    """Two documents that replace each other are both wrong."""
    problems = said(tmp_path, a_md="---\nreplaces: b\n---\n", b_md="---\nreplaces: a\n---\n")
    assert ["replaces itself" in one for one in problems] == [True, True]


def test_front_matter_that_never_ends_is_a_mistake(tmp_path: Path) -> None:
    """Its audience would be lost in the text."""
    assert "never ends" in said(tmp_path, a_md="---\naudience: everyone\n\nText.\n")[0]


def test_the_rest_of_a_text_keeps_its_line_numbers() -> None:
    """Whoever reads on finds every line where it stands in the file."""
    front, rest = front_matter("\ufeff---\ntitle: A\n---\nText.\n")
    assert front == "title: A"
    assert rest.split("\n")[3] == "Text."
    assert front_matter("Text.\n---\n") == (None, "Text.\n---\n")
