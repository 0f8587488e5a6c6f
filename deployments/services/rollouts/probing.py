"""What the reconciler records of probes: who was seen to answer, and what a revision answers to its example."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from deployments.models import Revision, Rollout, RouteTable
from deployments.services.rollouts import common, steering
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import clock, digests
from portal.core.actors import Actor
from portal.core.leases import Lease


@dataclass(frozen=True, slots=True)
class Look:
    """One probe: the generation it was asked under, what is wrong ("" for nothing), how many milliseconds it took, and
    whether an answer was compared."""

    generation: int
    why: str
    ms: float = 0.0
    compared: bool = False


@transaction.atomic
def note_probe(lease: Lease, found: Look) -> Rollout:
    """Keep what a probe showed. The log hears of the first wrong one, of another reason, and of the right one."""
    row, now = common.locked(lease.pk, lease), clock.now()
    last = row.probe if row.probe and row.probe["generation"] == found.generation else {}
    row.probe = {
        "generation": found.generation,
        "right": not found.why,
        "why": found.why,
        "since": (last.get("since") or now.isoformat()) if found.why else None,
        "tries": last.get("tries", 0) + 1,
        "ms": found.ms,
        "compared": found.compared,
        "accepted": last.get("accepted", False),
        "at": now.isoformat(),
    }
    row.note = found.why[:500] if row.status == "progressing" else row.note
    row.save(update_fields=["probe", "note"])
    if found.why != last.get("why", None):
        _record(row, found)
    return row


def _record(row: Rollout, found: Look) -> None:
    """Which version was seen to serve, or not: on the way back it is the champion, not what the rollout brought in."""
    table = RouteTable.objects.select_related("stable__version").get(
        endpoint_id=row.endpoint_id, generation=found.generation
    )
    number = table.stable.version.number
    recorder.record(
        "rollout.unproven" if found.why else "rollout.proven",
        actor=common.system(row),
        subject=Subject.of("rollout", row.pk, f"v{number} on {row.endpoint}"),
        data={
            "generation": found.generation,
            "tries": row.probe["tries"] if row.probe else 1,
            "compared": found.compared,
            "version": number,
            "digest": table.stable.digest,
        }
        | ({"why": found.why} if found.why else {}),
    )


@transaction.atomic
def go_on(lease: Lease) -> Rollout:
    """Who answers is right by now: nobody has to decide any more."""
    row = common.locked(lease.pk, lease)
    if row.status == "paused" and row.pause_code == "unproven" and row.probe and row.probe["right"]:
        steering.resumed(row, actor=common.system(row), step=row.step, began=clock.now(), reason="")
    return row


def note_golden(revision: Revision, golden: dict[str, Any] | None, *, actor: Actor) -> None:
    """Keep what a revision answers to its example, in the caller's transaction; its answer stays out of the log."""
    if golden is None:
        return
    Revision.objects.filter(pk=revision.pk).update(golden=golden)
    data = {"request": golden["request"], "steady": golden["steady"]}
    answer = {"answer": digests.of_json(golden["answer"])} if golden["steady"] else {}
    subject = Subject.of("revision", revision.pk, str(revision))
    recorder.record("revision.answered", actor=actor, subject=subject, data=data | answer)


@transaction.atomic
def keep_golden(revision: Revision, golden: dict[str, Any] | None, *, actor: Actor) -> None:
    """Keep the answer of a revision that was warmed before answers were kept; `revision` has it then."""
    note_golden(revision, golden, actor=actor)
    revision.golden = golden
