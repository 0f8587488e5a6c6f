"""Rankings by query."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from pipelines.evaluation import ranking, resample
from tests.pipelines.examples import bounded, number, reason, seeds


@bounded
@given(seeds, st.integers(2, 60), st.integers(1, 12), st.booleans())
def test_equals_scikit_learn_query_by_query(seed: int, rows: int, k: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    queries, relevance = rng.integers(0, 6, rows), rng.integers(0, 4, rows).astype(float)
    relevance[0] = 1.0
    scores = rng.integers(0, 4, rows).astype(float) if ties else rng.permutation(rows).astype(float)
    data = number(ranking.read(queries, relevance, scores))
    useful = [q for q in np.unique(queries) if relevance[queries == q].sum() > 0]
    assert data.queries.tolist() == useful
    assert data.left_out == len(np.unique(queries)) - len(useful)
    for place, query in enumerate(useful):
        inside = queries == query
        gains, by = relevance[inside], scores[inside]
        if inside.sum() > 1:
            expected = metrics.ndcg_score([gains], [by], k=k)
            assert ranking.ndcg(data, k)[place] == pytest.approx(expected, abs=1e-9)
        if not ties:
            whole = metrics.average_precision_score(gains > 0, by)
            assert ranking.average_precision(data, rows)[place] == pytest.approx(whole, abs=1e-9)
            first = np.flatnonzero(gains[np.argsort(-by)] > 0)[0]
            assert ranking.reciprocal_rank(data)[place] == pytest.approx(1 / (first + 1))


def test_ties_bring_no_luck_whatever_the_order_of_rows() -> None:
    for order in ([0, 1], [1, 0]):
        data = number(ranking.read(["q", "q"], np.array([1.0, 0.0])[order], [0.5, 0.5]))
        assert ranking.reciprocal_rank(data).tolist() == [0.5]
        assert ranking.average_precision(data, 1).tolist() == [0.0]
        assert ranking.ndcg(data, 1).tolist() == [0.5]


def test_precision_is_cut_off_at_k() -> None:
    data = number(ranking.read(["q"] * 4, [1, 0, 1, 1], [4.0, 3.0, 2.0, 1.0]))
    assert ranking.average_precision(data, 2).tolist() == [0.5]
    assert ranking.average_precision(data, 3)[0] == pytest.approx((1 + 2 / 3) / 3)


def test_queries_are_the_unit_of_intervals() -> None:
    rng = np.random.default_rng(4)
    queries = np.repeat(np.arange(100), 10)
    relevance, noise = rng.integers(0, 2, 1_000), rng.normal(size=(2, 1_000))
    ours, theirs = (
        number(ranking.measures(ranking.read(queries, relevance, relevance * pull + noise[0]), 5)) for pull in (0, 2)
    )
    found = resample.differences(ours.measures, theirs.measures, seed=1)
    assert {number(one).n for one in found.values()} == {len(ours.queries)}
    assert {number(one).reading for one in found.values()} == {"better"}


def test_bad_rankings_say_why() -> None:
    assert reason(ranking.read(["a", "b"], [0, 0], [0.1, 0.2])) == "None of 2 queries has a relevant row."
    assert reason(ranking.read(["a"], [-1], [0.1])) == "Relevances below 0 have no meaning."
    assert reason(ranking.read(["a", None], [1, 1], [0.1, 0.2])) == "1 of 2 queries are missing."
    assert reason(ranking.measures(ranking.read(["a"], [1], ["x"]))) == "The scores are not numbers: they hold text."
