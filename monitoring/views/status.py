"""The status page."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from monitoring.selectors import status as select
from portal.accounts.web import PortalRequest, signed_in


@require_GET
@signed_in
def status(request: PortalRequest) -> HttpResponse:
    partial = request.htmx and not request.htmx.boosted
    context = {"status": select.read(request.actor)}
    response = render(request, "monitoring/_status.html" if partial else "monitoring/status.html", context)
    response["Vary"] = "HX-Request"
    return response
