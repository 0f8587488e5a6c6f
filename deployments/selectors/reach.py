"""What a promotion touches, from records: nothing is guessed, so what nobody measured is None."""

from dataclasses import dataclass
from datetime import datetime

from deployments.models import PromotionRequest, RollbackDrill, Rollout, RolloutKind
from deployments.selectors import plan_page
from deployments.states.promotion import OPEN


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The way back as it was gone last: `how` is rollback or drill, `version` where to; a drill can have failed."""

    how: str
    version: int
    seconds: float | None
    at: datetime
    passed: bool = True


@dataclass(frozen=True, slots=True)
class Reach:
    """`rate` is the requests a second that the endpoint was last seen to get; `rehearsed` the newest rollback that
    ended well, or a drill if that came later. `over` says why there is nothing to undo, "" where there is or may be."""

    rate: float | None
    rehearsed: Rehearsed | None
    over: str = ""


def of(row: PromotionRequest) -> Reach:
    found = [one for one in (_rollback(row), _drill(row)) if one is not None]
    return Reach(plan_page.rate(row.endpoint), max(found, key=lambda one: one.at, default=None), _over(row))


def _over(row: PromotionRequest) -> str:
    stable = row.endpoint.stable
    serves = row.status == "promoted" and stable is not None and stable.version_id == row.version_id
    if serves or row.status in (*OPEN, "rolling_out"):
        return ""
    return f"nothing: v{stable.version.number} serves here" if stable else "nothing: no version serves here"


def _rollback(row: PromotionRequest) -> Rehearsed | None:
    rows = Rollout.objects.filter(endpoint_id=row.endpoint_id, kind=RolloutKind.ROLLBACK, status="completed")
    done = rows.exclude(ended_at=None).select_related("to_revision__version").order_by("-id").first()
    if done is None or done.ended_at is None:
        return None
    seconds = (done.ended_at - done.created_at).total_seconds()
    return Rehearsed("rollback", done.to_revision.version.number, seconds, done.ended_at)


def _drill(row: PromotionRequest) -> Rehearsed | None:
    rows = RollbackDrill.objects.filter(endpoint_id=row.endpoint_id).exclude(ended_at=None)
    done = rows.select_related("to_revision__version").order_by("-pk").first()
    if done is None or done.ended_at is None:
        return None
    return Rehearsed("drill", done.to_revision.version.number, done.seconds, done.ended_at, bool(done.passed))
