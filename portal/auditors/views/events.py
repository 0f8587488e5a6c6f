"""Search and event pages of the log."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from portal.accounts.web import PortalRequest, signed_in
from portal.audit import verbs
from portal.auditors import forms
from portal.auditors.selectors import chain, events
from portal.auditors.services import proofs, reading


@require_GET
@signed_in
def search(request: PortalRequest) -> HttpResponse:
    wanted = forms.filter_of(request.GET)
    found, older = reading.search(actor=request.actor, wanted=wanted, before=request.GET.get("before", ""))
    context = {
        "events": found,
        "older": older,
        "filter": wanted,
        "query": wanted.as_query(),
        "unknown": forms.unknown(request.GET),
        "chain": chain.state(),
        "actors": events.actors_seen(),
        "types": sorted(verbs.VERBS),
        "outcomes": forms.OUTCOMES,
    }
    partial = request.htmx and not request.htmx.boosted
    response = render(request, "auditors/_events.html" if partial else "auditors/events.html", context)
    response["Vary"] = "HX-Request"
    return response


@require_GET
@signed_in
def detail(request: PortalRequest, event_id: UUID) -> HttpResponse:
    event = reading.look(actor=request.actor, event_id=str(event_id))
    context = {"event": event, "proof": proofs.of(event.id), "chain": chain.state()}
    return render(request, "auditors/event.html", context)


@require_GET
@signed_in
def row(request: PortalRequest, event_id: UUID) -> HttpResponse:
    """The expanded row: the difference of one event, for the list."""
    event = reading.look(actor=request.actor, event_id=str(event_id))
    return render(request, "auditors/_event.html", {"event": event})
