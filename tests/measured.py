"""Evaluations as a finished job leaves them, with everything a report can show."""

from typing import Any

from django.db import transaction

from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import digests
from registry.evaluations.results import (
    Agreement,
    BadResults,
    Calibration,
    Comparison,
    MetricResult,
    Performance,
    Results,
    Rows,
    SliceResult,
    Slices,
)
from registry.models import DataSetVersion, Evaluation, ModelVersion
from tests import world

SETTINGS = {"task": "classification", "target": "label", "confidence": 0.95, "resamples": 1000, "threshold": 0.5}
CURVE = [[0.0, 0.0], [0.2, 0.6], [1.0, 1.0]]


def metric(value: float, direction: Any = "higher") -> MetricResult:
    return MetricResult(value, None, value - 0.01, value + 0.01, 25_000, direction)


def apart(was: float, low: float, high: float, direction: Any = "higher") -> Comparison:
    middle = (low + high) / 2
    gain = (low, high) if direction == "higher" else (-high, -low)
    reading: Any = "better" if gain[0] > 0 else "worse" if gain[1] < 0 else "unclear"
    return Comparison(was, was + middle, middle, low, high, 0.95, 25_000, 1000, None, direction, reading)


def slice_of(name: str, low: float, high: float, answer: Any = "not worse", n: int = 900) -> SliceResult:
    return SliceResult(name, "declared", n, (low + high) / 2, low, high, 0.2, 0.4, answer, "Too few rows to tell.")


def results(low: float = 0.01, high: float = 0.03, *, slices: tuple[SliceResult, ...] = ()) -> Results:
    """Two versions on 25,000 rows; `low` and `high` are the ends of the difference in area under the ROC curve."""
    bins = tuple({"low": p - 0.1, "high": p + 0.1, "n": 400, "probability": p, "observed": p * 0.9} for p in (0.2, 0.6))
    cells = {"true_negatives": 8000, "false_positives": 500, "false_negatives": 600, "true_positives": 900}
    return Results(
        task="classification",
        rows=Rows(25_000, 25_000, 0),
        metrics={"roc_auc": metric(0.8 + (low + high) / 2), "log_loss": metric(0.45, "lower")},
        baseline_metrics={"roc_auc": metric(0.8), "log_loss": metric(0.5, "lower")},
        comparison={"roc_auc": apart(0.8, low, high), "log_loss": apart(0.5, -0.06, -0.04, "lower")},
        slices=Slices("roc_auc", True, len(slices), "holm", slices) if slices else None,
        calibration=Calibration(bins, 0.021),
        baseline_calibration=Calibration(bins, 0.034),
        confusion=cells,
        baseline_confusion=cells,
        curves=dict.fromkeys(("roc", "pr", "baseline_roc", "baseline_pr"), CURVE),
        agreement=Agreement(0.93, 25_000, {"changed": 1750}),
        performance=Performance({"p50": 1.0, "p95": 9.0, "p99": 12.0, "n": 100}, 200 * 1024**2, 1.0, 1000),
        outputs={"version": "probabilities", "baseline": "probabilities"},
    )


@transaction.atomic
def evaluation(
    version: ModelVersion,
    baseline: ModelVersion | None,
    data: DataSetVersion,
    found: Results | None = None,
    **more: Any,
) -> Evaluation:
    """A finished evaluation, or with a `status` one in another state."""
    status = more.pop("status", "done")
    plain = (found or results()).as_json() if status == "done" else {}
    row = Evaluation.objects.create(
        version=version,
        baseline=baseline,
        data=data,
        settings=SETTINGS,
        settings_digest="sha256:settings",
        status=status,
        results=plain,
        digest=digests.of_json(plain) if plain else "",
        requested_by="system",
        **more,
    )
    said = {"version": str(version), "data": str(data), "baseline": str(baseline or ""), "settings_digest": "sha256:s"}
    where = Subject.of("evaluation", row.pk, str(row))
    recorder.record("evaluation.requested", actor=world.SYSTEM, subject=where, data=said)
    return row


def unreadable() -> Results:
    """What reading results of another format ends in."""
    raise BadResults("These results are of format 0; this program reads format 1.")
