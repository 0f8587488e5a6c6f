import math

import numpy as np
import pytest

from deployments.analysis.shares import Split, mismatch, shift

ALPHA = 0.01
LIMIT = -math.log(ALPHA)


def test_equal_arms_raise_no_more_mismatches_than_promised_however_often_one_looks() -> None:
    random, runs, wrong = np.random.default_rng(11), 600, 0
    for _ in range(runs):
        arms = random.random(3_000) < 0.05
        new = arms.cumsum()
        wrong += any(
            mismatch([Split((n - int(new[n - 1]), int(new[n - 1])), (9_500, 500))]) >= LIMIT
            for n in range(50, 3_001, 50)
        )
    assert wrong / runs <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / runs)


def test_a_router_that_sends_too_much_is_found() -> None:
    assert mismatch([Split((9_300, 700), (9_500, 500))]) > LIMIT
    assert mismatch([Split((9_480, 520), (9_500, 500))]) < LIMIT


def test_weights_that_changed_are_judged_each_for_its_time() -> None:
    steps = [Split((950, 50), (9_500, 500)), Split((500, 500), (5_000, 5_000))]
    assert mismatch(steps) < LIMIT
    mixed = Split(tuple(np.add(steps[0].counts, steps[1].counts).tolist()), (9_500, 500))
    assert mismatch([mixed]) > LIMIT


def test_traffic_on_an_arm_without_weight_is_certain_to_be_wrong() -> None:
    assert mismatch([Split((100, 1), (10_000, 0))]) == math.inf
    assert mismatch([Split((100, 0), (10_000, 0))]) == pytest.approx(0)


def test_the_shift_names_the_bin_that_moved_most() -> None:
    found = shift((5_000, 3_000, 2_000), (400, 300, 300), ALPHA)
    assert found is not None
    assert found.place == 0
    assert found.seen == pytest.approx(-0.1)
    assert 0 < found.range.low < 0.1 < found.range.high
    swapped = shift((400, 300, 300), (5_000, 3_000, 2_000), ALPHA)
    assert swapped is not None
    assert (swapped.range.low, swapped.range.high) == pytest.approx((found.range.low, found.range.high), abs=1e-6)


def test_equal_arms_seldom_seem_shifted() -> None:
    random, runs, wrong = np.random.default_rng(2), 100, 0
    shares = [0.7, 0.2, 0.1]
    for _ in range(runs):
        old, new = (
            random.multinomial(1, shares, 2_000).cumsum(axis=0),
            random.multinomial(1, shares, 200).cumsum(axis=0),
        )
        for n in range(40, 201, 40):
            found = shift(tuple(old[10 * n - 1].tolist()), tuple(new[n - 1].tolist()), 0.05)
            if found and found.range.low > 0:
                wrong += 1
                break
    assert wrong / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


def test_without_requests_on_both_sides_there_is_no_shift() -> None:
    assert shift((0, 0), (3, 4), ALPHA) is None
    with pytest.raises(ValueError, match="same bins"):
        shift((1, 2), (1, 2, 3), ALPHA)
