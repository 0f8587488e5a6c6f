"""Metrics of rankings: rows belong to queries, each row has a relevance and a score, and queries are what is counted.

Rows of equal score are judged without luck: NDCG takes the mean over all their orders (McSherry and Najork 2008, as
scikit-learn does); for average precision and reciprocal rank the relevant ones come last. Queries without any relevant
row are left out and counted.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation import inputs
from pipelines.evaluation.measures import Measure, mean
from pipelines.evaluation.values import Undefined, Values, Vector, Whole


@dataclass(frozen=True, eq=False)
class RankingInput:
    """Rows sorted by query. `starts` are the first rows of the queries, `queries` their names."""

    queries: NDArray[Any]
    starts: Whole
    relevance: Vector
    scores: Vector
    left_out: int


@dataclass(frozen=True, eq=False)
class Answers:
    """The measures, the queries each of their units stands for, and how many queries had nothing relevant."""

    measures: dict[str, Measure | Undefined]
    queries: NDArray[Any]
    left_out: int


def read(queries: Values, relevance: Values, scores: Values) -> RankingInput | Undefined:
    """Check the columns and drop queries without a relevant row. Relevance is 0 or more."""
    names = inputs.labels(queries, "queries")
    gains = inputs.numbers(relevance, "relevances")
    found = inputs.numbers(scores, "scores")
    for column in (names, gains, found):
        if isinstance(column, Undefined):
            return column
    assert not isinstance(names, Undefined)
    assert not isinstance(gains, Undefined)
    assert not isinstance(found, Undefined)
    wrong = inputs.same_length(queries=names, relevances=gains, scores=found)
    if wrong:
        return wrong
    if gains.min() < 0:
        return Undefined("Relevances below 0 have no meaning.")
    present, code = np.unique(names, return_inverse=True)
    useful = np.bincount(code, weights=gains, minlength=present.size) > 0
    if not useful.any():
        return Undefined(f"None of {present.size} queries has a relevant row.")
    kept = np.flatnonzero(useful[code])
    kept = kept[np.argsort(code[kept], kind="stable")]
    starts = np.flatnonzero(np.diff(code[kept], prepend=-1)).astype(np.int64)
    return RankingInput(present[useful], starts, gains[kept], found[kept], int((~useful).sum()))


def measures(data: RankingInput | Undefined, k: int = 10) -> Answers | Undefined:
    """NDCG and mean average precision among the first `k` rows, and mean reciprocal rank of the first relevant one."""
    if isinstance(data, Undefined):
        return data
    found: dict[str, Measure | Undefined] = {
        f"ndcg_{k}": mean(f"ndcg_{k}", "higher", ndcg(data, k)),
        f"map_{k}": mean(f"map_{k}", "higher", average_precision(data, k)),
        "mrr": mean("mrr", "higher", reciprocal_rank(data)),
    }
    return Answers(found, data.queries, data.left_out)


def ndcg(data: RankingInput, k: int) -> Vector:
    """One number a query: gain over log2(1 + rank), as a share of the best order's."""
    best = _discounted(data, data.relevance, k)
    return _discounted(data, data.scores, k) / best


def average_precision(data: RankingInput, k: int) -> Vector:
    """One number a query: precision at each relevant row of the first k, over the lesser of k and the relevant rows."""
    relevant, rank = _worst_order(data)
    before = np.cumsum(relevant) - relevant
    so_far = np.cumsum(relevant) - np.repeat(before[data.starts], _sizes(data))
    counted = np.where((relevant > 0) & (rank <= k), so_far / rank, 0.0)
    return np.asarray(np.add.reduceat(counted, data.starts) / np.minimum(np.add.reduceat(relevant, data.starts), k))


def reciprocal_rank(data: RankingInput) -> Vector:
    """One number a query: 1 over the rank of its first relevant row."""
    relevant, rank = _worst_order(data)
    return np.asarray(1.0 / np.minimum.reduceat(np.where(relevant > 0, rank, np.inf), data.starts))


def _sizes(data: RankingInput) -> Whole:
    return np.diff(np.append(data.starts, data.scores.size))


def _query(data: RankingInput) -> Whole:
    return np.repeat(np.arange(data.starts.size), _sizes(data))


def _ranks(data: RankingInput) -> Whole:
    """1, 2, 3, ... within each query."""
    return np.arange(data.scores.size) - np.repeat(data.starts, _sizes(data)) + 1


def _worst_order(data: RankingInput) -> tuple[Vector, Whole]:
    """Whether each row is relevant, and its rank, with the relevant last among equal scores."""
    relevant = (data.relevance > 0).astype(np.float64)
    return relevant[np.lexsort((relevant, -data.scores, _query(data)))], _ranks(data)


def _discounted(data: RankingInput, by: Vector, k: int) -> Vector:
    """Discounted gain a query in the order of `by`; rows of equal `by` share their discounts."""
    query, rank = _query(data), _ranks(data)
    order = np.lexsort((-by, query))
    discount = np.where(rank <= k, 1.0 / np.log2(rank + 1.0), 0.0)
    gains, keys = data.relevance[order], by[order]
    new = np.ones(keys.size, dtype=bool)
    new[1:] = (keys[1:] != keys[:-1]) | (query[1:] != query[:-1])
    runs = np.flatnonzero(new)
    sizes = np.diff(np.append(runs, keys.size))
    shared = np.add.reduceat(discount, runs) * np.add.reduceat(gains, runs) / sizes
    return np.asarray(np.bincount(query[runs], weights=shared, minlength=data.starts.size), dtype=np.float64)
