"""Taking ground truth in: a batch for one endpoint, each entry with a verdict of its own."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from deployments.analysis.outcomes import Truth
from deployments.models import Endpoint
from deployments.services import endpoints
from monitoring.models import GroundTruth
from monitoring.policies import outcomes
from monitoring.policies.outcomes import Read
from monitoring.selectors import truths
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.audit import recorder
from portal.core import clock, digests
from portal.core.actors import Actor
from portal.core.errors import BadInput, PortalError
from portal.core.locking import take_turn

MOST = 1000
TURN = 20_260
VERDICTS = ("accepted", "corrected", "repeated", "refused")


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one entry: accepted, corrected (it replaces what was known), repeated (nothing new) or refused."""

    prediction_id: str
    row: int
    verdict: str
    reason: str = ""


@transaction.atomic
def report(*, actor: Actor, environment: str, endpoint: str, outcomes_: Sequence[Any]) -> list[Taken]:
    """Take in up to `MOST` outcomes, in their order. Raises `BadInput` for a batch that is too long or empty."""
    where = endpoints.find(actor=actor, environment=environment, endpoint=endpoint)
    try:
        access.require(actor, Permission.GROUND_TRUTH_REPORT, where.team_id)
    except PortalError as error:
        raise recorder.refusing(error, "ground_truth.reported", actor=actor, subject=endpoints.subject(where)) from None
    if not 1 <= len(outcomes_) <= MOST:
        raise BadInput(f"Send 1 to {MOST:,} outcomes at once.", fields={"outcomes": f"1 to {MOST:,} entries"})
    now = clock.now()
    entries = [outcomes.read(one, now) for one in outcomes_]
    # One batch of an endpoint after the other: keys then become visible in their order, so that whoever reads on from
    # a key misses nothing.
    take_turn(TURN, where.pk)
    taken = _take(where, entries, actor)
    counts = Counter(one.verdict for one in taken)
    recorder.record(
        "ground_truth.reported",
        actor=actor,
        subject=endpoints.subject(where),
        data={**{name: counts[name] for name in VERDICTS}, "digest": _digest(entries)},
    )
    return taken


def _take(endpoint: Endpoint, entries: Sequence[Read], actor: Actor) -> list[Taken]:
    ids = {one.truth.prediction_id for one in entries if one.truth}
    known: dict[tuple[UUID, int], tuple[int, Truth]] = {
        (row.prediction_id, row.row): (row.report, truths.truth(row)) for row in truths.standing(endpoint.pk, ids)
    }
    taken, made = list[Taken](), list[GroundTruth]()
    for one in entries:
        if one.truth is None:
            taken.append(Taken(one.named, one.row, "refused", one.reason))
            continue
        key = one.truth.prediction_id, one.truth.row
        number, before = known.get(key, (0, None))
        if before is not None and outcomes.same(before, one.truth):
            taken.append(Taken(one.named, one.row, "repeated"))
            continue
        known[key] = number + 1, one.truth
        made.append(_row(endpoint, one.truth, number + 1, actor))
        taken.append(Taken(one.named, one.row, "corrected" if number else "accepted"))
    GroundTruth.objects.bulk_create(made)
    return taken


def _row(endpoint: Endpoint, truth: Truth, number: int, actor: Actor) -> GroundTruth:
    return GroundTruth(
        endpoint=endpoint,
        prediction_id=truth.prediction_id,
        row=truth.row,
        report=number,
        label=truth.label.label,
        number=truth.label.number,
        values=dict(truth.values),
        occurred_at=truth.occurred_at,
        reported_by=actor.id,
    )


def _digest(entries: Sequence[Read]) -> str:
    """Over what was taken for ground truth; the log holds nothing of it but this."""
    plain = [
        [str(t.prediction_id), t.row, t.label.label, dict(t.values), t.occurred_at.isoformat()]
        for t in (one.truth for one in entries)
        if t is not None
    ]
    return digests.of_json(plain)
