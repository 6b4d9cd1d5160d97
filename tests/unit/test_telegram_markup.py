"""What a post looks like on Telegram: words stay words, and Telegram takes whatever comes out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import ForceReply, InlineKeyboardMarkup
from telegram_server import _markup, parse_html

from bot.channels.telegram.markup import LIMIT, cut, keyboard, rendered, source, units
from bot.messages import (
    Act,
    Address,
    Attachment,
    Button,
    Card,
    Identity,
    Post,
    Purpose,
    Section,
    Style,
    readable,
)

DESK = Address(channel="telegram", room="-100")


def post(
    text: str = "",
    *,
    purpose: Purpose = Purpose.ANSWER,
    act: Act = Act.SAY,
    author: str = "Concierge",
    card: Card | None = None,
    attachments: tuple[Attachment, ...] = (),
    mentions: tuple[Identity, ...] = (),
    buttons: tuple[Button, ...] = (),
    prompt: bool = False,
) -> Post:
    return Post(
        id=7,
        address=DESK,
        text=text,
        purpose=purpose,
        author=author,
        act=act,
        card=card,
        attachments=attachments,
        mentions=mentions,
        buttons=buttons,
        prompt=prompt,
    )


def plain(said: Post) -> str:
    """The words that a reader sees."""
    return str(parse_html(rendered(said))[0])


def marked(said: Post) -> list[tuple[str, str]]:
    """What is marked, and how."""
    text, entities = parse_html(rendered(said))
    raw = text.encode("utf-16-le")
    return [
        (one["type"], raw[one["offset"] * 2 : (one["offset"] + one["length"]) * 2].decode("utf-16-le"))
        for one in entities
    ]


def labels(said: Post) -> list[list[str]]:
    found = keyboard(said)
    assert isinstance(found, InlineKeyboardMarkup)
    return [[one.text for one in row] for row in found.inline_keyboard]


# ── any words ────────────────────────────────────────────────────────────────────────────────────────────────────────

# lone surrogates too: they must be left out, not break anything
WORDS = st.text(alphabet=st.characters(), max_size=300) | st.text(alphabet="<>&\"'/ab;#x1\n ", max_size=60)
LONG = st.builds(lambda word, times: word * times, st.text(min_size=1, max_size=4), st.integers(1, 5000))
TEXTS = WORDS | LONG
FILES = st.builds(Attachment, what=TEXTS, ref=WORDS | st.just("-5:7"), link=WORDS | st.just("https://a.b/?c&d=\"'>"))
BUTTONS = st.builds(
    Button, label=TEXTS, token=st.text(alphabet="abc019", min_size=1, max_size=64), style=st.sampled_from(Style)
)
SECTIONS = st.builds(
    Section,
    title=TEXTS,
    text=TEXTS,
    buttons=st.lists(BUTTONS, max_size=6).map(tuple),
    quiet=st.booleans(),
    fixed=st.booleans(),
)
CARDS = st.builds(
    Card,
    title=TEXTS,
    sections=st.lists(SECTIONS, max_size=8).map(tuple),
    buttons=st.lists(BUTTONS, max_size=6).map(tuple),
)
POSTS = st.builds(
    post,
    TEXTS,
    purpose=st.sampled_from(Purpose),
    act=st.sampled_from([Act.SAY, Act.EDIT]),
    author=TEXTS,
    card=st.none() | CARDS,
    attachments=st.lists(FILES, max_size=4).map(tuple),
    mentions=st.lists(st.builds(Identity, channel=st.just("telegram"), user=st.just("1001")), max_size=3).map(tuple),
    buttons=st.lists(BUTTONS, max_size=6).map(tuple),
)


@given(TEXTS)
def test_telegram_reads_the_text_that_was_meant(text: str) -> None:
    """Nobody's words become markup; what is too long ends in “…”."""
    wanted = readable(text).strip()
    found, entities = parse_html(rendered(post(text)))
    assert entities == []
    if units(wanted) <= LIMIT:
        assert found == (wanted or "…")
    else:
        assert found.endswith("…")
        assert wanted.startswith(found[:-1])


@given(POSTS)
def test_telegram_takes_every_post(said: Post) -> None:
    """It parses, it says something, and it is within the length and the buttons that Telegram allows."""
    text, entities = parse_html(rendered(said))
    assert text.strip()
    assert units(text) <= LIMIT
    assert {one["type"] for one in entities} <= {"bold", "italic", "pre", "text_link"}
    links = [one["url"] for one in entities if one["type"] == "text_link"]
    assert all(one.startswith(("https://", "http://", "tg://user?id=1001")) for one in links)
    found = keyboard(said)
    if isinstance(found, InlineKeyboardMarkup):
        assert _markup({"reply_markup": found.to_dict()})
        assert sum(len(row) for row in found.inline_keyboard) <= 100


@given(TEXTS, st.integers(min_value=1, max_value=50))
def test_a_cut_is_seen_and_splits_no_sign(text: str, limit: int) -> None:
    """A sign outside the first plane is two code units, of which none may stand alone."""
    shown = cut(readable(text), limit)
    assert units(shown) <= limit
    shown.encode()
    assert shown == readable(text) or shown.endswith("…")


def test_a_text_of_the_full_length_is_not_cut() -> None:
    """The house splits texts at the limit; nothing of such a piece may go."""
    assert plain(post("x" * LIMIT)) == "x" * LIMIT
    assert plain(post("x" * (LIMIT + 1))) == "x" * (LIMIT - 1) + "…"


# ── whose words, for whom, with what ─────────────────────────────────────────────────────────────────────────────────


def test_a_relay_shows_who_speaks() -> None:
    """An answer of the concierge's own needs no name above it."""
    assert plain(post("On my way.", purpose=Purpose.RELAY, author="Amara <Okafor>")) == "Amara <Okafor>\nOn my way."
    assert marked(post("On my way.", purpose=Purpose.RELAY, author="Amara")) == [("bold", "Amara")]
    assert plain(post("On my way.", author="Amara")) == "On my way."


def test_whom_it_wants_is_notified() -> None:
    """By a link to their number; people of other platforms are left out."""
    people = (
        Identity(channel="telegram", user="1003"),
        Identity(channel="slack", user="U1", team="T1"),
    )
    said = post("Somebody needs you.", mentions=people)
    text, entities = parse_html(rendered(said))
    assert text == "🔔 Somebody needs you."
    assert [one["url"] for one in entities] == ["tg://user?id=1003"]


def test_a_file_of_another_platform_is_named_with_its_link() -> None:
    """One of Telegram is copied, and need not be named."""
    plan = Attachment(what="the file plan.pdf", ref="F01", link='https://slack.com/files/"x"?a&b')
    photo = Attachment(what="a photo", ref="1001:5")
    said = post("See here", attachments=(plan, photo))
    text, entities = parse_html(rendered(said))
    assert text == "See here\n📎 the file plan.pdf"
    assert [one["url"] for one in entities] == ['https://slack.com/files/"x"?a&b']


def test_a_message_without_words_says_whose_it_is() -> None:
    """And what will follow."""
    photo = Attachment(what="a photo", ref="1001:5")
    assert plain(post("", purpose=Purpose.RELAY, author="Lena Voss", attachments=(photo,))) == "Lena Voss\n📎 a photo"
    assert plain(post(" ", attachments=(photo,))) == "📎 a photo"


def test_an_edit_copies_nothing_and_so_names_everything() -> None:
    """The message that it changes stands where it stands."""
    assert plain(post("x", act=Act.EDIT, attachments=(Attachment(what="a photo", ref="1:5"),))) == "x\n📎 a photo"


def test_a_file_is_named_also_under_a_text_that_is_cut() -> None:
    """The end of the words goes before the fact that there is a file."""
    found = plain(post("x" * LIMIT, attachments=(Attachment(what="a list", ref="F1"),)))
    assert found.endswith("…\n📎 a list")
    assert units(found) <= LIMIT


def test_a_link_that_is_no_page_is_no_link() -> None:
    """tg://user?id=… would notify somebody."""
    assert marked(post("x", attachments=(Attachment(what="a list", ref="F", link="tg://user?id=1001"),))) == []


@pytest.mark.parametrize(
    ("ref", "found"),
    [("1001:5", (1001, 5)), ("-1001:5", (-1001, 5)), ("F01", None), ("1001:", None), ("1001:5:6", None), ("", None)],
)
def test_what_can_be_copied(ref: str, found: tuple[int, int] | None) -> None:
    """A chat and a message, both by number."""
    assert source(Attachment(what="a photo", ref=ref)) == found


# ── cards ────────────────────────────────────────────────────────────────────────────────────────────────────────────

CARD = Card(
    title="Urgent: Lena Voss is afraid",
    sections=(
        Section(title="State", text="raised, nobody has it yet"),
        Section(title="Mission", text="portrait, 13 days before launch"),
        Section(title="Why now", text="She wrote:\n“I can't breathe when I think of it.”"),
        Section(title="Strain", text="  ▁▂▅█  0.8", fixed=True),
        Section(title="", text="Case 12", quiet=True),
        Section(title=" ", text=" "),
    ),
    buttons=(
        Button(label="I have it", token="a", style=Style.PRIMARY),
        Button(label="Not me", token="b", style=Style.DANGER),
    ),
)


def test_a_card_reads_from_the_top() -> None:
    """What is short shares a line with its title; what is empty is left out."""
    assert plain(post("short form", card=CARD)) == (
        "Urgent: Lena Voss is afraid\n"
        "State · raised, nobody has it yet\n"
        "Mission · portrait, 13 days before launch\n"
        "\n"
        "Why now\n"
        "She wrote:\n"
        "“I can't breathe when I think of it.”\n"
        "\n"
        "Strain\n"
        "  ▁▂▅█  0.8\n"
        "\n"
        "Case 12"
    )
    assert marked(post(card=CARD)) == [
        ("bold", "Urgent: Lena Voss is afraid"),
        ("bold", "State"),
        ("bold", "Mission"),
        ("bold", "Why now"),
        ("bold", "Strain"),
        ("pre", "  ▁▂▅█  0.8"),
        ("italic", "Case 12"),
    ]


def test_a_card_that_is_too_long_says_that_more_would_come() -> None:
    """What stands first is what stays."""
    sections = tuple(Section(title=f"Part {number}", text="word " * 200) for number in range(9))
    found = plain(post(card=Card(title="Everything", sections=sections)))
    assert found.startswith("Everything\n\nPart 0\nword")
    assert found.endswith("wo…")
    assert "Part 5" not in found


def test_a_card_whose_cut_falls_between_two_sections_says_so_too() -> None:
    """A section that is missing as a whole leaves its “…” as well."""
    full = Section(title="All", text="x" * (LIMIT - 2 - len("T\n\nAll\n")))
    found = plain(post(card=Card(title="T", sections=(full, Section(title="More", text="y")))))
    assert found.endswith("x\n…")
    assert units(found) == LIMIT


# ── buttons ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def buttons(*names: str) -> tuple[Button, ...]:
    return tuple(Button(label=name, token=name) for name in names)


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (("Yes", "No"), [["Yes", "No"]]),
        (("Yes", "No", "Later", "Never"), [["Yes", "No", "Later"], ["Never"]]),
        (("I take over now", "Hand over to…", "Resolve"), [["I take over now", "Hand over to…"], ["Resolve"]]),
        (("Yes", "Show me the whole conversation"), [["Yes"], ["Show me the whole conversation"]]),
    ],
)
def test_buttons_stand_beside_each_other_where_a_phone_has_room(names: tuple[str, ...], rows: list[list[str]]) -> None:
    """The widest of a row decides."""
    assert labels(post("x", buttons=buttons(*names))) == rows


def test_the_buttons_of_the_whole_come_first() -> None:
    """And what is said twice says to what it belongs."""
    card = Card(
        title="Desk",
        sections=(
            Section(title="Lena", buttons=buttons("Open", "Mine")),
            Section(title="Walter", buttons=buttons("Open")),
        ),
        buttons=buttons("Refresh"),
    )
    said = labels(post("x", buttons=buttons("Back"), card=card))
    assert said == [["Back"], ["Refresh"], ["Open · Lena", "Mine"], ["Open · Walter"]]


def test_a_button_carries_its_token_and_its_style() -> None:
    """The token is all that comes back."""
    found = keyboard(post(card=CARD))
    assert isinstance(found, InlineKeyboardMarkup)
    (row,) = found.inline_keyboard
    assert [(one.callback_data, one.style) for one in row] == [("a", "primary"), ("b", "danger")]


def test_a_question_asks_for_an_answer() -> None:
    """Only of the one whom it answers; buttons are an answer already."""
    asked = keyboard(post("Why?", prompt=True))
    assert isinstance(asked, ForceReply)
    assert asked.selective
    assert labels(post("Why?", prompt=True, buttons=buttons("Because"))) == [["Because"]]
    assert keyboard(post("No question.")) is None
