"""Where open incidents are asked for: a function that settings name, since they are kept above this app."""

from collections.abc import Sequence
from typing import Any, Protocol, cast

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from deployments.gates.facts import Incident
from registry.models import ModelVersion


class IncidentSource(Protocol):
    """Answers from the database only: it is asked under locks. None when it cannot tell, which blocks."""

    def __call__(self, versions: Sequence[ModelVersion]) -> Sequence[Incident] | None:
        """The severe incidents open on these versions of one model, the gravest first."""


def open_severe(versions: Sequence[ModelVersion]) -> tuple[Incident, ...] | None:
    source = cast(IncidentSource, import_string(settings.SIGNALBOX_INCIDENT_SOURCE))
    found = source(versions)
    return None if found is None else tuple(found)


@register()
def source_is_there(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The function that settings name exists, so that no request finds out first."""
    try:
        import_string(settings.SIGNALBOX_INCIDENT_SOURCE)
    except ImportError as error:
        return [Error(f"SIGNALBOX_INCIDENT_SOURCE names nothing: {error}", id="signalbox.E010")]
    return []
