"""Reading the log is an act too: each search and each look at an event is recorded with what was asked."""

from django.db import transaction

from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.auditors import policy
from portal.auditors.selectors import events
from portal.auditors.selectors.events import EventView, Filter
from portal.core.actors import Actor

LOG = Subject("audit_log", "log", "the audit log")


def search(*, actor: Actor, wanted: Filter, before: str = "", size: int = events.PAGE) -> tuple[list[EventView], str]:
    """A page of events and the next cursor. Recorded for a new question, not for each further page of it."""
    policy.require_view(actor)
    found = events.page(wanted, before=before, size=size)
    if not before:
        _record(actor, wanted.as_query())
    return found


def look(*, actor: Actor, event_id: str) -> EventView:
    policy.require_view(actor)
    found = events.one(event_id)
    _record(actor, {"event": event_id})
    return found


@transaction.atomic
def _record(actor: Actor, query: dict[str, str]) -> None:
    recorder.record("audit.viewed", actor=actor, subject=LOG, data={"query": query})
