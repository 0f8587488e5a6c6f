"""Promotions that were taken back on their way, by a person or a guard: rollbacks without a rollout of their own."""

from collections.abc import Sequence

from django.db.models import Q

from deployments.models import Rollout, RolloutKind
from deployments.models.rollouts import KEPT
from deployments.selectors.moments import Moment

GIVEN_UP = ("aborting", "aborted")
BACK = Q(kind=RolloutKind.ROLLBACK) | (
    Q(kind=RolloutKind.PROMOTION, status__in=GIVEN_UP)
    & Q(request__status__in=("rolled_back", "failed"), generation__isnull=False)
    & ~KEPT
)
"""Every rollout that led traffic back. One that was superseded, or that never took any, is none, nor is an A/B test
that found the new version no better."""


def taken_back(row: Rollout) -> bool:
    """Whether this promotion is one of `BACK`, which freezes automatic promotions."""
    return _given_up(row, "rolled_back", "failed") and row.generation is not None


def unmoved(row: Rollout) -> bool:
    """Whether a person ended this promotion before it had moved any traffic, in its shadow for one."""
    return _given_up(row, "rolled_back") and row.generation is None


def _given_up(row: Rollout, *statuses: str) -> bool:
    over = row.kind == RolloutKind.PROMOTION and row.status in GIVEN_UP and not row.kept
    return over and row.request is not None and row.request.status in statuses


def ending(moments: Sequence[Moment]) -> Moment | None:
    """The moment in which a rollout was given up."""
    return next((one for one in reversed(moments) if one.what.startswith(("Aborted", "Cancelled", "Decided"))), None)


def words(row: Rollout, end: Moment | None) -> str:
    """What happened, whoever did it."""
    was, home = f"v{row.to_revision.version.number}", row.from_revision
    back = f" to v{home.version.number}" if home else ""
    if row.status == "aborting":
        return f"Rolling back {was}{back}, during its rollout"
    if end is not None and not end.who:
        return f"{was} taken back{back} {'by a guard' if end.guards else 'by itself'}"
    return f"Rolled back {was}{back}, during its rollout"


def words_unmoved(row: Rollout) -> str:
    """What happened to one that is `unmoved`."""
    what = "Shadow and rollout" if hasattr(row, "shadow_run") else "Rollout"
    return f"{what} of v{row.to_revision.version.number} ended before any traffic moved"
