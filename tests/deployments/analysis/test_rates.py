import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import betaln
from scipy.stats import norm

from deployments.analysis.rates import PRIOR, Count, _least, difference, evidence, interval

ALPHA = 0.05
counts = st.integers(0, 3_000).flatmap(lambda n: st.builds(Count, st.integers(0, n), st.just(n)))


def paths(rate: float, runs: int, steps: int, seed: int) -> np.ndarray:
    """Evidence against the true rate after each request of each run."""
    hits = (np.random.default_rng(seed).random((runs, steps)) < rate).cumsum(axis=1)
    n = np.arange(1, steps + 1)
    mixture = betaln(hits + PRIOR, n - hits + PRIOR) - betaln(PRIOR, PRIOR)
    return np.asarray(mixture - hits * math.log(rate) - (n - hits) * math.log1p(-rate))


@pytest.mark.parametrize("rate", [0.002, 0.1, 0.5, 0.97])
def test_looking_after_each_request_raises_no_more_false_alarms(rate: float) -> None:
    wrong = (paths(rate, 2_000, 2_000, 7).max(axis=1) >= -math.log(ALPHA)).mean()
    assert wrong <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / 2_000)


def test_an_ordinary_interval_would_raise_many() -> None:
    """The control: the test above can fail, and does for intervals that are made for one look."""
    n = np.arange(30, 2_001)
    hits = (np.random.default_rng(7).random((500, 2_000)) < 0.5).cumsum(axis=1)[:, 29:]
    away = np.abs(hits / n - 0.5) / np.sqrt(0.25 / n)
    assert (away.max(axis=1) > norm.ppf(1 - ALPHA / 2)).mean() > 3 * ALPHA


@pytest.mark.parametrize(("old", "new"), [(0.01, 0.01), (0.01, 0.05), (0.5, 0.4), (0.999, 0.9)])
def test_two_arms_that_grow_unevenly_keep_the_promise_together(old: float, new: float) -> None:
    against = paths(old, 2_000, 3_000, 1)
    # The new arm gets a request for every ten of the old one.
    both = against[:, 9::10] + paths(new, 2_000, 300, 2)
    wrong = (both.max(axis=1) >= -math.log(ALPHA)).mean()
    assert wrong <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / 2_000)


@given(counts, st.floats(0.001, 0.999), st.sampled_from([0.001, 0.05]))
def test_the_interval_is_what_the_evidence_does_not_rule_out(count: Count, rate: float, alpha: float) -> None:
    found = interval(count, alpha)
    margin = evidence(count, rate) + math.log(alpha)
    if margin < -1e-6:
        assert found.low <= rate <= found.high
    if margin > 1e-3:
        assert not found.low + 1e-6 < rate < found.high - 1e-6


@given(counts, counts, st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_the_difference_holds_each_pair_that_is_not_ruled_out(old: Count, new: Count, p: float, q: float) -> None:
    found = difference(old, new, ALPHA)
    if evidence(old, p) + evidence(new, q) < -math.log(ALPHA) - 1e-6:
        assert found.low - 1e-7 <= q - p <= found.high + 1e-7


@given(counts, counts, st.floats(-0.999, 0.999))
def test_the_likeliest_pair_is_found_without_searching(old: Count, new: Count, shift: float) -> None:
    start, stop = max(0.0, -shift), min(1.0, 1.0 - shift)

    def both(rate: float) -> float:
        return evidence(old, rate) + evidence(new, min(1.0, max(0.0, rate + shift)))

    found = minimize_scalar(both, bounds=(start, stop), method="bounded", options={"xatol": 1e-12})
    searched = min(both(start), both(stop), float(found.fun))
    if old.n and new.n and not math.isinf(searched):
        assert _least(old, new, shift) <= searched + 1e-6 * max(1.0, abs(searched))


@given(counts, counts)
def test_the_difference_is_the_same_from_the_other_side(old: Count, new: Count) -> None:
    there, back = difference(old, new, ALPHA), difference(new, old, ALPHA)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-6)


@given(counts, counts)
def test_what_was_seen_is_inside_and_ends_are_possible(old: Count, new: Count) -> None:
    found = difference(old, new, ALPHA)
    assert -1 <= found.low <= found.high <= 1
    if old.rate is not None and new.rate is not None:
        assert found.low - 1e-9 <= new.rate - old.rate <= found.high + 1e-9


def test_nothing_is_known_without_requests() -> None:
    assert (interval(Count(0, 0), ALPHA).low, interval(Count(0, 0), ALPHA).high) == (0, 1)
    assert (difference(Count(0, 0), Count(5, 5), ALPHA).low, difference(Count(3, 5), Count(0, 0), ALPHA).high) == (
        -1,
        1,
    )


def test_more_of_the_same_narrows() -> None:
    widths = [difference(Count(k, 100 * k), Count(k, 100 * k), ALPHA) for k in (1, 10, 100, 1_000)]
    spans = [one.high - one.low for one in widths]
    assert spans == sorted(spans, reverse=True)
    assert spans[-1] < 0.006


def test_a_count_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="6 of 5 is no count"):
        Count(6, 5)
