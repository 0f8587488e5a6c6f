"""What ground truth has shown at a step, as plain data that its row keeps: made at each look, never changed after the
end. A pause until labels came has no metrics."""

import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from deployments.analysis import ab_telling, experiment
from deployments.analysis.experiment import Clusters, Finding, Metric
from deployments.analysis.telling import LARGEST
from deployments.engine.planner import Trial
from deployments.engine.steps import AbMetric, AbTest, Pause
from deployments.models import AbRun
from deployments.selectors import ab_sums
from deployments.selectors.ab_sums import Reach
from portal.core import clock

T = TypeVar("T")
Json = dict[str, Any]
log = logging.getLogger(__name__)
NAMELESS_FROM = 500
"""Predictions after which it is clear that nobody names units."""


def build(run: AbRun, step: AbTest | Pause, weight: int, table: int | None = None) -> Json:
    """Both arms, every metric, and what makes them doubtful. `table` is the number of the rollout's own table where
    that is seen in force; elsewhere nothing new is said of the split."""
    arms = ab_sums.reach(run)
    old, new = arms["stable"], arms["canary"]
    unjudged: list[str] = []
    return {
        "predictions": sum(found.rows + found.nameless for found in arms.values()),
        "nameless": sum(found.nameless for found in arms.values()),
        "dropped": run.dropped,
        "gap": run.gap,
        "arms": {name: _arm(found) for name, found in arms.items()},
        "metrics": [_metric(run, metric, unjudged) for metric in (step.metrics if isinstance(step, AbTest) else ())],
        "labels_apart": _labels_apart(run, old, new),
        **_split(run, weight, table),
        "unjudged": " ".join(unjudged),
    }


def _split(run: AbRun, weight: int, table: int | None) -> Json:
    """What is said of the split, and from when on it is judged. What came before another table was seen in force came
    by neither's weights: the champion may have had one of its own meanwhile."""
    known = run.report.get("split") or {}
    if table is None:
        return {"units_apart": run.report.get("units_apart", ""), "split": known}
    another = "table" in known and moved(run, table)
    since = clock.now().isoformat() if another else known.get("since")
    seen = ab_sums.seen_since(run, datetime.fromisoformat(since) if since else None)
    apart = experiment.units_apart(seen["stable"], seen["canary"], weight)
    return {"units_apart": apart, "split": {"table": table, "since": since}}


def moved(run: AbRun, table: int | None) -> bool:
    """Whether another table is in force than at the last look that saw one of the rollout's own."""
    return table is not None and table != (run.report.get("split") or {}).get("table")


def split_anew(report: Json) -> Json:
    """The report once a person has gone on over the split: it is judged by what comes from now on."""
    since = {"since": clock.now().isoformat()}
    return report | {"units_apart": "", "split": (report.get("split") or {}) | since}


def _tried(judge: Callable[[], T], otherwise: T, name: str, unjudged: list[str]) -> T:
    """What `judge` says; where it raises, `otherwise`, and a sentence more of what could not be judged, which is never
    passing. It does not read the database."""
    try:
        return judge()
    except Exception as error:
        log.exception("%s could not be judged", name)
        unjudged.append(f"{name} could not be judged: {type(error).__name__}, {error}.")
        return otherwise


def _labels_apart(run: AbRun, old: Reach, new: Reach) -> str:
    """Whether ground truth reaches both versions alike, among units old enough to have had the time for it."""
    until = min((one.known_until for one in (old, new) if one.known_until), default=None)
    if until is None:
        return ""
    known = ab_sums.aged(run, until)
    return experiment.labelled_apart(*known["stable"], *known["canary"])


def _arm(found: Reach) -> Json:
    shown = asdict(found)
    return shown | {name: shown[name].isoformat() if shown[name] else None for name in ("known_until", "newest")}


UNJUDGED = Finding("inconclusive", None, None, None, None, 0, None, "it could not be judged")


def _metric(run: AbRun, metric: AbMetric, unjudged: list[str]) -> Json:
    sums = ab_sums.clusters(run, metric)
    rule = Metric(metric.name, metric.better, metric.alpha, metric.smallest, metric.fewest)
    old, new = sums["stable"], sums["canary"]
    found = _tried(lambda: experiment.compare(old, new, rule), UNJUDGED, metric.name, unjudged)
    return {
        "name": metric.name,
        "from": metric.source,
        "better": metric.better,
        "smallest": metric.smallest,
        "limit": metric.limit,
        "keeps": None if metric.limit is None else experiment.keeps(found, rule, metric.limit),
        "sums": {arm: asdict(one) for arm, one in sums.items()},
        **_finding(found),
    }


def _finding(found: Finding) -> Json:
    range_ = None if found.range is None else {"low": _finite(found.range.low), "high": _finite(found.range.high)}
    kept = {name: getattr(found, name) for name in ("answer", "old", "new", "value", "units", "needed", "reason")}
    return {**kept, "range": range_}


def _finite(value: float) -> float:
    return max(-LARGEST, min(LARGEST, value))


def sums_of(metric: Json) -> dict[str, Clusters]:
    """The sums of a kept metric, to judge it once more."""
    return {arm: Clusters(**one) for arm, one in metric["sums"].items()}


def said(report: Json, new_version: int) -> Trial:
    """What the planner has to know of a test that runs."""
    if not report:
        return Trial(running=True)
    clear = ab_telling.answered(report["metrics"])
    beyond = [one for one in report["metrics"] if one["keeps"] is False]
    return Trial(
        running=True,
        beyond=ab_telling.breach(beyond[0]) if beyond else "",
        within=all(one["keeps"] for one in report["metrics"]),
        units=min(arm["labelled_units"] for arm in report["arms"].values()),
        labels=min(arm.get("labels", 0) for arm in report["arms"].values()),
        clear=ab_telling.sentence(clear, new_version) if clear else "",
        nameless=_nobody(report),
        mismatch=report["units_apart"],
        labels_apart=report["labels_apart"],
        unjudged=report.get("unjudged", ""),
    )


def _nobody(report: Json) -> str:
    seen, nameless = report["predictions"], report["nameless"]
    if seen < NAMELESS_FROM or nameless < seen:
        return ""
    return "Nobody names units, so the test has nothing to compare: callers send X-Unit-Id with each prediction."
