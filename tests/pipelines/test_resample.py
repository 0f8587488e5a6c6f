"""Intervals: the same whatever the memory, near the naive bootstrap, and as often right as they say."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm, rankdata
from sklearn import metrics

from pipelines.evaluation import classification, draws, regression, resample, sums, weights
from pipelines.evaluation.measures import Measure, Sums, mean
from pipelines.evaluation.values import Difference, Interval, Undefined, Vector, Whole
from tests.pipelines.examples import bounded, number, reason, scored, seeds


def versions(seed: int, rows: int) -> tuple[classification.Answers, classification.Answers, Whole, Vector, Vector]:
    """Two related versions on the same rows."""
    y, first = scored(seed, rows)
    rng = np.random.default_rng([seed, 1])
    second = np.clip(first + 0.05 * (2 * y - 1) + 0.1 * rng.normal(size=rows), 0.001, 0.999)
    ours, theirs = (classification.measures(classification.read(y, scores)) for scores in (first, second))
    return ours, theirs, y, first, second


def defined(answers: classification.Answers) -> list[Measure]:
    return [number(one) for one in answers.values()]


def area(y: Whole, scores: Vector) -> float:
    """The area under the ROC curve by the Mann-Whitney statistic: many times faster than scikit-learn's."""
    positives = int(y.sum())
    ranks = float(rankdata(scores)[y == 1].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * (y.size - positives))


def test_weights_have_mean_and_variance_one() -> None:
    assert weights.TABLE.sum() == weights.TABLE.size == 65_536
    assert weights.TABLE.astype(float).var() == pytest.approx(1.0, abs=3e-4)
    drawn = weights.whole_rows(7, 50_000, 0, 2)
    assert drawn.shape == (16, 50_000)
    np.testing.assert_allclose(np.bincount(drawn.ravel())[:4] / drawn.size, [0.368, 0.368, 0.184, 0.061], atol=0.002)
    assert abs(np.corrcoef(drawn[0], drawn[1])[0, 1]) < 0.02
    assert abs(np.corrcoef(drawn[0, 1:], drawn[0, :-1])[0, 1]) < 0.02
    tiles = [
        drawn[lines, rows : rows + sums.BLOCK].tobytes() for lines in (slice(8), slice(8, 16)) for rows in (0, 16_384)
    ]
    assert len(set(tiles)) == 4


@bounded
@given(seeds, st.integers(40, 900), st.sampled_from([1, 3_000, 50_000, 10**7]))
def test_memory_does_not_change_a_bit(seed: int, rows: int, held: int) -> None:
    ours, theirs, *_ = versions(seed, rows)
    measures = defined(ours) + defined(theirs)
    assert draws.replicates(measures, seed, 60, held=held).tobytes() == draws.replicates(measures, seed, 60).tobytes()


def test_more_than_one_tile_of_rows_and_other_company_do_not_change_a_bit() -> None:
    ours, theirs, *_ = versions(3, 40_000)
    together = draws.replicates([*defined(ours), *defined(theirs)], 11, 20)
    for place, name in ((4, "roc_auc"), (6, "log_loss"), (8, "calibration_error")):
        alone = draws.replicates([number(ours[name])], 11, 20, held=1)
        assert alone.tobytes() == together[place : place + 1].tobytes()
    assert draws.replicates(defined(ours), 12, 20)[4].tobytes() != together[4].tobytes()


def test_resamples_are_what_the_weights_say() -> None:
    ours, _, y, scores, _ = versions(9, 20_000)
    names = ("roc_auc", "pr_auc", "log_loss", "brier")
    found = draws.replicates([number(ours[name]) for name in names], 5, 4)
    for line, drawn in enumerate(weights.whole_rows(5, y.size, 0, 1)[:4].astype(float)):
        kept = {"sample_weight": drawn}
        expected = [
            metrics.roc_auc_score(y, scores, **kept),
            metrics.average_precision_score(y, scores, **kept),
            metrics.log_loss(y, scores, **kept),
            metrics.brier_score_loss(y, scores, **kept),
        ]
        assert found[:, line] == pytest.approx(expected, abs=1e-9)


def test_intervals_are_those_of_the_naive_bootstrap() -> None:
    """2,000 resamples each: the ends differ by what chance between two bootstraps allows."""
    ours, theirs, y, first, second = versions(2, 600)
    found = resample.differences(ours, theirs, seed=1, resamples=2_000, method="percentile")
    rng, naive = np.random.default_rng(8), np.empty((2_000, 3))
    for line in naive:
        rows = rng.integers(0, y.size, y.size)
        line[0] = np.mean((second[rows] >= 0.5) == y[rows]) - np.mean((first[rows] >= 0.5) == y[rows])
        line[1] = area(y[rows], second[rows]) - area(y[rows], first[rows])
        line[2] = np.mean((second[rows] - y[rows]) ** 2 - (first[rows] - y[rows]) ** 2)
    for column, name in enumerate(("accuracy", "roc_auc", "brier")):
        interval = number(number(found[name]).interval)
        low, high = np.quantile(naive[:, column], [0.025, 0.975])
        spread = naive[:, column].std()
        assert abs(interval.low - low) < 0.25 * spread, name
        assert abs(interval.high - high) < 0.25 * spread, name


def test_a_difference_is_point_interval_sample_and_reading() -> None:
    ours, theirs, *_ = versions(4, 3_000)
    found = number(resample.differences(ours, theirs, seed=6, resamples=400)["roc_auc"])
    interval = number(found.interval)
    assert found.value == number(found.challenger) - number(found.champion)
    assert interval.low < number(found.value) < interval.high
    assert (found.n, interval.resamples, interval.confidence, interval.method) == (3_000, 400, 0.95, "bca")
    assert found == resample.difference(number(ours["roc_auc"]), number(theirs["roc_auc"]), seed=6, resamples=400)
    wider = resample.difference(
        number(ours["roc_auc"]), number(theirs["roc_auc"]), seed=6, resamples=400, confidence=0.99
    )
    assert number(wider.interval).low < interval.low < interval.high < number(wider.interval).high


@pytest.mark.parametrize(
    ("low", "high", "direction", "reading"),
    [
        (0.1, 0.2, "higher", "better"),
        (0.1, 0.2, "lower", "worse"),
        (-0.1, 0.2, "higher", "unclear"),
        (-0.2, -0.1, "higher", "worse"),
        (-0.2, -0.1, "lower", "better"),
        (0.0, 0.1, "higher", "unclear"),
    ],
)
def test_only_a_whole_interval_reads_as_better_or_worse(low: float, high: float, direction: str, reading: str) -> None:
    interval = Interval(low, high, 0.95, 1_000, "bca")
    assert Difference("m", 0.0, 0.0, 0.0, interval, 100, direction).reading == reading  # type: ignore[arg-type]


def test_a_version_against_itself_differs_by_nothing() -> None:
    ours, *_ = versions(5, 500)
    for name, found in resample.differences(ours, ours, seed=1, resamples=100).items():
        assert (number(found).value, number(found).reading) == (0.0, "unclear"), name
        assert (number(number(found).interval).low, number(number(found).interval).high) == (0.0, 0.0)


def test_what_cannot_be_compared_says_why() -> None:
    ours, theirs, *_ = versions(6, 20)
    few = number(resample.differences(ours, theirs, seed=1)["accuracy"])
    assert reason(few.interval) == "20 rows are too few for an interval; 30 are needed."
    assert few.reading == "unknown"
    y = np.zeros(200, dtype=int)
    y[0] = 1
    rare = classification.measures(classification.read(y, np.linspace(0, 1, 200)))
    area = number(resample.intervals(rare, seed=1)["roc_auc"])
    assert "resamples have no value, because too few rows decide it" in reason(area.interval)
    assert number(area.value) == 0.0
    broken = classification.measures(classification.read([0, 1], [None, 0.1]))
    assert reason(resample.differences(broken, rare, seed=1)["f1"]) == "Champion: 1 of 2 scores are missing."
    assert reason(resample.differences(rare, broken, seed=1)["f1"]) == "Challenger: 1 of 2 scores are missing."
    huge = regression.measures(regression.read([1e300] * 40, [-1e300] * 40))
    assert "too large" in reason(number(resample.differences(huge, huge, seed=1)["rmse"]).value)
    with pytest.raises(ValueError, match="the same rows"):
        resample.difference(number(ours["brier"]), number(rare["brier"]), seed=1)


@bounded
@given(seeds, st.integers(30, 300), st.integers(2, 40))
def test_leaving_groups_out_is_what_it_says(seed: int, rows: int, groups: int) -> None:
    ours, *_ = versions(seed, rows)
    for measure in defined(ours):
        found = measure.without(groups)
        kept = np.flatnonzero(np.arange(rows) % groups != 1)
        again = measure.take(kept).value()
        assert np.isnan(found[1]) if isinstance(again, Undefined) else found[1] == pytest.approx(again, abs=1e-9)


def test_bca_ends_are_moved_by_bias_and_bend_as_in_efron() -> None:
    drawn, tails = np.arange(1_000.0), [0.025, 0.975]
    assert resample.bca_tails(499.5, drawn, np.ones(50), tails) == pytest.approx(tails)
    bias, z = float(norm.ppf(0.6)), norm.ppf(tails)
    assert resample.bca_tails(599.5, drawn, np.ones(50), tails) == pytest.approx(norm.cdf(2 * bias + z))
    left_out = -(np.arange(50.0) ** 3)
    pull = left_out.mean() - left_out
    bend = (pull**3).sum() / (6 * (pull**2).sum() ** 1.5)
    expected = norm.cdf(bias + (bias + z) / (1 - bend * (bias + z)))
    assert abs(bend) > 0.02
    assert resample.bca_tails(599.5, drawn, left_out, tails) == pytest.approx(expected)


def test_bca_follows_the_skew_as_scipy_does() -> None:
    values = np.random.default_rng(3).exponential(size=150)
    ours = number(resample.intervals({"m": mean("m", "higher", values)}, seed=1, resamples=8_000)["m"])
    theirs = bootstrap(
        (values,), np.mean, n_resamples=8_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    interval, spread = ours.interval, values.std() / np.sqrt(values.size)
    assert isinstance(interval, Interval)
    assert interval.high - values.mean() > 1.05 * (values.mean() - interval.low)
    assert abs(interval.low - theirs.low) < 0.1 * spread
    assert abs(interval.high - theirs.high) < 0.15 * spread


def test_sums_are_exact_in_any_order() -> None:
    values = np.random.default_rng(1).normal(size=100_000) * 10.0 ** np.random.default_rng(2).integers(-8, 8, 100_000)
    assert sums.total(values) == pytest.approx(math.fsum(values), rel=1e-15)
    assert sums.total(np.full(1_000_000, 0.1)) == pytest.approx(100_000.0, rel=1e-15)


def test_a_million_rows_stay_within_their_memory() -> None:
    """The resamples of one million rows would be 1 GB; what is held beyond the columns is a fiftieth of that."""
    rng = np.random.default_rng(1)
    y = (rng.random(1_000_000) < 0.3).astype(np.int64)
    scores = rng.random(y.size)
    found = classification.measures(classification.read(y, scores))
    measures = [number(found[name]) for name in ("accuracy", "f1", "brier", "roc_auc", "pr_auc")]
    for one in measures:
        one.value()  # sorted once, before memory is counted
    tracemalloc.start()
    try:
        drawn = draws.replicates(measures[:3], 1, 200)
        at_sums = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        draws.replicates(measures[3:], 1, 16)
        at_curves = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.isfinite(drawn).all()
    assert at_sums < 45e6
    assert at_curves < 20e6


def test_sums_weigh_large_columns_without_overflow() -> None:
    values = np.full(200_000, 1e12)
    measure = Sums("m", "higher", (values, np.ones(values.size)), lambda s: s[:, 0] / s[:, 1], "none")
    assert draws.replicates([measure], 1, 16) == pytest.approx(np.full((1, 16), 1e12), rel=1e-9)


def test_the_sums_of_a_resample_fit_in_64_bits_however_many_rows_there_are() -> None:
    many = np.broadcast_to(np.float64(1.0), (2**26,))
    (unit,) = sums.units([many])
    assert many.size * int(weights.TABLE.max()) / unit < 2.0**63
    (few,) = sums.units([many[:1_000]])
    assert few <= 2.0 ** -(sums.BITS - 1)


@bounded
@given(seeds, st.integers(60, 400))
def test_one_set_of_draws_says_what_two_say(seed: int, rows: int) -> None:
    ours, theirs, *_ = versions(seed, rows)
    both = resample.paired(ours, theirs, seed=seed, resamples=200)
    assert both.differences == resample.differences(ours, theirs, seed=seed, resamples=200)
    for side, found in ((ours, both.champion), (theirs, both.challenger)):
        alone = resample.intervals(side, seed=seed, resamples=200)
        for name in ("roc_auc", "brier", "log_loss"):
            assert found[name] == alone[name]


def test_a_side_without_a_value_is_said_in_both() -> None:
    ours, theirs, *_ = versions(1, 100)
    both = resample.paired({**ours, "brier": Undefined("Lost.")}, theirs, seed=1, resamples=200)
    assert reason(both.champion["brier"]) == "Lost."
    assert reason(both.differences["brier"]) == "Champion: Lost."
    assert number(both.challenger["brier"]) is not None


def test_a_value_that_is_too_large_has_no_interval_on_either_way() -> None:
    actual = np.linspace(-1e200, 1e200, 100)
    huge = regression.measures(regression.read(actual, actual[::-1].copy()))
    fine = regression.measures(regression.read(np.zeros(100), np.linspace(0, 1, 100)))
    both = resample.paired(fine, huge, seed=1, resamples=200)
    assert "too large" in reason(number(both.challenger["rmse"]).value)
    assert "too large" in reason(number(both.differences["rmse"]).value)
