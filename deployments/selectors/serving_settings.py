"""How an endpoint serves, for its pages and the API: what is set, what runs under which limits, earlier versions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from deployments.models import Endpoint, Revision, ServingSettings
from deployments.policies import serving_limits


@dataclass(frozen=True, slots=True)
class Running:
    """A revision with the limits it was approved with, and how many of its processes can answer, where that is said."""

    revision: Revision
    words: dict[str, str]
    processes: int | None
    twice: bool = False

    @property
    def name(self) -> str:
        """Its version, with its own number where another revision of that version is loaded too."""
        version = f"v{self.revision.version.number}"
        return f"{version}, revision {self.revision.number}" if self.twice else version

    @property
    def bounds(self) -> str:
        return self.words["Processes"]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the settings in words."""

    row: ServingSettings
    words: dict[str, str]


def held(endpoint: Endpoint) -> ServingSettings:
    """What is set now; an unsaved row with what holds unless said while nobody has set anything."""
    return endpoint.serving or ServingSettings(endpoint=endpoint, number=0)


def running(endpoint: Endpoint, revisions: Sequence[Revision]) -> list[Running]:
    counts: dict[str, int] = endpoint.observed.get("processes", {})
    versions = Counter(one.version_id for one in revisions)
    return [
        Running(one, serving_limits.in_words(one.limits), counts.get(str(one.pk)), versions[one.version_id] > 1)
        for one in revisions
    ]


def coming(endpoint: Endpoint) -> list[dict[str, Any]]:
    """What the next promotion changes of the champion's limits; nothing without a champion."""
    if endpoint.stable is None:
        return []
    return serving_limits.changes(endpoint.stable.limits, held(endpoint).limits)


def versions(endpoint: Endpoint) -> QuerySet[ServingSettings]:
    """All there have been, newest first."""
    return ServingSettings.objects.filter(endpoint=endpoint).order_by("-number")


def in_words(rows: Sequence[ServingSettings]) -> list[Version]:
    return [Version(one, serving_limits.in_words(one.limits)) for one in rows]
