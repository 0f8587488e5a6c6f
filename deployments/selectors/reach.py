"""What a promotion touches, from records: nothing is guessed, so what nobody measured is None."""

from dataclasses import dataclass

from deployments.models import PromotionRequest, Rollout, RolloutKind


@dataclass(frozen=True, slots=True)
class Reach:
    """The newest rollback of the endpoint that ended well, as a measure of how long the way back takes."""

    rollback: Rollout | None

    @property
    def seconds(self) -> float | None:
        one = self.rollback
        return (one.ended_at - one.created_at).total_seconds() if one and one.ended_at else None


def of(row: PromotionRequest) -> Reach:
    done = Rollout.objects.filter(endpoint_id=row.endpoint_id, kind=RolloutKind.ROLLBACK, status="completed")
    return Reach(done.select_related("to_revision__version").order_by("-id").first())
