import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.analysis.means import FEWEST, Sums, boundary, difference, merged


def sums(values: np.ndarray) -> Sums:
    return Sums(len(values), float(values.mean()), float(((values - values.mean()) ** 2).sum()))


def running(values: np.ndarray) -> list[Sums]:
    """After every hundred values."""
    return [sums(values[:n]) for n in range(100, len(values) + 1, 100)]


def test_looking_often_loses_the_true_difference_no_more_than_promised() -> None:
    random, runs, wrong, alpha = np.random.default_rng(9), 400, 0, 0.05
    for _ in range(runs):
        # Skewed values, as amounts of money are.
        old, new = random.exponential(10, 5_000), random.exponential(10, 5_000) + 0.3
        for a, b in zip(running(old), running(new), strict=True):
            found = difference(a, b, alpha)
            if not found.low <= 0.3 <= found.high:
                wrong += 1
                break
    assert wrong / runs <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / runs)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_parts_add_up(one: list[float], two: list[float]) -> None:
    both = merged(sums(np.array(one)), sums(np.array(two)))
    whole = sums(np.array(one + two))
    assert both.n == whole.n
    assert both.mean == pytest.approx(whole.mean, abs=1e-6)
    assert both.squares == pytest.approx(whole.squares, rel=1e-6, abs=1e-3)


def test_nothing_is_said_before_there_is_enough() -> None:
    few, many = Sums(FEWEST - 1, 1.0, 10.0), Sums(10_000, 1.0, 10.0)
    assert difference(few, many, 0.05).high == math.inf
    assert difference(many, few, 0.05).low == -math.inf
    assert merged(Sums(), Sums()) == Sums()


def test_a_known_effect_is_found() -> None:
    old, new = Sums(20_000, 10.0, 20_000 * 9.0), Sums(20_000, 10.4, 20_000 * 9.0)
    found = difference(old, new, 0.05)
    assert 0 < found.low < 0.4 < found.high < 0.6


def test_a_chance_however_small_has_its_boundary() -> None:
    """Its square is no number a float can hold."""
    assert 27 < boundary(1000, 1e-170) < 60
    assert boundary(1000, 1e-6) == pytest.approx(math.sqrt(1.0323 * math.log(31.99 / 1e-12)), rel=1e-3)
