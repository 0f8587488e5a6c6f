"""Environments with their policies in words, and how often the way back is rehearsed in them."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from deployments import forms
from deployments.selectors import endpoints, environments
from deployments.services import drills as services
from portal.accounts import access
from portal.accounts.acting import carry_out, see_other
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in


@require_GET
@signed_in
def listing(request: PortalRequest) -> HttpResponse:
    return render(request, "deployments/environments.html", {"found": environments.listed(request.actor)})


@require_GET
@signed_in
def detail(request: PortalRequest, name: str) -> HttpResponse:
    return _page(request, name, None)


@require_http_methods(["GET", "POST"])
@signed_in
def drills(request: PortalRequest, name: str) -> HttpResponse:
    """How often the way back is rehearsed here; the form stands on the environment's page."""
    there = reverse("deployments:environment", args=[environments.one(request.actor, name).row.name])
    if request.method == "GET":
        return see_other(there)
    form = forms.DrillHoursForm(request.POST)

    def act() -> str:
        services.set_hours(actor=request.actor, environment=name, hours=form.cleaned_data["hours"])
        return there

    return carry_out(request, form, act) or _page(request, name, form)


def _page(request: PortalRequest, name: str, form: forms.DrillHoursForm | None) -> HttpResponse:
    view = environments.one(request.actor, name)
    found, following = endpoints.page(request.actor, endpoints.Filter(environment=name), 0)
    context = {
        "view": view,
        "environment": view.row,
        "found": found,
        "following": following,
        "may_ask": access.may_somewhere(request.actor, Permission.PROMOTIONS_REQUEST),
        "may_manage": access.may(request.actor, Permission.ENVIRONMENTS_MANAGE),
        "drill_form": form or forms.DrillHoursForm(initial={"hours": view.row.drill_hours}),
    }
    return render(request, "deployments/environment.html", context, status=422 if form and form.errors else 200)
