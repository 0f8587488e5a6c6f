"""Keeps what serves as it should be: warm revisions loaded, the desired table and the callers' keys in force, cold
revisions taken away. Whatever it records, it proves its lease first."""

from datetime import datetime, timedelta
from typing import cast

from django.db import transaction
from django.db.models import Q

from deployments.adapters import serving
from deployments.adapters.serving import (
    SHADOWS,
    Naming,
    RevisionState,
    ServingRefused,
    ServingRuntime,
    ServingUnavailable,
)
from deployments.models import Endpoint, Revision, RouteTable
from deployments.reconcilers import callers, traffic
from deployments.reconcilers.rollouts import spec_of, table_spec
from deployments.services import endpoints, rollouts
from portal.core import actors, clock, leases
from portal.core.leases import Lease
from portal.core.locking import lock
from portal.lifecycle.move import move
from registry.services import holds

EVERY = timedelta(seconds=15)


def reconcile(lease: Lease) -> datetime | None:
    """One look at an endpoint. What cannot be mended now is shown and looked at again."""
    row = Endpoint.objects.select_related(
        "environment", "model", "serving", "stable__version__model", "previous__version__model"
    ).get(pk=lease.pk)
    runtime = serving.runtime(row.environment.name)
    try:
        found = runtime.revisions()
        callers.keep_keys(row, runtime)
        _keep_naming(row, runtime)
        changed = _keep_warm(row, found, runtime) | _keep_routed(row, found, runtime, lease)
        _take_away(row, found, runtime, lease)
        routes, own = runtime.routes(row.environment.name, row.name), found.keys() & _own(row)
        endpoints.note_drift(lease, endpoint=row, changed=changed)
        endpoints.observe(
            lease,
            observed={
                "generation": routes.generation,
                "stable": routes.stable,
                "canary": routes.canary,
                "cut": routes.cut,
                "drift": changed,
                "revisions": {rid: found[rid].state for rid in own},
                "processes": {rid: count for rid in own if (count := found[rid].processes) is not None},
                **traffic.seen(row, runtime, clock.now()),
            },
        )
    except (ServingUnavailable, ServingRefused) as error:
        endpoints.note_away(lease, why=str(error))
        return clock.now() + timedelta(seconds=3)
    settled = routes.generation == row.generation or row.stable_id is None
    return clock.now() + (EVERY if settled else timedelta(seconds=2))


def _own(row: Endpoint) -> set[str]:
    return {str(pk) for pk in Revision.objects.filter(endpoint=row).values_list("pk", flat=True)}


def _keep_naming(row: Endpoint, runtime: ServingRuntime) -> None:
    """Answers name their version to callers, or do not, as is set. Where the gateway is not ours they always do."""
    named, where = row.serving is None or row.serving.names_versions, (row.environment.name, row.name)
    if hasattr(runtime, "set_naming"):
        able = cast(Naming, runtime)
        if (str(row) not in able.unnamed()) != named:
            able.set_naming(*where, names_versions=named)


def _keep_warm(row: Endpoint, found: dict[str, RevisionState], runtime: ServingRuntime) -> dict[str, str]:
    """A runtime that came back empty is told again what to load, and so is one where others changed it: what they
    changed, by revision. While a rollout moves, the place of the way back may be the new version's."""
    changed = {}
    for revision in (row.stable, row.previous if rollouts.active(row) is None else None):
        if revision is None:
            continue
        state = found.get(str(revision.pk))
        if state is None or state.drift or state.stale:
            runtime.ensure_revision(spec_of(revision))
        if state is not None and state.drift:
            changed[str(revision.pk)] = state.drift
    return changed


def _keep_routed(
    row: Endpoint, found: dict[str, RevisionState], runtime: ServingRuntime, lease: Lease
) -> dict[str, str]:
    """A table that is missing, changed by others, or newer than any we know (a restored database) is answered with
    ours. What was changed, under "route"."""
    if rollouts.active(row) is not None:
        return {}
    if row.stable is None:
        _keep_unrouted(row, runtime)
        return {}
    routes = runtime.routes(row.environment.name, row.name)
    table = endpoints.current_table(row)
    changed = {"route": routes.drift} if routes.drift else {}
    ours = table is not None and (routes.generation, routes.stable) == (table.generation, str(table.stable_id))
    state = found.get(str(row.stable_id))
    if (ours and not changed and not routes.stale) or state is None or state.state != "ready":
        return changed
    if not ours and (table is None or routes.generation >= table.generation):
        table = _retake(lease, at_least=routes.generation)
    if table is not None:
        runtime.set_routes(table_spec(table))
    return changed


def _keep_unrouted(row: Endpoint, runtime: ServingRuntime) -> None:
    """Where nothing serves, no table of a rollout that was given up stays; one that we do not know of may serve."""
    where = row.environment.name, row.name
    found = runtime.routes(*where)
    left = RouteTable.objects.filter(endpoint=row, generation=found.generation, rollout__status="aborted").first()
    if left is not None and str(left.stable_id) == found.stable:
        runtime.remove_routes(*where, found.generation)


@transaction.atomic
def _retake(lease: Lease, *, at_least: int) -> RouteTable | None:
    endpoint = lock(Endpoint.objects.filter(pk=lease.pk))
    leases.guard(lease)
    if endpoint.stable is None or rollouts.active(endpoint) is not None:
        return None
    return endpoints.route(
        endpoint=endpoint,
        stable=endpoint.stable,
        rollout=None,
        actor=actors.system("the runtime held another table"),
        at_least=at_least,
    )


def _take_away(row: Endpoint, found: dict[str, RevisionState], runtime: ServingRuntime, lease: Lease) -> None:
    """Revisions that neither serve nor are the way back are removed, once no rollout moves; those that were removed,
    again, where a worker that had stood still told the runtime to load them after that."""
    if rollouts.active(row) is not None:
        return
    keep, held = [pk for pk in (row.stable_id, row.previous_id) if pk], found.keys() & _own(row)
    there = Q(pk__in=held) | ~Q(status="removed")
    for revision in Revision.objects.filter(there, endpoint=row).exclude(pk__in=keep):
        if not _retire(revision, lease):
            return
        if str(revision.pk) in held:
            _end_shadow(row, revision, runtime)
            runtime.remove_revision(str(revision.pk))
        _removed(revision, lease)


def _end_shadow(row: Endpoint, revision: Revision, runtime: ServingRuntime) -> None:
    """Nobody waits for what it shows: its rollout is over."""
    where = row.environment.name, row.name
    if SHADOWS not in runtime.unable and (found := runtime.shadow(*where)) and found.revision == str(revision.pk):
        runtime.remove_shadow(*where)


@transaction.atomic
def _retire(revision: Revision, lease: Lease) -> bool:
    """False where it may be wanted: a rollout has begun since this look at the endpoint did, and what is kept is
    another."""
    actor = actors.system("neither serving nor the way back")
    endpoint = lock(Endpoint.objects.filter(pk=revision.endpoint_id))
    leases.guard(lease)
    if rollouts.active(endpoint) is not None or revision.pk in (endpoint.stable_id, endpoint.previous_id):
        return False
    fresh = lock(Revision.objects.filter(pk=revision.pk))
    if fresh.status in ("requested", "loading"):
        move(fresh, "break", actor=actor, data={"why": "no longer wanted"})
    if fresh.status in ("ready", "failed"):
        move(fresh, "retire", actor=actor)
    return True


@transaction.atomic
def _removed(revision: Revision, lease: Lease) -> None:
    actor = actors.system("neither serving nor the way back")
    leases.guard(lease)
    fresh = lock(Revision.objects.filter(pk=revision.pk))
    if fresh.status == "draining":
        move(fresh, "remove", actor=actor)
        holds.lift(version=fresh.version, holder=f"revision:{fresh.pk}", actor=actor)
