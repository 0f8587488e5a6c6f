"""What is answered while PostgreSQL is away: 503, and when to come again, whoever notices it first."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.utils import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from portal.accounts import middleware as accounts
from portal.core.middleware import ErrorPagesMiddleware

Noticed = Callable[[HttpRequest, Exception, pytest.MonkeyPatch], HttpResponse | None]


def before_the_view(request: HttpRequest, error: Exception, patch: pytest.MonkeyPatch) -> HttpResponse:
    def away(_: HttpRequest) -> Any:
        raise error

    patch.setattr(accounts, "actor_of", away)
    return accounts.ActorMiddleware(lambda _: HttpResponse())(request)


def by_the_view(request: HttpRequest, error: Exception, patch: pytest.MonkeyPatch) -> HttpResponse | None:
    return ErrorPagesMiddleware(lambda _: HttpResponse()).process_exception(request, error)


@pytest.mark.parametrize("noticed", [before_the_view, by_the_view])
@pytest.mark.parametrize("error", [OperationalError("server closed"), InterfaceError("connection already closed")])
@pytest.mark.parametrize("path", ["/models/", "/api/v1/models/"])
def test_it_says_so_and_when_to_come_again(
    path: str, error: Exception, noticed: Noticed, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = noticed(RequestFactory().get(path), error, monkeypatch)
    assert answer is not None
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "The database is away." in answer.content.decode()
