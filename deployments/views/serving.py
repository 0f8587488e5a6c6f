"""How an endpoint serves: what is set, what runs under which limits, and every version of it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from deployments.models import Endpoint
from deployments.selectors import endpoints as select
from deployments.selectors import serving_settings as read
from deployments.services import endpoints, serving_settings
from deployments.serving_forms import ServingForm
from portal.accounts import access
from portal.accounts.acting import carry_out
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in
from portal.core import clock

SHOWN = 50
"""As many versions of the settings are listed; the log has all of them."""


def page_url(row: Endpoint) -> str:
    return reverse("deployments:endpoint_serving", args=[row.environment.name, row.name])


@require_http_methods(["GET", "POST"])
@signed_in
def page(request: PortalRequest, environment: str, name: str) -> HttpResponse:
    """GET shows, POST sets."""
    row = endpoints.find(actor=request.actor, environment=environment, endpoint=name)
    sent = request.POST if request.method == "POST" else None
    form = ServingForm(sent, held=read.held(row))

    def act() -> str:
        made = serving_settings.set_serving(
            actor=request.actor,
            environment=environment,
            endpoint=name,
            limits=form.cleaned_data["limits"],
            names_versions=form.cleaned_data["names_versions"],
        )
        messages.success(request, f"Version {made.number} of how {name} serves is set.")
        return page_url(row)

    may = access.may(request.actor, Permission.ENDPOINTS_CONFIGURE, row.team_id)
    if sent is not None:
        may.require()
    done = carry_out(request, form, act) if sent is not None else None
    context = {
        "endpoint": row,
        "form": form,
        "may": may,
        "held": read.held(row),
        "running": read.running(row, [arm.revision for arm in select.live(row, clock.now()).arms]),
        "coming": read.coming(row),
        "versions": read.in_words(list(read.versions(row)[:SHOWN])),
    }
    return done or render(request, "deployments/endpoint_serving.html", context, status=422 if form.errors else 200)
