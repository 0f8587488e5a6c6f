"""The versions of an endpoint's page: those that are there now, and what the last rollout was led away from."""

from datetime import datetime
from typing import Any

from deployments.models import Endpoint, Rollout
from deployments.selectors.endpoints import LEFT, Arm, Live
from deployments.selectors.measured import Lately, Measured


def by_version(found: Live, known: Measured) -> list[tuple[Arm, Lately | None]]:
    """The arms with what they answered lately; what was left stands with them while there are figures of it."""
    arms = [*found.arms, *(arm for arm in left(found) if arm.revision.pk in known.of)]
    return [(arm, known.of.get(arm.revision.pk)) for arm in arms]


def identities(found: Live) -> list[tuple[Any, str, str]]:
    """The revisions of the page's figures, with their labels and marks."""
    return [(arm.revision.pk, f"v{arm.revision.version.number}", arm.identity) for arm in [*found.arms, *left(found)]]


def left(found: Live) -> list[Arm]:
    """What the last rollout was led away from, where it is none of the arms."""
    there = {arm.revision.pk for arm in found.arms}
    return [Arm(found.left, LEFT, 0)] if found.left and found.left.pk not in there else []


def served_since(endpoint: Endpoint) -> datetime | None:
    """When the present champion began to serve here."""
    if endpoint.stable_id is None:
        return None
    done = Rollout.objects.filter(endpoint=endpoint, to_revision=endpoint.stable_id, status="completed").first()
    return done.ended_at if done else None
