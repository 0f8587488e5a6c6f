"""Search and event pages of the log."""

from itertools import groupby
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from portal.accounts.web import PortalRequest, signed_in
from portal.audit import verbs
from portal.auditors import forms
from portal.auditors.selectors import events
from portal.auditors.services import proofs, reading
from portal.auditors.views import frame


@require_GET
@signed_in
def search(request: PortalRequest) -> HttpResponse:
    wanted = forms.filter_of(request.GET)
    found, older = reading.search(actor=request.actor, wanted=wanted, before=request.GET.get("before", ""))
    partial = request.htmx and not request.htmx.boosted
    context = {
        "events": found,
        "older": older,
        "query": wanted.as_query(),
        "unknown": forms.unknown(request.GET),
        **frame.of(request),
    }
    if not partial:
        context |= {"asked": request.GET, "actors": events.actors_seen(), "types": _types(), "outcomes": forms.OUTCOMES}
    response = render(request, "auditors/_events.html" if partial else "auditors/events.html", context)
    response["Vary"] = "HX-Request"
    return response


def _types() -> list[tuple[str, list[str]]]:
    """The registered verbs by their noun."""
    return [(noun, list(names)) for noun, names in groupby(sorted(verbs.VERBS), key=lambda name: name.split(".")[0])]


@require_GET
@signed_in
def detail(request: PortalRequest, event_id: UUID) -> HttpResponse:
    event = reading.look(actor=request.actor, event_id=str(event_id))
    context = {"event": event, "proof": proofs.of(event.id), **frame.of(request)}
    return render(request, "auditors/event.html", context)


@require_GET
@signed_in
def row(request: PortalRequest, event_id: UUID) -> HttpResponse:
    """The expanded row: the difference of one event, for the list."""
    event = reading.look(actor=request.actor, event_id=str(event_id))
    return render(request, "auditors/_event.html", {"event": event})
