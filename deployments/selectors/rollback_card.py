"""How far the rollback of an endpoint can be trusted, and to which other versions one could go: for page and API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from deployments.engine import ready_made
from deployments.models import Endpoint, RollbackDrill, Rollout, RolloutKind
from deployments.policies import readiness as policy
from deployments.policies.readiness import Drilled, Readiness, ReadinessFacts
from deployments.selectors import rollback_preview
from deployments.selectors.rollback_preview import Ends
from registry.models import ModelVersion


@dataclass(frozen=True, slots=True)
class Good:
    """A version that served here and was not taken back: when, and whether it is the one the button goes to.

    `plan` is the rollout plan a request for it starts from.
    """

    version: ModelVersion
    since: datetime
    until: datetime | None
    times: int
    ready: bool
    plan: str


@dataclass(frozen=True, slots=True)
class Trust:
    """`readiness` is None without a way back; `drill` is the newest one between the revisions that stand."""

    readiness: Readiness | None
    drill: RollbackDrill | None


def trust(ends: Ends, drills: Sequence[RollbackDrill], seconds: float | None, now: datetime) -> Trust:
    """The score of the way back as things stand; `drills` are the newest between the revisions that stand."""
    target, current = ends.target, ends.current
    if target is None or current is None:
        return Trust(None, None)
    promoting = ends.running is not None and ends.running.kind == RolloutKind.PROMOTION
    mine = [] if promoting else drills
    ended = next((one for one in mine if one.ended_at is not None), None)
    facts = ReadinessFacts(
        target=f"v{target.version.number}",
        status=rollback_preview.standing(ends),
        now=now,
        serves=promoting,
        differences=tuple(rollback_preview.differences(current, target)),
        drill=_drilled(ended) if ended else None,
        every=timedelta(hours=ends.endpoint.environment.drill_hours) or policy.UNSCHEDULED,
        golden=bool(target.golden and target.golden.get("steady")),
        seconds=seconds,
    )
    return Trust(policy.of(facts), mine[0] if mine else None)


def _drilled(row: RollbackDrill) -> Drilled:
    assert row.ended_at is not None
    return Drilled(row.ended_at, bool(row.passed), " ".join(row.wrong))


def good_versions(row: Endpoint) -> list[Good]:
    """Versions that completed a rollout here, the newest first; without the champion, what was taken back since, and
    the former champion while one click goes back to it."""
    ended = list(
        Rollout.objects.filter(endpoint=row)
        .exclude(ended_at=None)
        .select_related("to_revision__version__model", "from_revision__version", "request")
        .order_by("ended_at", "pk")
    )
    done = [one for one in ended if one.status == "completed"]
    spans: dict[int, list[tuple[datetime, datetime | None]]] = {}
    versions: dict[int, ModelVersion] = {}
    bad: set[int] = set()
    before: int | None = None
    for one in done:
        at, version = one.ended_at or one.created_at, one.to_revision.version
        if before in spans:
            spans[before][-1] = (spans[before][-1][0], at)
        if one.kind == RolloutKind.ROLLBACK and one.from_revision is not None:
            bad.add(one.from_revision.version_id)
        bad.discard(version.pk)
        versions[version.pk], before = version, version.pk
        spans.setdefault(version.pk, []).append((at, None))
    bad |= _aborted(ended) | _one_click(row)
    found = [
        Good(version, spans[pk][-1][0], spans[pk][-1][1], len(spans[pk]), version.status == "ready", _plan(row))
        for pk, version in versions.items()
        if pk not in bad and pk != before and version.deleted_at is None
    ]
    return sorted(found, key=lambda one: one.since, reverse=True)


def _aborted(ended: Sequence[Rollout]) -> set[int]:
    """Versions whose newest rollout here was taken back, by a guard or by somebody."""
    brought = sorted((one for one in ended if one.kind == RolloutKind.PROMOTION), key=lambda one: one.pk)
    newest = {one.to_revision.version_id: one.request.status if one.request else "" for one in brought}
    return {version for version, status in newest.items() if status in ("rolled_back", "failed")}


def _one_click(row: Endpoint) -> set[int]:
    warm = rollback_preview.standing(Ends(row, row.previous, row.stable, None)) == "ready"
    if row.previous is None or not warm or rollback_preview.refuses(row.stable, row.previous):
        return set()
    return {row.previous.version_id}


def _plan(row: Endpoint) -> str:
    return row.environment.plan or ready_made.AT_ONCE
