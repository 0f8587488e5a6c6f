"""Environments with their policies in words and what runs in them."""

from dataclasses import dataclass
from datetime import datetime

from deployments.engine import ready_made
from deployments.models import Environment, PolicyVersion
from deployments.policies import rules as rules_policy
from deployments.policies.freezes import Frozen, frozen
from deployments.selectors import endpoint_list, plans, policies
from deployments.selectors.endpoints import Live
from deployments.selectors.plans import Plan
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import NotFound, Refused


@dataclass(frozen=True, slots=True)
class PolicyInWords:
    """A policy in force, and the freeze of its calendar that holds now."""

    row: PolicyVersion
    words: list[str]
    frozen: Frozen | None


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    """An environment as its card shows it, with the endpoints the actor may see."""

    row: Environment
    policies: list[PolicyInWords]
    plan: Plan
    here: list[Live]

    @property
    def endpoints(self) -> int:
        return len(self.here)

    @property
    def empty(self) -> int:
        """How many endpoints have no version."""
        return sum(live.endpoint.stable_id is None for live in self.here)

    @property
    def moving(self) -> list[Live]:
        return [live for live in self.here if live.rollout]

    @property
    def trouble(self) -> list[Live]:
        """Where something else serves than is wanted."""
        return [live for live in self.here if live.trouble]

    @property
    def frozen(self) -> Frozen | None:
        """The freeze that holds now for models of some tier or all."""
        return next((held.frozen for held in self.policies if held.frozen), None)


def listed(actor: Actor) -> list[EnvironmentView]:
    """All environments in their order. That they exist is no secret: everybody asks for promotions to them."""
    rows = list(Environment.objects.order_by("position", "name"))
    seen, known = endpoint_list.everything(actor), {plan.name: plan for plan in plans.listed()}
    held, now = policies.all_in_force(), clock.now()
    words = {pk: [_in_words(version, now) for version in found] for pk, found in held.items()}
    return [
        EnvironmentView(
            row=row,
            policies=words.get(row.pk, []),
            plan=known[row.plan or ready_made.AT_ONCE],
            here=[live for live in seen if live.endpoint.environment_id == row.pk],
        )
        for row in rows
    ]


def _in_words(row: PolicyVersion, now: datetime) -> PolicyInWords:
    rules = rules_policy.parse(row.content)
    return PolicyInWords(row, rules_policy.in_words(rules), frozen(rules.freezes, now))


def frozen_now(environment_id: int, tier: str) -> Frozen | None:
    """The freeze that holds now for models of this risk tier; None also where no policy is in force."""
    try:
        held = policies.in_force(environment_id, tier)
    except Refused:
        return None
    freezes = rules_policy.parse(held.content).freezes
    return frozen(freezes, clock.now()) if freezes else None


def one(actor: Actor, name: str) -> EnvironmentView:
    found = next((view for view in listed(actor) if view.row.name == name), None)
    if found is None:
        raise NotFound(f"There is no environment {name}.")
    return found
