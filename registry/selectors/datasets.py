"""Data sets as pages and the API show them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Prefetch, Q, QuerySet

from portal.accounts import access
from portal.core.actors import Actor
from registry.datasets.checks import Check, parsed
from registry.models import DataCheckRun, DataSet, DataSetChecks, DataSetVersion, DataUse, ModelVersion, Run

HEAVY = ("sketches", "profile", "files")
"""Columns of a version that lists do not need."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; empty means all."""

    text: str = ""
    team: str = ""


def listing(actor: Actor, wanted: Filter) -> QuerySet[DataSet]:
    """The data sets the actor may see, with `newest`, the number of the newest ready version."""
    rows = DataSet.objects.select_related("team", "owner")
    teams = access.visible_teams(actor)
    if teams is not None:
        rows = rows.filter(team_id__in=teams)
    if wanted.text:
        rows = rows.filter(Q(name__icontains=wanted.text) | Q(description__icontains=wanted.text))
    if wanted.team:
        rows = rows.filter(team__slug=wanted.team)
    return rows.annotate(newest=Max("versions__number", filter=Q(versions__status="ready")))


def versions_of(row: DataSet) -> QuerySet[DataSetVersion]:
    """Its versions with the answers to their checks, the newest list first; without the columns in `HEAVY`."""
    runs = Prefetch("check_runs", DataCheckRun.objects.select_related("checks").defer("results"))
    return row.versions.select_related("data_set").defer(*HEAVY).prefetch_related(runs)


def kept_until(row: DataSetVersion) -> datetime | None:
    """When what its data set says about keeping data ends for this version; None without an end."""
    days = row.data_set.retention_days
    return row.registered_at + timedelta(days=days) if days else None


def checks_of(row: DataSetChecks | None) -> list[Check]:
    """The checks of a list, in words and rules; none without a list."""
    return parsed(row.checks) if row else []


def changed_columns(row: DataSetVersion) -> dict[str, list[str]]:
    """Against the ready version before it: columns that were added, removed, or hold another type now."""
    before = row.data_set.versions.filter(number__lt=row.number, status="ready").first()
    if before is None or row.status != "ready":
        return {"added": [], "removed": [], "retyped": []}
    old = {column["name"]: column["type"] for column in before.columns}
    new = {column["name"]: column["type"] for column in row.columns}
    return {
        "added": [name for name in new if name not in old],
        "removed": [name for name in old if name not in new],
        "retyped": [name for name in new if name in old and new[name] != old[name]],
    }


def uses_of(actor: Actor, row: DataSetVersion, most: int = 200) -> list[DataUse]:
    """The newest runs the actor may see that read this version, each with the model versions it made."""
    made = Prefetch("run__versions", ModelVersion.objects.filter(deleted_at=None).select_related("model"))
    uses = row.uses.select_related("run__experiment").prefetch_related(made).order_by("-run_id", "context")
    teams = access.visible_teams(actor)
    return list((uses if teams is None else uses.filter(run__experiment__team_id__in=teams))[:most])


def inputs_of(run: Run | None) -> list[tuple[dict[str, Any], DataSetVersion | None]]:
    """What the run named as inputs, each with the version of ours it means, if any."""
    if run is None:
        return []
    ours = {use.version.data_set.name: use.version for use in run.data_uses.select_related("version__data_set")}
    return [(item, ours.get(item.get("name", ""))) for item in run.datasets]
