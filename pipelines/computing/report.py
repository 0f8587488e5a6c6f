"""The results of one evaluation, from columns and answers. Pure, and the same for the same inputs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.computing import own, pictures, slicing
from pipelines.computing.columns import taken
from pipelines.computing.sides import BadTask, Measures, Side, side
from pipelines.evaluation import inputs, resample
from pipelines.evaluation.multiclass import OverClasses
from pipelines.evaluation.values import Difference, Interval, Metric, Undefined
from registry.evaluations.results import Comparison, Direction, MetricResult, Results, Rows

MOST_AREA_ROWS = 100_000
LOWER = ("log_loss", "brier", "calibration", "mae", "rmse", "mape", "pinball", "cost")
TOO_MANY = f"No interval: areas over more than two classes are not resampled beyond {MOST_AREA_ROWS:,} rows."


class NoLabels(Exception):
    """There is nothing to measure; the message says why."""


def made(
    settings: Mapping[str, Any],
    columns: Mapping[str, NDArray[Any]],
    answers: NDArray[Any],
    baseline: NDArray[Any] | None,
    baseline_note: str = "",
) -> Results:
    """All that is asked for. Raises `NoLabels`, and `BadTask` when the version's answers do not fit the task; a
    baseline that does not fit is left out with a sentence."""
    target = columns[settings["target"]]
    labelled = ~inputs.missing_rows(target)
    if not labelled.any():
        raise NoLabels(f"All {target.size} labels are missing, so nothing can be measured.")
    kept = taken(columns, labelled)
    rows = Rows(int(target.size), int(target.size), int(target.size - labelled.sum()))
    ours = side(settings, kept, answers[labelled])
    theirs, note = _baseline(settings, kept, baseline, labelled, baseline_note)
    for one in (ours, theirs):
        if one is not None:
            one.measures = _chosen(settings, {**one.measures, **own.measures(settings, one, kept)})
    return _results(settings, kept, rows, ours, theirs, note)


def _baseline(
    settings: Mapping[str, Any],
    columns: Mapping[str, NDArray[Any]],
    answers: NDArray[Any] | None,
    labelled: "NDArray[np.bool_]",
    note: str,
) -> tuple[Side | None, str]:
    if answers is None:
        return None, note
    try:
        return side(settings, columns, answers[labelled]), note
    except BadTask as error:
        return None, str(error)


def _chosen(settings: Mapping[str, Any], measures: Measures) -> Measures:
    """The wanted metrics; all without a choice. Business metrics are always wanted."""
    wanted = set(settings["metrics"])
    if not wanted:
        return measures
    asked = settings["business"]
    wanted |= {"cost", *(one["name"] for one in asked["formulas"]), *asked["functions"]}
    found = {name: one for name, one in measures.items() if name in wanted}
    missing = Undefined("This metric does not belong to the task.")
    return found | {name: missing for name in settings["metrics"] if name not in measures}


def _results(
    settings: Mapping[str, Any],
    columns: Mapping[str, NDArray[Any]],
    rows: Rows,
    ours: Side,
    theirs: Side | None,
    note: str,
) -> Results:
    options = {name: settings[name] for name in ("seed", "resamples", "confidence")}
    comparison: dict[str, Comparison] = {}
    base: dict[str, MetricResult] | None = None
    light, heavy = _split(ours.measures)
    if theirs is None:
        found = resample.intervals(light, **options)
    else:
        light_base, heavy_base = _split(theirs.measures)
        both = resample.paired(light_base, light, **options)
        found = both.challenger
        base = {name: _metric(name, one) for name, one in (both.champion | heavy_base).items()}
        comparison = {name: _comparison(one, settings) for name, one in both.differences.items()
                      if isinstance(one, Difference)}  # fmt: skip
        comparison |= _not_compared(base, {n: _metric(n, one) for n, one in (found | heavy).items()}, comparison,
                                    settings)  # fmt: skip
    return Results(
        task=settings["task"],
        rows=rows,
        metrics={name: _metric(name, one) for name, one in (found | heavy).items()},
        baseline_metrics=base,
        comparison=comparison,
        slices=slicing.judged(settings, theirs.measures, ours.measures, columns) if theirs and by_rows(ours) else None,
        calibration=pictures.reliability(ours),
        baseline_calibration=pictures.reliability(theirs) if theirs else None,
        confusion=pictures.confusion(ours, settings["threshold"]),
        baseline_confusion=pictures.confusion(theirs, settings["threshold"]) if theirs else {},
        curves=_both(pictures.curve_points, ours, theirs),
        residuals=_both_whole(pictures.residuals, ours, theirs),
        agreement=pictures.agreement(theirs, ours) if theirs else None,
        outputs={"version": ours.kind} | ({"baseline": theirs.kind} if theirs else {}),
        baseline_note=note,
    )


def by_rows(one: Side) -> bool:
    """False for rankings, whose metrics count queries and so cannot be cut by rows."""
    return not any(name.startswith("ndcg") for name in one.measures)


def _split(measures: Measures) -> tuple[Measures, dict[str, Metric | Undefined]]:
    """Measures to resample, and those whose resampling would take hours, with their value alone."""
    heavy = {
        name: Metric(name, one.value(), one.n, one.direction, Undefined(TOO_MANY))
        for name, one in measures.items()
        if isinstance(one, OverClasses) and one.n > MOST_AREA_ROWS
    }
    return {name: one for name, one in measures.items() if name not in heavy}, dict(heavy)


def _both(make: Any, ours: Side, theirs: Side | None) -> dict[str, Any]:
    base = {f"baseline_{name}": value for name, value in make(theirs).items()} if theirs else {}
    return {**make(ours), **base}


def _both_whole(make: Any, ours: Side, theirs: Side | None) -> dict[str, Any]:
    found = {"version": make(ours), "baseline": make(theirs) if theirs else {}}
    return {name: value for name, value in found.items() if value}


def _metric(name: str, one: Metric | Undefined) -> MetricResult:
    if isinstance(one, Undefined):
        return MetricResult(None, one.reason, None, None, 0, direction(name))
    if isinstance(one.value, Undefined):
        return MetricResult(None, one.value.reason, None, None, one.n, one.direction)
    low, high, reason = _ends(one.interval)
    return MetricResult(one.value, reason, low, high, one.n, one.direction)


def _ends(interval: Interval | Undefined | None) -> tuple[float | None, float | None, str | None]:
    if isinstance(interval, Interval):
        return interval.low, interval.high, None
    return None, None, interval.reason if interval else None


def _comparison(one: Difference, settings: Mapping[str, Any]) -> Comparison:
    low, high, reason = _ends(one.interval)
    return Comparison(
        champion=_number(one.champion),
        challenger=_number(one.challenger),
        difference=_number(one.value),
        low=low,
        high=high,
        confidence=settings["confidence"],
        n=one.n,
        resamples=one.interval.resamples if isinstance(one.interval, Interval) else 0,
        undefined=reason,
        direction=one.direction,
        reading=one.reading,
    )


def _number(value: float | Undefined) -> float | None:
    return None if isinstance(value, Undefined) else value


def _not_compared(
    base: Mapping[str, MetricResult],
    found: Mapping[str, MetricResult],
    known: Mapping[str, Comparison],
    settings: Mapping[str, Any],
) -> dict[str, Comparison]:
    """What both have and no resampling compared: the values, their difference where there is one, and why no more."""
    more = {}
    for name in [name for name in found if name in base and name not in known]:
        was, now = base[name], found[name]
        apart = now.value - was.value if now.value is not None and was.value is not None else None
        reason = was.undefined or now.undefined or "Not measured."
        more[name] = Comparison(was.value, now.value, apart, None, None, settings["confidence"],
                                min(was.n, now.n), 0, reason, now.direction, "unknown")  # fmt: skip
    return more


def direction(name: str) -> Direction:
    """Which way is better, for a metric that has no value to say it."""
    return "lower" if name.startswith(LOWER) else "higher"
