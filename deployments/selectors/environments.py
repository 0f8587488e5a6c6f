"""Environments with their policies in words and what runs in them."""

from dataclasses import dataclass
from datetime import datetime

from deployments.models import Endpoint, Environment, PolicyVersion, Rollout
from deployments.policies import rules as rules_policy
from deployments.policies.freezes import Frozen, frozen
from deployments.selectors import endpoints, policies
from deployments.states import rollout as rollout_states
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class PolicyInWords:
    row: PolicyVersion
    words: list[str]


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    """An environment as its card shows it; counts are of what the actor may see."""

    row: Environment
    policies: list[PolicyInWords]
    endpoints: int
    empty: int
    moving: int
    frozen: Frozen | None = None


def listed(actor: Actor) -> list[EnvironmentView]:
    """All environments in their order. That they exist is no secret: everybody asks for promotions to them."""
    rows = list(Environment.objects.order_by("position", "name"))
    seen = list(endpoints.visible(actor).order_by("pk"))
    moving = set(Rollout.objects.filter(status__in=rollout_states.ACTIVE).values_list("endpoint_id", flat=True))
    held, now = policies.all_in_force(), clock.now()
    return [
        _view(row, held.get(row.pk, []), [e for e in seen if e.environment_id == row.pk], moving, now) for row in rows
    ]


def _view(
    row: Environment, held: list[PolicyVersion], mine: list[Endpoint], moving: set[int], now: datetime
) -> EnvironmentView:
    read = [(version, rules_policy.parse(version.content)) for version in held]
    return EnvironmentView(
        row=row,
        policies=[PolicyInWords(version, rules_policy.in_words(rules)) for version, rules in read],
        frozen=next((found for _, rules in read if (found := frozen(rules.freezes, now))), None),
        endpoints=len(mine),
        empty=sum(endpoint.stable_id is None for endpoint in mine),
        moving=sum(endpoint.pk in moving for endpoint in mine),
    )


def frozen_now(row: Environment, tier: str) -> Frozen | None:
    """The freeze that holds in the environment now, for models of this risk tier."""
    return frozen(rules_policy.parse(policies.in_force(row.pk, tier).content).freezes, clock.now())


def one(actor: Actor, name: str) -> EnvironmentView:
    found = next((view for view in listed(actor) if view.row.name == name), None)
    if found is None:
        raise NotFound(f"There is no environment {name}.")
    return found
