"""What a steward can do about an escalation: its buttons, and what each asks first. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.ledger.buttons import Meaning
from bot.messages import Button, Form, Style
from escalation.case import Escalation
from escalation.record import Logged

ESCALATION: Final = "escalation"
MESSAGE: Final = "message"
POST: Final = "post"


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """Something that a button does. `chooses` and `writes` say what it needs to know before."""

    label: str
    style: Style = Style.PLAIN
    chooses: bool = False
    writes: bool = False


ACTIONS: Final[Mapping[str, Action]] = {
    "acknowledge": Action(label="Acknowledge", style=Style.PRIMARY),
    "take": Action(label="Take over"),
    "back": Action(label="Give back to the concierge"),
    "accept": Action(label="Accept", style=Style.PRIMARY),
    "decline": Action(label="Decline"),
    "hand": Action(label="Hand over…", chooses=True, writes=True),
    "resolve": Action(label="Resolve…", writes=True),
    "correct": Action(label="Correct a cue…", chooses=True),
    "again": Action(label="Send it again"),
    "arrived": Action(label="It arrived"),
    # the customer's
    "person": Action(label="I need a person"),
    "gap": Action(label="That did not answer it"),
    "here": Action(label="Look it up for me", style=Style.PRIMARY),
}


def button(meaning: Meaning, token: str, names: Mapping[str, str]) -> Button:
    """A button as it is shown; one whose choice is made already shows the choice. `names` are the stewards'."""
    action = ACTIONS[meaning.action]
    asks = (action.chooses or action.writes) and not meaning.choice
    label = _chosen(meaning, names) if meaning.choice else action.label
    return Button(label=label, token=token, style=action.style, asks=asks)


def _chosen(meaning: Meaning, names: Mapping[str, str]) -> str:
    number, _, there = meaning.choice.partition(":")
    if meaning.action == "correct":
        return f"{number}: {'was there' if there == 'yes' else 'was not there'}"
    return names.get(meaning.choice, meaning.choice)


def actions_on(escalation: Escalation) -> tuple[str, ...]:
    """What can be done about an escalation as it stands, most likely first."""
    if not escalation.open:
        return ()
    offered = ("accept", "decline") if escalation.offered_to else ()
    if escalation.owner is None:
        return (*offered, "acknowledge", "take", "resolve", "correct")
    if escalation.holder is None:
        return (*offered, "take", "hand", "resolve", "correct")
    return (*offered, "back", "hand", "resolve", "correct")


def answer_buttons(inbox_row: int) -> tuple[Meaning, ...]:
    """What stands under every answer of the concierge."""
    return tuple(Meaning(action=action, kind=MESSAGE, number=inbox_row) for action in ("gap", "person"))


def choices(
    meaning: Meaning, escalation: Escalation, *, names: Mapping[str, str], order: Sequence[str], cues: Sequence[Logged]
) -> tuple[tuple[str, str], ...]:
    """What a button lets one choose from: values and their labels."""
    if meaning.action == "hand":
        others = [one for one in dict.fromkeys((*order, *names)) if one not in (escalation.owner, escalation.holder)]
        return tuple((one, names.get(one, one)) for one in others)
    if meaning.action == "correct":
        return tuple(
            (f"{one.id}:{said}", f"{one.cue.name} {one.cue.intensity:.1f} — {told}")
            for one in cues
            for said, told in (("no", "was not there"), ("yes", "was there"))
        )
    return ()


def form(meaning: Meaning, chosen_from: Sequence[tuple[str, str]]) -> Form | None:
    """What a button asks; None where it asks nothing."""
    choose = tuple(chosen_from) if not meaning.choice else ()
    match meaning.action:
        case "hand":
            return Form(
                title=f"Hand over #{meaning.number}",
                submit="Ask them",
                choose="Who should take it?" if choose else "",
                choices=choose,
                write="What should they know?",
                hint="It stays with you until they accept.",
                optional=True,
            )
        case "resolve":
            return Form(
                title=f"Resolve #{meaning.number}",
                submit="Resolve",
                write="How did it end?",
                hint="The next steward reads this. The customer is told that you have closed it.",
            )
        case "correct" if choose:
            return Form(
                title=f"Correct a cue of #{meaning.number}",
                submit="Keep",
                choose="Which cue, and was it there?",
                choices=choose,
                write="Why?",
                hint="It is kept beside the log; what was logged stays as it was.",
                optional=True,
            )
    return None
