"""Exact search compares only the rows that a reader may be told, and finds what a search by hand finds."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from answering_fakes import passage
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from knowledge.exact import Exact
from knowledge.index import InMemory
from knowledge.lexical import Postings, edits
from knowledge.passages import Passage, visible
from knowledge.visibility import Visibility

GRANTS = ("everyone", "stewards", "flight:a", "flight:ab", "mission:m", "mission:mn", "organisation:o")
DAY = date(2027, 3, 1)
days = st.dates(DAY - timedelta(days=3), DAY + timedelta(days=3))
readers = st.frozensets(st.sampled_from((*GRANTS, "", "mission:nobody")), max_size=5)
libraries = st.lists(
    st.builds(
        passage,
        st.just("Text."),
        audience=st.frozensets(st.sampled_from(GRANTS), max_size=3),
        valid_from=st.none() | days,
        replaced_from=st.none() | days,
    ),
    max_size=40,
)


def vectors_of(count: int, seed: int) -> NDArray[np.float32]:
    """Vectors of which some are equal, and some are of no length."""
    made = np.random.default_rng(seed).integers(-1, 2, size=(count, 4)).astype(np.float32)
    return made * 3


@settings(max_examples=500)
@given(passages=libraries, grants=readers, day=days)
def test_what_is_visible_is_what_the_rule_says(passages: list[Passage], grants: frozenset[str], day: date) -> None:
    """Asked once for each kind of passage, the rule says the same as asked for each of them."""
    assert Visibility(passages).seen(grants, day).tolist() == [visible(p, grants, day) for p in passages]


@settings(max_examples=500)
@given(passages=libraries, grants=readers, day=days, k=st.integers(0, 50), seed=st.integers(0, 2**16))
def test_only_permitted_rows_are_found_and_the_best_of_them(
    passages: list[Passage], grants: frozenset[str], day: date, k: int, seed: int
) -> None:
    """The same as sorting all permitted passages by their cosine, worked out one by one."""
    vectors, question = vectors_of(len(passages), seed), vectors_of(1, seed + 1)[0]
    near = InMemory(passages, Visibility(passages), vectors.copy())
    found = near.nearest(question, grants, day, k)
    permitted = [row for row, p in enumerate(passages) if visible(p, grants, day)]
    expected = sorted((round(-cosine_of(vectors[row], question), 5), row) for row in permitted)[:k]
    assert [(round(-cosine, 5), id(p)) for p, cosine in found] == [(c, id(passages[row])) for c, row in expected]


def cosine_of(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else 0.0


@settings(max_examples=100)
@given(seed=st.integers(0, 2**16), share=st.floats(0.01, 1.0))
def test_a_row_that_is_hidden_changes_no_digit_of_another(seed: int, share: float) -> None:
    """Not even the last one: what a reader is told must not depend on what they may not see."""
    random = np.random.default_rng(seed)
    vectors, question = random.normal(size=(1_500, 96)).astype(np.float32), random.normal(size=96).astype(np.float32)
    rows = np.flatnonzero(random.random(1_500) < share)
    among_all = Exact(vectors.copy()).cosines(question, rows)
    alone = Exact(vectors[rows].copy()).cosines(question, np.arange(rows.size))
    assert np.array_equal(among_all, alone)


def test_no_rows_and_no_passages_give_nothing() -> None:
    empty = InMemory([], Visibility([]), np.zeros((0, 0), np.float32))
    assert empty.nearest(np.ones(4, np.float32), frozenset({"everyone"}), DAY, 9) == []
    assert Exact(np.ones((3, 4), np.float32)).nearest(np.ones(4, np.float32), np.arange(0), 9) == []


letters = st.text(st.sampled_from("abcdé"), min_size=3, max_size=9)


@settings(max_examples=500)
@given(spelt=st.lists(letters, min_size=1, max_size=30), word=letters, allowed=st.integers(1, 2))
def test_no_word_that_is_near_enough_is_passed_over(spelt: list[str], word: str, allowed: int) -> None:
    """The quick look at letters only ever leaves out words that are too far away."""
    postings = Postings([" ".join(f"x{one}" for one in spelt)])
    for length in range(len(word) + 1 - allowed, len(word) + 2 + allowed):
        left = set(postings.near(f"x{word}", length, allowed))
        near = {f"x{w}" for w in spelt if len(w) + 1 == length and edits(f"x{word}", f"x{w}", allowed) <= allowed}
        assert near <= left
