"""Environments; what it takes to get in stands in their policies."""

import re
from typing import Any

from django.db import transaction

from deployments.models import TIER_ENDING, Environment
from deployments.policies import rules as rules_policy
from deployments.selectors import plans
from deployments.services import policies
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import actors
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict


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
        plans.find(plan)
    row = Environment.objects.create(name=name, position=position, alias=alias, plan=plan)
    recorder.record("environment.created", actor=actor, subject=_subject(row), after={"alias": alias, "plan": plan})
    policies.introduce(actor=actor, environment=row, rules=rules)
    return row


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
