"""Asks a system everything and counts: one `Figures` for each data set, view and system."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import fmean, median

from benchmarks.retrieval.data import Asked, DataSet, Question
from benchmarks.retrieval.encoding import Shared
from benchmarks.retrieval.measures import auc, false_at, holds_one, ndcg, precision_at, recall, reciprocal_rank
from benchmarks.retrieval.systems import DEPTH, Ranked, Searcher, System, Told


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What came out, from 0 to 1 but for counts and characters; None where the data does not ask for it."""

    recall_5: float
    mrr: float
    ndcg_10: float
    hit_passage: float | None
    hit_said: float | None
    said_characters: float
    auc_outside: float | None
    auc_near: float | None
    false_outside_90: float | None
    false_near_90: float | None
    precision_passage_80: float | None
    precision_said_80: float | None

    def as_dict(self) -> dict[str, float | None]:
        """For JSON."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The figures of one system for one view of a data set, with how many questions of each kind were asked."""

    data: str
    view: str
    system: str
    asked: tuple[int, int, int]  # answerable, near, outside
    figures: Figures

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        kinds = dict(zip(("answerable", "near", "outside"), self.asked, strict=True))
        named: dict[str, object] = {"data": self.data, "view": self.view, "system": self.system, "asked": kinds}
        return {**named, **self.figures.as_dict()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What a system made of one answerable question."""

    question: Question
    ranked: Ranked
    told: Told

    @property
    def by_passage(self) -> bool:
        """Whether the passage that was found holds the answer; where no words are known, whether it is relevant."""
        return self._right(self.told.shown)

    @property
    def by_what_was_said(self) -> bool:
        """The same for what was chosen from it."""
        return self._right(self.told.said)

    def _right(self, text: str) -> bool:
        if self.question.answers:
            return holds_one(self.question.answers, text)
        return self.told.source is not None and self.question.grades.get(self.told.source, 0) > 0


def compare(
    system: System, data: DataSet, asked: Sequence[Asked], folder: Path, encoder: Shared, told: Callable[[], None]
) -> list[Result]:
    """Every view of a data set, asked of one system; `told` is called after each question that is asked."""
    away = frozenset().union(*(view.away for view in asked))
    all_of_them = Asking(told)
    left = Asking(told)
    system.build(folder / "all", data.texts, encoder)
    with system.open(folder / "all", encoder) as searcher:
        heard = {id(view): [all_of_them.hear(searcher, q) for q in view.answerable] for view in asked}
        near = {id(view): [all_of_them.score(searcher, q) for q in view.near] for view in asked}
    system.build(folder / "left", [text for text in data.texts if text.id not in away], encoder)
    with system.open(folder / "left", encoder) as searcher:
        outside = {id(view): [left.score(searcher, q) for q in view.outside] for view in asked}
    return [
        Result(
            data=data.name,
            view=view.view,
            system=system.name,
            asked=(len(view.answerable), len(view.near), len(view.outside)),
            figures=count(heard[id(view)], near[id(view)], outside[id(view)], quotes=data.quotes),
        )
        for view in asked
    ]


class Asking:
    """Asks each question once, though several views ask it."""

    def __init__(self, told: Callable[[], None]) -> None:
        self._told = told
        self._answers: dict[str, Told] = {}

    def hear(self, searcher: Searcher, question: Question) -> Heard:
        """The ranking and the answer."""
        return Heard(question=question, ranked=searcher.search(question.text), told=self._tell(searcher, question))

    def score(self, searcher: Searcher, question: Question) -> float:
        """How sure the system is."""
        return self._tell(searcher, question).score

    def _tell(self, searcher: Searcher, question: Question) -> Told:
        if question.text not in self._answers:
            self._answers[question.text] = searcher.tell(question.text)
        self._told()
        return self._answers[question.text]


def count(heard: Sequence[Heard], near: Sequence[float], outside: Sequence[float], *, quotes: bool) -> Figures:
    """All measures of one view."""
    sure = [one.told.score for one in heard]
    ranked = [([text for text, _ in one.ranked], one.question.grades) for one in heard]
    passage = [(one.told.score, one.by_passage) for one in heard]
    said = [(one.told.score, one.by_what_was_said) for one in heard]
    return Figures(
        recall_5=_mean([recall(found, grades, 5) for found, grades in ranked]),
        mrr=_mean([reciprocal_rank(found, grades) for found, grades in ranked]),
        ndcg_10=_mean([ndcg(found, grades, DEPTH) for found, grades in ranked]),
        hit_passage=_mean([right for _, right in passage]) if quotes else None,
        hit_said=_mean([right for _, right in said]) if quotes else None,
        said_characters=median(len(one.told.said) for one in heard) if heard else 0.0,
        auc_outside=auc(sure, outside),
        auc_near=auc(sure, near),
        false_outside_90=false_at(sure, outside, 0.9),
        false_near_90=false_at(sure, near, 0.9),
        precision_passage_80=precision_at(passage, 0.8),
        precision_said_80=precision_at(said, 0.8) if quotes else None,
    )


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0
