"""What the views that act share: forms with one effect, and an answer that sends the browser on."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseRedirect

from portal.accounts.web import PortalRequest
from portal.core import once
from portal.core.errors import BadInput, Conflict, PortalError, note_refusal


class OnceForm(forms.Form):
    """A form that has one effect however often it is sent; its hidden key is made when the form is shown.

    The key's field has no id: a page may hold several such forms. `refused` is what the verb said, where the page shows
    that beside what was typed.
    """

    refused: PortalError | None = None

    idempotency_key = forms.CharField(widget=forms.HiddenInput(attrs={"id": False}), required=False, max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[once.FIELD].initial = once.new_key

    def take(self, error: PortalError) -> None:
        """Show what a verb found wrong with the input, beside the fields where there are such: of several each has its
        own sentence, one has the message."""
        named = {name: text for name, text in error.fields.items() if name in self.fields}
        for name, text in named.items():
            self.add_error(name, text if len(error.fields) > 1 else error.message)
        if not named:
            self.add_error(None, error.message)


def see_other(location: str) -> HttpResponse:
    """303: the act is done, look there."""
    response = HttpResponseRedirect(location)
    response.status_code = 303
    return response


def carry_out(
    request: PortalRequest, form: OnceForm, act: Callable[[], str], *, keeping: tuple[type[PortalError], ...] = ()
) -> HttpResponse | None:
    """Act once on a valid form and go where `act` says; None when the form has errors to show instead.

    A refusal that is one of `keeping` is such an error too: `form.refused`, so that nothing typed is lost over it.
    """
    if not form.is_valid():
        return None
    try:
        return see_other(once.run(actor=request.actor, route=request.path, sent=request.POST, act=act))
    except keeping as error:
        note_refusal(error)
        form.refused = error
        return None
    except (BadInput, Conflict) as error:
        if isinstance(error, Conflict) and not error.fields:
            raise
        form.take(error)
        return None


def partial(request: PortalRequest) -> bool:
    """Whether only the changing part of the page is asked for."""
    return bool(request.htmx) and not request.htmx.boosted
