"""Having the whole tree computed anew and compared with every signed checkpoint."""

from django.db import transaction

from portal.audit import recorder
from portal.auditors import policy
from portal.auditors.models import Verification
from portal.auditors.services.reading import LOG
from portal.core import actors, clock, jobs
from portal.core.actors import Actor
from portal.core.models import Job, JobState

KIND = "audit.verify"
EVERY_SECONDS = 900


@transaction.atomic
def ask(*, actor: Actor) -> Job:
    """Start a verification, or give the one that is already under way."""
    policy.require_view(actor)
    running = Job.objects.filter(kind=KIND, state__in=[JobState.QUEUED, JobState.RUNNING]).first()
    return running or _enqueue(actor.label)


def _enqueue(asked_by: str) -> Job:
    return jobs.enqueue(KIND, key=f"{KIND}:{clock.now().isoformat()}", args={"asked_by": asked_by})


@transaction.atomic
def ask_by_schedule() -> None:
    if not Job.objects.filter(kind=KIND, state__in=[JobState.QUEUED, JobState.RUNNING]).exists():
        _enqueue("schedule")


@transaction.atomic
def note(*, size: int, ok: bool, first_bad_index: int | None, reason: str, asked_by: str) -> Verification:
    """Keep the result and record it."""
    row = Verification.objects.create(
        size=size, ok=ok, first_bad_index=first_bad_index, reason=reason[:500], asked_by=asked_by
    )
    recorder.record(
        "audit.verified",
        actor=actors.system(f"asked by {asked_by}"),
        subject=LOG,
        data={"size": size, "ok": ok, "first_bad_index": first_bad_index},
    )
    return row


def current(*, actor: Actor) -> Job | None:
    """The newest verification job, for its progress."""
    policy.require_view(actor)
    return Job.objects.filter(kind=KIND).order_by("-pk").first()
