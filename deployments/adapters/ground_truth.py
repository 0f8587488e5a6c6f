"""Where ground truth is asked for: a source that settings name, since it is kept above this app."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Protocol, cast
from uuid import UUID

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from deployments.analysis.outcomes import Truth
from deployments.engine.wording import Labels


class GroundTruth(Protocol):
    """Ground truth of an endpoint, whoever reported it."""

    def of(self, endpoint: int, predictions: Collection[UUID]) -> Sequence[Truth]:
        """What is known of these predictions now, one entry for each row."""

    def since(self, endpoint: int, after: int, limit: int) -> tuple[Sequence[Truth], int]:
        """What was reported or corrected after the mark `after`, in that order, and the mark to go on from."""

    def newest(self, endpoint: int) -> int:
        """The mark behind everything reported so far."""

    def lately(self, endpoint: int, now: datetime) -> Labels:
        """How much comes, over the last day, and how late."""


def source() -> GroundTruth:
    return cast(GroundTruth, import_string(settings.SIGNALBOX_GROUND_TRUTH))


@register()
def source_is_there(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What the settings name exists, so that no test finds out first."""
    try:
        source()
    except ImportError as error:
        return [Error(f"SIGNALBOX_GROUND_TRUTH names nothing: {error}", id="signalbox.E011")]
    return []
