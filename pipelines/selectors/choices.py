"""Which versions can be asked about which data, for the forms that ask for it."""

from typing import Any

from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core.actors import Actor
from registry.models import DataSet, DataSetVersion, ModelVersion
from registry.services import aliases

MOST = 200
Named = tuple[str, int]


def named(actor: Actor, query: dict[str, str]) -> tuple[Named, Named] | None:
    """Name and number of the model version and of the data set version in the address; None when one is missing."""
    version, data = _pair(query.get("version", "")), _pair(query.get("data", ""))
    return (version, data) if version and data else None


def _pair(text: str) -> Named | None:
    """`flight-delay:3` as name and number."""
    name, _, number = text.replace("\x00", "").rpartition(":")
    return (name, int(number)) if name and number.isdigit() and len(number) < 9 else None


def offered(actor: Actor, query: dict[str, str]) -> dict[str, Any]:
    """Ready versions and ready data the actor may see, the newest first, with what is chosen already."""
    teams = access.visible_teams(actor)
    versions = ModelVersion.objects.filter(status="ready", deleted_at=None).select_related("model").order_by("-pk")
    data = DataSetVersion.objects.filter(status="ready").select_related("data_set").order_by("-pk")
    if teams is not None:
        versions, data = versions.filter(model__team_id__in=teams), data.filter(data_set__team_id__in=teams)
    return {
        "versions": [(f"{row.model.name}:{row.number}", str(row)) for row in versions.only("number", "model")[:MOST]],
        "data": [(f"{row.data_set.name}:{row.number}", str(row)) for row in data.only("number", "data_set")[:MOST]],
        "chosen": {"version": query.get("version", ""), "data": query.get("data", "")},
    }


def fillable(actor: Actor) -> list[str]:
    """Names of the data sets in which the actor may register versions, at most `MOST`."""
    teams = access.visible_teams(actor, Permission.DATA_REGISTER)
    rows = DataSet.objects.order_by("name")
    if teams is not None:
        rows = rows.filter(team_id__in=teams)
    return list(rows.values_list("name", flat=True)[:MOST])


def of_form(row: ModelVersion, data: DataSetVersion) -> dict[str, Any]:
    """Columns, inputs and versions to compare with, as the form takes them; the champion is chosen first."""
    champion = aliases.at(row.model, "champion")
    others = ModelVersion.objects.filter(model=row.model, status="ready", deleted_at=None).exclude(pk=row.pk)
    chosen = champion if champion is not None and champion.pk != row.pk else None
    baselines = [
        (str(other.number), f"v{other.number}{', champion' if other == champion else ''}")
        for other in others.only("number", "model")[:MOST]
    ]
    return {
        "kinds": {column["name"]: column["kind"] for column in data.columns},
        "inputs": {str(column.get("name")) for column in row.signature.get("inputs") or []},
        "baselines": baselines,
        "initial": {"baseline": str(chosen.number) if chosen else ""},
    }


def baseline(text: str) -> int | None:
    return int(text) if text else None
