"""Carries out rollouts: observe, ask the planner, act through the adapter, record. May be killed at any instruction."""

from datetime import datetime, timedelta

from deployments.adapters import serving
from deployments.adapters.serving import ServingRefused, ServingRuntime, ServingUnavailable
from deployments.engine import plans
from deployments.engine.planner import GRACE, Command, Routes, Snapshot, decide, while_away
from deployments.engine.steps import Shadow
from deployments.models import Revision, Rollout, RolloutKind, RouteTable
from deployments.reconcilers import artifacts, callers, measuring, probing, shadowing, testing
from deployments.reconcilers.measuring import Stage
from deployments.selectors import steering
from deployments.services import rollouts
from portal.core import clock, crash, leases
from portal.core.crash import crash_point
from portal.core.leases import Lease
from registry.artifacts import store
from serving.contract import Limits, RevisionSpec, RouteSpec

crash.register(
    "rollout.begun",
    "rollout.load_sent",
    "rollout.load_recorded",
    "rollout.warm_recorded",
    "rollout.generation_taken",
    "rollout.probed",
    "rollout.probe_recorded",
    "rollout.routes_sent",
    "rollout.routes_removed",
    "rollout.shadow_begun",
    "rollout.shadow_ended",
    "rollout.test_begun",
    "rollout.test_ended",
    "rollout.stepped",
    "rollout.paused",
    "rollout.completed",
    "rollout.failed",
)

PASSES = 60
"""Commands carried out under one lease before another worker may take over."""


def spec_of(revision: Revision) -> RevisionSpec:
    """What the runtime is told to load for a revision."""
    endpoint = revision.endpoint
    return RevisionSpec(
        id=str(revision.pk),
        environment=endpoint.environment.name,
        endpoint=endpoint.name,
        model=revision.version.model.name,
        version=revision.version.number,
        revision=revision.number,
        source=str(store.path_of(revision.digest)),
        digest=revision.digest,
        signature=revision.version.signature,
        limits=Limits(**revision.limits),
    )


def table_spec(table: RouteTable) -> RouteSpec:
    """What the runtime is told of a table; the same for one generation, whenever it is sent.

    Units are drawn by the salt of the rollout the table is of, so that the next one draws others.
    """
    endpoint = table.endpoint
    return RouteSpec(
        environment=endpoint.environment.name,
        endpoint=endpoint.name,
        generation=table.generation,
        stable=str(table.stable_id),
        canary=str(table.canary_id) if table.canary_id else None,
        cut=table.canary_weight,
        salt=(table.rollout.salt if table.rollout else "") or endpoint.salt,
    )


def observe(row: Rollout, runtime: ServingRuntime, lease: Lease) -> Snapshot:
    """The rollout's row and the runtime's own words; no transaction is open."""
    target = runtime.revision(str(row.to_revision_id))
    found = runtime.routes(row.endpoint.environment.name, row.endpoint.name)
    coming = found.generation == 0 and bool(found.drift)
    routes = Routes(found.generation, found.stable, found.canary, found.cut, coming)
    taken = RouteTable.objects.filter(endpoint=row.endpoint, generation=row.generation or -1).first()
    former = runtime.revision(str(row.from_revision_id)).state if row.from_revision_id and routes.missing else "absent"
    steps, now = plans.of_pinned(row.plan), clock.now()
    held = steering.held(row, row.step, now) if row.status in ("progressing", "paused") else ""
    stage = measuring.stage_at(steps, row.step - 1 if held else row.step)
    ours = _ours(row, stage, routes)
    return Snapshot(
        status=row.status,
        target=str(row.to_revision_id),
        target_recorded=row.to_revision.status,
        former=str(row.from_revision_id) if row.from_revision_id else None,
        loaded=target.state,  # type: ignore[arg-type]
        failure=target.reason,
        digest_matches=target.state == "absent" or not target.digest or target.digest == row.to_revision.digest,
        routes=routes,
        generation=row.generation,
        generation_target=str(taken.stable_id) if taken else None,
        generation_canary=str(taken.canary_id) if taken and taken.canary_id else None,
        generation_cut=taken.canary_weight if taken else 0,
        deadline_passed=rollouts.deadline_passed(row),
        plan=steps,
        step=row.step,
        at_step=(now - row.step_began_at).total_seconds() if row.step_began_at else 0.0,
        held=held,
        held_for=steering.held_for(row, now) if held else 0.0,
        watch=measuring.watch(row, stage, runtime, lease) if stage and ours else measuring.NOTHING,
        shadow=shadowing.observe(row, steps, runtime, lease),
        test=testing.observe(row, steps, runtime, lease, row.generation if ours else None),
        probed=probing.known(row, now),
        pause_code=row.pause_code,
        paused_for=(now - row.paused_at).total_seconds() if row.status == "paused" and row.paused_at else 0.0,
        crashes=target.crashes,
        ended=target.ended,
        former_loaded=former,  # type: ignore[arg-type]
        away_for=(now - row.away_since).total_seconds() if row.away_since else 0.0,
    )


def _ours(row: Rollout, stage: Stage | None, routes: Routes) -> bool:
    """Whether the weight of this stage is seen in force by the rollout's own table: nothing is judged before."""
    if stage is None or row.status not in ("progressing", "paused"):
        return False
    ours = (row.generation, str(row.from_revision_id), str(row.to_revision_id), stage.weight)
    return (routes.generation, routes.stable, routes.canary, routes.cut) == ours


def reconcile(lease: Lease) -> datetime | None:
    """Bring one rollout forward; when to look again, or None once it has ended."""
    runtime = serving.runtime(rollouts.load(lease.pk).endpoint.environment.name)
    for _ in range(PASSES):
        row = rollouts.load(lease.pk)
        try:
            seen = observe(row, runtime, lease)
        except (ServingUnavailable, ServingRefused) as error:
            return _while_away(row, lease, _words(error))
        if row.status != "aborting" and seen.lost != bool(row.away_since):
            (rollouts.note_lost if seen.lost else rollouts.note_back)(lease)
        if row.held_since and not seen.held and row.status == "progressing":
            rollouts.note_released(lease)
            continue
        try:
            command = decide(seen)
            wait = _carry_out(command, row, lease, runtime)
        except (ServingUnavailable, ServingRefused) as error:
            return _note_and_wait(row, lease, _words(error))
        if command.do == "done":
            return None
        if wait:
            return clock.now() + timedelta(seconds=wait)
        leases.renew(lease)
    return clock.now()


def _words(error: ServingUnavailable | ServingRefused) -> str:
    return error.message if isinstance(error, ServingUnavailable) else f"The serving agent refused: {error}"


def _while_away(row: Rollout, lease: Lease, why: str) -> datetime:
    """The runtime cannot be asked: nothing but our own rows is touched."""
    away, rollback = rollouts.note_away(lease, why), row.kind == RolloutKind.ROLLBACK
    command = while_away(row.status, rollback=rollback, step=row.step, seconds=away, why=why)
    if command.do == "pause":
        _conclude(command, lease)
    elif row.status in ("pending", "aborting") and away > GRACE:
        (rollouts.cannot_begin if row.status == "pending" else rollouts.tell_stuck)(lease, why)
    return clock.now() + timedelta(seconds=command.wait)


def _note_and_wait(row: Rollout, lease: Lease, note: str) -> datetime:
    """What was decided did not come through; on the way back that counts as if nothing could be asked."""
    if row.status == "aborting":
        return _while_away(row, lease, note)
    rollouts.note(lease, note, over=False)
    if rollouts.deadline_passed(row) and row.status == "progressing":
        return clock.now() + timedelta(seconds=5)
    return clock.now() + timedelta(seconds=1)


def _carry_out(command: Command, row: Rollout, lease: Lease, runtime: ServingRuntime) -> float:
    """One command; the seconds to wait before the next look."""
    match command.do:
        case "begin":
            rollouts.begin(lease)
            crash_point("rollout.begun")
        case "load" | "note_loading":
            return _load(command, row, lease, runtime)
        case "note_warm":
            rollouts.note_warm(lease, probing.golden(row.to_revision, runtime))
            crash_point("rollout.warm_recorded")
        case "take_generation" | "take_back_generation":
            _take(command, lease)
        case "route" | "route_back":
            _send(row, runtime)
            crash_point("rollout.routes_sent")
        case "shadow" | "end_shadow" | "test" | "end_test":
            (_shadow if "shadow" in command.do else _test)(command, row, lease, runtime)
        case "probe" | "unroute":
            return (_probe if command.do == "probe" else _unroute)(command, row, lease, runtime)
        case _:
            return _conclude(command, lease)
    return 0.0


def _probe(command: Command, row: Rollout, lease: Lease, runtime: ServingRuntime) -> float:
    """Ask who answers; what was right is not asked again, what was wrong is in a second."""
    found = probing.look(row, runtime)
    crash_point("rollout.probed")
    rollouts.note_probe(lease, found)
    crash_point("rollout.probe_recorded")
    return max(command.wait, 1.0) if found.why else 0.0


def _shadow(command: Command, row: Rollout, lease: Lease, runtime: ServingRuntime) -> None:
    if command.do == "end_shadow":
        shadowing.end(row, runtime, lease)
        crash_point("rollout.shadow_ended")
        return
    step = plans.of_pinned(row.plan)[command.step]
    if isinstance(step, Shadow):
        shadowing.begin(row, step, command.step, runtime, lease)
        crash_point("rollout.shadow_begun")


def _test(command: Command, row: Rollout, lease: Lease, runtime: ServingRuntime) -> None:
    if command.do == "end_test":
        testing.end(row, lease)
        crash_point("rollout.test_ended")
        return
    testing.begin(row, command.step, runtime, lease)
    crash_point("rollout.test_begun")


def _take(command: Command, lease: Lease) -> None:
    """Number the table that the command wants, before it is sent."""
    if command.do == "take_back_generation" or command.aim is None:
        rollouts.take_back_generation(lease, at_least=command.at_least)
    else:
        rollouts.take_generation(lease, aim=command.aim, step=command.step, at_least=command.at_least)
    crash_point("rollout.generation_taken")


def _load(command: Command, row: Rollout, lease: Lease, runtime: ServingRuntime) -> float:
    """Tell the runtime to load the revision, if its files are still what was approved and signed.

    The keys come first: where the revision itself checks them, it has them when it is asked for the first time.
    """
    if command.do == "note_loading":
        rollouts.note_loading(lease)
        return 0.0
    if why := artifacts.refused(row.to_revision, lease):
        return _conclude(Command("fail", why=why), lease)
    callers.keep_keys(row.endpoint, runtime)
    runtime.ensure_revision(spec_of(row.to_revision))
    crash_point("rollout.load_sent")
    rollouts.note_loading(lease)
    crash_point("rollout.load_recorded")
    return 0.0


def _conclude(command: Command, lease: Lease) -> float:
    """The step, or the rollout, is over; nothing but our own rows is touched."""
    match command.do:
        case "next":
            rollouts.next_step(lease, step=command.step)
            crash_point("rollout.stepped")
        case "pause":
            rollouts.pause_for(lease, code=command.code, why=command.why, step=command.step)
            crash_point("rollout.paused")
        case "complete":
            rollouts.complete(lease)
            crash_point("rollout.completed")
        case "fail":
            failed = measuring.failing(lease.pk) if command.code == "guard" else None
            rollouts.fail(lease, why=command.why, data=failed)
            crash_point("rollout.failed")
        case "settle":
            rollouts.settle(lease, unsure=command.why)
        case "go_on":
            rollouts.go_on(lease)
        case "wait":
            _say(command, lease)
    return command.wait


def _say(command: Command, lease: Lease) -> None:
    """What keeps it waiting; what no longer does is not said any more."""
    if command.code == "held":
        rollouts.note_held(lease, command.why)
    elif command.code == "lost":
        rollouts.tell_lost(lease, command.why)
    else:
        rollouts.note(lease, command.why if command.code == "loading" else "")


def _unroute(command: Command, row: Rollout, _: Lease, runtime: ServingRuntime) -> float:
    """Take the endpoint out of service; a runtime that is slow to do so is looked at again in a second."""
    where = row.endpoint.environment.name, row.endpoint.name
    runtime.remove_routes(*where, command.at_least)
    crash_point("rollout.routes_removed")
    return 1.0 if runtime.routes(*where).generation else 0.0


def _send(row: Rollout, runtime: ServingRuntime) -> None:
    table = RouteTable.objects.select_related("endpoint__environment", "stable", "canary", "rollout").get(
        endpoint=row.endpoint, generation=row.generation or -1
    )
    runtime.set_routes(table_spec(table))
