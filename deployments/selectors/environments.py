"""Environments with their policies in words and what runs in them."""

from dataclasses import dataclass
from datetime import datetime

from deployments.engine import ready_made
from deployments.models import Endpoint, Environment, PolicyVersion, Rollout
from deployments.policies import rules as rules_policy
from deployments.policies.freezes import Frozen, frozen
from deployments.selectors import endpoints, plans, policies
from deployments.selectors.plans import Plan
from deployments.states import rollout as rollout_states
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class PolicyInWords:
    """A policy in force, and the freeze of its calendar that holds now."""

    row: PolicyVersion
    words: list[str]
    frozen: Frozen | None


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    """An environment as its card shows it; counts are of what the actor may see."""

    row: Environment
    policies: list[PolicyInWords]
    endpoints: int
    empty: int
    moving: int

    @property
    def frozen(self) -> Frozen | None:
        """The freeze that holds now for models of some tier or all."""
        return next((held.frozen for held in self.policies if held.frozen), None)


def listed(actor: Actor) -> list[EnvironmentView]:
    """All environments in their order. That they exist is no secret: everybody asks for promotions to them."""
    rows = list(Environment.objects.order_by("position", "name"))
    seen = list(endpoints.visible(actor).order_by("pk"))
    moving = set(Rollout.objects.filter(status__in=rollout_states.ACTIVE).values_list("endpoint_id", flat=True))
    held, now = policies.all_in_force(), clock.now()
    words = {pk: [_in_words(version, now) for version in found] for pk, found in held.items()}
    return [_view(row, words.get(row.pk, []), [e for e in seen if e.environment_id == row.pk], moving) for row in rows]


def _in_words(row: PolicyVersion, now: datetime) -> PolicyInWords:
    rules = rules_policy.parse(row.content)
    return PolicyInWords(row, rules_policy.in_words(rules), frozen(rules.freezes, now))


def _view(row: Environment, held: list[PolicyInWords], mine: list[Endpoint], moving: set[int]) -> EnvironmentView:
    return EnvironmentView(
        row=row,
        policies=held,
        endpoints=len(mine),
        empty=sum(endpoint.stable_id is None for endpoint in mine),
        moving=sum(endpoint.pk in moving for endpoint in mine),
    )


def default_plan(row: Environment) -> Plan:
    """The rollout plan of requests that name none."""
    return plans.find(row.plan or ready_made.AT_ONCE)


def frozen_now(endpoint: Endpoint) -> Frozen | None:
    """The freeze that holds now for the model behind the endpoint."""
    held = policies.in_force(endpoint.environment_id, endpoint.model.tier)
    return frozen(rules_policy.parse(held.content).freezes, clock.now())


def one(actor: Actor, name: str) -> EnvironmentView:
    found = next((view for view in listed(actor) if view.row.name == name), None)
    if found is None:
        raise NotFound(f"There is no environment {name}.")
    return found
