"""Endpoints: the stable addresses that clients call."""

import re
import secrets
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from deployments.models import Endpoint, Environment, PromotionRequest, Revision, Rollout, RouteTable
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import actors, clock, leases, work
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict, NotFound
from portal.core.leases import Lease
from registry.models import RegisteredModel

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
MISSING = "This does not exist, or you may not see it."
WAITING = ("pending_review", "approved")
"""Requests that the system may go on with by itself."""


def subject(row: Endpoint) -> Subject:
    return Subject.of("endpoint", row.pk, str(row))


def find(*, actor: Actor, environment: str, endpoint: str) -> Endpoint:
    """The endpoint, if the actor may see it; `NotFound` otherwise."""
    row = (
        Endpoint.objects.select_related(
            "environment", "model", "team", "stable__version", "previous__version", "serving"
        )
        .filter(environment__name=environment, name=endpoint)
        .first()
    )
    if row is None:
        raise NotFound(MISSING)
    access.require_visible(actor, row.team_id, Permission.ENDPOINTS_VIEW)
    return row


def find_model(*, actor: Actor, name: str) -> RegisteredModel:
    row = RegisteredModel.objects.filter(name=name, deleted_at=None).first()
    if row is None:
        raise NotFound(f"There is no model {name}, or you may not see it.")
    access.require_visible(actor, row.team_id)
    return row


def default_name(model: RegisteredModel) -> str:
    """The name of an endpoint that is made with the first request for a model: the model's, as an address allows it."""
    return slugify(model.name)[:60].strip("-") or "model"


def find_environment(name: str) -> Environment:
    row = Environment.objects.filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no environment {name}.")
    return row


def check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise BadInput(
            "An endpoint's name has 1 to 60 lower-case letters, digits and hyphens, "
            "and begins and ends with a letter or digit.",
            fields={"name": "lower-case letters, digits and hyphens"},
        )


@transaction.atomic
def create(*, actor: Actor, environment: str, name: str, model: str, description: str = "") -> Endpoint:
    """A new address in an environment for one model; the first of a model there is its primary and moves the alias."""
    where, what = find_environment(environment), find_model(actor=actor, name=model)
    access.require(actor, Permission.ENDPOINTS_CREATE, what.team_id)
    check_name(name)
    if Endpoint.objects.filter(environment=where, name=name).exists():
        raise Conflict(f"There is an endpoint {environment}/{name} already.", fields={"name": "taken"})
    return make(actor=actor, environment=where, name=name, model=what, description=description)


def make(
    *, actor: Actor, environment: Environment, name: str, model: RegisteredModel, description: str = ""
) -> Endpoint:
    """Write the endpoint in the caller's transaction."""
    row = Endpoint.objects.create(
        environment=environment,
        name=name,
        model=model,
        team=model.team,
        primary=not Endpoint.objects.filter(environment=environment, model=model, primary=True).exists(),
        description=description[:300],
        salt=secrets.token_hex(8),
    )
    recorder.record(
        "endpoint.created",
        actor=actor,
        subject=subject(row),
        after={"model": model.name, "primary": row.primary, "environment": environment.name},
    )
    return row


def route(
    *,
    endpoint: Endpoint,
    stable: Revision,
    rollout: Rollout | None,
    actor: Actor,
    at_least: int = 0,
    canary: Revision | None = None,
    canary_weight: int = 0,
) -> RouteTable:
    """Take the next generation for a desired route table, in the caller's transaction with the endpoint locked.

    `at_least` lifts the number above one that the runtime has been seen to hold.
    """
    endpoint.generation = max(endpoint.generation, at_least) + 1
    endpoint.save(update_fields=["generation"])
    table = RouteTable.objects.create(
        endpoint=endpoint,
        generation=endpoint.generation,
        stable=stable,
        canary=canary,
        stable_weight=10_000 - canary_weight,
        canary_weight=canary_weight,
        rollout=rollout,
    )
    recorder.record(
        "endpoint.routed",
        actor=actor,
        subject=subject(endpoint),
        data={"generation": table.generation, "weights": weights(table)},
    )
    return table


def weights(table: RouteTable) -> dict[str, int]:
    """Version to basis points."""
    found = {f"v{table.stable.version.number}": table.stable_weight}
    if table.canary:
        found[f"v{table.canary.version.number}"] = table.canary_weight
    return found


def current_table(endpoint: Endpoint) -> RouteTable | None:
    return (
        RouteTable.objects.filter(endpoint=endpoint)
        .select_related("stable__version", "canary__version", "rollout")
        .order_by("-generation")
        .first()
    )


@transaction.atomic
def observe(lease: Lease, *, observed: dict[str, Any]) -> None:
    """Note what the runtime was seen to do. Not an act: nothing is decided here, so nothing is logged."""
    leases.guard(lease)
    Endpoint.objects.filter(pk=lease.pk).update(observed=observed, observed_at=clock.now())


@transaction.atomic
def note_away(lease: Lease, *, why: str) -> None:
    """Note why the runtime could not be looked at, beside what it was seen to do before."""
    leases.guard(lease)
    known = dict(Endpoint.objects.values_list("observed", flat=True).get(pk=lease.pk))
    Endpoint.objects.filter(pk=lease.pk).update(observed=known | {"error": why[:300]})


@transaction.atomic
def note_drift(lease: Lease, *, endpoint: Endpoint, changed: dict[str, str]) -> None:
    """Log that others changed what serves, once for each change. Their words and values stay out of the log."""
    if changed and changed != endpoint.observed.get("drift"):
        leases.guard(lease)
        actor = actors.system("what serves was compared with what is wanted")
        recorder.record("endpoint.drifted", actor=actor, subject=subject(endpoint), data={"parts": sorted(changed)})


def look_at(endpoint: Endpoint) -> None:
    """Have the endpoint reconciled soon."""
    Endpoint.objects.filter(pk=endpoint.pk).update(next_reconcile_at=clock.now())
    work.ring("deployments.endpoint", endpoint.pk)


def look_at_requests(endpoint: Endpoint) -> None:
    """Have the endpoint's waiting requests looked at soon: the champion, or what stood in their way, is another now."""
    for number in PromotionRequest.objects.filter(endpoint=endpoint, status__in=WAITING).values_list("pk", flat=True):
        PromotionRequest.objects.filter(pk=number).update(next_reconcile_at=clock.now())
        work.ring("deployments.promotion", number)
