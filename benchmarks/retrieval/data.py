"""Public data as texts and questions: the two formats of the data folder, and what of them is asked.

A file of *paragraphs* has questions with their answers' words and may have questions that their paragraph does not
answer; a file of *judgements* has queries and says which documents are relevant to each.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.abstention import HELD_OUT_TITLES

SEED = 20270314
AWAY = 4  # every so many titles, or queries, are asked after with their texts taken away


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """One paragraph or document; its title does not stand in `text` again."""

    id: str
    title: str
    text: str

    @property
    def whole(self) -> str:
        """The text under its title, as every system reads it."""
        return f"{self.title}\n{self.text}" if self.title else self.text


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A question with the grades of the texts that speak to it, and the words that answer it.

    `answers` is empty where the data has no answers or where the text that speaks to it does not answer it.
    """

    text: str
    grades: Mapping[str, float]
    answers: tuple[str, ...] = ()
    title: str = ""
    answered: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSet:
    """Texts and all questions about them; `quotes` is whether right answers are known by their words."""

    name: str
    texts: tuple[Text, ...]
    questions: tuple[Question, ...]
    quotes: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What one view of a data set asks.

    `answerable` and `near` (right text there, answer not in it) are asked of all texts, `outside` of those that are
    left without `away`.
    """

    view: str
    answerable: tuple[Question, ...]
    near: tuple[Question, ...] = ()
    outside: tuple[Question, ...] = ()
    away: frozenset[str] = field(default_factory=frozenset)


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────


def load(file: Path) -> DataSet:
    """A file in one of the two formats, plain or gzipped. Raises OSError, and ValueError where it is in neither."""
    content = file.read_bytes()
    data = json.loads(gzip.decompress(content) if file.suffix == ".gz" else content)
    name = file.name.split(".")[0]
    if not isinstance(data, dict):
        raise ValueError(f"{file}: found a {type(data).__name__}, expected an object")
    for key, reader in (("paragraphs", _paragraphs), ("documents", _judged)):
        if key in data:
            return reader(name, data)
    raise ValueError(f"{file}: has neither paragraphs with questions nor documents with queries and judgements")


def _paragraphs(name: str, data: Mapping[str, Any]) -> DataSet:
    texts = _texts(data["paragraphs"])
    known = {one.id for one in texts}
    questions = {
        (one["question"], one["paragraph"]): Question(
            text=one["question"],
            grades={str(one["paragraph"]): 1.0},
            answers=tuple(one["answers"]),
            title=one.get("title", ""),
            answered=bool(one["answers"]),
        )
        for one in data["questions"]
        if str(one["paragraph"]) in known
    }
    return DataSet(name=name, texts=texts, questions=tuple(questions.values()), quotes=True)


def _judged(name: str, data: Mapping[str, Any]) -> DataSet:
    texts = _texts(data["documents"])
    known = {one.id for one in texts}
    questions = []
    for number, asked in enumerate(data["queries"], 1):
        identity, words = (str(asked["id"]), asked["text"]) if isinstance(asked, dict) else (str(number), asked)
        judged = {str(k): float(v) for k, v in data["judgements"].get(identity, {}).items()}
        grades = {one: grade for one, grade in judged.items() if grade > 0 and one in known}
        if grades:
            questions.append(Question(text=words, grades=grades))
    return DataSet(name=name, texts=texts, questions=tuple(questions), quotes=False)


def _texts(rows: Iterable[Mapping[str, Any]]) -> tuple[Text, ...]:
    """Rows as texts, without empty ones; a title at the beginning of its own text is not said twice."""
    found = []
    for row in rows:
        title, text = " ".join(row.get("title", "").split()), row["text"].strip()
        body = text.removeprefix(row.get("title", "")).strip() or text
        if body:
            found.append(Text(id=str(row["id"]), title=title, text=body))
    return tuple(found)


# ── choosing ───────────────────────────────────────────────────────────────────────────────────────────────


def views(data: DataSet, count: int) -> tuple[Asked, ...]:
    """What is asked of a data set: `count` answerable questions, half as many of each other kind, chosen by a seed.

    Where the data has titles on which the pair reader was trained and titles on which it was not, the second view asks
    about the latter alone.
    """
    if not data.quotes:
        return (_judged_view(data, count),)
    chance = random.Random(SEED)
    titles = list(dict.fromkeys(question.title for question in data.questions))
    unseen = [title for title in titles if title in HELD_OUT_TITLES]
    seen = [title for title in titles if title not in HELD_OUT_TITLES]
    away = {title for group in (unseen, seen) for title in _some(chance, group, max(1, len(group) // AWAY))}
    found = [_quoted_view(data, "all", count, away, chance, lambda title: True)]
    if unseen and seen:
        found.append(_quoted_view(data, "held-out titles", count, away, chance, lambda title: title in HELD_OUT_TITLES))
    return tuple(found)


def _quoted_view(
    data: DataSet, view: str, count: int, away: set[str], chance: random.Random, among: Callable[[str], bool]
) -> Asked:
    answerable = [question for question in data.questions if question.answered and among(question.title)]
    near = [question for question in data.questions if not question.answered and among(question.title)]
    outside = [question for question in answerable if question.title in away]
    return Asked(
        view=view,
        answerable=_some(chance, answerable, count),
        near=_some(chance, near, count // 2),
        outside=_some(chance, outside, count // 2),
        away=frozenset(text.id for text in data.texts if text.title in away),
    )


def _judged_view(data: DataSet, count: int) -> Asked:
    """Queries whose relevant texts are all taken away are from outside what is left."""
    chance = random.Random(SEED)
    outside = _some(chance, data.questions, min(count // 2, len(data.questions) // AWAY))
    return Asked(
        view="all",
        answerable=_some(chance, data.questions, count),
        outside=outside,
        away=frozenset(one for question in outside for one in question.grades),
    )


def _some(chance: random.Random, among: Sequence[Any], count: int) -> tuple[Any, ...]:
    return tuple(chance.sample(among, min(count, len(among))))
