"""What becomes of a file: passages that can be found, quoted and pointed at."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import docx
import pytest
from docx.document import Document
from hypothesis import given
from hypothesis import strategies as st

from knowledge.documents import DocumentMeta, Passage, UnreadableDocument, read
from knowledge.reading.characters import clean

Reader = Callable[..., tuple[Passage, ...]]
Op = str


@pytest.fixture
def passages(tmp_path: Path) -> Reader:
    """Reads one file of the given name and content."""

    def reader(name: str, content: str | bytes, title: str = "Guide", caveat: str | None = None) -> tuple[Passage, ...]:
        path = Path(name)
        (tmp_path / path).write_bytes(content.encode() if isinstance(content, str) else content)
        audience = frozenset({"everyone"})
        meta = DocumentMeta(id=path.stem, title=title, audience=audience, path=path, caveat=caveat)
        return read(tmp_path, meta)

    return reader


def told(found: Iterable[Passage]) -> list[tuple[str, str, str]]:
    """Kind, anchor and text of each passage."""
    return [(passage.kind, passage.anchor, passage.text) for passage in found]


# ── passages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_passage_knows_its_place(passages: Reader) -> None:
    """The heading's path says where it stands, the anchor is what a customer is pointed at."""
    (found,) = passages("guide.md", "# Before launch\n\n## Personal items\n\nYou may bring a ring.")
    assert found.heading == "Before launch › Personal items"
    assert found.anchor == "Personal items"
    assert found.document == "guide"


def test_a_heading_that_repeats_the_title_is_not_said_twice(passages: Reader) -> None:
    (found,) = passages("guide.md", "# Guide\n\nYou may bring a ring.")
    assert (found.heading, found.anchor) == ("", "Guide")


def test_an_id_stays_while_the_passage_stays(passages: Reader) -> None:
    """It is the document, the position and a hash of the content."""
    before = passages("guide.md", "# A\n\nOne.\n\n# B\n\nTwo.")
    after = passages("guide.md", "# A\n\nOne, changed.\n\n# B\n\nTwo.")
    assert before[1].id == after[1].id
    assert before[0].id != after[0].id
    assert before[0].id.startswith("guide#0-")


def test_short_paragraphs_of_a_section_keep_each_other_company(passages: Reader) -> None:
    """But none crosses a heading."""
    found = passages("guide.md", "# A\n\nOne.\n\nTwo.\n\n# B\n\nThree.")
    assert [passage.text for passage in found] == ["One.\n\nTwo.", "Three."]


def test_a_long_paragraph_is_parted_at_sentences(passages: Reader) -> None:
    text = " ".join(f"Sentence number {n} says something about the flight and its crew." for n in range(60))
    found = passages("guide.md", text)
    assert " ".join(passage.text for passage in found) == text
    assert all(60 <= len(passage.text.split()) <= 180 and passage.text.endswith(".") for passage in found)


def test_a_question_stays_with_its_answer(passages: Reader) -> None:
    filler = "This sentence has exactly seven words here. " * 9
    found = passages("guide.md", f"{filler}\n\nMay I bring a cat?\n\nNo.")
    assert found[-1].text == "May I bring a cat?\n\nNo."


def test_a_list_stands_with_the_sentence_that_leads_in(passages: Reader) -> None:
    (before, found) = passages("guide.md", "The bag is small. You may bring:\n\n- a ring\n- a book")
    assert (before.kind, before.text) == ("paragraph", "The bag is small.")
    assert (found.kind, found.text) == ("list", "You may bring:\n- a ring\n- a book")


def test_a_long_list_repeats_its_lead(passages: Reader) -> None:
    items = "\n".join(f"1. Item number {n} of a list that is far too long for one passage." for n in range(1, 40))
    found = passages("guide.md", f"Do this:\n\n{items}")
    assert len(found) > 1
    assert all(passage.text.startswith("Do this:\n") for passage in found)
    assert "39. Item number 39" in found[-1].text


def test_a_caveat_is_a_passage_too(passages: Reader) -> None:
    """It is searched, and told with every answer from the document."""
    found = passages("guide.md", "Launch is on 14 March.", caveat="Launch dates move.")
    assert told(found)[-1] == ("caveat", "Guide", "Launch dates move.")
    assert all(passage.caveat == "Launch dates move." for passage in found)


# ── Markdown ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_markdown_is_read_as_plain_text(passages: Reader) -> None:
    """Without front matter, emphasis, comments and what is struck out."""
    text = "---\ntitle: Guide\n---\nUp to **1.5 kg**, ~~2 kg,~~ *bag* `included`.<!-- ask Ann -->\nNo more."
    assert told(passages("guide.md", text)) == [("paragraph", "Guide", "Up to 1.5 kg, bag included. No more.")]


def test_a_table_row_can_be_read_without_its_table(passages: Reader) -> None:
    table = "## Dates\n\n| Step | When |\n|---|---|\n| Kit handed in | 13 May |\n| Bake-out | |"
    assert told(passages("guide.md", table)) == [
        ("table", "Dates", "Step: Kit handed in; When: 13 May"),
        ("table", "Dates", "Step: Bake-out"),
    ]


def test_an_inner_list_is_read_with_what_it_belongs_to(passages: Reader) -> None:
    (found,) = passages("guide.md", "- Cameras:\n  - two for stills\n  - one for film\n- Lamps")
    assert found.text == "- Cameras: two for stills; one for film\n- Lamps"


def test_a_link_tells_where_it_leads(passages: Reader) -> None:
    (found,) = passages("guide.md", "Fill in the [form](https://example.org/f) as [told](other.md).")
    assert found.text == "Fill in the form (https://example.org/f) as told."


# ── plain text ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_headings_of_plain_text_are_guessed(passages: Reader) -> None:
    """From underlines, numbers, capitals, and short lines above a paragraph."""
    text = (
        "EMERGENCY CARD\nKeep it with you at all times, and give a copy of it to the family.\n\n"
        "Doctor\n------\nCall her.\n\n2. Weather\nWind below 13 metres a second.\n\n"
        "What the box does\nThe box shakes drops."
    )
    assert [passage.anchor for passage in passages("card.txt", text)] == [
        "EMERGENCY CARD", "Doctor", "2. Weather", "What the box does",
    ]  # fmt: skip


def test_wrapped_lines_are_one_paragraph(passages: Reader) -> None:
    (found,) = passages("card.txt", "Take nothing with you when an\nalarm sounds, and go to your\nown vehicle.")
    assert found.text == "Take nothing with you when an alarm sounds, and go to your own vehicle."


def test_lists_and_terms_of_plain_text_are_recognised(passages: Reader) -> None:
    found = passages("card.txt", "Bring\n1. a ring,\n   if you have one\n2. a book\n\nScrub: a halt.\nHold: a pause.")
    assert [(passage.kind, passage.text) for passage in found] == [
        ("list", "1. a ring, if you have one\n2. a book"),
        ("definition", "Scrub: a halt."),
        ("definition", "Hold: a pause."),
    ]


# ── HTML ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_web_page_is_read_as_its_visitor_would(passages: Reader) -> None:
    """Without scripts, menus, comments and what is hidden."""
    page = (
        "<html><head><title>x</title><style>p{}</style></head><body><nav><a href='/'>Home</a></nav><!-- note -->"
        "<h1>Guide</h1><h2>Sleep</h2><p>Cabins are <b>small</b>,\nbut quiet.</p><p hidden>secret</p>"
        "<p style='display: none'>secret</p><script>secret()</script><del>Old.</del>"
        "<dl><dt>Hold</dt><dd>a pause</dd></dl><ul><li>Towels<li>Soap</ul></body></html>"
    )
    assert told(passages("guide.html", page)) == [
        ("paragraph", "Sleep", "Cabins are small, but quiet."),
        ("definition", "Sleep", "Hold: a pause"),
        ("list", "Sleep", "- Towels\n- Soap"),
    ]


def test_cells_that_cover_several_rows_count_in_each(passages: Reader) -> None:
    page = (
        "<table><caption>Limits</caption><tr><th>Day</th><th>What</th><th>Mass</th></tr>"
        "<tr><td rowspan=2>Monday</td><td>Kit</td><td>1 kg</td></tr><tr><td>Food</td><td>2 kg</td></tr></table>"
    )
    found = passages("guide.html", page)
    assert [passage.text for passage in found] == [
        "Day: Monday; What: Kit; Mass: 1 kg",
        "Day: Monday; What: Food; Mass: 2 kg",
    ]
    assert found[0].heading == "Limits"


def test_names_before_values_are_no_header(passages: Reader) -> None:
    page = "<table><tr><th>Mass</th><td>1.5 kg</td></tr><tr><th>Size</th><td>30 cm</td></tr></table>"
    assert [passage.text for passage in passages("guide.html", page)] == ["Mass: 1.5 kg", "Size: 30 cm"]


# ── Word ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def word(write: Callable[[Document], object]) -> bytes:
    """A Word document."""
    document = docx.Document()
    write(document)
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


def test_a_word_document_is_read_in_the_order_of_its_pages(passages: Reader) -> None:
    def write(document: Document) -> None:
        document.add_heading("Lockers", 1)
        document.add_paragraph("A locker has:")
        document.add_paragraph("power", style="List Bullet")
        document.add_paragraph("a fan", style="List Bullet")
        table = document.add_table(rows=2, cols=2)
        for cell, text in zip(
            [c for row in table.rows for c in row.cells], ["Kind", "Mass", "Half", "11 kg"], strict=True
        ):
            cell.text = text
        document.add_heading("Return", 2)
        document.add_paragraph("After landing.")

    assert told(passages("guide.docx", word(write))) == [
        ("list", "Lockers", "A locker has:\n- power\n- a fan"),
        ("table", "Lockers", "Kind: Half; Mass: 11 kg"),
        ("paragraph", "Return", "After landing."),
    ]


def test_what_is_struck_out_in_word_is_not_said(passages: Reader) -> None:
    def write(document: Document) -> None:
        paragraph = document.add_paragraph("Up to ")
        paragraph.add_run("2 kg ").font.strike = True
        paragraph.add_run("1.5 kg").bold = True

    assert passages("guide.docx", word(write))[0].text == "Up to 1.5 kg"


# ── PDF ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def say(x: float, y: float, text: str, size: float = 10, bold: bool = False) -> Op:
    """A line of text on a page, y counted from below."""
    return f"BT /{'B' if bold else 'R'} {size} Tf {x} {y} Td ({text}) Tj ET"


def ruled(x: float, y: float, widths: list[int], rows: list[list[str]]) -> Op:
    """A table with ruled lines, its upper edge at y; rows are 20 high."""
    ops = []
    right, low = x + sum(widths), y - 20 * len(rows)
    for n in range(len(rows) + 1):
        ops.append(f"{x} {y - 20 * n} m {right} {y - 20 * n} l S")
    for n in range(len(widths) + 1):
        ops.append(f"{x + sum(widths[:n])} {low} m {x + sum(widths[:n])} {y} l S")
    for n, row in enumerate(rows):
        ops += [say(x + sum(widths[:m]) + 4, y - 14 - 20 * n, cell) for m, cell in enumerate(row)]
    return "\n".join(ops)


def pdf(*pages: list[Op]) -> bytes:
    """A PDF of these pages, written byte by byte."""
    font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica"
    fonts = f"/Font <</R {font}>> /B {font}-Bold>> >>"
    numbers = [3 + 2 * n for n in range(len(pages))]
    objects = ["<</Type/Catalog/Pages 2 0 R>>"]
    objects.append(f"<</Type/Pages/Count {len(pages)}/Kids[{' '.join(f'{n} 0 R' for n in numbers)}]>>")
    for number, ops in zip(numbers, pages, strict=True):
        page = f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 420 600]/Resources<<{fonts}>>/Contents {number + 1} 0 R>>"
        stream = "\n".join(ops)
        objects += [page, f"<</Length {len(stream)}>>\nstream\n{stream}\nendstream"]
    content = "%PDF-1.4\n"
    starts = []
    for number, body in enumerate(objects, 1):
        starts.append(len(content))
        content += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{start:010} 00000 n \n" for start in starts)
    end = f"trailer\n<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{len(content)}\n%%EOF\n"
    return f"{content}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode("latin-1")


def test_a_pdf_passage_names_page_and_heading(passages: Reader) -> None:
    """Lines are joined to paragraphs, also over a hyphen and over a page's end."""
    first = [
        say(50, 500, "Personal items", 16),
        say(50, 470, "Your kit may weigh up to 1.5 kg, and it is weighed in quaran-"),
        say(50, 457, "tine before re-entry of the vehicle. The re-"),
        say(50, 444, "entry is told in another chapter, which goes on"),
    ]
    second = [say(50, 520, "here. That is all.")]
    (found,) = passages("guide.pdf", pdf(first, second))
    assert found.anchor == "p. 1, Personal items"
    assert found.text == (
        "Your kit may weigh up to 1.5 kg, and it is weighed in quarantine before re-entry of the vehicle. "
        "The re-entry is told in another chapter, which goes on here. That is all."
    )


def test_what_repeats_in_the_margins_of_a_pdf_is_dropped(passages: Reader) -> None:
    pages = [
        [say(50, 570, "Orbital handbook"), say(50, 400, f"Text of page {word}."), say(200, 20, f"Page {n}")]
        for n, word in enumerate(("one", "two", "three"), 1)
    ]
    found = passages("guide.pdf", pdf(*pages))
    assert (
        "\n\n".join(passage.text for passage in found)
        == "Text of page one.\n\nText of page two.\n\nText of page three."
    )


@pytest.mark.parametrize("repeated", [True, False])
def test_a_table_goes_on_over_a_page(passages: Reader, repeated: bool) -> None:
    """With or without its header said again; its text stands nowhere else."""
    header = ["Days before", "What is due"]
    rest = [["30", "Examination"], ["20", "Kit"]]
    first = [say(50, 520, "Calendar", 16), ruled(50, 480, [100, 200], [header, ["90", "Signature"]])]
    second = [ruled(50, 560, [100, 200], [header, *rest] if repeated else rest)]
    assert told(passages("guide.pdf", pdf(first, second))) == [
        ("table", "p. 1, Calendar", "Days before: 90; What is due: Signature"),
        ("table", "p. 2, Calendar", "Days before: 30; What is due: Examination"),
        ("table", "p. 2, Calendar", "Days before: 20; What is due: Kit"),
    ]


def test_two_columns_are_read_one_after_the_other(passages: Reader) -> None:
    left = [
        "The left column",
        "begins here and",
        "it goes on down",
        "to the very end",
        "of this page and",
        "then it stops.",
    ]
    right = [
        "On the right side",
        "another thought",
        "is written in as",
        "many lines as on",
        "the left one, to",
        "the last word.",
    ]
    ops = [say(100, 500 - 13 * n, text) for n, text in enumerate(left)]
    ops += [say(190, 500 - 13 * n, text) for n, text in enumerate(right)]
    (found,) = passages("guide.pdf", pdf(ops))
    assert found.text.replace("\n\n", " ") == " ".join((*left, *right))


def test_a_table_without_lines_is_read_row_by_row(passages: Reader) -> None:
    """Its columns belong together, unlike those of a brochure."""
    rows = [
        ("Mass", "1.5 kg"),
        ("Size", "30 cm"),
        ("Rings", "two"),
        ("Books", "one"),
        ("Cats", "none"),
        ("Hats", "one"),
    ]
    ops = [say(50, 500 - 13 * n, name) + "\n" + say(200, 500 - 13 * n, value) for n, (name, value) in enumerate(rows)]
    ops.append(say(50, 500 - 13 * len(rows), "This page is for everybody who flies with us, and no one else."))
    assert "Mass 1.5 kg" in passages("guide.pdf", pdf(ops))[0].text


# ── what cannot be read ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.md", b"  \n ", "empty"),
        ("a.md", "caf\u00e9".encode("latin-1"), "not UTF-8"),
        ("a.txt", b"a\0b", "binary"),
        ("a.md", b"---\ntitle: A\n---\n", "no text"),
        ("a.html", b"<html><body><script>x</script></body></html>", "no text"),
        ("a.html", b"<meta charset='no-such'>x", "encoding that does not exist"),
        ("a.docx", b"just text", "no Word document"),
        ("a.docx", b"PK\x03\x04 broken", "damaged"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1", "old .doc"),
        ("a.pdf", b"just text", "damaged"),
        ("a.pdf", pdf([say(50, 500, "Text")])[:200], "damaged"),
        ("a.pdf", pdf([]), "no text"),
    ],
)
def test_an_unreadable_file_is_named_with_its_reason(passages: Reader, name: str, content: bytes, why: str) -> None:
    with pytest.raises(UnreadableDocument, match=why) as caught:
        passages(name, content)
    assert caught.value.path == Path(name)
    assert caught.value.remedy in str(caught.value)


def test_a_scanned_pdf_is_told_from_an_empty_one(passages: Reader) -> None:
    image = "q 100 0 0 100 50 400 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x80 EI Q"
    with pytest.raises(UnreadableDocument, match="scan"):
        passages("a.pdf", pdf([image]))


def test_a_locked_pdf_is_told_from_a_damaged_one(passages: Reader) -> None:
    lock = f"/ID[<00><00>]/Encrypt <</Filter/Standard/V 1/R 2/P -4/O<{'41' * 32}>/U<{'42' * 32}>>>"
    locked = pdf([say(50, 500, "Text")]).replace(b"/Root 1 0 R", b"/Root 1 0 R" + lock.encode())
    with pytest.raises(UnreadableDocument, match="password"):
        passages("a.pdf", locked)


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    meta = DocumentMeta(id="a", title="A", audience=frozenset({"everyone"}), path=Path("a.md"), valid_from=date.min)
    with pytest.raises(UnreadableDocument, match=r"a\.md"):
        read(tmp_path, meta)


# ── characters ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_characters_that_nobody_sees_are_removed() -> None:
    """They would keep words from being found, or say what the document's owner never saw."""
    assert clean("quaran\u00adtine\u200b, \ufb01nal\u00a0limit\u202e\ufeff") == "quarantine, final limit"
    assert clean("a\r\nb\x00\x07c\U000e0041") == "a\nbc"
    assert clean("e\u0301 m² ½") == "é m² ½"


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.text(max_size=300))
def test_any_text_gives_passages_or_a_reason(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever an operator writes, reading it ends, and every id is there once."""
    folder = tmp_path_factory.getbasetemp()
    for name in ("any.md", "any.txt", "any.html"):
        meta = DocumentMeta(id="any", title="Any", audience=frozenset({"everyone"}), path=Path(name))
        try:
            found = read(folder, meta, text.encode("utf-8", "ignore"))
        except UnreadableDocument:
            continue
        assert len({passage.id for passage in found}) == len(found)
        assert all(passage.text.strip() for passage in found)
