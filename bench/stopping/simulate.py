"""Rollouts by the ready-made canary plan, looked at again and again, and whether they were stopped."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from bench.stopping.world import Traffic, Version, looks
from deployments.analysis import assess, guards
from deployments.analysis.arms import Arm
from deployments.analysis.assess import Rule
from deployments.analysis.quantiles import Histogram
from deployments.engine import plans, ready_made
from deployments.engine.steps import Analyse, Guard, Weight
from serving.contract import LATENCY_EDGES_MS

EDGES = tuple(min(edge, 1e12) for edge in LATENCY_EDGES_MS)


@dataclass(frozen=True, slots=True)
class Ended:
    """How one rollout ended: stopped by which guard, "" for none, after how many requests to the new version."""

    guard: str
    requests: int


@dataclass(frozen=True, slots=True)
class Stage:
    weight: int
    guards: tuple[Guard, ...]


def stages(name: str = "canary") -> tuple[Stage, ...]:
    """The weights of a ready-made plan with the guards that judge each."""
    found: list[Stage] = []
    weight = 0
    for step in plans.parse(ready_made.PLANS[name]):
        if isinstance(step, Weight):
            weight = step.weight
        elif isinstance(step, Analyse):
            found.append(Stage(weight, step.guards))
    return tuple(found)


def promised(plan: Sequence[Stage]) -> float:
    """The chance of stopping a version that is no worse than the limits allow, as the plan states it."""
    return sum(guard.alpha for stage in plan for guard in stage.guards)


def rollout(old: Version, new: Version, plan: Sequence[Stage], traffic: Traffic, seed: int) -> Ended:
    """One rollout. Every look asks every guard, whether it has passed before or not."""
    random = np.random.default_rng(seed)
    requests = 0
    for stage in plan:
        seen = 0
        for before, after in looks(old, new, stage.weight, traffic, random):
            seen = after.requests
            if failed := next((one for one in stage.guards if fails(one, before, after)), None):
                return Ended(failed.measure, requests + seen)
        requests += seen
    return Ended("", requests)


def fails(guard: Guard, old: Arm, new: Arm) -> bool:
    """Whether the guard says failing. An interval holds what was seen, so what was seen has to be beyond the limit
    first; that spares most of the arithmetic and changes no answer."""
    if new.requests < guard.fewest or guard.measure == "memory" or not _beyond(guard, old, new):
        return False
    rule = Rule(guard.limit, guard.alpha, guard.fewest)
    return guards.judge(guard.measure, rule, old, new, EDGES).verdict.answer == "failing"


def _beyond(guard: Guard, old: Arm, new: Arm) -> bool:
    if guard.measure == "errors":
        return new.errors / new.requests - old.errors / old.requests > guard.limit
    if guard.measure == "answers":
        totals = old.answered, new.answered
        return any(
            abs(new.answers[label] / totals[1] - old.answers[label] / totals[0]) > guard.limit for label in new.answers
        )
    before, after = (_bucket(arm, guards.QUANTILES[guard.measure]) for arm in (old, new))
    return after[0] / max(before[1], guards.FLOOR_MS) > guard.limit


def _bucket(arm: Arm, quantile: float) -> tuple[float, float]:
    """The edges between which the sample's quantile lies."""
    return Histogram(EDGES, arm.latency).bucket(quantile) or (0.0, EDGES[-1])


def many(old: Version, new: Version, plan: Sequence[Stage], traffic: Traffic, rollouts: int) -> list[Ended]:
    """Independent rollouts on all cores; the same number gives the same ones."""
    one: Callable[[int], Ended] = partial(rollout, old, new, plan, traffic)
    with ProcessPoolExecutor(initializer=hurried) as pool:
        return list(pool.map(one, range(rollouts), chunksize=25))


def hurried() -> None:
    """How many more requests a guard would need is told to people, and asked for by nobody here."""
    assess.MOST_PATIENCE = 1.0
