"""What the error pages ask: which frame, which heading, what to search for."""

from portal.core.errors import PortalError
from portal.ui.library import register

TITLES = {
    403: "You may not do this",
    404: "There is nothing here",
    409: "This changed, or is not possible now",
    413: "That is too large",
    422: "Something in the form needs another look",
    429: "Too many attempts",
    503: "Not available now",
    507: "There is no space left",
}


@register.filter
def error_layout(error: PortalError, signed_in: bool) -> str:
    """The full frame asks the database for counts, so refusals because it is away go without."""
    return "layouts/base.html" if signed_in and error.status < 500 else "layouts/plain.html"


@register.filter
def error_title(error: PortalError) -> str:
    return TITLES.get(error.status, "This could not be done")


@register.filter
def last_slug(path: str) -> str:
    """The last part of an address, as a proposal for the search."""
    parts = [part for part in path.split("/") if part]
    return parts[-1][:80] if parts else ""
