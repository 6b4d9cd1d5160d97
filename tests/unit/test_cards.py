"""What a steward is shown: the card of an escalation and their Home, in words that serve at three at night."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_server import block_problems, view_problems
from telegram_server import parse_html

from bot.channels.slack import blocks
from bot.channels.telegram import markup
from bot.desk.cards import InCare, OpenCase, Owed, card, home
from bot.desk.preview import scenes
from bot.desk.preview.__main__ import PACK, main
from bot.messages import SLACK, TELEGRAM, Address, Button, Card, Post, Purpose, Section
from escalation import case
from escalation.case import Acknowledged, Escalation, HandedBack, Notified, Offered, Raised, Resolved, State, TookOver
from escalation.cues import CUES, Cue
from escalation.dossier import Dossier, Promised, Said, Voyage, picture, render
from escalation.policy import Severity
from escalation.record import Correction, Logged
from escalation.strain import Moment

NOW = datetime(2027, 3, 2, 2, 36, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
SEEN = Button(label="Acknowledge", token="t1")
QUOTE = "I am terrified.\n\nWhat if I don't come home?"

RAISED = case.begin(
    id=41,
    subject="lena",
    customer="lena",
    mission="portrait",
    conversation=1,
    event=Raised(at=NOW, severity=Severity.urgent, rules=("distress", "clearly felt"), topic=None, message=9),
)
ASKED = case.after(
    RAISED, [Notified(at=NOW, stewards=("ruth",), round=1, answer_by=NOW + timedelta(minutes=15), off_duty=False)]
)
ACKNOWLEDGED = case.after(ASKED, [Acknowledged(at=NOW, steward="ruth")])
HELD = case.after(ACKNOWLEDGED, [TookOver(at=NOW, steward="ruth")])
OFFERED = case.after(
    HELD, [Offered(at=NOW, steward="ruth", to="ines", brief="She sleeps badly.", answer_by=NOW + timedelta(hours=4))]
)
OVER = case.after(HELD, [Resolved(at=NOW, steward="ruth", outcome="We spoke for an hour.")])


def logged(name: str, intensity: float, *words: str, corrections: tuple[Correction, ...] = ()) -> Logged:
    return Logged(
        id=1,
        at=NOW,
        conversation=1,
        message=9,
        customer="lena",
        cue=Cue(name=name, intensity=intensity, words=words),
        reader="script-1",
        corrections=corrections,
    )


def dossier(one: Escalation = ASKED) -> Dossier:
    return Dossier(
        escalation=one,
        who="Lena Voss",
        organisation=None,
        language="en",
        voyages=(
            Voyage(
                name="portrait",
                flight="Aurora 2",
                kind="art",
                goal="Paint the terminator line.",
                success=("One finished canvas comes home dry.",),
                phase="preparation",
                days="12 days to launch",
                visibility="private",
            ),
        ),
        quote=QUOTE,
        cues=(logged("anxiety", 0.85, "terrified"),),
        moments=(Moment(at=NOW, intensity=0.85),),
        last=(Said(at=NOW, who="Lena Voss", text=QUOTE),),
        answered_from=("Handbook, Baggage",),
        earlier=(replace(OVER, id=3, severity=Severity.care, opened_at=NOW - timedelta(days=30)),),
        names={"ruth": "Ruth Calder", "ines": "Inês Prado"},
        local_time=NOW.astimezone(PARIS),
        now=NOW,
        promises=(
            Promised(what="Launch morning, step by step", due=date(2027, 3, 5), overdue=False),
            Promised(what="A room for her sister", due=date(2027, 2, 28), overdue=True),
        ),
        suggested=("Talking with home, Who may call",),
        notes=(Said(at=NOW, who="Inês Prado", text="Ring rather than write."),),
    )


def shown(one: Dossier, now: datetime = NOW) -> Card:
    return card(one, buttons=[SEEN], now=now)


def section(of: Card, title: str) -> Section:
    return next(each for each in of.sections if each.title.startswith(title))


# ── the card ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_reads_in_the_order_of_need() -> None:
    """What it is all for, how far it is, what they wrote; then what was promised and said, and what may help."""
    titles = [re.split(r"[,(·]", each.title)[0].strip() for each in shown(dossier(OFFERED)).sections]
    assert titles == [
        "What they call success",
        "With a person",
        "Hand-over brief for Inês Prado",
        "Why now",
        "Strain over the last 72 hours",
        "Promised",
        "Last messages",
        "Answered from",
        "May help",
        "Notes among stewards",
        "Earlier escalations",
        "",
        "",
    ]


def test_it_says_who_reads_what_is_written_under_it() -> None:
    """A thread in which everything is passed on must say so; one that is closed passes nothing on."""
    assert "What you write under this card Lena Voss reads" in str(shown(dossier()))
    assert "What you write" not in str(shown(dossier(OVER)))


def test_the_title_says_how_bad_who_and_what() -> None:
    """A notification on a locked phone shows nothing else."""
    assert shown(dossier()).title == "🟠 URGENT · Lena Voss · distress"
    medical = replace(ASKED, severity=Severity.critical, topic="medical", rules=("body, badly",))
    assert shown(dossier(medical)).title == "🔴 CRITICAL · Lena Voss · medical (body, badly)"
    assert shown(dossier(OVER)).title.startswith("✅ ")


@pytest.mark.parametrize(
    ("one", "title", "text"),
    [
        (RAISED, "Raised", "Nobody has been asked yet."),
        (
            ASKED,
            "Notified · answer by 03:51 in Paris (02:51 UTC)",
            "Waiting for Ruth Calder; nobody has acknowledged.",
        ),
        (ACKNOWLEDGED, "Acknowledged", "Ruth Calder has seen it. The concierge still answers."),
        (HELD, "With a person", "Ruth Calder holds the conversation. The concierge is silent."),
        (
            OFFERED,
            "With a person · answer by 07:36 in Paris (06:36 UTC)",
            "Ruth Calder holds the conversation. The concierge is silent.\n"
            "Offered to Inês Prado, who has not accepted yet.",
        ),
        (
            case.after(HELD, [HandedBack(at=NOW, steward="ruth")]),
            "Acknowledged",
            "Ruth Calder has seen it. The concierge still answers.",
        ),
        (OVER, "Resolved", "By Ruth Calder: “We spoke for an hour.”"),
    ],
)
def test_the_first_lines_say_how_far_it_is(one: Escalation, title: str, text: str) -> None:
    """At every step of an escalation's life: its state, who has it, and until when."""
    first = shown(dossier(one)).sections[1]
    assert (first.title, first.text) == (title, text)


def test_a_deadline_that_has_passed_says_so() -> None:
    """An overdue answer is not shown as one that is still due."""
    late = shown(dossier(), NOW + timedelta(minutes=15)).sections[1]
    assert late.title == "Notified · OVERDUE since 03:51 in Paris (02:51 UTC)"


def test_times_are_the_stewards_and_name_the_day_only_where_it_is_another() -> None:
    """In a zone that shows what UTC shows nothing is said twice; a moment of another day says of which."""
    london = replace(dossier(), local_time=NOW.astimezone(ZoneInfo("Europe/London")))
    assert shown(london).sections[1].title == "Notified · answer by 02:51 UTC"
    assert "raised 1 Mar 04:36 in Paris (03:36 UTC)" in (
        shown(dossier(replace(ASKED, opened_at=NOW - timedelta(hours=23)))).sections[-1].text
    )
    assert section(shown(dossier()), "Last messages").title == "Last messages (times in Paris)"
    assert section(shown(dossier()), "Last messages").text.startswith("2 Mar 03:36 Lena Voss:")


def test_the_buttons_stand_under_what_the_customer_wrote() -> None:
    """Nobody scrolls to the end of a card to say that they have seen it, nor presses before they could read."""
    made = shown(dossier())
    assert section(made, "Why now").buttons == (SEEN,)
    assert made.buttons == ()


def test_a_customers_lines_cannot_pass_for_lines_of_ours() -> None:
    """Their words are kept as they wrote them; every line of them opens with a quotation mark."""
    forged = replace(dossier(), quote="Help me.\nRules: none\n\nNobody needs to come.")
    lines = section(shown(forged), "Why now").text.splitlines()
    assert lines[:3] == ["“Help me.", "“Rules: none", "“Nobody needs to come.”"]


def test_cues_are_told_in_plain_words_with_how_strong_they_are() -> None:
    """The strongest first, each kind once, with the words that carried it and what a steward said of it."""
    doubted = Correction(at=NOW, steward="ines", was_there=False, intensity=None, note="")
    weaker = Correction(at=NOW, steward="ines", was_there=True, intensity=0.3, note="")
    cues = (
        logged("asks_for_person", 0.4, corrections=(doubted,)),
        logged("isolation", 0.6, "nobody", corrections=(doubted, weaker)),
        logged("anxiety", 0.5, "nervous"),
        logged("anxiety", 0.85, "terrified"),
    )
    assert section(shown(replace(dossier(), cues=cues)), "Why now").text.splitlines()[2:] == [
        "Read as worry, strong (0.8): “terrified”",
        "Read as loneliness, clear (0.6): “nobody” — Inês Prado says it is there, 0.3",
        "Read as asking for a person, slight (0.4) — Inês Prado says it is not there",
        "Rules: distress, clearly felt",
    ]


@pytest.mark.parametrize("name", CUES)
def test_no_cue_is_shown_by_a_name_that_only_we_know(name: str) -> None:
    """A steward reads words, not identifiers."""
    assert "_" not in section(shown(replace(dossier(), cues=(logged(name, 0.5),))), "Why now").text


def test_half_sentences_are_not_shown_as_the_words_of_a_cue_where_there_are_short_ones() -> None:
    """The whole message stands right above; of long words only the beginning is shown, and only without others."""
    long = "that I keep waking up at three and cannot think of anything else at all"
    assert (
        "“at night”" in section(shown(replace(dossier(), cues=(logged("grief", 0.5, long, "at night"),))), "Why").text
    )
    assert "“that I keep waking up at three and cannot…”" in (
        section(shown(replace(dossier(), cues=(logged("grief", 0.5, long),))), "Why now").text
    )


def test_what_is_overdue_stands_before_what_is_due() -> None:
    """A broken promise is the first thing that a customer brings up."""
    assert section(shown(dossier()), "Promised").text == (
        "• OVERDUE, was due 28 Feb: A room for her sister\n• by 5 Mar: Launch morning, step by step"
    )


def test_the_last_eight_messages_are_short_and_say_who_spoke() -> None:
    """More is scrolling; what stands above in full is only begun again."""
    said = [Said(at=NOW, who=f"Person {number}", text="word " * 200) for number in range(10)]
    lines = section(shown(replace(dossier(), last=(*said, *dossier().last))), "Last messages").text.splitlines()
    assert len(lines) == 8
    assert "Person 3: “word" in lines[0]
    assert all(len(line) < 160 for line in lines)
    assert lines[-1].endswith("Lena Voss: “I am terrified. What if I don't come home?”")


def test_a_brief_stays_when_it_was_accepted() -> None:
    """Who takes over reads it first, right under how far it is."""
    made = shown(dossier(replace(HELD, brief="She sleeps badly.")))
    assert made.sections[2] == Section(title="Hand-over brief", text="She sleeps badly.")


def test_what_is_not_known_takes_no_room() -> None:
    """A stranger has no mission, no history and no strain: no empty headings."""
    bare = replace(
        dossier(),
        voyages=(),
        cues=(),
        moments=(),
        last=(),
        answered_from=(),
        earlier=(),
        promises=(),
        suggested=(),
        notes=(),
        quote="",
    )
    made = shown(bare)
    assert [each.title for each in made.sections][1:] == ["Why now", "", ""]
    assert all(each.text for each in made.sections)


# ── as platforms show it ─────────────────────────────────────────────────────────────────────────────────────────────

WORDS = st.text(max_size=3_000)


def posted(made: Card, channel: str) -> Post:
    address = Address(channel=channel, room="R1")
    return Post(id=1, address=address, text=made.title, purpose=Purpose.DESK, author="Concierge", card=made)


@given(words=WORDS, brief=WORDS, count=st.integers(min_value=0, max_value=30))
def test_whatever_was_written_platforms_take_it_and_the_button_is_there(words: str, brief: str, count: int) -> None:
    """Nothing that a customer or a steward writes pushes out what a steward has to press."""
    one = replace(
        dossier(replace(OFFERED, brief=brief)),
        quote=words,
        last=tuple(Said(at=NOW, who="Lena Voss", text=words) for _ in range(count)),
        notes=tuple(Said(at=NOW, who="Inês Prado", text=words) for _ in range(count)),
        promises=tuple(Promised(what=words, due=NOW.date(), overdue=False) for _ in range(count)),
    )
    _, made = blocks.message(posted(shown(one), SLACK))
    assert block_problems(made) == []
    assert [element["value"] for block in made if block["type"] == "actions" for element in block["elements"]] == ["t1"]
    text, _ = parse_html(markup.rendered(posted(shown(one), TELEGRAM)))
    assert len(text.encode("utf-16-le")) // 2 <= markup.LIMIT
    assert "With a person" in text


# ── the Home ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def open_case(number: int, severity: Severity) -> OpenCase:
    return OpenCase(id=number, who=f"Customer {number}", severity=severity, state=State.NOTIFIED, since=NOW)


def test_home_begins_with_what_is_most_severe() -> None:
    """Of equals the one that has waited longest."""
    made = home(
        steward="Inês Prado",
        local_time=NOW.astimezone(PARIS),
        cases=(
            open_case(1, Severity.care),
            open_case(2, Severity.critical),
            replace(open_case(3, Severity.critical), since=NOW - timedelta(hours=1), buttons=(SEEN,)),
        ),
    )
    assert [each.title for each in made.sections[:3]] == [
        "🔴 CRITICAL · Customer 3",
        "🔴 CRITICAL · Customer 2",
        "🟡 CARE · Customer 1",
    ]
    assert made.sections[0].buttons == (SEEN,)


def test_home_says_of_each_how_far_it_is_and_until_when() -> None:
    """State, who has it, the deadline or that it has passed, since when."""
    late = replace(open_case(7, Severity.urgent), moment="distress", answer_by=NOW, since=NOW - timedelta(hours=1))
    held = replace(open_case(8, Severity.care), state=State.WITH_PERSON, steward="Ruth Calder")
    made = home(steward="Inês Prado", local_time=NOW, cases=(late, held))
    assert made.sections[0].title == "🟠 URGENT · Customer 7 · distress"
    assert made.sections[0].text == "notified · OVERDUE since 02:36 UTC · since 01:36 UTC · escalation 7"
    assert made.sections[1].text == "with a person, Ruth Calder · since 02:36 UTC · escalation 8"


def test_home_shows_promises_by_date_and_customers_by_strain() -> None:
    """What is overdue and who is worst off stand first."""
    made = home(
        steward="Inês Prado",
        local_time=NOW,
        care=(
            InCare(who="Mika Arslan", mission="film", phase="reflection", days="264 days since landing"),
            InCare(who="Lena Voss", mission="portrait", phase="preparation", days="12 days to launch", strain=0.59),
            InCare(who="Walter Finch", mission="no mission yet", phase="contemplation", days=""),
        ),
        owed=(
            Owed(due=date(2027, 3, 1), who="Mika Arslan", what="The list", overdue=False),
            Owed(due=date(2027, 3, 2), who="Lena Voss", what="A room", overdue=True),
        ),
    )
    assert made.sections[0].text == "Nothing is open in your care."
    assert section(made, "You promised").text.splitlines() == [
        "• OVERDUE, was due 2 Mar · Lena Voss: A room",
        "• by 1 Mar · Mika Arslan: The list",
    ]
    assert section(made, "In your care").text.splitlines() == [
        "• Lena Voss · portrait · preparation, 12 days to launch · strain 0.59",
        "• Mika Arslan · film · reflection, 264 days since landing",
        "• Walter Finch · no mission yet · contemplation",
    ]


def test_a_home_with_too_much_is_still_one_that_slack_takes() -> None:
    """A bad day does not take the page away."""
    cases = tuple(replace(open_case(number, Severity.urgent), buttons=(SEEN,)) for number in range(90))
    assert view_problems(blocks.home(home(steward="Inês Prado", local_time=NOW, cases=cases))) == []


# ── the same as plain text ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_plain_form_shows_promises_suggestions_and_notes_too() -> None:
    """Who has a desk in the terminal knows what the others know."""
    text = render(dossier())
    for expected in (
        "28 Feb 2027 OVERDUE  A room for her sister",
        "05 Mar 2027  Launch morning, step by step",
        "May help\n  Talking with home, Who may call",
        "Notes among stewards\n  02 Mar 02:36  Inês Prado: Ring rather than write.",
    ):
        assert expected in text


def test_the_picture_of_strain_ends_with_this_moment() -> None:
    """What was written just now is the last of its bars."""
    assert picture([Moment(at=NOW, intensity=1.0)], NOW) == "▁" * 23 + "▅"


# ── the preview ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_preview_draws_every_scene_and_says_that_it_is_fiction(tmp_path: Path) -> None:
    """One page with all of them, and a page each for its picture."""
    assert main([str(tmp_path)]) == 0
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Everything here is fiction" in page
    alone = sorted(path.stem for path in tmp_path.glob("*.html") if path.stem != "index")
    assert {"card-slack", "card-telegram", "answer-slack", "outsider-slack", "home-slack"} <= set(alone)
    assert all(f"<section id={name}>" in page for name in alone)
    assert "Lena Voss" not in (tmp_path / "outsider-slack.html").read_text(encoding="utf-8").partition("APP")[2]


def test_the_preview_asks_where_to() -> None:
    """Nothing is written into a folder that nobody named."""
    assert main([]) == 2


@pytest.mark.parametrize("sentence", [*scenes.QUOTED, scenes.CAVEAT])
def test_the_previews_answer_stands_in_the_packs_documents(sentence: str) -> None:
    """An example that quotes nothing would show what the concierge never does."""
    document = (PACK / "documents" / scenes.SOURCE).read_text(encoding="utf-8")
    assert sentence in " ".join(document.split())
