"""What each guard said of one weight, with what it rests on and how long its answer still takes at today's traffic."""

from datetime import datetime
from typing import Any

from deployments.analysis import arms, guards, telling
from deployments.analysis.arms import Arm
from deployments.engine import plans
from deployments.engine.steps import WHOLE, stage_of
from deployments.models import Measurement, Rollout
from deployments.selectors import measured
from deployments.states import rollout as states

Json = dict[str, Any]


def told(row: Measurement, rollout: Rollout, now: datetime) -> list[Json]:
    """The verdicts as they were judged, each with `champion_n` beside its `n` (None for counts that make no sense), and
    `needed_seconds`, about how long the requests that are still `needed` take as they come now: None where none are, at
    another weight than the one that stands, without traffic, and where nobody knows. `needed` is None as well while it
    is too `early` to tell. `missing` says it in words."""
    old, rate = _arm(row, rollout.from_revision_id), _rate(row, rollout, now)
    return [_told(verdict, old, rate) for verdict in row.verdicts]


def _told(verdict: Json, old: Arm | None, rate: float | None) -> Json:
    early = verdict.get("early", False)
    needed = verdict["needed"] if verdict["answer"] == "inconclusive" and not early else None
    time = telling.time(needed, rate) if needed is not None and rate is not None else ""
    return {name: verdict[name] for name in verdict if name != "callers"} | {
        "champion_n": guards.rests_on(verdict["measure"], old) if old else None,
        "early": early,
        "needed": None if early else verdict["needed"],
        "needed_seconds": needed / rate if needed is not None and rate else None,
        "missing": verdict["missing"] + time,
    }


def _arm(row: Measurement, revision: Any) -> Arm | None:
    try:
        return arms.total(row.counts.get(str(revision), {}))
    except (ValueError, KeyError):
        return None


def _rate(row: Measurement, rollout: Rollout, now: datetime) -> float | None:
    """Requests a second to the new version under the weight that stands; None where nobody knows, and elsewhere."""
    stands = rollout.status in states.ACTIVE and row.step == stage_of(plans.of_pinned(rollout.plan), rollout.step)
    rate = measured.rate(rollout.endpoint, now, row) if stands else None
    return None if rate is None else rate * row.weight / WHOLE
