"""Reading the query of a list page."""

from collections.abc import Iterable

from django.http import QueryDict

from portal.core.errors import BadInput


def number(sent: QueryDict, name: str) -> int | None:
    """A whole number from the query or form, None without one; raises `BadInput` naming it."""
    text = sent.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadInput(f"{name} must be a whole number.", fields={name: "a whole number"}, status=400)
    return int(text)


def unknown(sent: QueryDict, known: Iterable[str]) -> list[str]:
    """Parameters that mean nothing on this page; they are shown as chips to remove."""
    return sorted(set(sent) - set(known))
