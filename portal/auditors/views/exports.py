"""Exports of the log."""

from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.web import PortalRequest, signed_in
from portal.auditors import forms
from portal.auditors.services import exports
from portal.auditors.views import frame, progress


@require_GET
@signed_in
def listing(request: PortalRequest) -> HttpResponse:
    found = [exports.facts(job) for job in exports.mine(actor=request.actor)]
    rows = [(one, progress.look(one["state"])) for one in found]
    return render(request, "auditors/exports.html", {"exports": rows, **frame.of(request)})


@require_POST
@signed_in
def new(request: PortalRequest) -> HttpResponse:
    job = exports.ask(
        actor=request.actor, wanted=forms.filter_of(request.POST), vault=request.POST.get("vault", "1") == "1"
    )
    return redirect("audit:export", pk=job.pk)


@require_GET
@signed_in
def detail(request: PortalRequest, pk: int) -> HttpResponse:
    found = exports.facts(exports.find(actor=request.actor, pk=pk))
    live = progress.of(found["state"], found["done"], found["total"])
    context = {"export": found, "live": live, **frame.of(request)}
    return progress.answer(request, live, "auditors/_export.html", "auditors/export.html", context)


@require_GET
@signed_in
def download(request: PortalRequest, pk: int) -> FileResponse:
    path = exports.file_of(actor=request.actor, pk=pk)
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type="application/zip")
