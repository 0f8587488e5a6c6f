"""The data sets of the example world: registered once, sent piece by piece, made of the months that versions name."""

import io
import json
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from demo import shelf
from demo.client import Caller, LateError
from demo.recipe import HOLDOUT_MONTH, RECIPES
from demo.shelf import HOLDOUT, VERSIONS, Shelf
from registry.datasets import checks

Json = dict[str, Any]


class Shelves:
    """The portal's data sets in memory; what is sent to it is kept as it came."""

    def __init__(self) -> None:
        self.sets: dict[str, Json] = {}
        self.files: dict[str, bytes] = {}
        self.writes = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        parts = request.url.path.removeprefix("/api/v1/data-sets/").strip("/").split("/")
        self.writes += request.method != "GET"
        if request.method == "PUT" and "uploads" in parts:
            assert int(request.url.params["offset"]) == len(self.files[parts[2]])
            assert len(request.content) <= shelf.PIECE
            self.files[parts[2]] += request.content
            return httpx.Response(200, json={})
        body = json.loads(request.content) if request.content else {}
        if parts == [""]:
            self.sets[body["name"]] = {"facts": body, "versions": [], "checks": []}
            return httpx.Response(201, json={})
        return self.of(self.sets.get(parts[0]), request.method, parts[1:], body)

    def of(self, kept: Json | None, method: str, rest: list[str], body: Json) -> httpx.Response:
        if kept is None:
            return httpx.Response(404, json={"code": "not_found"})
        if method == "GET":
            return httpx.Response(200, json={"results": kept[rest[0]], "next": None} if rest else kept["facts"])
        if rest == ["uploads"]:
            key = f"key-{len(self.files)}"
            self.files[key] = b""
            return httpx.Response(201, json={"key": key})
        row = {"number": len(kept["versions"]) + 1, "status": "ready", "status_note": "", **body}
        kept[rest[0]].append(row)
        return httpx.Response(202, json=row)


@pytest.fixture
def shelves() -> Shelves:
    return Shelves()


def filled(shelves: Shelves, cache: Path) -> Shelf:
    made = Shelf(Caller("http://portal", "sbx_pat_x", httpx.MockTransport(shelves.answer)), cache)
    made.fill()
    made.wait()
    return made


def test_each_version_holds_its_months(shelves: Shelves, cache: Path, year: pd.DataFrame) -> None:
    filled(shelves, cache)
    for one in VERSIONS:
        row = shelves.sets[one.data_set]["versions"][one.number - 1]
        sent = pd.read_parquet(io.BytesIO(shelves.files[row["upload"]]))
        assert len(sent) == year["month"].between(one.first, one.last).sum()
        assert list(sent.columns) == shelf.COLUMNS
    assert {kept["facts"]["licence"] for kept in shelves.sets.values()} == {"CC0-1.0"}


def test_filling_again_sends_nothing(shelves: Shelves, cache: Path) -> None:
    filled(shelves, cache)
    before = shelves.writes
    filled(shelves, cache)
    assert shelves.writes == before


def test_data_that_was_refused_stops_the_world(shelves: Shelves, cache: Path) -> None:
    made = filled(shelves, cache)
    shelves.sets[HOLDOUT.data_set]["versions"][0] |= {"status": "failed", "status_note": "It holds no rows."}
    with pytest.raises(LateError, match=r"flights-june version 1 was refused\. It holds no rows"):
        made.wait()


def test_the_months_are_those_of_the_recipes() -> None:
    assert (HOLDOUT.first, HOLDOUT.last) == (HOLDOUT_MONTH, HOLDOUT_MONTH)
    named = [shelf.of_months(recipe.first_month, recipe.last_month).digest for recipe in RECIPES.values()]
    assert named == ["v1", "v1", "v2"]


@pytest.mark.parametrize("name", sorted(shelf.CHECKS))
def test_its_checks_are_checks(name: str) -> None:
    rules = {check.rule for check in checks.parsed(shelf.CHECKS[name])}
    assert rules == set(checks.RULES) - {"fresh"}, "flights of 2013 are never fresh"
