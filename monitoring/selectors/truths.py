"""Ground truth as it stands."""

from collections.abc import Collection
from uuid import UUID

from deployments.analysis.outcomes import Truth, Value
from monitoring.models import GroundTruth


def truth(row: GroundTruth) -> Truth:
    return Truth(row.prediction_id, row.row, Value(row.label, row.number), row.values, row.occurred_at)


def standing(endpoint: int, predictions: Collection[UUID]) -> list[GroundTruth]:
    """The newest report about each row of these predictions."""
    rows = GroundTruth.objects.filter(endpoint=endpoint, prediction_id__in=set(predictions))
    return list(rows.order_by("prediction_id", "row", "-report").distinct("prediction_id", "row"))
