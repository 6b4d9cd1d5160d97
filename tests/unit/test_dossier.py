"""What a steward sees of an escalation: everything, on one screen, the customer's own success first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from escalation import case
from escalation.case import Raised
from escalation.cues import Cue
from escalation.dossier import Dossier, Said, Voyage, days_from, picture, render
from escalation.policy import Severity
from escalation.record import Logged
from escalation.strain import Moment

NOW = datetime(2027, 3, 1, 10, 0, tzinfo=UTC)
LAUNCH, LANDING = datetime(2027, 3, 14, 9, 20, tzinfo=UTC), datetime(2027, 3, 24, 15, 0, tzinfo=UTC)


def dossier() -> Dossier:
    raised = Raised(at=NOW, severity=Severity.urgent, rules=("distress",), topic="medical", message=9)
    one = case.begin(id=7, subject="lena", customer="lena", mission="portrait", conversation=1, event=raised)
    earlier = replace(one, id=3, outcome="A call helped.", opened_at=NOW - timedelta(days=30))
    cue = Logged(
        id=1,
        at=NOW,
        conversation=1,
        message=9,
        customer="lena",
        cue=Cue(name="anxiety", intensity=0.8, words=("waking up", "at night")),
        reader="script-1",
    )
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
        quote="I keep waking up at night.",
        cues=(cue,),
        moments=(Moment(at=NOW, intensity=0.8),),
        last=(Said(at=NOW, who="Lena Voss", text="I keep waking up\nat night."),),
        answered_from=("Handbook, Baggage",),
        earlier=(earlier,),
        names={"ines": "Ines Prado"},
        local_time=NOW + timedelta(hours=1),
        now=NOW,
    )


def test_success_in_the_customers_words_stands_first() -> None:
    """Before why they were called, a steward reads what this is all for."""
    shown = render(dossier())
    assert "“One finished canvas comes home dry.”" in shown
    assert shown.index("Success, in their words") < shown.index("Why now") < shown.index("Last messages")


def test_everything_is_there() -> None:
    """Who, how severe, the words that carried the cue, the strain, what was said, where from, what was before."""
    shown = render(dossier())
    for expected in (
        "#7  Lena Voss — urgent · medical — raised",
        "it is 11:00 for you",
        "private",
        "12 days to launch",
        "“I keep waking up at night.”",
        "anxiety 0.8 (“waking up”, “at night”)",
        "now 0.48",
        "Lena Voss: I keep waking up at night.",
        "Handbook, Baggage",
        "urgent: distress — A call helped.",
    ):
        assert expected in shown


def test_it_fits_on_a_screen_whatever_was_written() -> None:
    """Long messages are cut where a reader sees that they go on."""
    long = "word " * 2_000
    one = dossier()
    shown = render(replace(one, quote=long, last=tuple(Said(at=NOW, who="Lena", text=long) for _ in range(8))))
    assert "…" in shown
    assert len(shown.splitlines()) < 45
    assert max(len(line) for line in shown.splitlines()) < 450


def test_what_is_not_known_takes_no_room() -> None:
    """A stranger has no voyage, no history, no sources: no empty headings."""
    bare = render(replace(dossier(), voyages=(), cues=(), last=(), answered_from=(), earlier=(), moments=(), names={}))
    assert "\n\n\n" not in bare
    for heading in ("Success", "Last messages", "Answered from", "Earlier"):
        assert heading not in bare


def test_people_and_a_hand_over_brief_are_named() -> None:
    """Who was asked, who has it, to whom it is offered, and what that one should know."""
    one = replace(
        dossier().escalation,
        asked=("ines",),
        owner="ines",
        holder="ines",
        offered_to="amara",
        brief="Her son flies.",
    )
    shown = render(replace(dossier(), escalation=one))
    assert "With: Ines Prado (holds the conversation)" in shown
    assert "Offered to: amara" in shown
    assert "Hand-over brief: Her son flies." in shown


def test_the_picture_of_strain_rises_at_what_was_said_and_fades() -> None:
    """Flat before the message, high right after it, lower a day later."""
    bars = picture([Moment(at=NOW - timedelta(hours=36), intensity=1.0)], NOW)
    assert len(bars) == 24
    assert bars[0] == "▁"
    assert max(bars) == "▅"
    assert "▁" < bars[-1] < max(bars)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (LAUNCH - timedelta(days=13), "13 days to launch"),
        (LAUNCH - timedelta(days=1), "1 day to launch"),
        (LAUNCH - timedelta(hours=5), "5 hours to launch"),
        (LAUNCH, "flight day 1, 10 days to landing"),
        (LANDING - timedelta(hours=2), "flight day 11, 2 hours to landing"),
        (LANDING, "0 hours since landing"),
        (LANDING + timedelta(days=400), "400 days since landing"),
    ],
)
def test_where_a_flight_stands_is_told_in_days(moment: datetime, expected: str) -> None:
    """As people count them: days to launch, flight days, days since landing."""
    assert days_from(LAUNCH, LANDING, moment) == expected
