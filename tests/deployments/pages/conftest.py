"""People at their browsers: a Django test client per person, without script."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import Person
from tests.callers import BACKEND, PASSWORD, with_password

Answer = Any


class Forms(HTMLParser):
    """The forms of a page with the values a browser would send: action to its fields."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self._open: dict[str, str] | None = None
        self._area: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = {}
            self.found.append((given.get("action", "").partition("#")[0], self._open))
        if self._open is None or "name" not in given:
            return
        if tag == "textarea":
            self._area = given["name"]
            self._open[self._area] = ""
        ticked = given.get("type") not in ("radio", "checkbox") or "checked" in given
        if tag == "input" and ticked:
            self._open[given["name"]] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._area is not None and self._open is not None:
            self._open[self._area] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        if tag == "textarea":
            self._area = None


class Browser:
    """One person's browser: opens pages and fills in the forms it finds there."""

    def __init__(self, person: Person) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.client.force_login(with_password(person), backend=BACKEND)

    def open(self, path: str, status: int = 200, **query: Any) -> str:
        answer = self.client.get(path, query)
        assert answer.status_code == status, (answer.status_code, answer.content[:2000])
        return answer.content.decode()

    def fill(self, page: str, action: str, **values: Any) -> dict[str, Any]:
        """The form of this page that posts to `action`, with `values` filled in."""
        forms = [fields for where, fields in Forms(self.open(page)).found if where == action]
        assert forms, f"{page} has no form for {action}"
        return forms[0] | values

    def post(self, action: str, fields: dict[str, Any], **headers: str) -> Answer:
        return self.client.post(action, fields, headers=headers)

    def send(self, page: str, action: str, **values: Any) -> Answer:
        """Fill in the form and send it once."""
        return self.post(action, self.fill(page, action, **values))

    def approve(self, number: int, password: str = PASSWORD) -> Answer:
        """Both steps of an approval; the answer to the second."""
        page = f"/promotions/{number}/"
        checks = [check for where, fields in Forms(self.open(page)).found for check in fields if check == "looked_at"]
        ticks = {"looked_at": self.warnings(page)} if not checks else {}
        first = self.send(page, f"{page}decision/", decision="approve", **ticks)
        if first.status_code != 303:
            return first
        return self.send(f"{page}sign/", f"{page}sign/", step_up_password=password)

    def warnings(self, page: str) -> list[str]:
        """The codes of the warnings that an approval has to tick."""
        parts = self.open(page).split('name="looked_at" value="')[1:]
        return [part.partition('"')[0] for part in parts]


@pytest.fixture
def browser() -> Callable[[Person], Browser]:
    return Browser
