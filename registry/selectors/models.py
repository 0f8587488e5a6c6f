"""Reading models for pages and the API: our own rows, never MLflow over the network."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from portal.accounts import access
from portal.core import queries
from portal.core.actors import Actor
from registry.models import AliasAssignment, AliasState, ModelVersion, RegisteredModel, RiskTier
from registry.policies.protection import is_protected
from registry.states.version import MACHINE

PAGE = 20
SHOWN = (
    "number", "status", "status_note", "source", "digest", "size_bytes", "signature", "metrics", "params", "tags",
    "flavors", "executes_code", "description", "code_commit", "registered_at", "files",
)  # fmt: skip
SORTS = {"name": "name", "-changed": "-changed_at"}


@dataclass(frozen=True, slots=True)
class Filter:
    text: str = ""
    tier: str = ""
    team: str = ""
    sort: str = "name"


@dataclass(frozen=True, slots=True)
class AliasRow:
    """Where an alias points; `protected` ones move by promotion only."""

    alias: str
    version: ModelVersion
    at: datetime
    actor_label: str
    reason: str
    protected: bool
    observed: bool | None


def visible(actor: Actor) -> QuerySet[RegisteredModel]:
    teams = access.visible_teams(actor)
    rows = RegisteredModel.objects.filter(deleted_at=None)
    return rows if teams is None else rows.filter(team_id__in=teams)


def listing(actor: Actor, wanted: Filter) -> QuerySet[RegisteredModel]:
    """The models the actor sees that match, with counts and the champion's number."""
    queries.one_of(wanted.tier, "tier", RiskTier.values)
    champion = AliasAssignment.objects.filter(model=OuterRef("pk"), alias="champion").order_by("-id")
    newest = ModelVersion.objects.filter(model=OuterRef("pk"), deleted_at=None).order_by("-number")
    rows = visible(actor).select_related("team", "owner")
    if wanted.text:
        rows = rows.filter(Q(name__icontains=wanted.text) | Q(description__icontains=wanted.text))
    rows = rows.filter(tier=wanted.tier) if wanted.tier else rows
    rows = rows.filter(team__slug=wanted.team) if wanted.team else rows
    return rows.annotate(
        version_count=Count("versions", filter=Q(versions__deleted_at=None)),
        champion_number=Subquery(champion.values("version__number")[:1]),
        newest_number=Subquery(newest.values("number")[:1]),
        newest_status=Subquery(newest.values("status")[:1]),
        newest_at=Subquery(newest.values("registered_at")[:1]),
    ).order_by(SORTS.get(wanted.sort, "name"), "name")


def page(rows: QuerySet[RegisteredModel], *, after: str = "", sort: str = "name") -> tuple[list[RegisteredModel], str]:
    """One page by name and the cursor of the next one. Other orders show the first hundred."""
    if sort != "name":
        return list(rows[:100]), ""
    found = list((rows.filter(name__gt=after) if after else rows)[: PAGE + 1])
    return found[:PAGE], found[PAGE - 1].name if len(found) > PAGE else ""


def aliases_of(model: RegisteredModel) -> list[AliasRow]:
    """Where each alias points now, and whether MLflow has been seen to agree."""
    newest = AliasAssignment.objects.filter(model=model).order_by("alias", "-id").distinct("alias")
    states = {s.alias: s for s in AliasState.objects.filter(model=model).select_related("desired")}
    return [
        AliasRow(
            alias=row.alias,
            version=row.version,
            at=row.at,
            actor_label=row.actor_label,
            reason=row.reason,
            protected=is_protected(row.alias),
            observed=_agrees(states.get(row.alias)),
        )
        for row in newest.select_related("version__model")
        if row.version is not None
    ]


def _agrees(state: AliasState | None) -> bool | None:
    if state is None or state.desired is None:
        return None
    return state.observed_number == state.desired.number


def versions_of(
    model: RegisteredModel, *, status: str = "", before: int | None = None, size: int = 20
) -> list[ModelVersion]:
    """Versions, newest first, each with the aliases that point to it in `alias_names`; raises `BadInput` for a status
    there is not."""
    queries.one_of(status, "status", MACHINE.names)
    rows = ModelVersion.objects.filter(model=model, deleted_at=None).select_related("model", "run")
    rows = rows.filter(status=status) if status else rows
    rows = rows.filter(number__lt=before) if before else rows
    found = list(rows[: size + 1])
    pointing: dict[int, list[str]] = {}
    for row in aliases_of(model):
        pointing.setdefault(row.version.pk, []).append(row.alias)
    for version in found:
        version.alias_names = sorted(pointing.get(version.pk, []))  # type: ignore[attr-defined]
    return found


def newest_ready(model: RegisteredModel, besides: ModelVersion | None) -> ModelVersion | None:
    """The newest version that could serve, other than this one."""
    rows = ModelVersion.objects.filter(model=model, deleted_at=None, status="ready").select_related("model", "run")
    return (rows.exclude(pk=besides.pk) if besides else rows).first()


def metric_names(versions: list[ModelVersion]) -> list[str]:
    """Metrics that the versions have, the commonest first."""
    counts: dict[str, int] = {}
    for version in versions:
        for name in version.metrics:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))


def facts(*rows: RegisteredModel) -> list[dict[str, Any]]:
    """Models as the API shows them; their aliases are looked up for all at once."""
    pointing: dict[int, dict[str, int]] = {row.pk: {} for row in rows}
    newest = AliasAssignment.objects.filter(model__in=rows).order_by("model_id", "alias", "-id")
    found = newest.distinct("model_id", "alias").values_list("model_id", "alias", "version__number")
    for model, alias, number in found:
        if number is not None:
            pointing[model][alias] = number
    return [_facts(row, pointing[row.pk]) for row in rows]


def _facts(row: RegisteredModel, aliases: dict[str, int]) -> dict[str, Any]:
    return {
        "name": row.name,
        "team": row.team.slug,
        "owner": row.owner.pk if row.owner else None,
        "tier": row.tier,
        "description": row.description,
        "tags": row.tags,
        "created_at": row.created_at,
        "changed_at": row.changed_at,
        "aliases": aliases,
    }


def version_facts(row: ModelVersion) -> dict[str, Any]:
    """A version as the API shows it."""
    return {name: getattr(row, name) for name in SHOWN} | {
        "model": row.model.name,
        "run": row.mlflow_run_id or None,
        "registered_by": row.registered_by_label or row.registered_by,
    }
