"""Addresses end with a slash. A person who forgets it is sent there; a program that acts is told so instead."""

from django.http import HttpRequest
from django.middleware.common import CommonMiddleware

READS = ("GET", "HEAD", "OPTIONS")


class SlashMiddleware(CommonMiddleware):
    """A redirect would turn a program's POST into a GET of the list, answered with 200 as if something was done."""

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        if request.path_info.startswith("/api/") and request.method not in READS:
            return False
        return super().should_redirect_with_slash(request)
