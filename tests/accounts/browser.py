"""A person at the session API, with CSRF as in a browser."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from portal.accounts.models import Person
from tests.accounts.people import PASSWORD

SESSION_API = "/_allauth/browser/v1"


class Browser:
    """Calls with a session cookie and the CSRF token, and no credentials of its own."""

    def __init__(self, address: str = "192.0.2.1") -> None:
        self.client = Client(enforce_csrf_checks=True, REMOTE_ADDR=address, HTTP_HOST="localhost")
        self.client.get(f"{SESSION_API}/config")

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        token = self.client.cookies["signalbox_csrf"].value if "signalbox_csrf" in self.client.cookies else ""
        return self.client.generic(
            method,
            path,
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"X-CSRFToken": token} | headers,
        )

    def post(self, path: str, body: Any = None) -> Any:
        return self.send("POST", path, body if body is not None else {})

    def get(self, path: str) -> Any:
        return self.client.get(path)

    def sign_in(self, person: Person, password: str = PASSWORD) -> HttpResponse:
        found: HttpResponse = self.post(f"{SESSION_API}/auth/login", {"email": person.email, "password": password})
        return found


def signed_in(person: Person, address: str = "192.0.2.1") -> Browser:
    browser = Browser(address)
    answer = browser.sign_in(person)
    assert answer.status_code == 200, answer.content
    return browser
