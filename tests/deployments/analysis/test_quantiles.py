import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.analysis.quantiles import Histogram, interval, merged, ratio

EDGES = (0.0, *(0.001 * 1.05**power for power in range(180)), math.inf)
ALPHA = 0.05


def histogram(values: np.ndarray) -> Histogram:
    """As the docstring says: a value on an edge belongs to the bucket below it."""
    places = np.searchsorted(EDGES, values, side="left") - 1
    return Histogram(EDGES, tuple(np.bincount(places, minlength=len(EDGES) - 1).tolist()))


@pytest.mark.parametrize("quantile", [0.5, 0.95, 0.99])
def test_looking_often_loses_the_true_quantile_no_more_than_promised(quantile: float) -> None:
    random, wrong, runs = np.random.default_rng(5), 0, 400
    true = float(np.exp(-4 + 0.5 * {0.5: 0.0, 0.95: 1.6448536, 0.99: 2.3263479}[quantile]))
    for _ in range(runs):
        values = random.lognormal(-4, 0.5, 2_000)
        looks = (interval(histogram(values[:n]), quantile, ALPHA) for n in range(50, 2_001, 50))
        wrong += any(not found.low <= true <= found.high for found in looks)
    assert wrong / runs <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / runs)


def test_a_slower_arm_is_seen_and_an_equal_one_is_not() -> None:
    random = np.random.default_rng(3)
    old, same = (histogram(random.lognormal(-4, 0.5, n)) for n in (40_000, 4_000))
    slow = histogram(1.5 * random.lognormal(-4, 0.5, 4_000))
    assert ratio(old, slow, 0.95, 0.01).low > 1.2
    alike = ratio(old, same, 0.95, 0.01)
    assert alike.low <= 1 <= alike.high < 1.3


@given(st.lists(st.floats(0.0005, 3), min_size=1, max_size=300), st.sampled_from([0.5, 0.9, 0.99]))
def test_the_samples_own_quantile_is_never_ruled_out(values: list[float], quantile: float) -> None:
    found = histogram(np.array(values))
    bucket, range_ = found.bucket(quantile), interval(found, quantile, ALPHA)
    assert bucket is not None
    assert range_.low <= bucket[0]
    assert bucket[1] <= range_.high
    assert bucket[0] <= np.quantile(values, quantile, method="inverted_cdf") <= bucket[1]


def test_an_empty_histogram_rules_out_nothing() -> None:
    empty = histogram(np.array([]))
    assert empty.bucket(0.5) is None
    assert (interval(empty, 0.95, ALPHA).low, interval(empty, 0.95, ALPHA).high) == (0, math.inf)
    assert (ratio(empty, empty, 0.95, ALPHA).low, ratio(empty, empty, 0.95, ALPHA).high) == (0, math.inf)


def test_histograms_with_the_same_edges_add_up() -> None:
    one, two = Histogram((0, 1, 2), (3, 4)), Histogram((0, 1, 2), (1, 0))
    assert merged([one, two]) == Histogram((0, 1, 2), (4, 4))
    with pytest.raises(ValueError, match="same edges"):
        merged([one, Histogram((0, 2), (3,))])


@pytest.mark.parametrize(("edges", "counts"), [((0, 1), (1, 2)), ((0, 0, 1), (1, 2)), ((0, 1), (-1,)), ((0,), ())])
def test_what_is_no_histogram_is_refused(edges: tuple[float, ...], counts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="histogram"):
        Histogram(edges, counts)
