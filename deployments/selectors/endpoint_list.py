"""The list of endpoints: filtered and paged by the database, then built row by row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery, TextField, Value, Window
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, RowNumber

from deployments.models import Endpoint, Rollout, RouteTable
from deployments.selectors.endpoints import Live, build, visible
from deployments.states import rollout as rollout_states
from portal.core import clock, queries
from portal.core.actors import Actor

PAGE = 50
MANY = 100
"""More endpoints in trouble than this are not counted on a page."""
STATES = ("moving", "trouble", "empty")
SHOWN = 5
"""As many rollouts stand on the card of an environment."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`state` is one of `STATES`; empty members narrow nothing."""

    environment: str = ""
    model: str = ""
    state: str = ""
    q: str = ""


def filtered(actor: Actor, wanted: Filter) -> QuerySet[Endpoint]:
    """Those that match, by environment and name; raises `BadInput` for a state there is not."""
    queries.one_of(wanted.state, "state", STATES)
    rows = visible(actor).order_by("environment__position", "environment__name", "name", "pk")
    if wanted.environment:
        rows = rows.filter(environment__name=wanted.environment)
    if wanted.model:
        rows = rows.filter(model__name=wanted.model)
    if wanted.q:
        rows = rows.filter(name__icontains=wanted.q)
    if wanted.state == "moving":
        rows = rows.filter(rollouts__status__in=rollout_states.ACTIVE)
    if wanted.state == "empty":
        rows = rows.filter(stable=None)
    return troubled(rows) if wanted.state == "trouble" else rows


def troubled(rows: QuerySet[Endpoint]) -> QuerySet[Endpoint]:
    """Those of which `observed.trouble` has something to say, found by the database."""
    newest = RouteTable.objects.filter(endpoint=OuterRef("pk")).order_by("-generation").values("created_at")[:1]
    moving = Rollout.objects.filter(endpoint=OuterRef("pk"), status__in=rollout_states.ACTIVE)
    rows = rows.annotate(
        away=_seen("error"),
        goes_to=_seen("stable"),
        held=_seen("generation"),
        drift=_seen("drift", "{}"),
        routed_at=Subquery(newest),
        moves=Exists(moving),
    )
    astray = (
        ~Q(goes_to=Cast("stable_id", TextField())) | ~Q(held=Cast("generation", TextField())) | ~Q(drift__in=("", "{}"))
    )
    settled = Q(stable__isnull=False, moves=False, observed_at__gt=F("routed_at"))
    return rows.filter(~Q(away="") | (settled & astray))


def _seen(name: str, missing: str = "") -> Coalesce:
    """A member of the last observation as text."""
    return Coalesce(KT(f"observed__{name}"), Value(missing), output_field=TextField())


def page(actor: Actor, wanted: Filter, offset: int) -> tuple[list[Live], int | None]:
    """One page of the list with each endpoint's live part, and where the next page begins."""
    rows = _with_rollouts(filtered(actor, wanted))
    found = list(rows[offset : offset + PAGE + 1])
    return _built(found[:PAGE]), offset + PAGE if len(found) > PAGE else None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many endpoints there are: all, those without a version, and those with a rollout under way."""

    all: int = 0
    empty: int = 0
    moving: int = 0


def counts(actor: Actor, environment: str = "") -> dict[int, Counts]:
    """The endpoints of each environment, or of one, that the actor may see, counted by the database."""
    moves = Exists(Rollout.objects.filter(endpoint=OuterRef("pk"), status__in=rollout_states.ACTIVE))
    rows = filtered(actor, Filter(environment=environment)).order_by().values("environment")
    found = rows.annotate(
        all=Count("pk"), empty=Count("pk", filter=Q(stable=None)), moving=Count("pk", filter=Q(moves))
    )
    return {one["environment"]: Counts(one["all"], one["empty"], one["moving"]) for one in found}


def in_trouble(actor: Actor, environment: str = "") -> list[Live]:
    """Endpoints where something else serves than is wanted, `MANY` at most of each environment."""
    return _first(filtered(actor, Filter(environment=environment, state="trouble")), MANY)


def rolling_out(actor: Actor, environment: str = "") -> list[Live]:
    """Endpoints with a rollout under way, `SHOWN` at most of each environment."""
    return _first(filtered(actor, Filter(environment=environment, state="moving")), SHOWN)


def _first(rows: QuerySet[Endpoint], most: int) -> list[Live]:
    """The first of each environment, by name."""
    place = Window(RowNumber(), partition_by="environment", order_by=["name", "pk"])
    return _built(list(_with_rollouts(rows.annotate(place=place).filter(place__lte=most))))


def _with_rollouts(rows: QuerySet[Endpoint]) -> QuerySet[Endpoint]:
    moving = Rollout.objects.filter(status__in=rollout_states.ACTIVE).select_related(
        "to_revision__version", "from_revision__version", "request"
    )
    return rows.prefetch_related(Prefetch("rollouts", moving, to_attr="under_way"))


def _built(rows: Sequence[Any]) -> list[Live]:
    """Rows that came `_with_rollouts`."""
    tables, now = _newest_tables(rows), clock.now()
    return [build(row, next(iter(row.under_way), None), tables.get(row.pk), now, whole=False) for row in rows]


def _newest_tables(rows: Sequence[Endpoint]) -> dict[int, RouteTable]:
    newest = (
        RouteTable.objects.filter(endpoint__in=rows)
        .order_by("endpoint_id", "-generation")
        .distinct("endpoint_id")
        .select_related("stable__version", "canary__version")
    )
    return {table.endpoint_id: table for table in newest}
