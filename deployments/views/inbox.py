"""The first page: what waits for the person who looks."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from deployments.selectors import inbox as select
from deployments.views.acting import partial
from portal.accounts.web import PortalRequest, signed_in


@require_GET
@signed_in
def inbox(request: PortalRequest) -> HttpResponse:
    tab = request.GET.get("tab", "decide")
    found = select.read(request.actor, tab if tab in select.TABS else "decide")
    context = {"inbox": found, "tabs": [(name, words, found.counts.get(name)) for name, words in select.TABS.items()]}
    response = render(request, "deployments/_inbox.html" if partial(request) else "deployments/inbox.html", context)
    response["Vary"] = "HX-Request"
    return response
