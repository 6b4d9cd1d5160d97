"""An escalation's life: what can happen when, and what can never happen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from escalation import case
from escalation.care import Steward
from escalation.case import CaseError, Escalation, Event, Raised, State
from escalation.hours import Hours
from escalation.policy import Severity, Terms

NOW = datetime(2027, 3, 1, 10, 0, tzinfo=UTC)
TERMS = Terms(acknowledge_within=timedelta(minutes=15))
EVERYBODY = Terms(acknowledge_within=timedelta(minutes=2), notify_everyone=True)
ORDER = ("ines", "amara", "ruth")


def steward(name: str, hours: str = "always", away: date | None = None) -> Steward:
    return Steward(
        id=name,
        name=name.title(),
        timezone=ZoneInfo("UTC"),
        hours=Hours.parse(hours),
        away=((away, away),) if away else (),
        organisation="meridian",
    )


PEOPLE = {name: steward(name) for name in ORDER}


def raised(severity: Severity = Severity.urgent, *, at: datetime = NOW, message: int = 1) -> Raised:
    return Raised(at=at, severity=severity, rules=("distress",), topic=None, message=message)


def begun(*events: Event) -> Escalation:
    """A new escalation about Lena, after some events."""
    first = case.begin(id=7, subject="lena", customer="lena", mission="portrait", conversation=1, event=raised())
    return case.after(first, events)


def asked(one: Escalation, *, terms: Terms = TERMS, now: datetime = NOW, **away: str) -> Escalation:
    return case.after(one, (case.ask(one, order=ORDER, stewards=PEOPLE, terms=terms, now=now),))


def test_it_begins_with_nobody() -> None:
    """Raised: it is open, nobody was asked, nobody has it."""
    one = begun()
    assert (one.state, one.open, one.asked, one.owner, one.holder, one.position) == (
        State.RAISED,
        True,
        (),
        None,
        None,
        1,
    )


def test_the_first_on_duty_is_asked_and_has_the_time_that_the_terms_name() -> None:
    """Fifteen minutes from now, for the first of the order."""
    one = asked(begun())
    assert (one.state, one.asked, one.answer_by) == (State.NOTIFIED, ("ines",), NOW + timedelta(minutes=15))


def test_it_is_due_from_the_moment_on_that_was_named() -> None:
    """Not a microsecond before."""
    one = asked(begun())
    assert one.answer_by is not None
    assert not case.is_due(one, one.answer_by - timedelta(microseconds=1))
    assert case.is_due(one, one.answer_by)


def test_everybody_is_asked_in_turn_and_then_again() -> None:
    """After the last of the ladder a new round begins with the first."""
    one, names = begun(), []
    for _ in range(5):
        one = asked(one)
        names.append(one.named)
    assert names == ["ines", "amara", "ruth", "ines", "amara"]
    assert (one.round, one.asked_now, one.asked) == (2, ("ines", "amara"), ORDER)


def test_those_who_are_off_duty_are_passed_over() -> None:
    """Only who is on duty is asked, as long as somebody is."""
    people = {**PEOPLE, "ines": steward("ines", "Sat 08:00-09:00")}
    notified = case.ask(begun(), order=ORDER, stewards=people, terms=TERMS, now=NOW)
    assert (notified.stewards, notified.off_duty) == (("amara",), False)


def test_where_nobody_is_on_duty_the_first_is_asked_and_it_says_so() -> None:
    """The customer must not be told that somebody is there."""
    people = {name: steward(name, away=NOW.date()) for name in ORDER}
    notified = case.ask(begun(), order=ORDER, stewards=people, terms=TERMS, now=NOW)
    assert (notified.stewards, notified.off_duty) == (("ines",), True)


def test_a_critical_one_asks_everybody_and_names_one_who_is_on_duty() -> None:
    """All hours are ignored, but the first name is somebody who can answer now."""
    people = {**PEOPLE, "ines": steward("ines", "Sat 08:00-09:00")}
    notified = case.ask(begun(), order=ORDER, stewards=people, terms=EVERYBODY, now=NOW)
    assert notified.stewards == ("amara", "ines", "ruth")


def test_what_joins_can_raise_it_and_never_lower_it() -> None:
    """Urgent, then care, then critical: it is as severe as the worst."""
    one = begun()
    for severity, expected in ((Severity.care, Severity.urgent), (Severity.critical, Severity.critical)):
        one = case.after(one, (case.join(one, raised(severity, message=2)),))
        assert one.severity is expected
    assert one.messages == (1, 2)


def test_asking_anew_is_for_what_grew_and_nobody_has() -> None:
    """A joined decision of the same severity, or one that somebody answers for, calls nobody else."""
    one = asked(begun())
    same = case.after(one, (case.join(one, raised()),))
    worse = case.after(one, (case.join(one, raised(Severity.critical)),))
    theirs = case.after(worse, case.acknowledge(worse, "ines", NOW))
    assert [case.must_ask_again(one, later) for later in (same, worse, theirs)] == [False, True, False]


def test_acknowledging_twice_changes_nothing() -> None:
    """The second time there is no event."""
    one = begun()
    one = case.after(one, case.acknowledge(one, "ines", NOW))
    assert (one.owner, one.answer_by, case.acknowledge(one, "ines", NOW)) == ("ines", None, ())


def test_what_somebody_has_nobody_else_can_take() -> None:
    """It has to be handed over."""
    one = begun()
    one = case.after(one, case.take_over(one, "ines", NOW))
    for step in (case.acknowledge, case.take_over, case.hand_back):
        with pytest.raises(CaseError):
            step(one, "amara", NOW)


def test_accepting_what_somebody_holds_moves_the_conversation() -> None:
    """Owner and holder change together."""
    one = begun()
    one = case.after(one, case.take_over(one, "ines", NOW))
    one = case.after(one, case.offer(one, "ines", to="amara", brief="b", answer_by=NOW, now=NOW))
    assert (one.owner, one.holder, one.offered_to) == ("ines", "ines", "amara")
    one = case.after(one, case.acknowledge(one, "amara", NOW))
    assert (one.owner, one.holder, one.offered_to, one.answer_by) == ("amara", "amara", None, None)


def test_nothing_is_handed_to_oneself() -> None:
    """It would be an offer that one's own silence could lapse."""
    one = begun()
    one = case.after(one, case.acknowledge(one, "ines", NOW))
    with pytest.raises(CaseError):
        case.offer(one, "ines", to="ines", brief="", answer_by=NOW, now=NOW)


def test_who_resolves_what_nobody_has_answers_for_it() -> None:
    """It is acknowledged in the same step, so that the record names somebody."""
    one = begun()
    one = case.after(one, case.resolve(one, "ines", outcome=" Spoken to. ", now=NOW))
    assert (one.state, one.owner, one.outcome, one.open) == (State.RESOLVED, "ines", "Spoken to.", False)


def test_it_is_not_resolved_without_a_word() -> None:
    """The next steward reads how it ended."""
    with pytest.raises(CaseError, match="how it ended"):
        case.resolve(begun(), "ines", outcome="  ", now=NOW)


def test_an_escalation_is_raised_once() -> None:
    """A second first event is a defect, not something to pass over."""
    with pytest.raises(CaseError):
        case.after(begun(), (raised(),))


# ── any life ─────────────────────────────────────────────────────────────────────────────────────────────────────────

WHO = st.sampled_from((*ORDER, "marc"))


class Life(RuleBasedStateMachine):
    """Stewards try whatever they like, in any order; the clock runs; what must never be never is."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.one = begun()
        self.events: list[Event] = []

    def _take(self, before: Escalation, events: Sequence[Event]) -> None:
        self.events.extend(events)
        self.one = case.after(before, events)

    def _try(self, step: str, who: str, **extra: object) -> None:
        before = self.one
        try:
            events = getattr(case, step)(before, who, now=self.now, **extra)
        except CaseError:
            assert self.one == before
            return
        assert before.open, f"{step} after it was resolved"
        self._take(before, events)

    @initialize(notify=st.booleans())
    def somebody_is_asked(self, notify: bool) -> None:
        self.one = asked(self.one, terms=EVERYBODY if notify else TERMS)

    @rule(who=WHO)
    def acknowledges(self, who: str) -> None:
        before = self.one
        self._try("acknowledge", who)
        if self.one.owner != before.owner and before.owner is not None:
            assert before.offered_to == who, "taken from its owner without an offer"

    @rule(who=WHO)
    def takes_over(self, who: str) -> None:
        before = self.one
        self._try("take_over", who)
        if self.one != before:
            assert self.one.holder == self.one.owner == who

    @rule(who=WHO, to=WHO)
    def offers(self, who: str, to: str) -> None:
        before = self.one
        self._try("offer", who, to=to, brief="brief", answer_by=self.now + timedelta(minutes=15))
        if self.one != before:
            assert (who, self.one.owner) == (before.owner, before.owner)
            assert self.one.offered_to == to

    @rule(who=WHO)
    def declines(self, who: str) -> None:
        before = self.one
        self._try("decline", who)
        assert self.one.owner == before.owner
        if self.one != before:
            assert before.offered_to == who

    @rule(who=WHO)
    def hands_back(self, who: str) -> None:
        before = self.one
        self._try("hand_back", who)
        if self.one != before:
            assert (before.holder, self.one.holder, self.one.owner) == (who, None, who)

    @rule(who=WHO, outcome=st.sampled_from(("", "done")))
    def resolves(self, who: str, outcome: str) -> None:
        before = self.one
        self._try("resolve", who, outcome=outcome)
        if self.one != before:
            assert before.owner in (None, who)
            assert (self.one.state, self.one.holder) == (State.RESOLVED, None)

    @precondition(lambda self: self.one.open)
    @rule(severity=st.sampled_from((Severity.care, Severity.urgent, Severity.critical)))
    def another_message_joins(self, severity: Severity) -> None:
        before = self.one
        self._take(before, (case.join(before, raised(severity, at=self.now, message=len(self.events) + 2)),))
        assert self.one.severity >= before.severity
        if case.must_ask_again(before, self.one):
            self._ask()

    @rule(minutes=st.integers(1, 30))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        if not case.is_due(self.one, self.now):
            return
        if self.one.offered_to is not None:
            self._take(self.one, case.decline(self.one, self.one.offered_to, self.now, lapsed=True))
        else:
            self._ask()

    def _ask(self) -> None:
        before = self.one
        assert before.owner is None, "somebody else is asked about what somebody has"
        self._take(before, (case.ask(before, order=ORDER, stewards=PEOPLE, terms=TERMS, now=self.now),))
        assert self.one.named is not None
        if self.one.round == before.round:
            assert self.one.named not in before.asked_now, "asked twice in one round"

    @invariant()
    def whoever_holds_it_has_it(self) -> None:
        assert self.one.holder in (None, self.one.owner)

    @invariant()
    def it_is_with_a_person_exactly_while_somebody_holds_it(self) -> None:
        assert (self.one.state is State.WITH_PERSON) == (self.one.holder is not None)

    @invariant()
    def it_always_has_somebody_or_a_moment_at_which_to_ask_on(self) -> None:
        assert not self.one.open or self.one.owner is not None or self.one.answer_by is not None

    @invariant()
    def an_offer_is_open_only_until_a_moment(self) -> None:
        if self.one.offered_to is not None:
            assert self.one.open
            assert self.one.answer_by is not None
            assert self.one.offered_to != self.one.owner

    @invariant()
    def it_is_counted_by_its_events(self) -> None:
        assert self.one.position == 2 + len(self.events)  # raised, and the first who was asked


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_a_fold_is_the_same_in_one_go_or_in_steps() -> None:
    """What the events make does not depend on how many are applied together."""
    one = begun()
    events: tuple[Event, ...] = (
        case.ask(one, order=ORDER, stewards=PEOPLE, terms=TERMS, now=NOW),
        *case.take_over(one, "ines", NOW),
    )
    step = one
    for event in events:
        step = case.after(step, (event,))
    assert case.after(one, events) == step
    assert replace(step, holder=None) != step
