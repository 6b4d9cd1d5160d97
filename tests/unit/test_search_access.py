"""No passage outside a reader's grants is ever found, cited or quoted, and none changes what is said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from answering_fakes import InMemory, Shared, Words, passage
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.answer import Answer, Answerer, Citation
from knowledge.judge import Judge
from knowledge.passages import Passage, visible

GRANTS = ("everyone", "stewards", "flight:a", "flight:b", "mission:m", "mission:n", "organisation:o")
WORDS = ("kit", "suit", "launch", "seat", "meal", "call", "window", "locker", "doctor", "fitting")
FIGURES = ("1.5 kg", "two hours", "at 09:00", "EUR 40", "in the hangar")

# A judge that would rather answer than not: what must not leak has every chance to.
EAGER = Judge(unit=Judge.load().unit, answer=Judge.load().answer, threshold=0.0, statement_threshold=0.0)

days = st.dates(date(2027, 1, 1), date(2027, 1, 8))


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A sentence or a short list about some of the words."""
    about = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3))
    return f"The {' and the '.join(about)} {draw(st.sampled_from(FIGURES))} for {draw(st.sampled_from(WORDS))}s."


@st.composite
def libraries(draw: st.DrawFn) -> tuple[Passage, ...]:
    """Passages of random audiences and days; every text says which passage it stands in."""
    made = []
    for number in range(draw(st.integers(1, 7))):
        made.append(
            passage(
                f"{draw(texts())} Mark{number}x.",
                document=f"doc{draw(st.integers(0, 3))}",
                position=number,
                kind=draw(st.sampled_from(["paragraph", "list", "table", "caveat"])),
                audience=frozenset(draw(st.lists(st.sampled_from(GRANTS), min_size=1, max_size=2))),
                valid_from=draw(st.none() | days),
                replaced_from=draw(st.none() | days),
                caveat=f"Caveat{number}x." if draw(st.booleans()) else None,
            )
        )
    return tuple(made)


@dataclass(frozen=True)
class Told:
    """Everything an outcome tells the reader."""

    text: str
    citations: tuple[Citation, ...]


def told(answerer: Answerer, question: str, grants: frozenset[str], on: date) -> Told:
    """What the reader is told, abstentions and their pointers included."""
    outcome = answerer.answer(question, grants, on)
    if isinstance(outcome, Answer):
        said = [part for s in outcome.sentences for part in (s.lead, s.text)]
        return Told(" ".join([*said, *outcome.caveats]), tuple(s.citation for s in outcome.sentences))
    return Told("", outcome.nearest)


def answerer(passages: tuple[Passage, ...]) -> Answerer:
    """Over an index that has forgotten to filter."""
    return Answerer(passages, dense=InMemory(passages, leaks=True), encoder=Words(), pairs=Shared(), judge=EAGER)


@settings(max_examples=2_000, deadline=None)
@given(
    passages=libraries(),
    grants=st.frozensets(st.sampled_from(GRANTS), max_size=4),
    on=days,
    question=texts().map(lambda text: text.rstrip(".") + "?"),
)
def test_nothing_is_told_that_this_reader_may_not_see(
    passages: tuple[Passage, ...], grants: frozenset[str], on: date, question: str
) -> None:
    """Whatever the audiences, days and question: only visible passages speak, with their own caveats."""
    outcome = told(answerer(passages), question, grants, on)
    allowed = {p.id for p in passages if visible(p, grants, on)}
    assert {c.passage for c in outcome.citations} <= allowed
    for number, each in enumerate(passages):
        if each.id not in allowed:
            assert f"Mark{number}x" not in outcome.text
            assert f"Caveat{number}x" not in outcome.text


@settings(max_examples=300, deadline=None)
@given(
    passages=libraries(),
    grants=st.frozensets(st.sampled_from(GRANTS), max_size=4),
    on=days,
    question=texts().map(lambda text: text.rstrip(".") + "?"),
)
def test_what_is_hidden_changes_nothing_that_is_told(
    passages: tuple[Passage, ...], grants: frozenset[str], on: date, question: str
) -> None:
    """The outcome is the one of a pack in which the hidden passages were never written."""
    left = tuple(p for p in passages if visible(p, grants, on))
    whole = answerer(passages).answer(question, grants, on)
    without = answerer(left).answer(question, grants, on)
    assert whole == without
