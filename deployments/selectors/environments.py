"""Environments with their policies in words and what runs in them."""

from dataclasses import dataclass
from datetime import datetime

from deployments.engine import ready_made
from deployments.models import Environment, PolicyVersion
from deployments.policies import rules as rules_policy
from deployments.policies.freezes import Frozen, frozen
from deployments.selectors import endpoint_list, plans, policies
from deployments.selectors.endpoint_list import Counts
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
    counts: Counts
    moving: list[Live]
    """The first of those with a rollout under way."""
    trouble: list[Live]
    """Where something else serves than is wanted."""

    @property
    def frozen(self) -> Frozen | None:
        """The freeze that holds now for models of some tier or all."""
        return next((held.frozen for held in self.policies if held.frozen), None)


def listed(actor: Actor, name: str = "") -> list[EnvironmentView]:
    """All environments in their order, or the one of this name. That they exist is no secret: everybody asks for
    promotions to them."""
    rows = Environment.objects.order_by("position", "name")
    known = {plan.name: plan for plan in plans.listed()}
    held, now = policies.all_in_force(), clock.now()
    counts = endpoint_list.counts(actor, name)
    moving, trouble = endpoint_list.rolling_out(actor, name), endpoint_list.in_trouble(actor, name)
    return [
        EnvironmentView(
            row=row,
            policies=[_in_words(version, now) for version in held.get(row.pk, [])],
            plan=known[row.plan or ready_made.AT_ONCE],
            counts=counts.get(row.pk, Counts()),
            moving=_of(row, moving),
            trouble=_of(row, trouble),
        )
        for row in (rows.filter(name=name) if name else rows)
    ]


def _of(row: Environment, found: list[Live]) -> list[Live]:
    return [live for live in found if live.endpoint.environment_id == row.pk]


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
    found = listed(actor, name)
    if not found:
        raise NotFound(f"There is no environment {name}.")
    return found[0]
