"""Pages of evaluations: list, request, report, and the part of a version's page."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deployments.selectors import requests
from pipelines.forms import EvaluationForm
from pipelines.selectors import choices
from pipelines.services import evaluations as asking
from portal.accounts import access
from portal.accounts.acting import carry_out, partial, see_other
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in
from registry.models import Evaluation
from registry.selectors import batch_predictions as batches
from registry.selectors import evaluations as read
from registry.selectors import reports
from registry.selectors.asked import Filter, filter_of
from registry.services import datasets, evaluations, versions
from registry.states.evaluation import MACHINE

ON_A_PAGE = 50
MOVING = ("queued", "running")


@require_GET
@signed_in
def listing(request: PortalRequest) -> HttpResponse:
    wanted = filter_of(request.GET, MACHINE.names)
    found = read.listing(request.actor, wanted)
    context = {
        "page": Paginator(found, ON_A_PAGE).get_page(request.GET.get("page")),
        "filter": wanted,
        "states": MACHINE.choices,
        "any": read.listing(request.actor, Filter()).exists(),
        "may_run": access.may_somewhere(request.actor, Permission.EVALUATIONS_RUN).allowed,
    }
    return render(request, "pipelines/evaluations.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def new(request: PortalRequest) -> HttpResponse:
    """Ask for an evaluation. Without a version and data in the address, both are chosen first."""
    found = choices.named(request.actor, request.GET.dict())
    if found is None:
        context = choices.offered(request.actor, request.GET.dict()) | {
            "title": "Evaluate a version",
            "list_words": "Evaluations",
            "list_url": reverse("pipelines:evaluations"),
            "here": request.path,
        }
        return render(request, "pipelines/choose.html", context)
    version, data = found
    row = versions.find(actor=request.actor, model=version[0], number=version[1])
    source = datasets.find_version(actor=request.actor, name=data[0], number=data[1])
    access.require(request.actor, Permission.EVALUATIONS_RUN, row.model.team_id)
    sent = request.POST if request.method == "POST" else None
    form = EvaluationForm(sent, **choices.of_form(row, source))

    def act() -> str:
        made = asking.request(
            actor=request.actor,
            model=row.model.name,
            version=row.number,
            data_set=source.data_set.name,
            data_version=source.number,
            baseline=choices.baseline(form.cleaned_data["baseline"]),
            settings=form.settings(),
        )
        return reverse("pipelines:evaluation", args=[made.pk])

    done = carry_out(request, form, act) if sent is not None else None
    context = {"form": form, "version": row, "data": source, "resting": requests.open_of(request.actor, row)}
    return done or render(request, "pipelines/evaluation_new.html", context, status=422 if form.errors else 200)


@require_GET
@signed_in
def report(request: PortalRequest, number: int) -> HttpResponse:
    """The report, or for a poll the part that says how far it is."""
    row = evaluations.find(actor=request.actor, number=number)
    context = _state(request, row)
    if not partial(request):
        return render(request, "pipelines/evaluation.html", context | _found(row))
    if request.headers.get("HX-PTag") == context["tag"]:
        return HttpResponseNotModified()
    response = render(request, "pipelines/_state.html", context)
    response["HX-PTag"] = context["tag"]
    return response


def _state(request: PortalRequest, row: Evaluation) -> dict[str, Any]:
    job = read.job_of(row)
    tag = f"{row.status}-{job.progress_done if job else 0}-{job.progress_note if job else ''}"
    return {
        "evaluation": row,
        "job": job,
        "tag": tag.replace(" ", "-"),
        "seconds": 2 if row.status in MOVING else 0,
        "may_run": access.may(request.actor, Permission.EVALUATIONS_RUN, row.version.model.team_id).allowed,
    }


def _found(row: Evaluation) -> dict[str, Any]:
    found = reports.of(row)
    context: dict[str, Any] = {"report": found, "log": read.log_of(row)}
    if found is None:
        return context
    sides = ((row.version, found.results.performance), (row.baseline, found.results.baseline_performance))
    return context | {"performances": [(version, one) for version, one in sides if one is not None]}


@require_POST
@signed_in
def cancel(request: PortalRequest, number: int) -> HttpResponse:
    evaluations.cancel(actor=request.actor, number=number)
    return see_other(reverse("pipelines:evaluation", args=[number]))


@require_POST
@signed_in
def retry(request: PortalRequest, number: int) -> HttpResponse:
    evaluations.retry(actor=request.actor, number=number)
    return see_other(reverse("pipelines:evaluation", args=[number]))


@require_GET
@signed_in
def of_version(request: PortalRequest, name: str, number: int) -> HttpResponse:
    """The newest evaluations of a version, for its page."""
    row = versions.find(actor=request.actor, model=name, number=number)
    found = read.listing(request.actor, Filter(model=name, version=number))[:5]
    context = {
        "version": row,
        "evaluations": found,
        "may_run": access.may(request.actor, Permission.EVALUATIONS_RUN, row.model.team_id),
        "may_predict": access.may(request.actor, Permission.BATCH_PREDICTIONS_RUN, row.model.team_id).allowed,
        "predicted": batches.listing(request.actor, Filter(model=name, version=number)).count(),
    }
    return render(request, "pipelines/_of_version.html", context)
