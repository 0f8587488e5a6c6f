"""Environments with their rules in words and what runs in them."""

from dataclasses import dataclass
from datetime import datetime

from deployments.models import Endpoint, Environment, Rollout
from deployments.policies import rules as rules_policy
from deployments.policies.freezes import Frozen, frozen
from deployments.selectors import endpoints
from deployments.states import rollout as rollout_states
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    """An environment as its card shows it; counts are of what the actor may see."""

    row: Environment
    words: list[str]
    endpoints: int
    empty: int
    moving: int
    frozen: Frozen | None = None


def listed(actor: Actor) -> list[EnvironmentView]:
    """All environments in their order. That they exist is no secret: everybody asks for promotions to them."""
    rows = list(Environment.objects.order_by("position", "name"))
    seen = list(endpoints.visible(actor).order_by("pk"))
    moving = set(Rollout.objects.filter(status__in=rollout_states.ACTIVE).values_list("endpoint_id", flat=True))
    now = clock.now()
    return [_view(row, [e for e in seen if e.environment_id == row.pk], moving, now) for row in rows]


def _view(row: Environment, mine: list[Endpoint], moving: set[int], now: datetime) -> EnvironmentView:
    rules = rules_policy.parse(row.rules)
    return EnvironmentView(
        row=row,
        words=rules_policy.in_words(rules),
        frozen=frozen(rules.freezes, now),
        endpoints=len(mine),
        empty=sum(endpoint.stable_id is None for endpoint in mine),
        moving=sum(endpoint.pk in moving for endpoint in mine),
    )


def frozen_now(row: Environment) -> Frozen | None:
    """The freeze that holds in the environment now."""
    return frozen(rules_policy.parse(row.rules).freezes, clock.now())


def one(actor: Actor, name: str) -> EnvironmentView:
    found = next((view for view in listed(actor) if view.row.name == name), None)
    if found is None:
        raise NotFound(f"There is no environment {name}.")
    return found
