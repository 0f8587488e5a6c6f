"""What lists of work asked of a version on data, evaluations and batch predictions, have in common."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Model, QuerySet

from portal.accounts import access
from portal.core import queries
from portal.core.actors import Actor
from portal.core.errors import BadInput
from portal.core.queries import Read

Row = TypeVar("Row", bound=Model)
LONGEST = 250


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; empty means all."""

    model: str = ""
    data_set: str = ""
    status: str = ""
    version: int | None = None


def filter_of(query: Mapping[str, str], statuses: Iterable[str]) -> Filter:
    """What an address asks for. Raises `BadInput` for a version that is no number of at most eight digits, and for a
    status that is none of these."""
    number, status = _version(query, "version"), queries.one_of(query.get("status", ""), "status", statuses)
    model, data_set = (query.get(name, "").replace("\x00", "")[:LONGEST] for name in ("model", "data_set"))
    return Filter(model, data_set, status, number)


def _version(query: Mapping[str, str], name: str) -> int | None:
    number = query.get(name, "")
    if number and not (number.isdecimal() and len(number) < 9):
        raise BadInput(f"{name} must be a number.", fields={name: "This must be a number."}, status=400)
    return int(number) if number else None


def reads(statuses: Iterable[str]) -> dict[str, Read]:
    """What an address can narrow a list by, and how each is read."""
    return {
        "model": queries.text,
        "data_set": queries.text,
        "version": _version,
        "status": queries.choice(statuses),
    }


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
