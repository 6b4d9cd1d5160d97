"""Invented moments of the example pack.

Only what people write is made up. The cues are the shipped reader's, the decisions the pack's policy's, and what the
concierge says comes from where it says it in earnest.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from bot import replies
from bot.desk import cards
from bot.desk.actions import answer_buttons
from bot.desk.preview.staging import Line, Scene, buttons, card, dossier, post, raised, told
from bot.messages import SLACK, TELEGRAM, Purpose
from bot.pack import Pack, care_for, phase
from escalation import case
from escalation.case import Acknowledged, Escalation, State, TookOver
from escalation.cues import CueReader
from escalation.dossier import Dossier, Promised, Said, days_from
from escalation.policy import Severity
from escalation.strain import Moment, strain, troubled_intensity
from knowledge.answer import Answer, Citation, Sentence

CONCIERGE = "Concierge"
MORNING = datetime(2027, 3, 1, 10, 30, tzinfo=UTC)
NIGHT = datetime(2027, 3, 2, 2, 36, tzinfo=UTC)
EVENING = datetime(2027, 4, 6, 18, 30, tzinfo=UTC)

TERRIFIED = (
    "I am terrified. Every night I see the hatch close.\n"
    "My daughter asked me tonight whether I'd come home, and I had no answer."
)
ALONE = (
    "Seven weeks home and I have never felt so alone. I put his photograph back on the shelf and could not tell "
    "anybody why that hurt."
)
MORNING_TALK = "Go through launch morning together, 11:00 UTC"
SISTERS_ROOM = "Word on a room for her sister at Port Selwyn"
QUOTED = (
    "A child may be one of your four.",
    "A caller under 16 must have an adult beside them, who does not count as a caller.",
)
CAVEAT = "A call can drop or move by up to 40 minutes when the relay satellites are needed for the vehicle."
SOURCE = "aurora-2/contact-windows.md"
"""Where in the pack's documents the answer and its caveat stand."""


def scenes(pack: Pack, reader: CueReader) -> tuple[Scene, ...]:
    """Everything that the page shows, in its order."""
    answer = _answer(pack, SLACK)
    return (
        *_at_night(pack, reader),
        answer,
        _outsider(pack),
        _home(pack, reader),
        *_after_landing(pack, reader),
        replace(_answer(pack, TELEGRAM), name="answer-telegram"),
    )


# ── at night, in Slack ───────────────────────────────────────────────────────────────────────────────────────────────


def _at_night(pack: Pack, reader: CueReader) -> tuple[Scene, Scene]:
    """An urgent message at half past two, as it comes up at the desk, and once a person is there."""
    shown = _lena(pack, reader)
    steward = pack.stewards[shown.escalation.asked[0]]
    lena = pack.customers["lena-voss"].name
    thread = (
        Line(
            who=steward.name,
            at="02:41",
            text="Lena, this is Ruth, I'm at the desk tonight and I have read all of it. May I ring you now?",
            reaction="✅",
        ),
        _relay("Yes. I am in the kitchen with the light off so that she doesn't wake up.", lena, "02:43", SLACK),
        Line(who=steward.name, at="02:43", text="Ringing. You need not switch it on.", reaction="✅"),
    )
    return (
        Scene(
            name="card-slack",
            about="Half past two at night: an urgent message has just come in",
            app=SLACK,
            place="# care-desk",
            lines=(Line(who=CONCIERGE, at="02:36", post=card(pack, shown, app=SLACK)),),
        ),
        Scene(
            name="thread-slack",
            about="Five minutes later: a person holds the conversation; it goes on in the thread under the card",
            app=SLACK,
            place="# care-desk",
            lines=(Line(who=CONCIERGE, at="02:36", post=card(pack, _held(pack, shown, steward.id), app=SLACK)),),
            thread=thread,
        ),
    )


def _lena(pack: Pack, reader: CueReader) -> Dossier:
    one = raised(pack, reader, customer="lena-voss", texts=(TERRIFIED,), number=41, now=NIGHT)
    lena, ines = pack.customers["lena-voss"].name, pack.stewards["ines-prado"].name
    said = (
        Said(at=_before(62), who=lena, text="How much may my personal kit weigh?"),
        Said(at=_before(62), who=CONCIERGE, text="Your personal kit may weigh up to 1.5 kg, bag included."),
        Said(at=_before(27), who=lena, text="I have slept badly since Thursday."),
        Said(at=_before(17), who=ines, text="Lena, shall we go through launch morning together on Tuesday at eleven?"),
        Said(at=_before(16), who=lena, text="Yes. Eleven is good."),
        Said(at=NIGHT, who=lena, text=TERRIFIED),
        told(pack, one),
    )
    shown = dossier(pack, reader, one, said=said, now=NIGHT, zone=pack.stewards[one.asked[0]].timezone)
    return replace(
        shown,
        promises=(
            Promised(what=SISTERS_ROOM, due=date(2027, 2, 28), overdue=True),
            Promised(what=MORNING_TALK, due=date(2027, 3, 2), overdue=False),
        ),
        answered_from=("Personal kit for Aurora 2, Mass and size",),
        suggested=(
            "Talking with home from Aurora 2, Who may call",
            "The painting mission, working notes, Your daughter's call",
        ),
        notes=(
            Said(
                at=_before(40),
                who=ines,
                text="Her daughter is nine and comes first in everything. Ring rather than write.",
            ),
        ),
        earlier=(_earlier(one),),
    )


def _before(hours: int) -> datetime:
    return NIGHT - timedelta(hours=hours)


def _earlier(one: Escalation) -> Escalation:
    return replace(
        one,
        id=18,
        severity=Severity.care,
        rules=("exposure",),
        topic="publicity",
        opened_at=datetime(2026, 12, 9, 15, 2, tzinfo=UTC),
        state=State.RESOLVED,
        outcome="Her name is off the press list; she has seen the new one.",
    )


def _held(pack: Pack, shown: Dossier, steward: str) -> Dossier:
    """The same once that steward has taken over."""
    now = shown.now + timedelta(minutes=4)
    events = (Acknowledged(at=now, steward=steward), TookOver(at=now, steward=steward))
    local = now.astimezone(pack.stewards[steward].timezone)
    return replace(shown, escalation=case.after(shown.escalation, events), now=now, local_time=local)


def _relay(text: str, who: str, at: str, app: str) -> Line:
    return Line(who=CONCIERGE, at=at, post=post(f"{who}: {text}", app=app, purpose=Purpose.DESK))


# ── after landing, in Telegram ───────────────────────────────────────────────────────────────────────────────────────


def _after_landing(pack: Pack, reader: CueReader) -> tuple[Scene, Scene]:
    """Seven weeks after a flight, as it comes up in a steward's topic."""
    rui = pack.customers["rui-tavares"].name
    one = raised(pack, reader, customer="rui-tavares", texts=(ALONE,), number=57, now=EVENING)
    steward = pack.stewards[one.asked[0]]
    said = (
        Said(at=EVENING - timedelta(days=5), who=rui, text="When may I lift my niece again?"),
        Said(at=EVENING - timedelta(days=5), who=CONCIERGE, text="Lifting more than 20 kg, children included: day 14"),
        Said(at=EVENING, who=rui, text=ALONE),
        told(pack, one),
    )
    shown = replace(
        dossier(pack, reader, one, said=said, now=EVENING, zone=steward.timezone),
        promises=(Promised(what="Names of two psychologists near Porto", due=date(2027, 4, 9), overdue=False),),
        answered_from=("Coming home, What you may do, and when",),
        suggested=("Coming home, Sleep and mood",),
    )
    held = _held(pack, shown, steward.id)
    thread = (
        Line(
            who=steward.name,
            at="19:36",
            text="Rui, it's Inês. That photograph was the whole flight. Shall I ring, or would you rather write?",
            mine=True,
            reaction="👍",
        ),
        _relay("Ring. Give me ten minutes.", rui, "19:38", TELEGRAM),
    )
    return (
        Scene(
            name="card-telegram",
            about="The same on a phone: seven weeks after landing",
            app=TELEGRAM,
            place=f"#57 {rui} · {one.severity.name}",
            lines=(Line(who=CONCIERGE, at="19:30", post=card(pack, shown, app=TELEGRAM)),),
        ),
        Scene(
            name="thread-telegram",
            about="The topic is the conversation once a person has it",
            app=TELEGRAM,
            place=f"#57 {rui} · {one.severity.name}",
            lines=(Line(who=CONCIERGE, at="19:30", post=card(pack, held, app=TELEGRAM)),),
            thread=thread,
        ),
    )


# ── customers and outsiders ──────────────────────────────────────────────────────────────────────────────────────────


def _answer(pack: Pack, app: str) -> Scene:
    """A question that the documents answer."""
    place = Citation(document=SOURCE, title="Talking with home from Aurora 2", anchor="Who may call", passage="")
    found = Answer(
        sentences=tuple(Sentence(text=text, citation=place) for text in QUOTED), caveats=(CAVEAT,), score=0.95
    )
    said = replace(post(replies.answer(found), app=app, purpose=Purpose.ANSWER), buttons=buttons(answer_buttons(1), {}))
    lena = pack.customers["lena-voss"].name
    return Scene(
        name="answer-slack",
        about="An answer says where it stands, and what may still change",
        app=app,
        place=CONCIERGE,
        lines=(
            Line(who=lena, at="10:30", text="May a child be one of my callers?", mine=True),
            Line(who=CONCIERGE, at="10:30", post=said),
        ),
    )


def _outsider(pack: Pack) -> Scene:
    """Somebody whom the pack does not know."""
    provider = pack.organisations[pack.provider].name
    asked = "Hi! Is Lena Voss flying on Aurora 2? A yes or no is enough."
    return Scene(
        name="outsider-slack",
        about="Somebody whom nobody has invited learns nothing",
        app=SLACK,
        place=CONCIERGE,
        lines=(
            Line(who="R. Quill", at="09:12", text=asked, mine=True),
            Line(who=CONCIERGE, at="09:12", post=post(replies.stranger(provider), app=SLACK)),
        ),
    )


# ── the Home ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _home(pack: Pack, reader: CueReader) -> Scene:
    """A steward's Home on an ordinary morning."""
    steward = pack.stewards["ines-prado"]
    shown = cards.home(
        steward=steward.name,
        local_time=MORNING.astimezone(steward.timezone),
        cases=_open_cases(pack, steward.name),
        care=_in_care(pack, reader, steward.id),
        owed=(
            cards.Owed(due=date(2027, 3, 2), who="Lena Voss", what=MORNING_TALK, overdue=False),
            cards.Owed(
                due=date(2027, 2, 28),
                who="Lena Voss",
                what=SISTERS_ROOM,
                overdue=True,
            ),
            cards.Owed(due=date(2027, 3, 5), who="Mika Arslan", what="The list of cleared shots", overdue=False),
        ),
    )
    return Scene(name="home-slack", about="A steward's Home", app=SLACK, place=CONCIERGE, home=shown)


def _open_cases(pack: Pack, steward: str) -> tuple[cards.OpenCase, ...]:
    return (
        cards.OpenCase(
            id=39,
            who=pack.customers["mika-arslan"].name,
            severity=Severity.care,
            state=State.ACKNOWLEDGED,
            since=MORNING - timedelta(hours=20),
            moment="promised and not so",
            steward=steward,
        ),
        cards.OpenCase(
            id=40,
            who=pack.customers["clara-whitfield"].name,
            severity=Severity.urgent,
            state=State.NOTIFIED,
            since=MORNING - timedelta(minutes=6),
            moment="asked for a person",
            answer_by=MORNING + timedelta(minutes=9),
        ),
    )


def _in_care(pack: Pack, reader: CueReader, steward: str) -> tuple[cards.InCare, ...]:
    slept = troubled_intensity(reader.read("I have slept badly since Thursday.").cues)
    strained = strain([Moment(at=MORNING - timedelta(hours=11), intensity=slept)], MORNING)
    found = []
    for mission in pack.missions.values():
        if care_for(pack, mission.customer, mission.id).steward != steward:
            continue
        flight = pack.flights[mission.flight]
        one = cards.InCare(
            who=pack.customers[mission.customer].name,
            mission=mission.id,
            phase=phase(flight, MORNING),
            days=days_from(flight.launch, flight.landing, MORNING),
            strain=strained if mission.customer == "lena-voss" else None,
        )
        found.append(one)
    return tuple(found)
