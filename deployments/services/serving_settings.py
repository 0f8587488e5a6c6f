"""How an endpoint serves: the limits of its processes, and what its answers say. One verb, each time a new version."""

from collections.abc import Mapping

from django.conf import settings
from django.db import transaction

from deployments import targets
from deployments.models import Endpoint, ServingSettings
from deployments.policies import serving_limits as policy
from deployments.services import endpoints
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.accounts.services.guarded import require
from portal.audit import recorder
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict
from portal.core.locking import lock

NAMED = "Answers name their version"
NEVER_HEDGED = "On a cluster nothing is asked twice: its gateway does not hedge. Leave hedging at 0."
ALWAYS_NAMED = "On a cluster answers always name their version: its gateway passes on what its pods say."


@transaction.atomic
def set_serving(
    *, actor: Actor, environment: str, endpoint: str, limits: Mapping[str, int], names_versions: bool = True
) -> ServingSettings:
    """Set how an endpoint serves from now on; a limit that is left out is as it is unless said.

    Limits, in the units of `policies.serving_limits`, count for promotions that are asked for from now on: each pins
    what it was asked for with, so what serves and what is under review keep theirs. What answers say holds within
    seconds. Raises `BadInput` that names every limit that cannot be, and `Conflict` where nothing would change.
    """
    seen = endpoints.find(actor=actor, environment=environment, endpoint=endpoint)
    allowed = access.may(actor, Permission.ENDPOINTS_CONFIGURE, seen.team_id)
    require(allowed, "endpoint.serving_set", actor=actor, subject=endpoints.subject(seen))
    wrong = policy.wrong(limits)
    wrong |= _beyond_a_cluster(environment, limits, names_versions)
    if wrong:
        raise BadInput(" ".join(wrong.values()), fields=wrong)
    row, wanted = lock(Endpoint.objects.filter(pk=seen.pk)), policy.kept(limits)
    held = row.serving or ServingSettings(number=0)
    if (held.limits, held.names_versions) == (wanted, names_versions):
        raise Conflict(f"{seen} serves so already.", fields={"limits": "as they are already"})
    row.serving = ServingSettings.objects.create(
        endpoint=row,
        number=held.number + 1,
        limits=wanted,
        names_versions=names_versions,
        set_by=actor.id,
        set_by_label=actor.label,
    )
    row.save(update_fields=["serving"])
    recorder.record(
        "endpoint.serving_set",
        actor=actor,
        subject=endpoints.subject(seen),
        data={"number": row.serving.number},
        before=_words(held),
        after=_words(row.serving),
    )
    endpoints.look_at(row)
    return row.serving


def _beyond_a_cluster(environment: str, limits: Mapping[str, int], names_versions: bool) -> dict[str, str]:
    """What only a gateway of ours does, by member, where another one stands in front."""
    if _ours(environment):
        return {}
    asked = {"names_versions": ALWAYS_NAMED} if not names_versions else {}
    return asked | ({"hedge_ms": NEVER_HEDGED} if limits.get("hedge_ms") else {})


def _ours(environment: str) -> bool:
    """Whether what this environment's callers hear comes by a gateway of ours."""
    target = targets.read(settings.SIGNALBOX_RUNTIMES).get(environment)
    return target is None or target.kind == "agent"


def _words(row: ServingSettings) -> dict[str, str]:
    return policy.in_words(row.limits) | {NAMED: "yes" if row.names_versions else "no"}
