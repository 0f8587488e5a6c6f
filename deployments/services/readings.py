"""Where the counters of an endpoint's revisions stood, for the figures of its page. Observations: nothing is logged."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from deployments.models import Endpoint, Reading, Revision
from serving.contract import Measures

KEPT = timedelta(hours=25)
"""A day, and the hour before it that the first of its figures begins from."""


def note(*, endpoint: Endpoint, measured: Iterable[Measures], at: datetime) -> None:
    """Keep one reading a minute of each revision, and drop those that are older than a day. Of two in one minute the
    first stays."""
    minute = at.replace(second=0, microsecond=0)
    if Reading.objects.filter(endpoint=endpoint, minute=minute).exists():
        return
    own = {str(pk): pk for pk in Revision.objects.filter(endpoint=endpoint).values_list("pk", flat=True)}
    rows = [
        Reading(
            endpoint=endpoint,
            revision_id=own[one.revision],
            epoch=str(one.epoch)[:80],
            minute=minute,
            at=at,
            requests=one.requests,
            errors=one.errors,
            latency={str(place): count for place, count in enumerate(one.latency) if count},
        )
        for one in measured
        if one.revision in own
    ]
    Reading.objects.bulk_create(rows, ignore_conflicts=True)
    Reading.objects.filter(endpoint=endpoint, minute__lt=minute - KEPT).delete()
