"""Files that come piece by piece: whole, in order, from who began them, and never more than was said."""

import os
import time
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.services import tokens
from portal.core import work
from registry.datasets import uploads
from registry.datasets.files import BadData
from tests import world
from tests.callers import BACKEND, Caller
from tests.registry.datasets.conftest import FLIGHTS, Shelf

RAW = FLIGHTS.encode()
PATH = "data-sets/flights/uploads/"


@pytest.fixture
def caller(shelf: Shelf) -> Caller:
    made = tokens.create(actor=world.SYSTEM, owner=shelf.priya, name="ci", scopes=["data"], days=30)
    return Caller(token=made.secret)


def put(caller: Caller, key: str, offset: Any, piece: bytes) -> Any:
    url = f"/api/v1/{PATH}{key}/?offset={offset}"
    return caller.client.put(url, piece, content_type="application/octet-stream", headers=caller.headers)


def test_a_file_in_pieces_becomes_a_version(caller: Caller) -> None:
    begun = caller.post(PATH, {"name": "flights.csv", "size": len(RAW)})
    assert (begun.status_code, begun.json()["offset"], begun.json()["piece"]) == (201, 0, uploads.PIECE)
    key = begun.json()["key"]
    assert put(caller, key, 0, RAW[:10]).json()["offset"] == 10
    early = caller.post("data-sets/flights/versions/", {"upload": key})
    assert "10 of" in early.json()["detail"]
    again = put(caller, key, 0, RAW[:10])
    assert (again.status_code, again.json()["code"], again.json()["offset"]) == (409, "wrong_offset", 10)
    assert put(caller, key, 10, RAW[10:]).json()["complete"] is True
    made = caller.post("data-sets/flights/versions/", {"upload": key})
    assert made.status_code == 202
    work.drain()
    found = caller.get("data-sets/flights/versions/1/").json()
    assert (found["status"], found["rows"], found["source"]["name"]) == ("ready", 3, "flights.csv")
    assert caller.get(f"{PATH}{key}/").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "../flights.csv", "size": 3}, "name"),
        ({"name": "flights.exe", "size": 3}, "name"),
        ({"name": ".csv", "size": 3}, "name"),
        ({"name": "flights.csv", "size": 0}, "size"),
        ({"name": "flights.csv", "size": uploads.MOST + 1}, "name"),
    ],
)
def test_what_is_no_data_file_is_refused_at_once(caller: Caller, body: dict[str, Any], field: str) -> None:
    answer = caller.post(PATH, body)
    assert answer.status_code == 422
    assert field in answer.json()["fields"]


@pytest.mark.parametrize("offset", ["", "-1", "x", "1" * 20])
def test_an_offset_is_a_whole_number(caller: Caller, offset: str) -> None:
    key = caller.post(PATH, {"name": "flights.csv", "size": 3}).json()["key"]
    assert put(caller, key, offset, b"abc").status_code == 422


def test_more_than_was_said_is_refused_and_nothing_of_it_kept(caller: Caller) -> None:
    key = caller.post(PATH, {"name": "flights.csv", "size": 3}).json()["key"]
    assert put(caller, key, 0, b"abcd").status_code == 422
    assert caller.get(f"{PATH}{key}/").json()["offset"] == 0


def test_only_who_began_it_goes_on(shelf: Shelf, caller: Caller) -> None:
    key = caller.post(PATH, {"name": "flights.csv", "size": 3}).json()["key"]
    colleague = world.person("Cora Colleague", ("data_scientist", shelf.team))
    assert Caller(colleague).get(f"{PATH}{key}/").status_code == 404
    assert Caller(shelf.vera).get(f"{PATH}{key}/").status_code == 403
    assert Caller(shelf.olga).get(f"{PATH}{key}/").status_code == 404


def test_what_nobody_goes_on_with_is_cleared_after_a_day(shelf: Shelf) -> None:
    made = uploads.begin(data_set=shelf.data_set.pk, owner="x", name="flights.csv", size=3)
    assert uploads.clear() == 0
    old = time.time() - uploads.KEPT_SECONDS - 60
    for path in (uploads.folder() / made.key).iterdir():
        os.utime(path, (old, old))
    assert uploads.clear() == 1
    with pytest.raises(BadData, match="Begin again"):
        uploads.find(made.key)


@given(name=st.text(max_size=30))
def test_a_name_never_leaves_its_folder(name: str) -> None:
    found = uploads._NAME.fullmatch(name)
    assert found is None or not ({"/", "\\", "\0", "\n"} & set(name) or name.startswith("."))


def test_without_script_the_form_sends_the_file(shelf: Shelf) -> None:
    client = Client()
    client.force_login(shelf.priya, backend=BACKEND)
    page = "/data-sets/flights/versions/new/"
    sent = {"source": "upload", "file": SimpleUploadedFile("flights.csv", RAW), "note": "By hand"}
    answer = client.post(page, sent)
    assert (answer.status_code, answer["Location"]) == (303, "/data-sets/flights/versions/1/")
    assert "hx-get" in client.get(answer["Location"]).content.decode()
    asked = {"HX-Request": "true"}
    tag = client.get(answer["Location"], headers=asked)["HX-PTag"]
    assert client.get(answer["Location"], headers=asked | {"HX-PTag": tag}).status_code == 304
    work.drain()
    done = client.get(answer["Location"], headers={"HX-Request": "true"})
    assert done["HX-Refresh"] == "true"
    assert "By hand" in client.get(answer["Location"]).content.decode()
    wrong = client.post(page, {"source": "s3", "s3": "http://example.org"})
    assert wrong.status_code == 422
    assert "An S3 address looks like s3://bucket/prefix." in wrong.content.decode()
