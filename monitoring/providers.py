"""What this app answers to those below it: the settings name it, `deployments.adapters.ground_truth` asks it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Max

from deployments.analysis.outcomes import Truth
from deployments.engine.wording import Labels
from monitoring.models import GroundTruth
from monitoring.selectors import truths


class Reported:
    """Ground truth as it was reported here. The mark is the primary key: of one endpoint it rises as reports count."""

    def of(self, endpoint: int, predictions: Collection[UUID]) -> Sequence[Truth]:
        return [truths.truth(row) for row in truths.standing(endpoint, predictions)]

    def since(self, endpoint: int, after: int, limit: int) -> tuple[Sequence[Truth], int]:
        rows = list(GroundTruth.objects.filter(endpoint=endpoint, pk__gt=after).order_by("pk")[:limit])
        return [truths.truth(row) for row in rows], rows[-1].pk if rows else after

    def newest(self, endpoint: int) -> int:
        return int(GroundTruth.objects.filter(endpoint=endpoint).aggregate(top=Max("pk"))["top"] or 0)

    def lately(self, endpoint: int, now: datetime) -> Labels:
        return truths.lately(endpoint, now)


ground_truth = Reported()
