"""What the views that act share: one effect per form, and an answer that sends the browser on."""

from collections.abc import Callable

from django.http import HttpResponse, HttpResponseRedirect

from deployments.forms import OnceForm
from portal.accounts.web import PortalRequest
from portal.core import once
from portal.core.errors import BadInput, Conflict


def see_other(location: str) -> HttpResponse:
    """303: the act is done, look there."""
    response = HttpResponseRedirect(location)
    response.status_code = 303
    return response


def carry_out(request: PortalRequest, form: OnceForm, act: Callable[[], str]) -> HttpResponse | None:
    """Act once on a valid form and go where `act` says; None when the form has errors to show instead."""
    if not form.is_valid():
        return None
    try:
        return see_other(once.run(actor=request.actor, route=request.path, sent=request.POST, act=act))
    except (BadInput, Conflict) as error:
        if isinstance(error, Conflict) and not error.fields:
            raise
        form.take(error)
        return None


def partial(request: PortalRequest) -> bool:
    """Whether only the changing part of the page is asked for."""
    return bool(request.htmx) and not request.htmx.boosted
