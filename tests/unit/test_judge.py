"""How sure is sure enough."""

import json
from pathlib import Path

import pytest

from knowledge.evidence import ANSWER_FEATURES
from knowledge.judge import SHIPPED, Judge, UnusableWeights


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


def test_a_property_that_is_asked_for_and_missing_settles_it() -> None:
    """However near the answer comes otherwise."""
    judge = Judge.load()
    numbers = dict.fromkeys(ANSWER_FEATURES, 5.0)
    assert judge.probability(tuple(numbers.values())) > 0
    numbers["property"] = -1.0
    assert judge.probability(tuple(numbers.values())) == 0
