"""Panels for the registry's pages: where a model or a version serves, and what was asked for it."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from deployments.selectors import usage, version_gates
from portal.accounts.web import PortalRequest, signed_in


@require_GET
@signed_in
def of_model(request: PortalRequest, model: str) -> HttpResponse:
    return render(request, "deployments/_usage.html", {"usage": usage.of(actor=request.actor, model=model)})


@require_GET
@signed_in
def of_version(request: PortalRequest, model: str, number: int) -> HttpResponse:
    found = usage.of(actor=request.actor, model=model, number=number)
    return render(request, "deployments/_usage.html", {"usage": found})


@require_GET
@signed_in
def of_data(request: PortalRequest, name: str, number: int) -> HttpResponse:
    found = usage.of_data(actor=request.actor, name=name, number=number)
    return render(request, "deployments/_data_usage.html", {"usage": found})


@require_GET
@signed_in
def gates_of_version(request: PortalRequest, model: str, number: int) -> HttpResponse:
    version, found = version_gates.of(actor=request.actor, model=model, number=number)
    context = {"version": version, "number": str(number), "standings": found}
    return render(request, "deployments/_version_gates.html", context)
