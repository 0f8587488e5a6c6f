"""A rollout plan as pages show it: its steps in words, and about how long it takes at the traffic of today."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deployments.adapters import ground_truth
from deployments.engine import plans, ready_made, wording
from deployments.engine.steps import Step, Steps, gathers
from deployments.engine.wording import Labels
from deployments.models import Endpoint, PromotionRequest
from deployments.selectors.plans import Plan
from portal.core import clock


@dataclass(frozen=True, slots=True)
class PlanPage:
    """`chance` is that of stopping a good version by mistake, in words; "" for a plan that judges nothing."""

    name: str
    title: str
    version: int | None
    digest: str
    steps: list[dict[str, Any]]
    duration: str
    chance: str
    first: bool


def rate(endpoint: Endpoint) -> float | None:
    """The requests a second that the endpoint was last seen to get; None while nobody knows."""
    found = endpoint.observed.get("rate")
    return float(found) if isinstance(found, int | float) else None


def labels(endpoint: Endpoint, steps: Sequence[Step]) -> Labels | None:
    """The ground truth that the endpoint gets today; None for steps that wait for none, or an endpoint unsaved."""
    if endpoint._state.adding or not any(map(gathers, steps)):
        return None
    return ground_truth.source().lately(endpoint.pk, clock.now())


def all_of(known: Sequence[Plan], endpoint: Endpoint) -> list[PlanPage]:
    """The plans as they would be carried out on the endpoint, which may be unsaved."""
    first, found = endpoint.stable_id is None, []
    for plan in known:
        steps = plans.without_champion(plan.steps) if first else plan.steps
        found.append((plan, steps, first and steps != plan.steps))
    come = labels(endpoint, [step for _, steps, _ in found for step in steps])
    return [
        _page(plan.name, plan.title, plan.version, plan.digest, steps, endpoint, come, first=changed)
        for plan, steps, changed in found
    ]


def pinned(row: PromotionRequest) -> PlanPage:
    """The plan that a request's evidence keeps."""
    kept = row.evidence["plan"]
    name = kept.get("name", ready_made.AT_ONCE)
    steps = plans.of_pinned(kept["steps"])
    first = "name" in kept and row.evidence["champion"] is None
    title = ready_made.TITLES.get(name, name)
    digest, come = kept.get("digest", ""), labels(row.endpoint, steps)
    return _page(name, title, kept.get("version"), digest, steps, row.endpoint, come, first=first)


def _page(
    name: str,
    title: str,
    version: int | None,
    digest: str,
    steps: Steps,
    endpoint: Endpoint,
    come: Labels | None,
    *,
    first: bool,
) -> PlanPage:
    chance = plans.false_alarm(steps)
    return PlanPage(
        name=name,
        title=title,
        version=version,
        digest=digest,
        steps=wording.pinned(steps),
        duration=wording.duration(steps, rate(endpoint), come).words,
        chance=f"{chance * 100:.2g} %" if chance else "",
        first=first,
    )
