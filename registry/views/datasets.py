"""Pages of data sets: list, data set, version."""

from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.views.decorators.http import require_GET

from portal.accounts import access
from portal.accounts.acting import partial
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in
from portal.core import clock
from portal.core.models import Job
from registry import forms
from registry.models import DataSetVersion
from registry.selectors import datasets as read
from registry.services import datasets
from registry.views import snippets

ON_A_PAGE = 50


@require_GET
@signed_in
def listing(request: PortalRequest) -> HttpResponse:
    wanted = read.Filter(text=request.GET.get("q", "").replace("\x00", "")[:200], team=request.GET.get("team", "")[:60])
    rows = read.listing(request.actor, wanted).order_by("name")
    context = {
        "page": Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page")),
        "filter": wanted,
        "any": read.listing(request.actor, read.Filter()).exists(),
        "may_create": access.may_somewhere(request.actor, Permission.DATA_REGISTER),
        "snippet": snippets.register_data(request),
    }
    return render(request, "registry/data_sets.html", context)


@require_GET
@signed_in
def data_set(request: PortalRequest, name: str) -> HttpResponse:
    row = datasets.find(actor=request.actor, name=name)
    lists = row.check_lists.all()
    context = {
        "data_set": row,
        "page": Paginator(read.versions_of(row).order_by("-number"), ON_A_PAGE).get_page(request.GET.get("page")),
        "may_register": access.may(request.actor, Permission.DATA_REGISTER, row.team_id),
        "check_list": lists.first(),
        "checks": read.checks_of(lists.first()),
        "older_lists": lists[1:11],
        "snippet": snippets.register_data(request, row.name),
    }
    return render(request, "registry/data_set.html", context)


@require_GET
@signed_in
def version(request: PortalRequest, name: str, number: int) -> HttpResponse:
    row = datasets.find_version(actor=request.actor, name=name, number=number)
    job = Job.objects.filter(kind=datasets.INGEST, args__version=row.pk).order_by("-pk").first()
    moving = row.status in ("registered", "validating")
    tag = f"{row.status}-{job.progress_done if job else 0}"
    if partial(request):
        return _intake(request, row, job if moving else None, tag)
    until = read.kept_until(row)
    context = {
        "version": row,
        "data_set": row.data_set,
        "kept_until": until,
        "past": until is not None and until <= clock.now(),
        "run": row.check_runs.select_related("checks").first(),
        "changed": read.changed_columns(row),
        "uses": read.uses_of(request.actor, row),
        "archive": forms.ArchiveForm(),
        "may_archive": row.status in ("ready", "failed")
        and access.may(request.actor, Permission.DATA_REGISTER, row.data_set.team_id),
        "may_evaluate": access.may(request.actor, Permission.EVALUATIONS_RUN, row.data_set.team_id),
        "may_predict": access.may_somewhere(request.actor, Permission.BATCH_PREDICTIONS_RUN).allowed,
        "job": job if moving else None,
        "tag": tag,
        "previous": row.data_set.versions.filter(number__lt=number).order_by("-number").first(),
        "next": row.data_set.versions.filter(number__gt=number).order_by("number").first(),
    }
    return render(request, "registry/data_version.html", context)


def _intake(request: PortalRequest, row: DataSetVersion, job: Job | None, tag: str) -> HttpResponse:
    """What the page asks again while the version is taken in; then the page is loaded anew, with all it holds."""
    if request.headers.get("HX-PTag") == tag:
        return HttpResponseNotModified()
    if job is None:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "registry/_intake.html", {"version": row, "job": job, "tag": tag})
