"""The buttons under a card: which there are at which moment, and what each asks first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.desk import actions
from bot.desk.actions import ACTIONS, ESCALATION
from bot.ledger.buttons import Meaning
from escalation import case
from escalation.case import Escalation, Raised
from escalation.policy import Severity
from escalation.record import Logged
from escalation.signals import Cue

NOW = datetime(2027, 3, 1, 10, 0, tzinfo=UTC)
NAMES = {"ines": "Ines Prado", "amara": "Amara Okafor", "ruth": "Ruth Calder"}
RAISED = Raised(at=NOW, severity=Severity.care, rules=("doubt",), topic=None, message=1)
ONE = case.begin(id=4, subject="lena", customer="lena", mission="portrait", conversation=1, event=RAISED)
CUE = Logged(
    id=9, at=NOW, conversation=1, message=1, customer="lena", cue=Cue(name="grief", intensity=0.8), reader="script-1"
)


def seen(one: Escalation = ONE) -> Escalation:
    return case.after(one, case.acknowledge(one, "ines", NOW))


def held(one: Escalation = ONE) -> Escalation:
    return case.after(one, case.take_over(one, "ines", NOW))


def meant(action: str, choice: str = "") -> Meaning:
    return Meaning(action=action, kind=ESCALATION, number=4, choice=choice)


@pytest.mark.parametrize(
    ("one", "there", "not_there"),
    [
        (ONE, ("acknowledge", "take", "resolve"), ("back", "hand", "accept")),
        (seen(), ("take", "hand", "resolve"), ("acknowledge", "back", "accept")),
        (held(), ("back", "hand", "resolve"), ("acknowledge", "take", "accept")),
        (replace(held(), offered_to="amara"), ("accept", "decline", "back"), ("acknowledge",)),
    ],
)
def test_a_card_offers_what_can_be_done_now(
    one: Escalation, there: tuple[str, ...], not_there: tuple[str, ...]
) -> None:
    """No button whose press could only be refused; each that is needed."""
    offered = actions.actions_on(one)
    assert set(there) <= set(offered)
    assert not set(not_there) & set(offered)
    assert set(offered) <= set(ACTIONS)


def test_nothing_is_offered_once_it_is_over() -> None:
    """A resolved escalation's card has no buttons."""
    assert actions.actions_on(case.after(seen(), case.resolve(seen(), "ines", outcome="done", now=NOW))) == ()


def test_a_button_carries_its_token_and_nothing_else() -> None:
    """Neither the escalation's number nor a name is on it."""
    button = actions.button(meant("take"), "a token", NAMES)
    assert (button.token, button.label) == ("a token", ACTIONS["take"].label)
    assert "4" not in button.label


@pytest.mark.parametrize("action", ["hand", "resolve", "correct"])
def test_what_needs_to_know_more_opens_a_form(action: str) -> None:
    """And no longer once the choice is made already: then the button shows it."""
    assert actions.button(meant(action), "t", NAMES).asks
    assert not actions.button(meant(action, "amara"), "t", NAMES).asks


def test_a_chosen_button_shows_what_was_chosen() -> None:
    """A steward by name, a cue by its number and what is said of it."""
    assert actions.button(meant("hand", "amara"), "t", NAMES).label == "Amara Okafor"
    assert actions.button(meant("correct", "9:no"), "t", NAMES).label == "9: was not there"


def test_it_is_handed_to_anybody_but_who_has_it_the_ladder_first() -> None:
    """The next on the ladder stands on top, everybody else follows."""
    found = actions.choices(meant("hand"), held(), names=NAMES, order=("ines", "ruth"), cues=())
    assert found == (("ruth", "Ruth Calder"), ("amara", "Amara Okafor"))


def test_each_cue_can_be_said_to_have_been_there_or_not() -> None:
    """By its number in the log, with name and intensity to tell them apart."""
    found = actions.choices(meant("correct"), ONE, names=NAMES, order=(), cues=(CUE,))
    assert [value for value, _ in found] == ["9:no", "9:yes"]
    assert all("grief 0.8" in label for _, label in found)


def test_forms_ask_for_what_their_action_needs() -> None:
    """Whom and a brief that may be empty; an outcome that may not; which cue; and nothing of the others."""
    hand, resolve = actions.form(meant("hand"), (("amara", "Amara"),)), actions.form(meant("resolve"), ())
    correct = actions.form(meant("correct"), (("9:no", "grief"),))
    asked = [one and (bool(one.choices), bool(one.write), one.optional) for one in (hand, resolve, correct)]
    assert asked == [(True, True, True), (False, True, False), (True, True, True)]
    assert [actions.form(meant(one), ()) for one in ("acknowledge", "take", "back", "accept", "decline")] == [None] * 5


def test_no_form_opens_where_no_cue_was_logged() -> None:
    """A form without anything to choose from would be a dead end."""
    assert actions.form(meant("correct"), ()) is None


def test_the_customers_buttons_are_of_one_message() -> None:
    """ "That did not answer it" and "I need a person" mean the message that was answered."""
    assert {(one.action, one.kind, one.number) for one in actions.answer_buttons(17)} == {
        ("gap", actions.MESSAGE, 17),
        ("person", actions.MESSAGE, 17),
    }
