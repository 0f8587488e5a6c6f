"""The filter of the log as it stands in an address."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from uuid import UUID

from django.utils.dateparse import parse_date, parse_datetime

from portal.auditors.selectors.events import Filter
from portal.core import queries
from portal.core.errors import BadInput
from portal.core.queries import Read

OUTCOMES = ("success", "denied", "failed")


def filter_of(query: Mapping[str, str]) -> Filter:
    """The filter in the query string; raises `BadInput` naming the parameter that cannot be read."""
    return Filter(
        actor=_text(query, "actor", 120),
        type=_text(query, "type", 80),
        subject=_text(query, "subject", 200),
        outcome=queries.one_of(_text(query, "outcome", 20), "outcome", OUTCOMES),
        since=_begin(query, "from"),
        until=_end(query, "to"),
        request_id=_text(query, "request", 80),
        text=_text(query, "q", 200),
    )


def _begin(query: Mapping[str, str], name: str) -> datetime | None:
    return _time(_text(query, name, 40), name, end=False)


def _end(query: Mapping[str, str], name: str) -> datetime | None:
    return _time(_text(query, name, 40), name, end=True)


def _text(query: Mapping[str, str], name: str, limit: int) -> str:
    """The parameter without what PostgreSQL cannot hold."""
    return str(query.get(name, "")).replace("\x00", "").strip()[:limit]


def unknown(query: Iterable[str]) -> list[str]:
    """Parameters that mean nothing here; the page shows them as chips to remove."""
    return queries.unknown(query, (*READS, "before", "cursor", "page_size"))


def _time(text: str, name: str, *, end: bool) -> datetime | None:
    """A date (its first or last moment) or a date with time; UTC unless it says otherwise."""
    if not text:
        return None
    try:
        moment = parse_datetime(text)
        if moment is None or len(text) <= 10:
            day = parse_date(text[:10])
            if day is None:
                raise ValueError(text)
            hours = (23, 59, 59, 999_999) if end else (0, 0, 0, 0)
            return datetime(day.year, day.month, day.day, *hours, tzinfo=UTC)
    except ValueError as error:
        raise BadInput(
            f"{name} must be a date like 2026-11-23 or a time like 2026-11-23T15:00:00Z.",
            fields={name: "2026-11-23 or 2026-11-23T15:00:00Z"},
            status=400,
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def event(query: Mapping[str, str], name: str) -> str:
    """The id of an event, "" without one."""
    text = query.get(name, "")
    try:
        return str(UUID(text)) if text else ""
    except ValueError as error:
        sentence = "This is not the id of an event."
        raise BadInput(f"{name}: {sentence}", code="bad_event_id", fields={name: sentence}, status=400) from error


READS: Mapping[str, Read] = {
    **dict.fromkeys(("actor", "type", "subject", "request", "q"), queries.text),
    "outcome": queries.choice(OUTCOMES),
    "from": _begin,
    "to": _end,
}
"""What an address can say of the filter."""
