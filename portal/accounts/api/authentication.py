"""Who calls the API: a portal token, or a person's session with CSRF."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> None:
        return None


class SessionAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> None:
        return None
