"""The keys of an endpoint's callers: the list, a new one, and the end of one. A key is on one page, once."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from deployments.forms import KeyForm
from deployments.models import Endpoint
from deployments.selectors import keys as read
from deployments.services import endpoints, keys, tries
from portal.accounts import access
from portal.accounts.forms import StepUpForm
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in
from portal.core.errors import BadInput


def page_url(row: Endpoint) -> str:
    return reverse("deployments:endpoint_keys", args=[row.environment.name, row.name])


@require_GET
@signed_in
def listing(request: PortalRequest, environment: str, name: str) -> HttpResponse:
    row = endpoints.find(actor=request.actor, environment=environment, endpoint=name)
    ended = request.GET.get("show") == "all"
    found, hidden = read.shown(row, ended=ended)
    may_keys = access.may(request.actor, Permission.ENDPOINTS_KEYS, row.team_id)
    context = {"endpoint": row, "keys": found, "hidden": hidden, "show_all": ended, "may_keys": may_keys}
    return render(request, "deployments/endpoint_keys.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def new(request: PortalRequest, environment: str, name: str) -> HttpResponse:
    row = endpoints.find(actor=request.actor, environment=environment, endpoint=name)
    access.require(request.actor, Permission.ENDPOINTS_KEYS, row.team_id)
    data = request.POST if request.method == "POST" else None
    form = KeyForm(data)
    step = StepUpForm(data, request=request, actor=request.actor, binding=keys.binding(row))
    if form.is_valid() and step.is_valid():
        try:
            made = keys.create(actor=request.actor, environment=environment, endpoint=name, **form.cleaned_data)
        except BadInput as error:
            form.add_error("name", error.message)
        else:
            context = {"made": made, "endpoint": row, "back": page_url(row), "url": tries.url(environment, name)}
            return render(request, "deployments/endpoint_key_made.html", context, status=201)
    context = {"form": form, "step": step, "endpoint": row, "back": page_url(row)}
    status = 422 if request.method == "POST" else 200
    return render(request, "deployments/endpoint_key_new.html", context, status=status)


@require_http_methods(["GET", "POST"])
@signed_in
def revoke(request: PortalRequest, environment: str, name: str, key_id: str) -> HttpResponse:
    """GET asks, POST does."""
    row = endpoints.find(actor=request.actor, environment=environment, endpoint=name)
    access.require(request.actor, Permission.ENDPOINTS_KEYS, row.team_id)
    found = read.find(row, key_id)
    if request.method == "POST":
        keys.revoke(actor=request.actor, environment=environment, endpoint=name, key_id=key_id)
        messages.success(request, f"The key {found.name} is revoked. The gateway stops taking it within seconds.")
        return redirect(page_url(row))
    context = {"key": found, "endpoint": row, "back": page_url(row)}
    return render(request, "deployments/endpoint_key_revoke.html", context)
