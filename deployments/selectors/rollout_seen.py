"""What is on record of a rollout: what each of its weights has measured, and each of its steps gathered."""

from collections.abc import Mapping
from dataclasses import dataclass

from deployments.engine import plans
from deployments.engine.steps import WHOLE, Steps, gathers, share_at, stage_of
from deployments.models import AbRun, Measurement, Rollout


@dataclass(frozen=True, slots=True)
class Seen:
    """What is on record of a rollout: what each weight has measured, and each step gathered, by their places."""

    plan: Steps
    measured: Mapping[int, Measurement]
    gathered: Mapping[int, AbRun]


def seen(rollout: Rollout) -> Seen:
    """Asks for what was gathered only where the plan has a step that does."""
    steps = plans.of_pinned(rollout.plan)
    runs = AbRun.objects.filter(rollout=rollout) if any(map(gathers, steps)) else ()
    measured = {row.step: row for row in Measurement.objects.filter(rollout=rollout)}
    return Seen(steps, measured, {run.step: run for run in runs})


def standing(rollout: Rollout, known: Seen) -> Measurement | None:
    """What is measured under the split of the traffic that stands; None where all of it goes one way."""
    stage, share = stage_of(known.plan, rollout.step), share_at(known.plan, rollout.step)
    return known.measured.get(stage) if stage is not None and share != WHOLE else None
