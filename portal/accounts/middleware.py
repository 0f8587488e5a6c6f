"""Puts the actor on the request, and refuses tokens in the address."""

from collections.abc import Callable

from django.db.utils import Error
from django.http import HttpRequest, HttpResponse

from portal.accounts.models import Person
from portal.accounts.selectors.actors import actor_of_person
from portal.accounts.tokens import refuse_in_query
from portal.core import outages
from portal.core.actors import ANONYMOUS, Actor
from portal.core.errors import PortalError, note_refusal
from portal.core.middleware import render_error

PROBES = ("/healthz", "/readyz", "/_csp/")


def actor_of(request: HttpRequest) -> Actor:
    """The person of the session with their present rights; `ANONYMOUS` without one, or once they are disabled."""
    person = request.user
    return actor_of_person(person, request) if isinstance(person, Person) and person.is_authenticated else ANONYMOUS


class ActorMiddleware:
    """`request.actor` is there for every view; probes get it without a look into the database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = ANONYMOUS  # type: ignore[attr-defined]
        if request.path in PROBES:
            return self.get_response(request)
        try:
            refuse_in_query(value for values in request.GET.lists() for value in values[1])
            request.actor = actor_of(request)  # type: ignore[attr-defined]
        except PortalError as error:
            note_refusal(error)
            return render_error(request, error)
        except Error as error:
            found = outages.of_database(error)
            if found is None:
                raise
            return render_error(request, found)
        return self.get_response(request)
