"""What the lists of this app read from the address."""

from portal.accounts.web import PortalRequest
from portal.core.errors import BadInput
from registry.selectors.asked import Filter

LONGEST = 250


def wanted(request: PortalRequest) -> Filter:
    """Raises `BadInput` for a version that is no number."""
    return Filter(
        text(request, "model"), text(request, "data_set"), text(request, "status"), number(request, "version")
    )


def text(request: PortalRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\x00", "")[:LONGEST]


def number(request: PortalRequest, name: str) -> int | None:
    """None when it is left out. Raises `BadInput` for anything but a number of at most eight digits."""
    given = request.GET.get(name, "")
    if given and not (given.isdigit() and len(given) < 9):
        raise BadInput(f"{name} must be a number.", fields={name: "not a number"}, status=400)
    return int(given) if given else None
