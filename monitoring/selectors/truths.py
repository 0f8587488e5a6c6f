"""Ground truth as it stands."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from statistics import median
from uuid import UUID

from deployments.analysis.outcomes import Truth, Value
from deployments.engine.wording import Labels
from monitoring.models import GroundTruth


def truth(row: GroundTruth) -> Truth:
    return Truth(row.prediction_id, row.row, Value(row.label, row.number), row.values, row.occurred_at)


def standing(endpoint: int, predictions: Collection[UUID]) -> list[GroundTruth]:
    """The newest report about each row of these predictions."""
    rows = GroundTruth.objects.filter(endpoint=endpoint, prediction_id__in=set(predictions))
    return list(rows.order_by("prediction_id", "row", "-report").distinct("prediction_id", "row"))


DAY = timedelta(days=1)
SAMPLE = 2000
"""The newest reports that are looked at; where the last day had more, they tell how fast."""


def lately(endpoint: int, now: datetime) -> Labels:
    """How many rows of ground truth came a second over the last day, and how late after their prediction half of them.

    Only first reports count, no corrections; when a prediction was made is read off its id (UUIDv7), where it has one.
    """
    rows = GroundTruth.objects.filter(endpoint=endpoint, report=1).order_by("-pk")
    found = rows.values_list("prediction_id", "reported_at")[:SAMPLE]
    came = [(one, at) for one, at in found if now - DAY <= at <= now]
    if not came:
        return Labels(0.0)
    over = (now - came[-1][1]) if len(came) == SAMPLE else DAY
    late = [max(0.0, (at - _made(one)).total_seconds()) for one, at in came if one.version == 7]
    return Labels(len(came) / max(1.0, over.total_seconds()), median(late) if late else 0.0)


def _made(prediction: UUID) -> datetime:
    """When a UUIDv7 was made."""
    return datetime.fromtimestamp((prediction.int >> 80) / 1000, UTC)
