"""Environments and the rules they carry."""

from typing import Any

from django.db import transaction

from deployments.models import Environment
from deployments.policies import rules as rules_policy
from portal.accounts import access
from portal.accounts.models import Team
from portal.accounts.permissions import Permission
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import actors
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict, Stale
from portal.core.locking import lock


def _subject(row: Environment) -> Subject:
    return Subject.of("environment", row.pk, row.name)


@transaction.atomic
def create(*, actor: Actor, name: str, position: int, alias: str, rules: dict[str, Any]) -> Environment:
    """A new environment. `alias` is the alias its primary endpoints move, "" for none."""
    access.require(actor, Permission.ENVIRONMENTS_MANAGE)
    rules_policy.parse(rules)
    if other := Environment.objects.filter(name__iexact=name).first():
        raise Conflict(f"There is an environment {other} already.", fields={"name": "taken"})
    if alias and (other := Environment.objects.filter(alias__iexact=alias).first()):
        text = f"{other} moves the alias {alias} already. An alias has the rules of one environment."
        raise Conflict(text, fields={"alias": "taken"})
    row = Environment.objects.create(name=name, position=position, alias=alias, rules=rules)
    recorder.record("environment.created", actor=actor, subject=_subject(row), after={"alias": alias, "rules": rules})
    return row


@transaction.atomic
def change_rules(*, actor: Actor, name: str, rules: dict[str, Any], expect_version: int) -> Environment:
    """New rules for requests made from now on; open requests keep the rules they started with.

    Raises `Stale` when `expect_version` is no longer the current one.
    """
    access.require(actor, Permission.ENVIRONMENTS_MANAGE)
    parsed = rules_policy.parse(rules)
    _teams_exist(parsed)
    row = lock(Environment.objects.filter(name=name), missing=f"There is no environment {name}.")
    if row.rules_version != expect_version:
        raise Stale(f"The rules of {name} were changed meanwhile. Load them again and make your change on top.")
    before, row.rules = row.rules, rules
    row.rules_version += 1
    row.save(update_fields=["rules", "rules_version"])
    recorder.record(
        "environment.rules_changed",
        actor=actor,
        subject=_subject(row),
        data={"rules_version": row.rules_version},
        before={"rules": before},
        after={"rules": rules},
    )
    return row


def _teams_exist(rules: rules_policy.Rules) -> None:
    named = rules.teams
    missing = named - set(Team.objects.filter(slug__in=named).values_list("slug", flat=True))
    if missing:
        raise BadInput(
            f"There is no team {', '.join(sorted(missing))}. Create it first.", fields={"approvals": "unknown team"}
        )


def ensure_defaults() -> None:
    """Staging and production with their default rules, if they are not there yet."""
    actor = actors.system("first start", via="command")
    for position, (name, alias) in enumerate((("staging", ""), ("production", "champion"))):
        if not Environment.objects.filter(name=name).exists():
            create(actor=actor, name=name, position=position, alias=alias, rules=rules_policy.DEFAULTS[name])
