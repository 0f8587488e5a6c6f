"""Pages of models: list, model, version, aliases, compare."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_http_methods

from portal.accounts import access
from portal.accounts.models import Person
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in
from portal.core import queries
from portal.core.errors import BadInput, NotFound
from registry import charts
from registry.evaluations.results import BadResults
from registry.models import AliasAssignment, Evaluation, ModelVersion, RegisteredModel, RiskTier
from registry.policies.protection import is_protected
from registry.selectors import by_version, cards, evaluated, evaluations, reports, scans, signatures
from registry.selectors import compare as comparing
from registry.selectors import models as read
from registry.selectors.datasets import inputs_of
from registry.selectors.reports import Report
from registry.services import aliases, models, versions
from registry.states import version as version_states
from registry.views import snippets


def _partial(request: PortalRequest) -> bool:
    return bool(request.htmx and not request.htmx.boosted)


@require_GET
@signed_in
def listing(request: PortalRequest) -> HttpResponse:
    wanted = read.Filter(
        text=request.GET.get("q", "").replace("\x00", "")[:200],
        tier=request.GET.get("tier", ""),
        team=request.GET.get("team", "")[:60],
        sort=request.GET.get("sort", "name"),
    )
    rows = read.listing(request.actor, wanted)
    found, older = read.page(rows, after=request.GET.get("after", ""), sort=wanted.sort)
    context = {
        "models": found,
        "older": older,
        "filter": wanted,
        "tiers": RiskTier.choices,
        "any": bool(found) or read.visible(request.actor).exists(),
        "snippet": snippets.register(request),
    }
    response = render(request, "registry/_models.html" if _partial(request) else "registry/models.html", context)
    response["Vary"] = "HX-Request"
    return response


@require_GET
@signed_in
def model(request: PortalRequest, name: str) -> HttpResponse:
    row = models.find(actor=request.actor, name=name)
    state = request.GET.get("status", "")
    found = read.versions_of(row, status=state, before=queries.number(request.GET, "before"))
    rows = read.aliases_of(row)
    champion = next((a for a in rows if a.alias == "champion"), None)
    newest = read.newest_ready(row, champion.version if champion else None)
    challenger = newest if champion and newest and newest.number > champion.version.number else None
    shown = evaluations.shown_for(request.actor, challenger, champion.version) if champion and challenger else None
    context = {
        "model": row,
        "older": found[19].number if len(found) > 20 else None,
        "aliases": rows,
        "since": champion.at if champion else None,
        "champion": champion.version if champion else None,
        "challenger": challenger,
        "newest": newest,
        "report": _report(shown),
        "states": version_states.MACHINE.choices,
        "state": state,
        "may_edit": access.may(request.actor, Permission.MODELS_EDIT, row.team_id),
        "may_ask": access.may(request.actor, Permission.PROMOTIONS_REQUEST, row.team_id),
        "snippet": snippets.register(request, row.name),
        **_by_version(request, row, found, champion.version if champion else None, challenger),
    }
    return render(request, "registry/model.html", context)


def _by_version(
    request: PortalRequest,
    row: RegisteredModel,
    found: list[ModelVersion],
    champion: ModelVersion | None,
    challenger: ModelVersion | None,
) -> dict[str, Any]:
    """One metric over the versions, as table and figure: as evaluated, or as logged where that is asked for."""
    wanted = request.GET.get("metric", "")
    measured = by_version.measured(request.actor, row, wanted)
    logged = [name for name in read.metric_names(found) if measured is None or name not in measured.names]
    shown = measured if measured and measured.metric and wanted not in logged else None
    metric = shown.metric if shown else wanted if wanted in logged else next(iter(logged), "")
    points = shown.points if shown else by_version.logged_points(found, metric)
    numbers = [one.number if one else None for one in (champion, challenger)]
    return {
        "metric": metric,
        "measured": measured,
        "as_logged": shown is None,
        "logged": logged,
        "lines": by_version.lines(found[:20], shown, metric),
        "figure": charts.metric_by_version(points, metric, *numbers, lower=shown is not None and shown.lower),
    }


@require_GET
@signed_in
def version(request: PortalRequest, name: str, number: int) -> HttpResponse:
    row = versions.find(actor=request.actor, model=name, number=number)
    pointing = [a for a in read.aliases_of(row.model) if a.version == row]
    serving = aliases.at(row.model, "champion")
    champion = serving if serving != row else None
    shown = evaluations.shown_for(request.actor, row, champion)
    siblings = ModelVersion.objects.filter(model=row.model, deleted_at=None)
    context = {
        "version": row,
        "model": row.model,
        "aliases": pointing,
        "champion": champion,
        "is_champion": serving == row,
        "report": _report(shown),
        "metrics": _metrics(row, champion),
        "data": inputs_of(row.run),
        "columns": signatures.against(row, champion),
        "previous": siblings.filter(number__lt=number).order_by("-number").first(),
        "next": siblings.filter(number__gt=number).order_by("number").first(),
        "holds": row.holds.all(),
        "may_ask": access.may(request.actor, Permission.PROMOTIONS_REQUEST, row.model.team_id),
        "card": cards.of(row),
        "may_edit": access.may(request.actor, Permission.MODELS_EDIT, row.model.team_id),
        **_artifact(request, row),
    }
    return render(request, "registry/version.html", context)


def _artifact(request: PortalRequest, row: ModelVersion) -> dict[str, Any]:
    """The sections on its bytes: the newest scan, and the packages whose names hold `?bom=`."""
    known, text = scans.known(row), request.GET.get("bom", "").replace("\x00", "").strip()[:100]
    return {
        "known": known,
        "may_scan": access.may(request.actor, Permission.MODELS_REGISTER, row.model.team_id),
        "bom_text": text,
        "packages": [one for one in known.packages if text.lower() in one["name"]],
    }


def _report(shown: Evaluation | None) -> Report | None:
    """The report of an evaluation; None where there is none, or where this program cannot read it."""
    try:
        return reports.of(shown) if shown else None
    except BadResults:
        return None


def _metrics(row: ModelVersion, champion: ModelVersion | None) -> list[comparing.Row]:
    pair = [champion, row] if champion else [row]
    return list(comparing.metrics(pair))


@require_GET
@signed_in
def alias(request: PortalRequest, name: str, alias: str) -> HttpResponse:
    """Go to the version the alias points to, now or at the time in `?at=`."""
    row = models.find(actor=request.actor, name=name)
    at = request.GET.get("at", "")
    moment = parse_datetime(at) if at else None
    if at and (moment is None or moment.tzinfo is None):
        raise BadInput(
            "at must be a time with its zone, like 2026-11-01T00:00Z.", fields={"at": "2026-11-01T00:00Z"}, status=400
        )
    found = aliases.at(row, alias, moment)
    if found is None:
        when = f" at {at}" if at else ""
        raise NotFound(f"{alias} of {name} pointed to no version{when}.")
    return redirect("registry:version", name=name, number=found.number)


@require_GET
@signed_in
def alias_history(request: PortalRequest, name: str, alias: str) -> HttpResponse:
    row = models.find(actor=request.actor, name=name)
    found = AliasAssignment.objects.filter(model=row, alias=alias).select_related("version")
    page = Paginator(found, 50).get_page(request.GET.get("page"))
    context = {"model": row, "alias": alias, "page": page, "protected": is_protected(alias)}
    return render(request, "registry/alias.html", context)


@require_GET
@signed_in
def compare(request: PortalRequest, name: str) -> HttpResponse:
    row = models.find(actor=request.actor, name=name)
    numbers = comparing.numbers_of(request.GET.getlist("v"), request.GET.get("base", ""))
    every = list(ModelVersion.objects.filter(model=row, deleted_at=None).select_related("model", "run"))
    chosen = [v for n in numbers for v in every if v.number == n]
    if len(chosen) != len(numbers):
        raise NotFound(f"{name} does not have all of these versions.")
    if not chosen:
        champion = aliases.at(row, "champion")
        newest = next((v for v in every if v != champion), None)
        chosen = [v for v in (champion, newest) if v is not None]
    everything = request.GET.get("diff", "1") == "0"
    context = {
        "model": row,
        "chosen": chosen,
        "slots": _slots(chosen, len(every)),
        "heads": comparing.heads(chosen, evaluated.IDENTITIES, everything=everything),
        "versions": every,
        "only_differences": not everything,
        "sections": comparing.sections(chosen, scans.packages(chosen)) if len(chosen) > 1 else [],
        "evaluated": evaluated.common(request.actor, chosen) if len(chosen) > 1 else None,
        "same_data": len({tuple(sorted(d["digest"] for d in v.run.datasets)) for v in chosen if v.run}) <= 1,
    }
    return render(request, "registry/compare.html", context)


def _slots(chosen: list[ModelVersion], known: int) -> list[ModelVersion | None]:
    """The fields of the picker: a version, or None for one more."""
    most = min(comparing.LIMIT, known)
    return [*chosen, *(None for _ in range(most - len(chosen)))]


@require_http_methods(["GET", "POST"])
@signed_in
def edit(request: PortalRequest, name: str) -> HttpResponse:
    row = models.find(actor=request.actor, name=name)
    access.require(request.actor, Permission.MODELS_EDIT, row.team_id)
    if request.method == "POST":
        models.edit(
            actor=request.actor,
            name=name,
            description=request.POST.get("description", ""),
            tier=request.POST.get("tier", ""),
            owner_id=queries.number(request.POST, "owner"),
        )
        return redirect("registry:model", name=name)
    people = Person.objects.filter(is_active=True).order_by("name")
    return render(request, "registry/edit.html", {"model": row, "tiers": RiskTier.choices, "people": people})
