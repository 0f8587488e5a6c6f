"""Health, content-security reports, and the page for a failed CSRF check."""

import json
import logging

from django.conf import settings
from django.db import connection
from django.db.utils import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from portal.core.errors import NotAllowed
from portal.core.middleware import render_error

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
    except DatabaseError:
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
