"""Data sets over the API: made, described, registered, checked and read; bad input is named by its field."""

from typing import Any

import pytest

from portal.accounts.services import tokens
from portal.core import work
from tests import world
from tests.callers import Caller
from tests.registry.datasets.conftest import FLIGHTS, Shelf


@pytest.fixture
def caller(shelf: Shelf) -> Caller:
    made = tokens.create(actor=world.SYSTEM, owner=shelf.priya, name="ci", scopes=["data"], days=30)
    return Caller(token=made.secret)


def test_from_a_folder_to_the_answers(shelf: Shelf, caller: Caller) -> None:
    made = caller.post("data-sets/", {"name": "weather", "team": shelf.team.slug, "licence": "CC0"})
    assert (made.status_code, made.json()["newest"]) == (201, None)
    checks = [{"rule": "range", "column": "delay", "min": 0}]
    assert caller.put("data-sets/weather/checks/", {"checks": checks, "why": "Delays only."}).json()["number"] == 1
    answer = caller.post("data-sets/weather/versions/", {"folder": str(shelf.write()), "note": "January"})
    assert (answer.status_code, answer.json()["status"]) == (202, "registered")
    work.drain()
    (row,) = caller.get("data-sets/weather/versions/").json()["results"]
    assert (row["status"], row["rows"], row["note"]) == ("ready", 3, "January")
    assert [(run["checks"], run["verdict"]) for run in row["check_runs"]] == [(1, "fail")]
    detail = caller.get("data-sets/weather/versions/1/").json()
    assert detail["check_runs"][0]["results"][0]["rows"] == [2]
    assert [column["name"] for column in detail["profile"]] == ["carrier", "delay", "day"]
    assert caller.get("data-sets/weather/").json()["newest"] == 1


def test_columns_that_changed_are_named(shelf: Shelf, caller: Caller) -> None:
    shelf.register(shelf.write())
    shelf.register(shelf.write(FLIGHTS.replace("day", "date").replace("UA,3", "UA,late"), to="two"))
    changed = caller.get("data-sets/flights/versions/2/").json()["changed_columns"]
    assert changed == {"added": ["date"], "removed": ["day"], "retyped": ["delay"]}


def test_lists_are_narrowed_and_paged(shelf: Shelf, caller: Caller) -> None:
    for name in ("weather", "airports"):
        caller.post("data-sets/", {"name": name, "team": shelf.team.slug, "description": "of New York"})
    names = [row["name"] for row in caller.get("data-sets/").json()["results"]]
    assert names == ["airports", "flights", "weather"]
    assert [row["name"] for row in caller.get("data-sets/", q="york").json()["results"]] == ["airports", "weather"]
    assert caller.get("data-sets/", team="other").json()["results"] == []
    first = caller.get("data-sets/", page_size=2).json()
    assert (len(first["results"]), bool(first["next"])) == (2, True)


@pytest.mark.parametrize(
    ("path", "method", "body", "field"),
    [
        ("data-sets/", "post", {"name": "../x", "team": "flights"}, "name"),
        ("data-sets/", "post", {"name": "x", "team": "nobody"}, "team"),
        ("data-sets/", "post", {"name": "flights", "team": "flights"}, "name"),
        ("data-sets/flights/", "patch", {"retention_days": 0}, "retention_days"),
        ("data-sets/flights/", "patch", {"licence": "CC0", "sort": 1}, "sort"),
        ("data-sets/flights/", "patch", {"owner": 999_999}, "owner"),
        ("data-sets/flights/versions/", "post", {}, "source"),
        ("data-sets/flights/versions/", "post", {"folder": "/x", "s3": "s3://bucket/x"}, "source"),
        ("data-sets/flights/versions/", "post", {"s3": "https://example.org"}, "s3"),
        ("data-sets/flights/checks/", "put", {"checks": [{"rule": "magic"}]}, "checks[0].rule"),
    ],
)
def test_bad_input_is_named_by_its_field(caller: Caller, path: str, method: str, body: Any, field: str) -> None:
    answer = getattr(caller, method)(path, body)
    assert answer.status_code in (400, 409, 422), answer.json()
    assert field in answer.json()["fields"]


def test_only_what_was_sent_is_changed(shelf: Shelf, caller: Caller) -> None:
    assert caller.patch("data-sets/flights/", {"description": "New York"}).json()["licence"] == "CC0"
    assert caller.patch("data-sets/flights/", {"licence": ""}).json()["description"] == "New York"


def test_others_do_not_see_it(shelf: Shelf) -> None:
    made = tokens.create(actor=world.SYSTEM, owner=shelf.olga, name="ci", scopes=["data"], days=30)
    outsider = Caller(token=made.secret)
    assert outsider.get("data-sets/flights/").status_code == 404
    assert outsider.get("data-sets/").json()["results"] == []
