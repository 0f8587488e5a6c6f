"""The pages of data sets: what is there, what failed and where, and nothing yet."""

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from registry.services import datasets
from tests import world
from tests.callers import BACKEND
from tests.deployments import bypassing
from tests.registry.datasets.conftest import FLIGHTS, Shelf


@pytest.fixture
def client(shelf: Shelf) -> Client:
    made = Client()
    made.force_login(shelf.vera, backend=BACKEND)
    return made


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    main = BeautifulSoup(answer.content, "html.parser").find("main")
    assert main is not None
    return " ".join(main.get_text(" ").split())


def test_the_list_says_what_is_ready(shelf: Shelf, client: Client) -> None:
    assert "none" in text(client, "/data-sets/")
    shelf.register(shelf.write())
    found = text(client, "/data-sets/")
    assert "flights v1 Flights" in found
    assert "CC0" in found
    assert "No data set matches these filters." in text(client, "/data-sets/?q=nothing-like-it")


def test_a_data_set_without_versions_says_how_to_register_one(client: Client) -> None:
    found = text(client, "/data-sets/flights/")
    assert "No version yet" in found
    assert "/api/v1/data-sets/flights/versions/" in found
    assert "Nothing is checked yet." in found


def test_a_version_shows_columns_answers_and_failing_rows(shelf: Shelf, client: Client) -> None:
    shelf.promise({"rule": "range", "column": "delay", "min": 0}, {"rule": "rows", "least": 1, "blocks": False})
    shelf.register(shelf.write())
    assert "Fail" in text(client, "/data-sets/flights/")
    found = text(client, "/data-sets/flights/versions/1/")
    assert "delay is at least 0 Fail 1" in found
    assert "Rows 2" in found
    assert "carrier text 0.0 % 2" in found.replace("\u202f", " ").replace("\u00a0", " ")
    assert "flights.csv" in found


def test_changed_columns_and_what_failed_are_said(shelf: Shelf, client: Client) -> None:
    shelf.register(shelf.write())
    shelf.register(shelf.write(FLIGHTS.replace("day", "date"), to="two"))
    found = text(client, "/data-sets/flights/versions/2/")
    assert "Added date Removed day" in found
    shelf.register(shelf.write("", to="three"))
    found = text(client, "/data-sets/flights/versions/3/")
    assert "This version was not taken in. flights.csv is empty." in found
    assert "Not measured yet." in found


def test_others_are_told_nothing(shelf: Shelf) -> None:
    outsider = Client()
    outsider.force_login(shelf.olga, backend=BACKEND)
    assert outsider.get("/data-sets/flights/").status_code == 404
    assert outsider.get("/data-sets/flights/versions/1/").status_code == 404
    assert "flights" not in text(outsider, "/data-sets/")


def test_a_version_says_owner_licence_source_and_how_long_it_is_kept(shelf: Shelf, client: Client) -> None:
    shelf.register(shelf.write())
    path = "/data-sets/flights/versions/1/"
    found = text(client, path)
    assert "Licence CC0" in found
    assert "Owner Priya Nair, Flights" in found
    assert "From folder" in found
    assert "Kept until no end set" in found
    datasets.edit(actor=world.actor(shelf.priya), name="flights", retention_days=30)
    found = text(client, path)
    assert "Kept until" in found
    assert "no end set" not in found
    assert "Past retention" not in found
    with bypassing.later(31 * 24):
        late = text(client, path)
    assert "This version is past its retention. flights is kept for 30 days" in late
    assert "Past retention" in late
    kept = client.get("/api/v1/data-sets/flights/versions/1/").json()
    assert kept["kept_until"][:10] > kept["registered_at"][:10]
