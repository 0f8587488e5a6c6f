"""Rehearses the way back without moving any traffic: everything a rollback would need is asked for."""

from collections.abc import Callable
from datetime import datetime, timedelta

from deployments.adapters import serving
from deployments.adapters.serving import ServingRefused, ServingRuntime, ServingUnavailable
from deployments.models import RollbackDrill
from deployments.policies import probing as policy
from deployments.reconcilers import probing
from deployments.reconcilers.rollouts import table_spec
from deployments.services import drills, endpoints, keys, rollouts
from deployments.services.drills import Check
from portal.core import actors, clock
from portal.core.leases import Lease
from serving.contract import Invalid

AGAIN = timedelta(seconds=30)
WORDS = {
    "warm": "The former champion is loaded and ready",
    "digest": "It holds the bytes that were approved",
    "answers": "It answers as it should",
    "table": "The traffic table can be written",
}


def reconcile(lease: Lease) -> datetime | None:
    """Hold one drill; put it off while a rollout moves the traffic."""
    row = RollbackDrill.objects.select_related(
        "endpoint__environment", "to_revision__version__model", "to_revision__endpoint__environment"
    ).get(pk=lease.pk)
    if row.ended_at is not None:
        return None
    if drills.moving(row):
        return clock.now() + AGAIN
    runtime = serving.runtime(row.endpoint.environment.name)
    looks = {"warm": _warm, "digest": _digest, "answers": _answers, "table": _table}
    checks = [_check(code, look, row, runtime) for code, look in looks.items()]
    if drills.moving(row):
        return clock.now() + AGAIN
    drills.finish(lease, checks=checks)
    return None


Look = Callable[[RollbackDrill, ServingRuntime], str]


def _check(code: str, look: Look, row: RollbackDrill, runtime: ServingRuntime) -> Check:
    try:
        why = look(row, runtime)
    except (ServingUnavailable, ServingRefused, Invalid) as error:
        why = f"{WORDS[code]}: that could not be seen. {error}"
    return Check(code, not why, why or f"{WORDS[code]}.")


def _warm(row: RollbackDrill, runtime: ServingRuntime) -> str:
    found = runtime.revision(str(row.to_revision_id))
    name = f"v{row.to_revision.version.number}"
    return "" if found.state == "ready" else f"{name} is {found.state}, so it would have to be loaded first."


def _digest(row: RollbackDrill, runtime: ServingRuntime) -> str:
    held = runtime.revision(str(row.to_revision_id)).digest
    return "" if held == row.to_revision.digest else "What is loaded is not what was approved."


def _answers(row: RollbackDrill, runtime: ServingRuntime) -> str:
    """Its golden answer, straight from its own process. One that was warmed before answers were kept gives it now."""
    target = row.to_revision
    if target.golden is None:
        rollouts.keep_golden(target, probing.golden(target, runtime), actor=actors.system(f"drill {row.pk}"))
    body, expected = probing.question(target)
    return policy.wrong(expected, runtime.ask(str(target.pk), body, keys.own(row.endpoint)))


def _table(row: RollbackDrill, runtime: ServingRuntime) -> str:
    """The table in force, sent once more: the whole way of a switch, and it changes nothing."""
    table = endpoints.current_table(row.endpoint)
    found = runtime.routes(row.endpoint.environment.name, row.endpoint.name)
    if table is None or (found.generation, found.stable) != (table.generation, str(table.stable_id)):
        return "The router holds another traffic table than the newest. It is being put right."
    runtime.set_routes(table_spec(table))
    return ""
