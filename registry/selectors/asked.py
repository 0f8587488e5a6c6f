"""What lists of work asked of a version on data, evaluations and batch predictions, have in common."""

from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Model, QuerySet

from portal.accounts import access
from portal.core.actors import Actor

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; empty means all."""

    model: str = ""
    data_set: str = ""
    status: str = ""
    version: int | None = None


def narrowed(rows: QuerySet[Row], actor: Actor, wanted: Filter) -> QuerySet[Row]:
    """The rows whose model and data the actor may see, and that the filter wants."""
    teams = access.visible_teams(actor)
    if teams is not None:
        rows = rows.filter(version__model__team_id__in=teams, data__data_set__team_id__in=teams)
    given = {
        "version__model__name": wanted.model,
        "data__data_set__name": wanted.data_set,
        "status": wanted.status,
        "version__number": wanted.version,
    }
    return rows.filter(**{name: value for name, value in given.items() if value})
