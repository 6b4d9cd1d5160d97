"""Posts, cards and forms as Slack takes them: within its limits whatever stands in them, and words stay words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_server import block_problems, view_problems

from bot.channels.slack.blocks import MESSAGE, VIEW, Block, home, message, modal, size
from bot.messages import (
    Act,
    Address,
    Attachment,
    Button,
    Card,
    Form,
    Identity,
    Post,
    Purpose,
    Section,
    Style,
    readable,
)

ROOM = Address(channel="slack", room="C1", team="T1")
LENA = Identity(channel="slack", user="U0LENA", team="T1")
AMARA = Identity(channel="telegram", user="4711")


def post(text: str = "The window seat is yours.", **given: Any) -> Post:
    said = Post(id=7, address=ROOM, text=text, purpose=Purpose.ANSWER, author="concierge")
    return replace(said, **given)


def button(label: str = "Take it", token: str = "t-1", **given: Any) -> Button:
    return Button(label=label, token=token, **given)


# ── looking into what was made ───────────────────────────────────────────────────────────────────────────────────────


def objects(node: Any) -> Iterator[Block]:
    """Everything in it that has a type."""
    if isinstance(node, list):
        for one in node:
            yield from objects(one)
    elif isinstance(node, dict):
        if "type" in node:
            yield node
        for one in node.values():
            yield from objects(one)


def of(blocks: Any, kind: str) -> list[Block]:
    return [one for one in objects(blocks) if one["type"] == kind]


def words(blocks: Any) -> str:
    """What stands in rich text, one after another."""
    return "".join(one.get("text", "") for one in objects(blocks) if one["type"] in ("text", "link"))


def problems(blocks: list[Block]) -> list[str]:
    """What Slack would not take, in rich text as well, of which the stand-in knows nothing."""
    found: list[str] = block_problems(blocks)
    found += ["empty rich text" for one in objects(blocks) if "elements" in one and not one["elements"]]
    found += ["a text of 1 to 3000 characters" for one in of(blocks, "text") if not 1 <= len(one["text"]) <= 3_000]
    return found + (["msg_blocks_too_long"] if size(blocks) > MESSAGE.size else [])


# ── whatever is in them ──────────────────────────────────────────────────────────────────────────────────────────────

TRICKS = st.sampled_from(
    [
        "<@U0LENA>",
        "<!channel> <!here> <!subteam^S1>",
        "<https://evil.example|the crew portal> https://evil.example",
        "*bold* _slanted_ ~gone~ `code` ```block```",
        "> quoted\n>>> all of it",
        "&lt;@U0LENA&gt; &amp;",
        ":tada: #general @here",
        "1. one\n- two",
        "\u202eturned\u2066",
        "   \n\t ",
        "\x00\x1b[31m",
    ]
)
ANYTHING = st.one_of(st.text(alphabet=st.characters(), max_size=40), TRICKS)
TEXTS = st.builds(lambda text, times: text * times, ANYTHING, st.sampled_from([0, 1, 1, 2, 30, 200, 2_000]))
TOKENS = st.text(alphabet="abcXYZ019-_", min_size=1, max_size=64)
BUTTONS = st.builds(Button, label=TEXTS, token=TOKENS, style=st.sampled_from(Style), asks=st.booleans())
ROWS = st.builds(
    lambda some, times: tuple(some * times), st.lists(BUTTONS, max_size=4), st.sampled_from([0, 1, 1, 3, 10])
)
SECTIONS = st.builds(Section, title=TEXTS, text=TEXTS, buttons=ROWS, quiet=st.booleans(), fixed=st.booleans())
CARDS = st.builds(
    lambda title, some, times, buttons: Card(title=title, sections=tuple(some * times), buttons=buttons),
    TEXTS,
    st.lists(SECTIONS, max_size=4),
    st.sampled_from([1, 1, 2, 40]),
    ROWS,
)
ATTACHMENTS = st.builds(
    lambda some, times: tuple(some * times),
    st.lists(
        st.builds(
            Attachment,
            what=TEXTS,
            link=st.one_of(st.just(""), st.just("https://meridian.slack.com/files/F1"), st.just("javascript:1"), TEXTS),
        ),
        max_size=3,
    ),
    st.sampled_from([1, 1, 30]),
)
PEOPLE = st.lists(st.one_of(st.just(LENA), st.just(AMARA), st.builds(Identity, channel=st.just("slack"), user=TEXTS)))
POSTS = st.builds(
    Post,
    id=st.integers(min_value=1),
    address=st.just(ROOM),
    text=TEXTS,
    purpose=st.sampled_from(Purpose),
    author=TEXTS,
    act=st.sampled_from([Act.SAY, Act.EDIT, Act.WHISPER]),
    attachments=ATTACHMENTS,
    mentions=PEOPLE.map(tuple),
    buttons=ROWS,
    card=st.one_of(st.none(), CARDS),
)


@given(POSTS)
def test_a_message_is_always_one_that_slack_takes(given_post: Post) -> None:
    """Whatever the texts are and however many there are of anything."""
    text, blocks = message(given_post)
    assert problems(blocks) == []
    assert 1 <= len(text) <= (4_000 if given_post.act is Act.EDIT else 40_000)
    json.dumps([text, blocks], ensure_ascii=False).encode()


@given(POSTS)
def test_words_never_become_markup(given_post: Post) -> None:
    """No mention but of who is meant, no link but to what is attached, and nothing that Slack reads as mrkdwn."""
    text, blocks = message(given_post)
    assert {one["user_id"] for one in of(blocks, "user")} <= {"U0LENA"}
    assert {one["url"] for one in of(blocks, "link")} <= {one.link for one in given_post.attachments}
    assert all(one["url"].startswith("https://") for one in of(blocks, "link"))
    assert of(blocks, "mrkdwn") == of(blocks, "markdown") == []
    assert all(one["emoji"] is False for one in of(blocks, "plain_text"))
    bare = text.replace("<@U0LENA> ", "")
    assert "<" not in bare
    assert ">" not in bare


@given(st.builds(lambda text, times: text * times, ANYTHING, st.sampled_from([1, 2, 30, 200])))
def test_what_is_said_arrives_as_it_was_written(text: str) -> None:
    """All of it, in the blocks or, where it is too long for them, in the text; only white space at cuts goes."""
    said, blocks = message(post(text, purpose=Purpose.RELAY, author="Lena"))
    if blocks:
        shown = words(blocks).removeprefix("Lena\n")
    else:
        shown = said.removeprefix("Lena: ").replace("\u2060", "")
        shown = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    wanted = readable(text) if blocks else readable(text).replace("\u2060", "")
    assert "".join(shown.split()) == "".join(wanted.split())


@given(CARDS)
def test_a_home_page_is_always_one_that_slack_takes(card: Card) -> None:
    """A hundred blocks and no more, and no markup in it."""
    view = home(card)
    assert view_problems(view) == []
    assert of(view, "mrkdwn") == []
    assert [one for one in of(view, "text") if not 1 <= len(one["text"]) <= 3_000] == []
    assert size(view["blocks"]) <= VIEW.size


@given(
    st.builds(
        Form,
        title=TEXTS,
        submit=TEXTS,
        choose=TEXTS,
        choices=st.builds(
            lambda some, times: tuple(some * times),
            st.lists(st.tuples(TEXTS, TEXTS), max_size=3),
            st.sampled_from([1, 60]),
        ),
        write=TEXTS,
        hint=TEXTS,
        optional=st.booleans(),
    ),
    TOKENS,
)
def test_a_form_is_always_one_that_slack_takes(form: Form, token: str) -> None:
    """It carries the token and nothing else of ours."""
    view = modal(form, token)
    assert view_problems(view) == []
    assert view["private_metadata"] == token
    assert all(len(one.get("hint", {}).get("text", "")) <= 2_000 for one in view["blocks"])
    assert of(view, "mrkdwn") == []


# ── how it looks ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plain_answer_is_one_block_of_words() -> None:
    """Stars are stars; the text for notifications says the same, escaped."""
    text, blocks = message(post("Bring *your* book & <pen>."))
    assert blocks == [
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_section", "elements": [{"type": "text", "text": "Bring *your* book & <pen>."}]}
            ],
        }
    ]
    assert text.replace("\u2060", "") == "Bring *your* book &amp; &lt;pen&gt;."


def test_who_speaks_stands_above_what_is_handed_on() -> None:
    """In bold, which nobody's own words can be."""
    text, blocks = message(post("I have read it.", purpose=Purpose.RELAY, author="Amara  Okafor\n"))
    name, said = of(blocks, "text")
    assert name == {"type": "text", "text": "Amara Okafor\n", "style": {"bold": True}}
    assert said == {"type": "text", "text": "I have read it."}
    assert text == "Amara Okafor: I have read it."


def test_only_a_relay_names_who_speaks() -> None:
    """The concierge speaks for itself under its own name."""
    text, blocks = message(post("It is at nine.", author="concierge"))
    assert text == words(blocks) == "It is at nine."


def test_mentions_stand_in_front() -> None:
    """Only of people on Slack, and only by what can be an id."""
    forged = Identity(channel="slack", user="U1> <!channel")
    text, blocks = message(post("Please look.", mentions=(LENA, AMARA, forged)))
    assert text == "<@U0LENA> Please look."
    assert [one["user_id"] for one in of(blocks, "user")] == ["U0LENA"]


def test_a_long_text_is_several_blocks() -> None:
    """Each ends where a reader pauses."""
    text = "The crew sleeps well. " * 300
    _, blocks = message(post(text))
    parts = [one["text"] for one in of(blocks, "text")]
    assert len(blocks) == 3
    assert all(part.endswith("well.") for part in parts)
    assert " ".join(parts) == text.strip()


def test_words_that_are_too_long_for_blocks_are_sent_as_text() -> None:
    """So that nothing a customer wrote is cut off."""
    long = "The crew sleeps well. " * 1_500
    text, blocks = message(post(long))
    assert blocks == []
    assert text == long.strip()


def test_too_many_words_with_buttons_are_cut_and_say_so() -> None:
    """The buttons stay: without blocks there would be none."""
    _, blocks = message(post("The crew sleeps well. " * 1_500, buttons=(button(),)))
    assert [one["type"] for one in blocks][-2:] == ["context", "actions"]
    assert "more" in blocks[-2]["elements"][0]["text"]


def test_a_changed_message_never_goes_without_blocks() -> None:
    """The text of a change may have a tenth of what a new message may."""
    text, blocks = message(post("The crew sleeps well. " * 1_500, act=Act.EDIT))
    assert len(text) <= 4_000
    assert blocks[-1]["type"] == "context"


@pytest.mark.parametrize("filler", ["<", "*", "&"])
def test_a_cut_text_does_not_end_in_half_a_sign(filler: str) -> None:
    """No broken entity and no star without what makes it harmless."""
    for before in range(12):
        text, _ = message(post("a" * before + filler * 50_000))
        assert text.endswith(("&lt;…", "\u2060…", "&amp;…"))


def test_an_attachment_is_named_and_where_possible_linked() -> None:
    """A link says what it leads to; what cannot be shown here is named."""
    plan = Attachment(what="the file plan.pdf", link="https://meridian.slack.com/files/F1")
    text, blocks = message(post("See here.", attachments=(plan, Attachment(what="a voice message", ref="x"))))
    assert of(blocks, "link") == [{"type": "link", "url": plan.link, "text": "the file plan.pdf"}]
    assert words(blocks).endswith("📎 the file plan.pdf📎 a voice message (it cannot be shown here)")
    assert text == "See here.\n📎 the file plan.pdf: https://meridian.slack.com/files/F1\n📎 a voice message"


def test_an_attachment_alone_is_a_message() -> None:
    """A photo without a word still says that there was one."""
    text, blocks = message(post("", attachments=(Attachment(what="a photo"),)))
    assert text == "📎 a photo"
    assert words(blocks) == "📎 a photo (it cannot be shown here)"


def test_buttons_stand_in_rows_of_five_and_each_has_its_own_id() -> None:
    """`ask:` opens a form, `press:` acts; the value is the token and nothing else."""
    buttons = [button(f"No {n}", f"t-{n}") for n in range(6)]
    _, blocks = message(post(buttons=(*buttons, button("Note", "t-6", asks=True, style=Style.DANGER))))
    rows = of(blocks, "actions")
    assert [len(row["elements"]) for row in rows] == [5, 2]
    made = of(blocks, "button")
    assert [one["action_id"] for one in made] == [*(f"press:{n}" for n in range(6)), "ask:6"]
    assert [one["value"] for one in made] == [f"t-{n}" for n in range(7)]
    assert "style" not in made[0]
    assert made[6]["style"] == "danger"


def test_a_button_is_left_out_rather_than_made_another() -> None:
    """A token is carried whole or not at all; no message has more than 25 buttons."""
    buttons = (button(token="x" * 2_001), *(button(token=f"t-{n}") for n in range(30)))
    _, blocks = message(post(buttons=buttons))
    assert [one["value"] for one in of(blocks, "button")] == [f"t-{n}" for n in range(25)]


CARD = Card(
    title="Urgent: Lena Brandt, homesick",
    sections=(
        Section(
            title="Why now", text="“I want to go *home*.”", buttons=(button("Take it", "t-1", style=Style.PRIMARY),)
        ),
        Section(title="Strain", text="   __/\n__/   0.81", fixed=True),
        Section(title="Asked", text="Amara, by 14:00", quiet=True),
        Section(),
    ),
    buttons=(button("Resolve", "t-2", asks=True),),
)


def test_a_card_reads_from_the_top() -> None:
    """The title, each section with its buttons, and the card's own buttons at the end."""
    text, blocks = message(post("Lena needs you.", card=CARD, mentions=(LENA,)))
    assert text == "<@U0LENA> Lena needs you."
    kinds = ["rich_text", "header", "rich_text", "actions", "divider", "rich_text", "context", "actions"]
    assert [one["type"] for one in blocks] == kinds
    assert blocks[1]["text"]["text"] == "Urgent: Lena Brandt, homesick"
    assert blocks[6]["elements"][0]["text"] == "Asked · Amara, by 14:00"
    assert [one["action_id"] for one in of(blocks, "button")] == ["press:0", "ask:1"]
    assert problems(blocks) == []


def test_a_picture_made_of_signs_keeps_its_shape() -> None:
    """Its indentation stands, and nothing is put between its signs."""
    _, blocks = message(post(card=CARD))
    (picture,) = of(blocks, "rich_text_preformatted")
    assert picture["elements"] == [{"type": "text", "text": "   __/\n__/   0.81"}]


def test_a_card_without_a_short_form_is_announced_by_its_title() -> None:
    """A notification is never empty."""
    assert message(post("", card=CARD))[0] == "Urgent: Lena Brandt, homesick"


def test_a_card_that_is_too_long_says_so_and_keeps_its_buttons() -> None:
    """What comes first stays, because it is the most important."""
    card = Card(
        title="Much",
        sections=tuple(Section(title=f"No {n}", text="Something. " * 40) for n in range(80)),
        buttons=(button(),),
    )
    _, blocks = message(post(card=card))
    assert words(blocks).startswith("No 0\n")
    assert [one["type"] for one in blocks][-2:] == ["context", "actions"]
    assert problems(blocks) == []


def test_a_home_page_shows_what_a_message_would_have_to_cut() -> None:
    """It has twice the blocks; past them it is cut as honestly."""
    entries = [Section(title=f"No {n}", text="open") for n in range(120)]
    full = home(Card(title="Your customers", sections=tuple(entries[:99])))["blocks"]
    assert [one["type"] for one in full] == ["header", *(["rich_text"] * 99)]
    cut = home(Card(title="Your customers", sections=tuple(entries)))["blocks"]
    assert [one["type"] for one in cut] == ["header", *(["rich_text"] * 98), "context"]


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_form_asks_for_a_choice_and_for_words() -> None:
    """Each is found again by the name of its block and element."""
    form = Form(
        title="Hand over",
        submit="Hand over",
        choose="To whom",
        choices=(("amara", "Amara Okafor"), ("jonas", "Jonas Weber")),
        write="What they should know",
        hint="They see it first.",
        optional=True,
    )
    view = modal(form, "t-9")
    assert (view["type"], view["callback_id"], view["private_metadata"]) == ("modal", "form", "t-9")
    choice, note = view["blocks"]
    assert (choice["block_id"], choice["element"]["action_id"]) == ("choice", "choice")
    assert choice["element"]["type"] == "static_select"
    assert [one["value"] for one in choice["element"]["options"]] == ["amara", "jonas"]
    assert choice["optional"] is False
    assert (note["block_id"], note["element"]["action_id"], note["optional"]) == ("words", "words", True)
    assert note["element"]["multiline"] is True
    assert note["hint"]["text"] == "They see it first."


def test_a_form_asks_only_for_what_it_names() -> None:
    """And one that asks for nothing is a question to confirm."""
    assert [one["block_id"] for one in modal(Form(title="Note", submit="Keep", write="Note"), "t")["blocks"]] == [
        "words"
    ]
    (question,) = modal(Form(title="Resolve", submit="Yes", hint="Is it over?"), "t")["blocks"]
    assert question["text"]["text"] == "Is it over?"


def test_a_form_says_that_there_are_more_choices_than_it_shows() -> None:
    """Slack lists a hundred."""
    form = Form(title="Who", submit="Go", choose="Who", choices=tuple((f"v{n}", f"No {n}") for n in range(130)))
    (block,) = modal(form, "t")["blocks"]
    assert len(block["element"]["options"]) == 100
    assert block["hint"]["text"] == "Slack shows the first 100 of 130."
