"""The version page's sections on its files: scan again, the bill of materials, the signed statement."""

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_POST

from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in
from portal.core.errors import NotFound
from registry.models import ModelVersion
from registry.selectors import scans as read
from registry.services import scans, versions

TYPED = "application/vnd.cyclonedx+json; version=1.6"


@require_POST
@signed_in
def rescan(request: PortalRequest, name: str, number: int) -> HttpResponse:
    row = versions.find(actor=request.actor, model=name, number=number)
    scans.request(actor=request.actor, version=row)
    return redirect(f"{request.path.removesuffix('scan/')}#artifact")


@require_GET
@signed_in
def section(request: PortalRequest, name: str, number: int) -> HttpResponse:
    """The scan's section alone, asked for while a scan is under way."""
    row = versions.find(actor=request.actor, model=name, number=number)
    known = read.known(row)
    if request.headers.get("HX-PTag") == known.tag:
        return HttpResponse(status=304)
    may_scan = access.may(request.actor, Permission.MODELS_REGISTER, row.model.team_id)
    context = {"version": row, "model": row.model, "known": known, "may_scan": may_scan}
    response = render(request, "registry/_scan.html", context)
    response["HX-PTag"] = known.tag
    return response


@require_GET
@signed_in
def bill(request: PortalRequest, name: str, number: int) -> HttpResponse:
    row = versions.find(actor=request.actor, model=name, number=number)
    return _file(row, read.bill(row), "bom.cdx.json", TYPED)


@require_GET
@signed_in
def statement(request: PortalRequest, name: str, number: int) -> HttpResponse:
    row = versions.find(actor=request.actor, model=name, number=number)
    found = read.statement(row)
    return _file(row, found["envelope"] if found else None, "statement.json", "application/json")


def _file(row: ModelVersion, found: dict[str, Any] | None, name: str, typed: str) -> HttpResponse:
    if found is None:
        raise NotFound("The files of this version were not scanned yet, so there is nothing to download.")
    answer = JsonResponse(found, json_dumps_params={"indent": 1}, content_type=typed)
    shown = content_disposition_header(True, f"{row.model.name}-v{row.number}-{name}")
    answer["Content-Disposition"] = str(shown)
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
