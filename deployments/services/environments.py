"""Environments; what it takes to get in stands in their policies."""

from typing import Any

from django.db import transaction

from deployments.models import Environment
from deployments.policies import rules as rules_policy
from deployments.selectors import plans
from deployments.services import policies
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import actors
from portal.core.actors import Actor
from portal.core.errors import Conflict


def _subject(row: Environment) -> Subject:
    return Subject.of("environment", row.pk, row.name)


@transaction.atomic
def create(*, actor: Actor, name: str, position: int, alias: str, rules: dict[str, Any], plan: str = "") -> Environment:
    """A new environment with its first policy. `alias` is the alias its primary endpoints move, "" for none; `plan`
    the rollout plan of requests that name none, "" for all at once."""
    access.require(actor, Permission.ENVIRONMENTS_MANAGE)
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


def ensure_defaults() -> None:
    """Staging and production with their default rules, if they are not there yet."""
    actor = actors.system("first start", via="command")
    for position, (name, alias) in enumerate((("staging", ""), ("production", "champion"))):
        if not Environment.objects.filter(name=name).exists():
            create(actor=actor, name=name, position=position, alias=alias, rules=rules_policy.DEFAULTS[name])
