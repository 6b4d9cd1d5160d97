"""What the policy decides: rules, thresholds, which of several wins, and the words that follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation.policy import (
    PHASES,
    Decision,
    Policy,
    Rule,
    Severity,
    Signals,
    Terms,
    Unanswered,
    When,
    decide,
    placeholders,
    spoken,
    with_defaults,
    words,
)
from escalation.signals import CUES, PLEASANT, TROUBLED, Cue

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
QUIET = Signals(now=NOW, phase="preparation")

cues = st.builds(Cue, name=st.sampled_from(CUES), intensity=st.sampled_from([0.2, 0.5, 0.8, 1.0]))
whens = st.builds(
    When,
    cue=st.none() | st.lists(st.sampled_from(CUES), min_size=1, max_size=4).map(tuple),
    intensity=st.none() | st.sampled_from([0.2, 0.5, 0.8]),
    phase=st.none() | st.lists(st.sampled_from(PHASES), min_size=1, max_size=3).map(tuple),
    strain=st.none() | st.floats(0, 1),
    messages=st.none() | st.integers(1, 4),
    unanswered=st.none() | st.just((Unanswered(at_least=2, within=timedelta(hours=1)),)),
    unread_language=st.none() | st.just((True,)),
)
severities = st.sampled_from(list(Severity)[1:])
rules = st.builds(
    Rule,
    name=st.text("abc", min_size=1, max_size=8),
    when=whens,
    severity=severities,
    topic=st.none() | st.sampled_from(["medical", "legal"]),
)
policies = st.builds(Policy, rules=st.lists(rules, max_size=8, unique_by=lambda rule: rule.name).map(tuple))
situations = st.builds(
    Signals,
    now=st.just(NOW),
    cues=st.lists(cues, max_size=4).map(tuple),
    phase=st.sampled_from(PHASES),
    strain=st.floats(0, 0.99),
    messages=st.integers(0, 5),
    unanswered=st.lists(st.integers(0, 120).map(lambda ago: NOW - timedelta(minutes=ago)), max_size=4).map(tuple),
    unread_language=st.booleans(),
    failed=st.booleans(),
    disagree=st.booleans(),
)


def rule(when: When, severity: Severity = Severity.care, name: str = "a rule", topic: str | None = None) -> Rule:
    return Rule(name=name, when=when, severity=severity, topic=topic)


def matches(when: When, signals: Signals) -> bool:
    return bool(decide(Policy(rules=(rule(when),)), signals).rules)


def test_the_cues_are_those_of_the_format() -> None:
    """Twenty-two cues, five of them pleasant, the others troubled."""
    assert len(CUES) == len(set(CUES)) == 22
    assert set(CUES) == TROUBLED | PLEASANT
    assert not TROUBLED & PLEASANT


def test_where_no_rule_matches_nobody_is_called() -> None:
    """No rule, no severity, no message."""
    assert decide(Policy(), QUIET) == Decision(severity=Severity.none)
    assert not decide(Policy(), QUIET).calls_somebody


def test_the_intensity_is_that_of_the_cue_that_matched() -> None:
    """Strong joy does not make slight anger strong."""
    when = When(cue=("anger", "grief"), intensity=0.8)
    joy, slight, strong = (
        Cue(name="joy", intensity=1.0),
        Cue(name="anger", intensity=0.5),
        Cue(name="grief", intensity=0.8),
    )
    assert not matches(when, replace(QUIET, cues=(joy, slight)))
    assert matches(when, replace(QUIET, cues=(slight, strong)))


def test_all_keys_of_a_when_must_hold() -> None:
    """Strain alone is not enough where messages are asked for too."""
    when = When(strain=0.6, messages=3)
    assert not matches(when, replace(QUIET, strain=0.7, messages=2))
    assert not matches(when, replace(QUIET, strain=0.59, messages=3))
    assert matches(when, replace(QUIET, strain=0.6, messages=3))


def test_a_list_means_any_of_them() -> None:
    """Isolation after landing holds in return and in reflection, not in flight."""
    when = When(cue=("isolation",), phase=("return", "reflection"))
    lonely = replace(QUIET, cues=(Cue(name="isolation", intensity=0.2),))
    assert [phase for phase in PHASES if matches(when, replace(lonely, phase=phase))] == [
        "return",
        "reflection",
    ]


def test_abstentions_count_within_their_span() -> None:
    """Twice within an hour: the hour's first moment counts, anything older does not."""
    when = When(unanswered=(Unanswered(at_least=2, within=timedelta(hours=1)),))
    hour_ago = NOW - timedelta(hours=1)
    assert matches(when, replace(QUIET, unanswered=(hour_ago, NOW)))
    assert not matches(when, replace(QUIET, unanswered=(hour_ago - timedelta(seconds=1), NOW)))


def test_abstentions_without_a_span_count_since_a_person_took_over() -> None:
    """Without `within`, all that were not reset count."""
    when = When(unanswered=(Unanswered(at_least=2),))
    assert matches(when, replace(QUIET, unanswered=(NOW - timedelta(days=20), NOW)))


def test_a_language_that_cannot_be_read_is_a_signal() -> None:
    """`unread_language: true` holds where the reader could not read, false where it could."""
    assert matches(When(unread_language=(True,)), replace(QUIET, unread_language=True))
    assert not matches(When(unread_language=(True,)), QUIET)
    assert matches(When(unread_language=(False,)), QUIET)


def test_every_match_is_recorded_and_the_highest_wins() -> None:
    """The first of the highest severity gives topic and message, wherever it stands."""
    policy = Policy(
        rules=(
            rule(When(cue=("medical",)), Severity.care, "body", "medical"),
            Rule(
                name="hazard",
                when=When(cue=("safety",)),
                severity=Severity.urgent,
                topic="safety",
                tell_customer="safety",
            ),
            rule(When(cue=("medical",)), Severity.urgent, "body too", "medical"),
            rule(When(cue=("grief",)), Severity.critical, "mourning"),
        )
    )
    signals = replace(QUIET, cues=(Cue(name="medical", intensity=0.5), Cue(name="safety", intensity=0.5)))
    assert decide(policy, signals) == Decision(
        severity=Severity.urgent, rules=("body", "hazard", "body too"), topic="safety", message="safety"
    )


def test_what_only_is_watched_tells_the_customer_nothing() -> None:
    """The words of a message announce a person; at `watch` none is called."""
    watching = Rule(name="w", when=When(phase=("preparation",)), severity=Severity.watch, tell_customer="x")
    decision = decide(Policy(rules=(watching,)), QUIET)
    assert (decision.severity, decision.message, decision.calls_somebody) == (Severity.watch, None, False)


def test_a_rule_without_a_message_tells_the_default_one() -> None:
    """`default` is what a customer is told where a rule names nothing."""
    assert decide(Policy(rules=(rule(When(phase=("preparation",))),)), QUIET).message == "default"


def test_our_own_failure_calls_somebody_by_itself() -> None:
    """A model, an index or a time-out that failed is care, even where a pack has no rule at all."""
    decision = decide(Policy(), replace(QUIET, failed=True))
    assert decision == Decision(severity=Severity.care, rules=("the concierge failed",), message="default")


def test_documents_that_disagree_call_somebody_by_themselves() -> None:
    """The customer is told both, and to rely on neither until a person has said which."""
    decision = decide(Policy(), replace(QUIET, disagree=True))
    assert decision == Decision(severity=Severity.care, rules=("the documents disagree",), message="default")


@given(policies, situations, cues)
def test_one_more_cue_never_lowers_the_severity(policy: Policy, signals: Signals, cue: Cue) -> None:
    """Rules only ask for cues, never for their absence."""
    more = replace(signals, cues=(*signals.cues, cue))
    assert decide(policy, more).severity >= decide(policy, signals).severity
    assert set(decide(policy, more).rules) >= set(decide(policy, signals).rules)


@given(policies, situations)
def test_the_highest_wins_and_of_equals_the_first(policy: Policy, signals: Signals) -> None:
    """A decision follows from the rules that match each for itself."""
    given_to_rules = replace(signals, failed=False, disagree=False)
    alone = [one for one in policy.rules if decide(Policy(rules=(one,)), given_to_rules).rules]
    decision = decide(policy, signals)
    failed = ("the concierge failed",) if signals.failed else ()
    differ = ("the documents disagree",) if signals.disagree else ()
    assert decision.rules == (*(one.name for one in alone), *failed, *differ)
    ours = [Severity.care] if failed or differ else []
    highest = max([*(one.severity for one in alone), *ours], default=Severity.none)
    assert decision.severity == highest
    first = next((one for one in alone if one.severity == highest), None)
    assert decision.topic == (first.topic if first else None)


@given(policies, situations)
def test_somebody_is_called_exactly_from_care_on(policy: Policy, signals: Signals) -> None:
    """A message goes with a call, and with nothing else."""
    decision = decide(policy, signals)
    assert decision.calls_somebody == (decision.severity >= Severity.care) == (decision.message is not None)


def test_what_a_pack_leaves_out_has_defaults() -> None:
    """Four hours for care, a quarter of an hour for urgent, two minutes and everyone for critical."""
    policy = with_defaults({Severity.care: Terms(acknowledge_within=timedelta(hours=1))}, {}, ())
    assert policy.terms[Severity.care] == Terms(acknowledge_within=timedelta(hours=1))
    assert policy.terms[Severity.urgent] == Terms(acknowledge_within=timedelta(minutes=15))
    assert policy.terms[Severity.critical] == Terms(acknowledge_within=timedelta(minutes=2), notify_everyone=True)
    assert policy.terms[Severity.watch].acknowledge_within is None


def test_words_are_filled_with_name_span_and_the_stewards_time() -> None:
    """A message names the person, the span in words, and the time where they are."""
    policy = with_defaults({}, {"crisis": "{steward} at {local_time} within {acknowledge_within} {else}"}, ())
    span = timedelta(minutes=2)
    told = words(policy, "crisis", steward="Ann {local_time}", acknowledge_within=span, local_time=NOW)
    assert told == "Ann {local_time} at 12:00 within 2 minutes {else}"
    default = words(policy, None, steward="Amara", acknowledge_within=span, local_time=NOW)
    assert "Amara" in default
    assert not placeholders(default)


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(seconds=90), "90 seconds"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=4), "4 hours"),
        (timedelta(days=3), "3 days"),
        (timedelta(minutes=90), "90 minutes"),
    ],
)
def test_spans_are_said_as_people_say_them(span: timedelta, said: str) -> None:
    """The largest unit that divides a span without rest."""
    assert spoken(span) == said
