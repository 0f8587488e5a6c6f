"""What page views share: the type of a request with an actor, and the question whether somebody is signed in."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.http import HttpRequest, HttpResponseBase
from django_htmx.middleware import HtmxDetails

from portal.accounts.models import Person
from portal.core.actors import Actor
from portal.core.errors import NotSignedIn


class PortalRequest(HttpRequest):
    """A request that has passed the portal's middleware."""

    actor: Actor
    request_id: str
    htmx: HtmxDetails


View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def signed_in(view: View) -> View:
    """Send anonymous visitors to the sign-in page, and back afterwards. What one may do is asked by the policies."""

    @wraps(view)
    def checked(request: PortalRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.actor.is_authenticated:
            raise NotSignedIn("Sign in first.")
        return view(request, *args, **kwargs)

    return cast(View, checked)


def person_of(request: PortalRequest) -> Person:
    """The signed-in person's own row."""
    return cast(Person, request.user)
