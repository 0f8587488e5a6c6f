"""Reads what both versions of a rollout answer, and has the guards judge it. Called while no transaction is open."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from deployments.adapters.serving import ServingRefused, ServingRuntime, ServingUnavailable
from deployments.analysis import arms, assess, guards, telling
from deployments.analysis.arms import Arm
from deployments.analysis.assess import Rule
from deployments.analysis.guards import Judged
from deployments.engine.planner import Watch
from deployments.engine.steps import WHOLE, Guard, Steps, Weight, guards_at, stage_of
from deployments.models import Measurement, Rollout
from deployments.services import rollouts
from deployments.services.rollouts.measuring import Look
from portal.core import clock
from portal.core.leases import Lease
from serving.contract import LATENCY_EDGES_MS, Invalid, as_json

log = logging.getLogger(__name__)
NOTHING = Watch()
FRESH = timedelta(seconds=1)
"""A reading this young is looked at again without asking the runtime, if it is of this step: the one before may have
had other guards."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One weight of a rollout while it is in force."""

    step: int
    weight: int
    guards: tuple[Guard, ...]


def stage_at(steps: Steps, step: int) -> Stage | None:
    """The weight under which both versions answer at this step; None where only one of them does."""
    at = stage_of(steps, step)
    moved = steps[at] if at is not None else None
    if at is None or not isinstance(moved, Weight) or moved.weight == WHOLE:
        return None
    return Stage(at, moved.weight, guards_at(steps, step))


def watch(row: Rollout, stage: Stage, runtime: ServingRuntime, lease: Lease) -> Watch:
    """What the measures say under the weight that is in force. The first look is what the later ones start from."""
    known, now = Measurement.objects.filter(rollout=row, step=stage.step).first(), clock.now()
    if known is not None and now - known.read_at < FRESH and known.read_at >= (row.step_began_at or now):
        return _said(known, 0.0)
    try:
        found = runtime.measures(row.endpoint.environment.name, row.endpoint.name)
    except (ServingUnavailable, ServingRefused, Invalid) as error:
        return _unread(row, known, now, str(error))
    read = {one.revision: one for one in found}
    if not {str(row.from_revision_id), str(row.to_revision_id)} <= set(read):
        return _unread(row, known, now)
    old, new = str(row.from_revision_id), str(row.to_revision_id)
    counts: arms.Counts = dict(known.counts) if known else {}
    try:
        for one in found:
            reading = as_json(one)
            epoch = str(reading.pop("epoch"))
            counts[one.revision] = arms.noted(counts.get(one.revision, {}), epoch, reading, begins=known is None)
        counts = arms.under(counts, row.generation or 0)
        if known is None:
            counts[new] = arms.sparing(counts[new], _accepted(row, stage))
        split = arms.of_split(counts[old]), arms.of_split(counts[new])
        look = judge(stage, counts, arms.total(counts[old]), arms.total(counts[new]), split)
    except ValueError as error:
        look = _senseless(stage, known, f"the counts make no sense: {error}")
    except Exception as error:
        log.exception("rollout %s cannot be judged", row.pk)
        look = _senseless(stage, known, f"they could not be judged: {type(error).__name__}, {error}")
    return _said(rollouts.note_measures(lease, look, known, read_at=now), 0.0)


def _accepted(row: Rollout, stage: Stage) -> Mapping[str, Collection[str]]:
    """The callers that people let guards leave out under the weight before: they are the same under the next."""
    before = Measurement.objects.filter(rollout=row, step__lt=stage.step).order_by("-step").first()
    return arms.spared(before.counts.get(str(row.to_revision_id), {})) if before else {}


def _unread(row: Rollout, known: Measurement | None, now: datetime, reason: str = "") -> Watch:
    """The measures are not to be had, and why; since the last time they were, or since the step began."""
    since = max(filter(None, (known.read_at if known else None, row.step_began_at)), default=now)
    return replace(_said(known, max(0.001, (now - since).total_seconds())), reason=reason)


def _said(known: Measurement | None, unread: float) -> Watch:
    if known is None:
        return Watch(unread=unread)
    answer = known.answer or None
    said = [one["sentence"] for one in known.verdicts if one["answer"] == answer]
    why = ". ".join(said[:3])
    few = next((one["sentence"] for one in known.verdicts if one.get("callers")), "")
    return Watch(known.requests, answer, why, unread, known.mismatch, few=few)  # type: ignore[arg-type]


def _rule(guard: Guard) -> Rule:
    return Rule(guard.limit, guard.alpha, guard.fewest)


def judge(stage: Stage, counts: dict[str, Any], old: Arm, new: Arm, split: tuple[Arm, Arm] | None = None) -> Look:
    """The counts of both arms, and every guard's answer on them; `split` is what both had since that is judged, where
    that is not all."""
    judged = [guards.judge(one.measure, _rule(one), old, new, LATENCY_EDGES_MS) for one in stage.guards]
    refused = guards.refusals(old, new)
    if refused.verdict.answer == "failing" or refused.few:
        judged.append(refused)
    a, b = split or (old, new)
    wrong = guards.split_wrong(a, b, stage.weight, WHOLE) or guards.diverted(a, b)
    return _look(stage, counts, judged, new=new.requests, old=old.requests, mismatch=wrong)


def _senseless(stage: Stage, known: Measurement | None, why: str) -> Look:
    """Counters that fell, or are none: every guard is an error until they make sense again."""
    judged = [Judged(one.measure, assess.failed_to_measure(why, _rule(one))) for one in stage.guards]
    if known is None:
        return _look(stage, {}, judged)
    return _look(stage, known.counts, judged, new=known.requests, old=known.champion_requests)


def _look(
    stage: Stage, counts: dict[str, Any], judged: list[Judged], *, new: int = 0, old: int = 0, mismatch: str = ""
) -> Look:
    return Look(
        step=stage.step,
        weight=stage.weight,
        counts=counts,
        requests=new,
        champion_requests=old,
        answer=assess.worst([one.verdict for one in judged]) if judged else "",
        verdicts=[verdict_data(one) for one in judged],
        mismatch=mismatch,
    )


def failing(rollout: int) -> dict[str, Any]:
    """What the log keeps of the guards that failed, as they stood at the last look."""
    row = Measurement.objects.filter(rollout=rollout).order_by("-step").first()
    verdicts = [one for one in (row.verdicts if row else []) if one["answer"] == "failing"]
    return {"guards": verdicts, "weight": row.weight if row else 0}


def verdict_data(found: Judged) -> dict[str, Any]:
    """A verdict as plain data, with its words."""
    verdict = found.verdict
    range_ = {name: _finite(end) for name, end in asdict(verdict.range).items()} if verdict.range else None
    return {
        "measure": found.measure,
        "answer": verdict.answer,
        "value": _finite(verdict.value),
        "range": range_,
        "limit": verdict.limit,
        "n": verdict.n,
        "needed": verdict.needed,
        "early": verdict.early,
        "reason": verdict.reason,
        "old": _finite(found.old),
        "new": _finite(found.new),
        "sentence": telling.sentence(found),
        "missing": telling.missing(found),
        **({"callers": list(found.callers)} if found.callers else {}),
    }


def _finite(value: float | None) -> float | None:
    return None if value is None else max(-telling.LARGEST, min(telling.LARGEST, value))
