"""Environments; what it takes to get in stands in their policies."""

import re
from typing import Any

from django.db import transaction

from deployments.engine import plans as engine
from deployments.engine import ready_made, wording
from deployments.engine.plans import PlanRefused
from deployments.engine.steps import Steps
from deployments.models import TIER_ENDING, Environment
from deployments.policies import rules as rules_policy
from deployments.selectors import plans
from deployments.selectors import policies as select
from deployments.services import policies
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import actors
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict, NotFound
from portal.core.locking import lock


def _subject(row: Environment) -> Subject:
    return Subject.of("environment", row.pk, row.name)


@transaction.atomic
def create(*, actor: Actor, name: str, position: int, alias: str, rules: dict[str, Any], plan: str = "") -> Environment:
    """A new environment with its first policy. `alias` is the alias its primary endpoints move, "" for none; `plan`
    the rollout plan of requests that name none, "" for all at once."""
    access.require(actor, Permission.ENVIRONMENTS_MANAGE)
    _require_own_name(name)
    if other := Environment.objects.filter(name__iexact=name).first():
        raise Conflict(f"There is an environment {other} already.", fields={"name": "taken"})
    if alias and (other := Environment.objects.filter(alias__iexact=alias).first()):
        text = f"{other} moves the alias {alias} already. An alias has the rules of one environment."
        raise Conflict(text, fields={"alias": "taken"})
    if plan:
        _readable(plan)
    row = Environment.objects.create(name=name, position=position, alias=alias, plan=plan)
    recorder.record("environment.created", actor=actor, subject=_subject(row), after={"alias": alias, "plan": plan})
    policies.introduce(actor=actor, environment=row, rules=rules)
    return row


@transaction.atomic
def set_plan(*, actor: Actor, name: str, plan: str) -> Environment:
    """The rollout plan of requests that name none; "" for all at once. Requests that were sent keep theirs.

    Refused for a plan with a step that outlasts the approvals of one of the environment's policies: nobody could ask
    for a promotion with it.
    """
    access.require(actor, Permission.ENVIRONMENTS_MANAGE)
    if not Environment.objects.filter(name=name).exists():
        raise NotFound(f"There is no environment {name}.")
    row = lock(Environment.objects.filter(name=name))
    wanted = "" if plan == ready_made.AT_ONCE else plan
    if wanted:
        _require_short(row, wanted)
    if row.plan == wanted:
        raise Conflict(f"{row} uses this plan already.", fields={"plan": "as it is already"})
    before, row.plan = row.plan, wanted
    row.save(update_fields=["plan"])
    named = wanted or ready_made.AT_ONCE
    recorder.record(
        "environment.plan_set",
        actor=actor,
        subject=_subject(row),
        data={"plan": named},
        before={"plan": before or ready_made.AT_ONCE},
        after={"plan": named},
    )
    return row


def _readable(plan: str) -> Steps:
    """The steps of the newest version; `BadInput` where there is none, or one that cannot be carried out."""
    try:
        return plans.find(plan).steps
    except PlanRefused as refused:
        raise BadInput(
            f"{plan} cannot be carried out: {refused}", fields={"plan": "cannot be carried out"}
        ) from refused


def _require_short(row: Environment, plan: str) -> None:
    longest = engine.longest_wait(_readable(plan))
    for version in select.all_in_force().get(row.pk, []):
        hours = rules_policy.parse(version.content).approval_hours
        if longest > hours * 3600:
            said = f"A step of it can last {wording.seconds(longest)}, and approvals count for {hours} h"
            text = f"{said} under {version}. Choose a plan with shorter steps."
            raise BadInput(text, fields={"plan": "longer than approvals count"})


def _require_own_name(name: str) -> None:
    """Policies are named by environment and tier, so a name that ends in a tier would be that of another's policy."""
    found = re.search(TIER_ENDING, name, re.IGNORECASE)
    if found:
        raise BadInput(
            f"The name of an environment cannot end in {found[0]}: {name}@1 would be its own policy as well as that of "
            f"{name[: found.start()] or 'another'} for models of {found[1].lower()} risk.",
            fields={"name": f"ends in {found[0]}"},
        )


def ensure_defaults() -> None:
    """Staging and production with their default rules, if they are not there yet."""
    actor = actors.system("first start", via="command")
    for position, (name, alias) in enumerate((("staging", ""), ("production", "champion"))):
        if not Environment.objects.filter(name=name).exists():
            create(actor=actor, name=name, position=position, alias=alias, rules=rules_policy.DEFAULTS[name])
