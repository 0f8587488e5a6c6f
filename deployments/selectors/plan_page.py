"""A rollout plan as pages show it: its steps in words, and about how long it takes at the traffic of today."""

from dataclasses import dataclass
from typing import Any

from deployments.engine import plans, ready_made, wording
from deployments.engine.steps import Steps
from deployments.models import Endpoint, PromotionRequest
from deployments.selectors.plans import Plan


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


def of(plan: Plan, endpoint: Endpoint) -> PlanPage:
    """The plan as it would be carried out on the endpoint, which may be unsaved."""
    first = endpoint.stable_id is None
    steps = plans.without_champion(plan.steps) if first else plan.steps
    return _page(plan.name, plan.title, plan.version, plan.digest, steps, endpoint, first and steps != plan.steps)


def pinned(row: PromotionRequest) -> PlanPage:
    """The plan that a request's evidence keeps."""
    kept = row.evidence["plan"]
    name = kept.get("name", ready_made.AT_ONCE)
    steps = plans.of_pinned(kept["steps"])
    first = "name" in kept and row.evidence["champion"] is None
    title = ready_made.TITLES.get(name, name)
    return _page(name, title, kept.get("version"), kept.get("digest", ""), steps, row.endpoint, first)


def _page(
    name: str, title: str, version: int | None, digest: str, steps: Steps, endpoint: Endpoint, first: bool
) -> PlanPage:
    chance = plans.false_alarm(steps)
    return PlanPage(
        name=name,
        title=title,
        version=version,
        digest=digest,
        steps=wording.pinned(steps),
        duration=wording.duration(steps, rate(endpoint)).words,
        chance=f"{chance * 100:.2g} %" if chance else "",
        first=first,
    )
