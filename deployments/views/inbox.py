"""The first page: what waits for the person who looks."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from deployments.selectors import inbox as select
from portal.accounts import access
from portal.accounts.acting import partial
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in
from registry.models import RegisteredModel


@require_GET
@signed_in
def inbox(request: PortalRequest) -> HttpResponse:
    found = select.read(request.actor, request.GET.get("tab", ""))
    context = {
        "inbox": found,
        "tabs": [(name, words, found.counts.get(name)) for name, words in select.TABS.items()],
        "may_ask": access.may_somewhere(request.actor, Permission.PROMOTIONS_REQUEST),
        "first_steps": not RegisteredModel.objects.exists()
        and bool(access.may_somewhere(request.actor, Permission.PEOPLE_MANAGE)),
    }
    response = render(request, "deployments/_inbox.html" if partial(request) else "deployments/inbox.html", context)
    response["Vary"] = "HX-Request"
    return response
