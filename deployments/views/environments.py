"""Environments with their policies in words."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from deployments.selectors import endpoints, environments
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in


@require_GET
@signed_in
def listing(request: PortalRequest) -> HttpResponse:
    return render(request, "deployments/environments.html", {"found": environments.listed(request.actor)})


@require_GET
@signed_in
def detail(request: PortalRequest, name: str) -> HttpResponse:
    view = environments.one(request.actor, name)
    found, following = endpoints.page(request.actor, endpoints.Filter(environment=name), 0)
    context = {
        "view": view,
        "environment": view.row,
        "found": found,
        "following": following,
        "may_ask": access.may_somewhere(request.actor, Permission.PROMOTIONS_REQUEST),
    }
    return render(request, "deployments/environment.html", context)
