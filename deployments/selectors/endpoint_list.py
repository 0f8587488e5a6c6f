"""The list of endpoints: filtered and paged by the database, then built row by row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from deployments.models import Endpoint, Rollout, RouteTable
from deployments.selectors.endpoints import Live, build, visible
from deployments.states import rollout as rollout_states
from portal.core import clock
from portal.core.actors import Actor

PAGE = 50
MANY = 100
"""More endpoints in trouble than this are not counted on a page."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`state` is "moving", "trouble", "empty" or empty."""

    environment: str = ""
    model: str = ""
    state: str = ""
    q: str = ""


def filtered(actor: Actor, wanted: Filter) -> QuerySet[Endpoint]:
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


def everything(actor: Actor) -> list[Live]:
    """All endpoints the actor may see, without the steps and guards of rollouts."""
    return _built(list(_with_rollouts(filtered(actor, Filter()))))


def in_trouble(actor: Actor, environment: str = "") -> list[Live]:
    """Endpoints where something else serves than is wanted, `MANY` at most."""
    rows = _with_rollouts(filtered(actor, Filter(environment=environment, state="trouble")))
    return _built(list(rows[:MANY]))


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
