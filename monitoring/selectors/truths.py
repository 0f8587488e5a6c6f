"""Ground truth as it stands."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from statistics import median
from uuid import UUID

from django.db.models import Count, Min, Q

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
"""The newest reports that tell how late they come."""
MOST = 200_000
"""The newest reports that are counted; where the last day had more, these tell how fast."""


def lately(endpoint: int, now: datetime) -> Labels:
    """How many rows of ground truth came a second over the last day, and how late after their prediction half of them.

    Only first reports count, no corrections; when a prediction was made is read off its id (UUIDv7), where it has one.
    """
    rows, since = GroundTruth.objects.filter(endpoint=endpoint, report=1).order_by("-pk"), now - DAY
    found = rows[:MOST].aggregate(
        all=Count("pk"), came=Count("pk", filter=Q(reported_at__gte=since)), oldest=Min("reported_at")
    )
    if not found["came"]:
        return Labels(0.0)
    over = min(DAY, now - found["oldest"]) if found["all"] == MOST else DAY
    newest = rows.values_list("prediction_id", "reported_at")[:SAMPLE]
    late = [max(0.0, (at - _made(one)).total_seconds()) for one, at in newest if at >= since and one.version == 7]
    return Labels(found["came"] / max(1.0, over.total_seconds()), median(late) if late else 0.0)


def _made(prediction: UUID) -> datetime:
    """When a UUIDv7 was made."""
    return datetime.fromtimestamp((prediction.int >> 80) / 1000, UTC)
