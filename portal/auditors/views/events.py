"""Search and event pages of the log."""

from itertools import groupby
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from portal.accounts.web import PortalRequest, signed_in
from portal.audit import places, verbs
from portal.auditors import forms
from portal.auditors.selectors import events
from portal.auditors.selectors.events import Filter
from portal.auditors.services import proofs, reading
from portal.auditors.views import frame
from portal.core.errors import BadInput


@require_GET
@signed_in
def search(request: PortalRequest) -> HttpResponse:
    partial = request.htmx and not request.htmx.boosted
    wanted, wrong = _filter(request)
    found: list[events.EventView] = []
    older = ""
    if not wrong:
        found, older = reading.search(actor=request.actor, wanted=wanted, before=request.GET.get("before", ""))
    context = {
        "events": found,
        "older": older,
        "wrong": wrong,
        "query": wanted.as_query(),
        "unknown": forms.unknown(request.GET),
        **frame.of(request),
    }
    if not partial:
        context |= {"asked": request.GET, "actors": events.actors_seen(), "types": _types(), "outcomes": forms.OUTCOMES}
    name = "auditors/_events.html" if partial else "auditors/events.html"
    response = render(request, name, context, status=400 if wrong else 200)
    response["Vary"] = "HX-Request"
    return response


def _filter(request: PortalRequest) -> tuple[Filter, str]:
    """The filter in the address, and what is wrong with it; the page keeps what was typed, to be corrected."""
    try:
        return forms.filter_of(request.GET), ""
    except BadInput as error:
        return Filter(), error.message


def _types() -> list[tuple[str, list[str]]]:
    """The registered verbs by their noun."""
    return [(noun, list(names)) for noun, names in groupby(sorted(verbs.VERBS), key=lambda name: name.split(".")[0])]


@require_GET
@signed_in
def detail(request: PortalRequest, event_id: UUID) -> HttpResponse:
    event = reading.look(actor=request.actor, event_id=str(event_id))
    place = places.of(event.subject_type, event.subject_id)
    context = {"event": event, "place": place, "proof": proofs.of(event.id), **frame.of(request)}
    return render(request, "auditors/event.html", context)


@require_GET
@signed_in
def row(request: PortalRequest, event_id: UUID) -> HttpResponse:
    """The expanded row: the difference of one event, for the list."""
    event = reading.look(actor=request.actor, event_id=str(event_id))
    return render(request, "auditors/_event.html", {"event": event})
