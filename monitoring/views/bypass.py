"""Who could go round the portal, and how."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from monitoring.selectors import bypass as select
from portal.accounts.web import PortalRequest, signed_in


@require_GET
@signed_in
def bypass(request: PortalRequest) -> HttpResponse:
    return render(request, "monitoring/bypass.html", {"ways": select.read(request.actor)})
