"""What the retrieval benchmark counts: rankings, answers, silence, and whether a probability holds."""

from __future__ import annotations

import gzip
import json
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.retrieval.data import DataSet, Question, Text, load, views
from benchmarks.retrieval.measures import (
    auc,
    calibration_error,
    false_at,
    holds_one,
    ndcg,
    precision_at,
    recall,
    reciprocal_rank,
    reliability,
)
from benchmarks.retrieval.pages import between
from training.abstention import HELD_OUT_TITLES

scores = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=12)
scored = st.lists(st.tuples(st.integers(0, 5).map(float), st.booleans()), min_size=1, max_size=12)
coverage = st.sampled_from([0.1, 0.5, 0.8, 0.9, 1.0])


# ── rankings ───────────────────────────────────────────────────────────────────────────────────────────────


def test_recall_is_the_share_of_what_is_relevant() -> None:
    """Two of three relevant texts among the first two of the ranking, one of them graded 0 and so not relevant."""
    assert recall(["a", "b", "c"], {"a": 1, "c": 2, "b": 0, "d": 1}, 2) == pytest.approx(1 / 3)


def test_the_reciprocal_rank_is_that_of_the_first_relevant_text() -> None:
    """The third place gives a third, and a text that is not found nothing."""
    assert reciprocal_rank(["x", "y", "a", "b"], {"a": 1, "b": 1}) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x", "y"], {"a": 1}) == 0.0


def test_ndcg_by_hand() -> None:
    """A grade of 1 at place 1 and of 2 at place 3, against the same two at places 2 and 1."""
    found = 1.0 + 2 / 2.0  # log2(2) = 1, log2(4) = 2
    best = 2.0 + 1 / 1.584962500721156
    assert ndcg(["b", "x", "a"], {"a": 2, "b": 1}, 10) == pytest.approx(found / best)


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 3).map(float), min_size=1))
def test_the_best_ranking_is_perfect(grades: dict[str, float]) -> None:
    """Texts in the order of their grades have an nDCG of 1, and their reverse no more than that."""
    ordered = sorted(grades, key=lambda one: -grades[one])
    assert ndcg(ordered, grades, 3) == pytest.approx(1.0)
    assert ndcg(ordered[::-1], grades, 3) <= 1.0 + 1e-12
    assert recall(ordered, grades, len(grades)) == 1.0


# ── answers ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "said", "there"),
    [
        ("the Normans", "It was THE normans.", True),
        ("$12", "It rose to nearly $12 a barrel.", True),
        ("19", "In 1973 it began.", False),
        ("oil embargo", "an oil-embargo", True),
        ("!", "Really!", False),
    ],
)
def test_an_answer_stands_in_a_text_as_whole_words(answer: str, said: str, there: bool) -> None:
    """Case and punctuation do not count, parts of words do not either, and punctuation alone answers nothing."""
    assert holds_one([answer], said) is there


# ── silence ────────────────────────────────────────────────────────────────────────────────────────────────


@given(scores, scores)
def test_auc_is_the_share_of_pairs_in_order(higher: list[float], lower: list[float]) -> None:
    """Counted one pair after the other, equal ones half."""
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in product(higher, lower)]
    assert auc(higher, lower) == pytest.approx(sum(pairs) / len(pairs))


def test_without_questions_there_is_no_auc() -> None:
    """A set that asks nothing of a kind has no figure for it, rather than a bad one."""
    assert auc([], [1.0]) is None
    assert auc([1.0], []) is None
    assert false_at([1.0], [], 0.9) is None
    assert precision_at([], 0.8) is None


def test_precision_is_taken_of_the_surest() -> None:
    """Of five, the four surest count: the wrong one among them does, the unsure one does not."""
    answers = [(0.9, True), (0.8, True), (0.7, False), (0.6, True), (0.1, False)]
    assert precision_at(answers, 0.8) == pytest.approx(3 / 4)
    assert precision_at(answers, 1.0) == pytest.approx(3 / 5)


@given(scored, coverage, st.randoms())
def test_precision_does_not_depend_on_the_order_of_equals(
    answers: list[tuple[float, bool]], share: float, chance: object
) -> None:
    """The same answers, shuffled, have the same precision; where all are equally sure it is the share of right ones."""
    shuffled = list(answers)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert precision_at(answers, share) == pytest.approx(precision_at(shuffled, share))
    equal = [(0.5, right) for _, right in answers]
    assert precision_at(equal, share) == pytest.approx(sum(right for _, right in answers) / len(answers))


def test_false_answers_at_a_coverage() -> None:
    """Nine of ten answerable ones reach .2: so do three of four others; of equals it is the share that is needed."""
    answerable = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.4, 0.3, 0.2, 0.1]
    assert false_at(answerable, [0.95, 0.3, 0.2, 0.15], 0.9) == pytest.approx(3 / 4)
    assert false_at([1.0, 0.0, 0.0, 0.0], [0.0, 0.0], 0.5) == pytest.approx(1 / 3)


@given(scores, coverage)
def test_what_scores_like_the_answerable_is_answered_as_often(answerable: list[float], share: float) -> None:
    """Of other questions with the very same scores, exactly the coverage is answered: chance is no merit."""
    assert false_at(answerable, answerable, share) == pytest.approx(share)


# ── probabilities ──────────────────────────────────────────────────────────────────────────────────────────


def test_reliability_by_hand() -> None:
    """Two ranges, the sure one too sure by .2 and the unsure one right as often as it says."""
    sure = [(0.95, True), (0.95, True), (0.95, True), (0.95, False)]
    unsure = [(0.25, True), (0.25, False), (0.25, False), (0.25, False)]
    low, high = reliability(sure + unsure)
    assert (low.predicted, low.right, low.count) == (0.25, 0.25, 4)
    assert (high.right, high.count) == (0.75, 4)
    assert calibration_error([low, high]) == pytest.approx(0.1)


def test_ranges_are_of_equal_width() -> None:
    """Ten answers a tenth apart are in ten ranges, and certainty is in the last of them."""
    answers = [(n / 10 + 0.05, True) for n in range(10)]
    assert [one.count for one in reliability(answers)] == [1] * 10
    assert [one.count for one in reliability([*answers, (1.0, True)])] == [*[1] * 9, 2]


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_every_answer_is_in_one_range(answers: list[tuple[float, bool]]) -> None:
    """No answer is lost or counted twice, certain ones included, and the error is a share."""
    found = reliability(answers)
    assert sum(one.count for one in found) == len(answers)
    assert sum(one.right * one.count for one in found) == pytest.approx(sum(right for _, right in answers))
    error = calibration_error(found)
    assert error is not None
    assert 0 <= error <= 1


# ── data ───────────────────────────────────────────────────────────────────────────────────────────────────


def written(folder: Path, name: str, content: object) -> Path:
    """A file of data, gzipped."""
    file = folder / name
    file.write_bytes(gzip.compress(json.dumps(content).encode()))
    return file


def test_both_formats_are_read(tmp_path: Path) -> None:
    """Paragraphs know their answers, judgements their grades; a title is said once, and an empty text is not there."""
    paragraphs = {
        "paragraphs": [{"id": 0, "title": "Oil", "text": "It rose to $12."}],
        "questions": [
            {"question": "How far?", "answers": ["$12"], "paragraph": 0, "title": "Oil"},
            {"question": "How far?", "answers": ["$12"], "paragraph": 0, "title": "Oil"},
            {"question": "Why?", "answers": [], "paragraph": 0, "title": "Oil"},
        ],
    }
    judged = {
        "documents": [
            {"id": 1, "title": "a wing .", "text": "a wing . in a stream ."},
            {"id": 2, "title": "", "text": ""},
        ],
        "queries": ["wings", "nothing"],
        "judgements": {"1": {"1": 2, "2": 1}, "2": {"2": 1}},
    }
    quoted = load(written(tmp_path, "p.json.gz", paragraphs))
    assert [(q.text, q.answered) for q in quoted.questions] == [("How far?", True), ("Why?", False)]
    graded = load(written(tmp_path, "j.json.gz", judged))
    assert [text.whole for text in graded.texts] == ["a wing .\nin a stream ."]
    assert [(q.text, q.grades) for q in graded.questions] == [("wings", {"1": 2.0})]


def test_another_format_is_refused(tmp_path: Path) -> None:
    """What is neither says what was expected."""
    with pytest.raises(ValueError, match="neither paragraphs with questions nor documents"):
        load(written(tmp_path, "x.json.gz", {"rows": []}))


def data_set() -> DataSet:
    """Eight titles, four of them unseen in training, with ten answerable questions and ten near ones each."""
    titles = [*HELD_OUT_TITLES, "Oil", "Warsaw", "Oxygen", "Teacher"]
    texts = tuple(Text(id=title, title=title, text=f"About {title}.") for title in titles)
    questions = tuple(
        Question(
            text=f"{title} {n}?",
            grades={title: 1.0},
            answers=() if n % 2 else (title,),
            title=title,
            answered=n % 2 == 0,
        )
        for title in titles
        for n in range(20)
    )
    return DataSet(name="made", texts=texts, questions=questions, quotes=True)


def test_questions_from_outside_have_nothing_left_to_answer_them() -> None:
    """All texts that speak to what is asked as outside are away; unseen titles are a view of their own."""
    everything, unseen = views(data_set(), 12)
    for view in (everything, unseen):
        assert view.outside
        assert all(view.away.issuperset(question.grades) for question in view.outside)
        assert all(not question.answered for question in view.near)
    assert len(everything.answerable) == 12
    assert len(everything.near) == 6
    assert all(q.title in HELD_OUT_TITLES for q in (*unseen.answerable, *unseen.near, *unseen.outside))


def test_the_same_questions_are_chosen_every_time() -> None:
    """Chance is seeded: two runs ask the same."""
    assert views(data_set(), 7) == views(data_set(), 7)


# ── pages ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    """The words around them stay, a second time too."""
    page = "Before.\n<!-- table -->\nold\n<!-- /table -->\nAfter.\n"
    once = between(page, "table", "new")
    assert once == "Before.\n<!-- table -->\nnew\n<!-- /table -->\nAfter.\n"
    assert between(once, "table", "new") == once


@pytest.mark.parametrize("page", ["", "<!-- table -->", "<!-- /table --><!-- table -->"])
def test_a_page_without_its_markers_is_left_alone(page: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="expected <!-- table -->"):
        between(page, "table", "new")
