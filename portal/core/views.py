"""Health, content-security reports, and the answers to a failed CSRF check and to an address that is none."""

import json
import logging

from django.conf import settings
from django.db import connection
from django.db.utils import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import is_valid_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from django.views.defaults import page_not_found

from portal.core.errors import NotAllowed, NotFound
from portal.core.middleware import render_error, wants_json

log = logging.getLogger("portal.csp")


@require_GET
def healthz(request: HttpRequest) -> JsonResponse:
    """Liveness: this process answers. Says nothing about what it depends on."""
    return JsonResponse({"status": "ok", "version": settings.SIGNALBOX_VERSION})


@require_GET
def readyz(request: HttpRequest) -> JsonResponse:
    """Readiness: PostgreSQL answers. MLflow, Redis and serving may be away without taking the portal down."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return JsonResponse({"status": "not ready", "database": "away"}, status=503)
    return JsonResponse({"status": "ready", "database": "ok"})


@csrf_exempt
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Browsers report violations of the content security policy here; each is a bug of ours and is logged."""
    try:
        body = json.loads(request.body[:8192])
    except (ValueError, UnicodeDecodeError):
        return HttpResponse(status=400)
    report = body.get("csp-report", body) if isinstance(body, dict) else {}
    if isinstance(report, dict):
        log.error(
            "CSP violation: %s blocked %s on %s",
            report.get("violated-directive"),
            report.get("blocked-uri"),
            report.get("document-uri"),
        )
    return HttpResponse(status=204)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render_error(
        request,
        NotAllowed(
            "This form was not sent from a page of this portal, or it is too old. "
            "Load the page again and send it once more.",
            code="csrf_failed",
        ),
    )


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No such address. Programs get a problem document that names the address with its slash, where that is all."""
    if not wants_json(request):
        return page_not_found(request, exception)
    path = request.path_info
    slashed = not path.endswith("/") and is_valid_path(f"{path}/")
    way_out = f" Addresses end with a slash: {path}/" if slashed else " See /api/v1/docs/ for those there are."
    return render_error(request, NotFound(f"There is nothing at {path[:200]}.{way_out}"))
