"""Has a revision shadow what serves, reads what it shows, and ends it. Called while no transaction is open."""

from datetime import timedelta

from deployments.adapters.serving import SHADOWS, ServingRefused, ServingRuntime, ServingUnavailable
from deployments.engine.planner import Shadowing
from deployments.engine.steps import Shadow, Steps
from deployments.models import Rollout, ShadowRun
from deployments.policies import asking
from deployments.services import rollouts
from portal.core import clock
from portal.core.leases import Lease
from serving.contract import Invalid, ShadowReport, ShadowSpec, as_json

NOTE_EVERY = timedelta(seconds=2)


def observe(row: Rollout, steps: Steps, runtime: ServingRuntime, lease: Lease) -> Shadowing:
    """What the runtime and our own record say; nothing is asked of a runtime whose rollout has no shadow."""
    if not any(isinstance(step, Shadow) for step in steps):
        return Shadowing()
    known = ShadowRun.objects.filter(rollout=row).first()
    ended = known is not None and known.ended_at is not None
    if why := runtime.unable.get(SHADOWS):
        return Shadowing(ended=ended, unable=why)
    try:
        found = runtime.shadow(row.endpoint.environment.name, row.endpoint.name)
    except (ServingUnavailable, ServingRefused, Invalid) as error:
        return Shadowing(ended=True) if ended else _unread(row, known, str(error))
    if found is None or found.revision != str(row.to_revision_id):
        version = row.to_revision.version  # as it is tagged now: the request was checked when it was sent
        return Shadowing(ended=ended, unfit=asking.acts_unasked(version.short_name, version.tags, shadows=True))
    if known is not None and not ended and clock.now() - known.read_at >= NOTE_EVERY:
        rollouts.note_shadow(lease, as_json(found))
    return Shadowing(running=True, ended=ended, compared=compared(found))


def _unread(row: Rollout, known: ShadowRun | None, reason: str) -> Shadowing:
    """What our record says, and for how long the runtime has not; since the step began where it never has.

    Once a table was taken no shadow holds anything up: the runtime takes none that names one.
    """
    now, running = clock.now(), known is not None and row.generation is None
    since = max(filter(None, (known.read_at if known else None, row.step_began_at)), default=now)
    return Shadowing(running=running, unread=max(0.001, (now - since).total_seconds()), reason=reason)


def compared(report: ShadowReport) -> int:
    """Predictions with two answers."""
    return report.copied - report.failed


def begin(row: Rollout, step: Shadow, at: int, runtime: ServingRuntime, lease: Lease) -> None:
    """Tell the runtime first: what was told and not recorded is told again."""
    runtime.set_shadow(spec_of(row, step))
    rollouts.shadow_began(lease, step=at)


def end(row: Rollout, runtime: ServingRuntime, lease: Lease) -> None:
    """Keep the report first: the runtime forgets it with the shadow."""
    where = row.endpoint.environment.name, row.endpoint.name
    found = runtime.shadow(*where)
    rollouts.shadow_ended(lease, as_json(found) if found else {})
    runtime.remove_shadow(*where)


def spec_of(row: Rollout, step: Shadow) -> ShadowSpec:
    return ShadowSpec(
        environment=row.endpoint.environment.name,
        endpoint=row.endpoint.name,
        revision=str(row.to_revision_id),
        share=step.share,
        per_second=step.per_second,
        threshold=step.threshold,
        segments=step.segments,
    )
