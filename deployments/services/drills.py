"""Drills of the way back: asked for by people, tokens or the schedule, held by the reconciler, kept for good."""

from dataclasses import asdict, dataclass
from datetime import timedelta

from django.db import transaction

from deployments.models import Endpoint, Environment, RollbackDrill, Rollout
from deployments.policies import drills as policy
from deployments.policies import rollback as rollback_policy
from deployments.services import endpoints, rollouts
from deployments.states import rollout as rollout_states
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import actors, clock, leases, work
from portal.core.actors import Actor
from portal.core.errors import BadInput, PortalError
from portal.core.leases import Lease
from portal.core.locking import lock
from portal.ui import text

SCHEDULE = actors.system("rehearsed on schedule")
MOST_HOURS = 24 * 90
HOURS = f"Give the hours between two drills, 1 to {text.number(MOST_HOURS)}, or 0 for none."


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: whether it is as it should be, in a sentence."""

    code: str
    ok: bool
    words: str


@transaction.atomic
def ask(*, actor: Actor, environment: str, endpoint: str) -> RollbackDrill:
    """Have the way back of an endpoint looked at now. No traffic moves; the result stands in a few seconds."""
    seen = endpoints.find(actor=actor, environment=environment, endpoint=endpoint)
    try:
        rollback_policy.may_roll_back(actor, seen.team_id).require()
    except PortalError as error:
        raise recorder.refusing(error, "drill.asked", actor=actor, subject=endpoints.subject(seen)) from None
    row = lock(Endpoint.objects.filter(pk=seen.pk))
    policy.possible(_facts(row)).require()
    return _create(row, actor=actor)


def _facts(row: Endpoint) -> policy.DrillFacts:
    return policy.DrillFacts(
        has_target=row.previous_id is not None and row.stable_id is not None,
        moving=rollouts.active(row) is not None,
        open=RollbackDrill.objects.filter(endpoint=row, ended_at=None).exists(),
    )


def _create(row: Endpoint, *, actor: Actor) -> RollbackDrill:
    assert row.stable is not None
    assert row.previous is not None
    made = RollbackDrill.objects.create(
        endpoint=row,
        from_revision=row.stable,
        to_revision=row.previous,
        asked_by=actor.id,
        asked_by_label=actor.label,
        next_reconcile_at=clock.now(),
    )
    data = {"drill": made.pk, "to_version": row.previous.version.number}
    recorder.record("drill.asked", actor=actor, subject=endpoints.subject(row), data=data)
    work.ring("deployments.drill", made.pk)
    return made


def ask_due() -> int:
    """Ask for the drills that the environments want by now; how many."""
    rows = Endpoint.objects.filter(environment__drill_hours__gt=0).exclude(previous=None).exclude(stable=None)
    return sum(_ask_if_due(row.pk) for row in rows.select_related("environment") if _due(row))


def _due(row: Endpoint) -> bool:
    """Whether the last drill between these two revisions is older than the environment wants."""
    ends = {"from_revision": row.stable_id, "to_revision": row.previous_id}
    last = RollbackDrill.objects.filter(endpoint=row, **ends).first()
    return last is None or last.created_at + timedelta(hours=row.environment.drill_hours) <= clock.now()


@transaction.atomic
def _ask_if_due(pk: int) -> bool:
    row = lock(Endpoint.objects.filter(pk=pk))
    if not _due(row) or not policy.possible(_facts(row)):
        return False
    _create(row, actor=SCHEDULE)
    return True


@transaction.atomic
def finish(lease: Lease, *, checks: list[Check]) -> RollbackDrill:
    """Keep what a drill showed; nothing of it changes any more.

    It is measured as a rollback is, from when it could begin to its end: waiting for a worker is part of both.
    """
    seen = RollbackDrill.objects.get(pk=lease.pk)
    endpoint = lock(Endpoint.objects.filter(pk=seen.endpoint_id))
    leases.guard(lease)
    row = RollbackDrill.objects.select_related("to_revision__version").get(pk=lease.pk)
    if row.ended_at is not None:
        return row
    row.passed = all(check.ok for check in checks)
    row.checks, row.ended_at = [asdict(check) for check in checks], clock.now()
    row.seconds = round((row.ended_at - (row.next_reconcile_at or row.created_at)).total_seconds(), 3)
    row.save(update_fields=["passed", "checks", "seconds", "ended_at"])
    data = {"drill": row.pk, "to_version": row.to_revision.version.number, "seconds": row.seconds}
    more = {} if row.passed else {"wrong": row.wrong}
    actor = actors.system(f"drill {row.pk}, asked for by {row.asked_by_label}")
    verb = "drill.passed" if row.passed else "drill.failed"
    recorder.record(verb, actor=actor, subject=endpoints.subject(endpoint), data=data | more)
    return row


def moving(row: RollbackDrill) -> bool:
    """Whether a rollout moves the traffic, so that a drill would look at something that changes."""
    return Rollout.objects.filter(endpoint_id=row.endpoint_id, status__in=rollout_states.ACTIVE).exists()


@transaction.atomic
def set_hours(*, actor: Actor, environment: str, hours: int) -> Environment:
    """How often the way back of each endpoint of an environment is rehearsed, 0 for never."""
    access.require(actor, Permission.ENVIRONMENTS_MANAGE)
    if not 0 <= hours <= MOST_HOURS:
        raise BadInput(HOURS, fields={"drill_hours": HOURS})
    row = lock(Environment.objects.filter(pk=endpoints.find_environment(environment).pk))
    before, row.drill_hours = row.drill_hours, hours
    row.save(update_fields=["drill_hours"])
    subject = Subject.of("environment", row.pk, row.name)
    data, was = {"hours": hours}, {"drill_hours": before}
    recorder.record("environment.drills_set", actor=actor, subject=subject, data=data, before=was)
    return row
