"""Environments with their policies in words, and how often the way back is rehearsed in them."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from deployments import forms
from deployments.engine import ready_made
from deployments.selectors import endpoint_list, environments, plans
from deployments.services import drills as drilling
from deployments.services import environments as service
from portal.accounts import access
from portal.accounts.acting import carry_out, partial, see_other
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in


def _live(request: PortalRequest, whole: str, part: str, context: dict[str, Any]) -> HttpResponse:
    """The page, or the part of it that looks again by itself."""
    answer = render(request, part if partial(request) else whole, context)
    answer["Vary"] = "HX-Request"
    return answer


@require_GET
@signed_in
def listing(request: PortalRequest) -> HttpResponse:
    context = {"found": environments.listed(request.actor)}
    return _live(request, "deployments/environments.html", "deployments/_environments.html", context)


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
        drilling.set_hours(actor=request.actor, environment=name, hours=form.cleaned_data["hours"])
        return there

    return carry_out(request, form, act) or _page(request, name, form)


def _page(request: PortalRequest, name: str, form: forms.DrillHoursForm | None) -> HttpResponse:
    view = environments.one(request.actor, name)
    found, following = endpoint_list.page(request.actor, endpoint_list.Filter(environment=name), 0)
    context = {
        "view": view,
        "environment": view.row,
        "trouble": view.trouble,
        "found": found,
        "following": following,
        "may_ask": access.may_somewhere(request.actor, Permission.PROMOTIONS_REQUEST),
        "may_manage": access.may(request.actor, Permission.ENVIRONMENTS_MANAGE),
        "drill_form": form or forms.DrillHoursForm(initial={"hours": view.row.drill_hours}),
    }
    if form is not None:
        return render(request, "deployments/environment.html", context, status=422)
    return _live(request, "deployments/environment.html", "deployments/_environment_live.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def plan(request: PortalRequest, name: str) -> HttpResponse:
    """Which rollout plan requests here get that name none."""
    view = environments.one(request.actor, name)
    row = view.row
    access.require(request.actor, Permission.ENVIRONMENTS_MANAGE)
    known = [(found.name, found.title) for found in plans.usable()]
    sent = request.POST if request.method == "POST" else None
    form = forms.PlanChoiceForm(sent, plans=known, initial={"plan": row.plan or ready_made.AT_ONCE})

    def act() -> str:
        service.set_plan(actor=request.actor, name=name, plan=form.cleaned_data["plan"])
        return reverse("deployments:environment", args=[name])

    done = carry_out(request, form, act) if sent is not None else None
    context = {"view": view, "environment": row, "form": form}
    return done or render(request, "deployments/environment_plan.html", context, status=422 if form.errors else 200)
