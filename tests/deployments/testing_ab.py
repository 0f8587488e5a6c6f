"""An A/B test over the memory runtime: what both arms answered, and what became true of it."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from deployments.models import AbRun, Rollout
from monitoring.services import ground_truth
from portal.core import clock
from serving.recorded import Prediction
from tests import world
from tests.deployments.rolling import GUARDS, Rolling

METRICS: list[dict[str, Any]] = [
    {"name": "Right", "from": "correct", "better": "higher", "alpha": 0.05, "smallest": 0.01, "fewest": 100},
    {"name": "Off by", "from": "error", "better": "lower", "alpha": 0.05, "smallest": 0.01, "fewest": 100},
    {"name": "Cost", "from": "value:cost", "better": "lower", "alpha": 0.05, "smallest": 0.5, "fewest": 100},
]
TEST: dict[str, Any] = {
    "do": "ab_test", "until": {"units": 150}, "give_up": 600, "metrics": METRICS, "guards": GUARDS, "threshold": 0.5,
}  # fmt: skip
STEPS: list[dict[str, Any]] = [
    {"do": "weight", "weight": 5000},
    TEST,
    {"do": "switch"},
    {"do": "hold", "seconds": 60},
]
PLACE = ("production", "flight-delay")


def begun(rolling: Rolling) -> Rolling:
    """A rollout whose test has begun."""
    rolling.begin()
    assert AbRun.objects.count() == 1
    return rolling


def predicted(rolling: Rolling, arm: str, unit: str | None, *answers: Any, ago: float = 0.0) -> Prediction:
    """One prediction that the spools noted, `ago` seconds before now."""
    version = 2 if arm == "canary" else 1
    at = clock.now() - timedelta(seconds=ago)
    made = Prediction(str(uuid.uuid4()), rolling.revision(version), arm, unit, at.isoformat(), len(answers), answers)
    rolling.line.runtime.recorded.setdefault(PLACE, []).append(made)
    return made


def entry(prediction: Prediction, label: Any = None, row: int = 0, **values: float) -> dict[str, Any]:
    """What became true of a row, as its reporter sends it."""
    more = {"values": values} if values else {}
    given = {} if label is None else {"label": label}
    return {"prediction_id": prediction.id, "row": row, "occurred_at": prediction.at, **given, **more}


def told(rolling: Rolling, entries: Sequence[dict[str, Any]]) -> list[ground_truth.Taken]:
    found: list[ground_truth.Taken] = []
    for at in range(0, len(entries), ground_truth.MOST):
        part = entries[at : at + ground_truth.MOST]
        actor = world.actor(rolling.line.priya)
        found += ground_truth.report(actor=actor, environment=PLACE[0], endpoint=PLACE[1], outcomes_=part)
    return found


def look(rolling: Rolling, seconds: float = 0.0) -> Rollout:
    """Time passes, and a worker comes by."""
    AbRun.objects.filter(ended_at=None).update(read_at=clock.now() - timedelta(minutes=1))
    return rolling.look(seconds)


def units(rolling: Rolling, arm: str, n: int, right: int, *, rows: int = 2) -> None:
    """`n` units with `rows` predictions each; the first `right` of every ten rows are right."""
    entries = []
    for number in range(n):
        for row in range(rows):
            made = predicted(rolling, arm, f"{arm}-{number}", 0.8)
            fits = (number * rows + row) % 10 < right
            entries.append(entry(made, int(fits), cost=float(number % 7)))
    told(rolling, entries)
