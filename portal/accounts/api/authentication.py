"""Who calls the API: a portal token, or a person's session with CSRF. `request.auth` is the actor."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.authentication import SessionAuthentication as DjangoSession
from rest_framework.request import Request

from portal.accounts import tokens
from portal.accounts.limits import client_ip
from portal.accounts.models import Person
from portal.accounts.selectors.actors import actor_of_person
from portal.core.actors import Actor


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`, or Basic with the token as password."""

    def authenticate(self, request: Request) -> tuple[Any, Actor] | None:
        raw = tokens.from_authorization(request.headers.get("Authorization", ""))
        if raw is None:
            return None
        actor = tokens.authenticate_token(
            raw,
            via="api",
            request_id=getattr(request, "request_id", ""),
            source_ip=client_ip(request._request),
            user_agent=request.headers.get("User-Agent", ""),
        )
        return None, actor

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="signalbox"'


class SessionAuthentication(DjangoSession):
    """The session of a signed-in person; unsafe calls need the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, Actor] | None:
        person = getattr(request._request, "user", None)
        if not isinstance(person, Person) or not person.is_active:
            return None
        self.enforce_csrf(request)
        return person, actor_of_person(person, request._request, via="api")
