"""How sure is sure enough."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from knowledge.evidence import ANSWER_FEATURES
from knowledge.judge import SHIPPED, Judge, UnreachablePrecision, UnusableWeights


def test_the_shipped_weights_fit_the_features_of_this_version() -> None:
    """And a message that does not ask has to be met more clearly than one that does."""
    judge = Judge.load()
    assert 0 < judge.threshold < judge.statement_threshold < 1


def test_weights_of_another_version_are_refused(tmp_path: Path) -> None:
    """With what to do about it."""
    values = json.loads(SHIPPED.read_text(encoding="utf-8"))
    values["unit"]["features"] = ["something else"]
    file = tmp_path / "answering.json"
    file.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(UnusableWeights, match=r"training/abstention\.py"):
        Judge.load(file)


def test_a_property_that_is_asked_for_and_missing_weighs_heavily() -> None:
    """Only an answer that is beyond doubt otherwise is given all the same."""
    judge = Judge.load()
    numbers = dict.fromkeys(ANSWER_FEATURES, 1.0)
    plain = judge.probability(tuple(numbers.values()))
    numbers["property"] = -1.0
    assert judge.probability(tuple(numbers.values())) < plain / 2


def test_an_operator_chooses_how_often_an_answer_must_be_right() -> None:
    """A higher precision is a higher threshold; one that was never reached is refused with what was."""
    judge = replace(Judge.load(), reached=((0.8, 0.3), (0.9, 0.5), (0.95, 0.7)))
    assert judge.at_precision(0.85).threshold == 0.5
    assert judge.at_precision(0.95).threshold == 0.7
    assert 0.5 < judge.at_precision(0.85).statement_threshold < 1
    with pytest.raises(UnreachablePrecision, match=r"at most 0\.95"):
        judge.at_precision(0.96)
