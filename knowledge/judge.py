"""How sure is sure enough: weighs evidence with trained weights, in plain numpy."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from knowledge.errors import KnowledgeError
from knowledge.evidence import ANSWER_FEATURES, UNIT_FEATURES

SHIPPED: Final = Path(__file__).parent / "models" / "answering.json"


_PROPERTY: Final = ANSWER_FEATURES.index("property")
_PAIRS: Final = (ANSWER_FEATURES.index("pair_answer"), ANSWER_FEATURES.index("pair_best"))
_SURELY_NOT: Final = -3.5  # log-odds below which the pair reader has hardly ever been wrong to say "no answer"
_SET_BACK: Final = 3.0
"""Log-odds that an answer loses then. Refusing it outright did no better at any threshold, and ranked worse: area under
the curve .87 in place of .90 on collections that taught nothing.
"""


class UnreachablePrecision(KnowledgeError):
    """No threshold is known at which so large a share of the answers is right."""


class UnusableWeights(KnowledgeError):
    """The weights do not fit this version's features; run training/abstention.py."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """A logistic regression over named numbers, each brought to zero mean and unit spread first."""

    features: tuple[str, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def odds(self, numbers: Sequence[float]) -> float:
        """Log-odds that the numbers speak of a right answer."""
        parts = zip(numbers, self.mean, self.spread, self.weights, strict=True)
        return self.bias + sum(w * max(-4.0, min(4.0, (x - m) / s)) for x, m, s, w in parts)

    @classmethod
    def of(cls, values: Mapping[str, Any], expected: tuple[str, ...], where: str) -> Scale:
        """A scale from its JSON; the features must be the ones that this version computes, in their order."""
        features = tuple(values["features"])
        if features != expected:
            raise UnusableWeights(
                f"{where} in knowledge/models/answering.json was trained on {features}, "
                f"expected {expected}: run training/abstention.py"
            )
        numbers = {key: tuple(float(x) for x in values[key]) for key in ("mean", "spread", "weights")}
        return cls(features=features, bias=float(values["bias"]), **numbers)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judge:
    """Two scales: which sentence answers best, and whether the answer made of it is to be given at all."""

    unit: Scale
    answer: Scale
    threshold: float  # probability from which a question is answered
    statement_threshold: float  # the same for a message that does not ask
    reached: tuple[tuple[float, float], ...] = ()  # precision that was measured, from which threshold on; both rising

    def at_precision(self, wanted: float) -> Judge:
        """The judge that answers as much as it may while so large a share (0 to 1) of its answers is right.

        Measured on questions of which about six in ten can be answered; raises `UnreachablePrecision` beyond what was
        ever reached.
        """
        threshold = next((t for precision, t in self.reached if precision >= wanted), None)
        if threshold is None:
            best = max((precision for precision, _ in self.reached), default=0.0)
            raise UnreachablePrecision(f"a precision of {wanted:.2f} was never reached; at most {best:.2f} was")
        return replace(self, threshold=threshold, statement_threshold=for_statements(threshold))

    def probability(self, numbers: Sequence[float]) -> float:
        """How likely an answer with these `ANSWER_FEATURES` is right."""
        odds = self.answer.odds(numbers) - (_SET_BACK if self.is_doubtful(numbers) else 0.0)
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, odds))))

    @staticmethod
    def is_doubtful(numbers: Sequence[float]) -> bool:
        """Whether one thing alone speaks so much against the answer that all the rest must be far above the threshold.

        Asked for a weight, an answer without one is none; nor is one of which the pair reader is quite sure.
        """
        return numbers[_PROPERTY] < 0 or max(numbers[place] for place in _PAIRS) < _SURELY_NOT

    @classmethod
    def load(cls, file: Path = SHIPPED) -> Judge:
        """The judge whose weights the file holds."""
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UnusableWeights(
                f"{file}: {error}. Install the package again, or run training/abstention.py"
            ) from error
        return cls(
            unit=Scale.of(values["unit"], UNIT_FEATURES, "unit"),
            answer=Scale.of(values["answer"], ANSWER_FEATURES, "answer"),
            threshold=float(values["threshold"]),
            statement_threshold=float(values["statement_threshold"]),
            reached=tuple((float(p), float(t)) for p, t in values.get("reached", ())),
        )


def for_statements(threshold: float) -> float:
    """The threshold for a message that does not ask: three quarters of the way from that of questions to certainty."""
    return 1 - (1 - threshold) / 4
