"""How often intervals hold the truth, by simulation with fixed seeds."""

from collections.abc import Callable

import numpy as np
import pytest

from pipelines.evaluation import classification, resample
from pipelines.evaluation.measures import Measure, mean
from pipelines.evaluation.values import Interval, Vector, Whole
from tests.pipelines import simulation
from tests.pipelines.examples import number

# A share of 95 % is known to 0.9 points from 600 runs, to 0.3 from 6,000: `make test-long`.
RUNS = simulation.runs(600)
Pair = tuple[Measure, Measure]
Versions = tuple[Whole, Vector, Vector]


def versions(rng: np.random.Generator, rows: int) -> Versions:
    """Two related versions; the challenger sees the outcome a little better."""
    y = (rng.random(rows) < 0.3).astype(np.int64)
    shared = rng.normal(size=rows)
    first, second = (pull * y + shared + 0.7 * rng.normal(size=rows) for pull in (1.0, 1.3))
    return y, 1 / (1 + np.exp(1 - first)), 1 / (1 + np.exp(1 - second))


def measured(name: str) -> Callable[[np.random.Generator, int], Pair]:
    def make(rng: np.random.Generator, rows: int) -> Pair:
        y, first, second = versions(rng, rows)
        ours, theirs = (classification.measures(classification.read(y, scores)) for scores in (first, second))
        return number(ours[name]), number(theirs[name])

    return make


def skewed(rng: np.random.Generator, rows: int) -> Pair:
    """Costs with a long tail, as euros have."""
    return mean("cost", "lower", rng.exponential(size=rows)), mean("cost", "lower", 1.2 * rng.exponential(size=rows))


def truth(make: Callable[[np.random.Generator, int], Pair]) -> float:
    champion, challenger = make(np.random.default_rng(99), 1_000_000)
    return number(challenger.value()) - number(champion.value())


def share_held(make: Callable[[np.random.Generator, int], Pair], rows: int, method: resample.Method) -> float:
    expected, held = truth(make), 0
    for run in range(RUNS):
        pair = make(np.random.default_rng([7, run]), rows)
        interval = resample.difference(*pair, seed=run, resamples=400, method=method).interval
        assert isinstance(interval, Interval)
        held += interval.low <= expected <= interval.high
    return held / RUNS


CASES = {
    "accuracy": (measured("accuracy"), 500),
    "f1": (measured("f1"), 500),
    "brier": (measured("brier"), 300),
    "cost": (skewed, 300),
    "roc_auc": (measured("roc_auc"), 300),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "method"), [*((case, "bca") for case in CASES), ("accuracy", "percentile"), ("cost", "percentile")]
)
def test_intervals_hold_the_truth_as_often_as_they_say(case: str, method: resample.Method) -> None:
    make, rows = CASES[case]
    held = share_held(make, rows, method)
    simulation.say(f"{case}, {rows} rows, {method}", held)
    assert held == pytest.approx(0.95, abs=0.02)
