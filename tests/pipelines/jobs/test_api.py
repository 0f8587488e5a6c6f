"""Evaluations over the API: asked for once, rehearsed, followed, read; bad input is named by its field."""

from typing import Any

import pytest

from portal.accounts.services import tokens
from portal.core import work
from registry.models import Evaluation
from tests import world
from tests.callers import Caller
from tests.pipelines.jobs.conftest import CLASSIFICATION, Lab
from tests.pipelines.jobs.rows import frame


@pytest.fixture
def caller(lab: Lab) -> Caller:
    made = tokens.create(actor=world.SYSTEM, owner=lab.priya, name="ci", scopes=["evaluate"], days=30)
    return Caller(token=made.secret)


@pytest.fixture
def asked(lab: Lab) -> dict[str, Any]:
    version, data = lab.version("good"), lab.data(frame(200))
    return {
        "model": version.model.name,
        "version": 1,
        "data_set": data.data_set.name,
        "data_version": 1,
        "settings": CLASSIFICATION,
    }


def test_from_the_request_to_the_report(caller: Caller, asked: dict[str, Any]) -> None:
    made = caller.post("evaluations/", asked, key="once")
    assert made.status_code == 202
    number = made.json()["number"]
    assert caller.post("evaluations/", asked, key="once").json()["number"] == number
    assert caller.get(f"evaluations/{number}/").json()["progress"] == {"done": 0, "total": 0, "note": ""}
    assert caller.get(f"evaluations/{number}/report/").status_code == 409
    work.drain()
    found = caller.get(f"evaluations/{number}/").json()
    assert (found["status"], found["progress"]) == ("done", None)
    assert "200 rows scored" in found["log"][0]
    report = caller.get(f"evaluations/{number}/report/").json()
    assert report["digest"] == found["digest"]
    assert report["results"]["metrics"]["roc_auc"]["n"] == 200
    listed = caller.get("evaluations/", model=asked["model"], status="done").json()["results"]
    assert [row["number"] for row in listed] == [number]
    assert caller.get("evaluations/", data_set="other").json()["results"] == []


def test_a_rehearsal_begins_nothing(caller: Caller, asked: dict[str, Any]) -> None:
    answer = caller.post("evaluations/", asked | {"dry_run": True})
    assert (answer.status_code, answer.json()["settings"]["threshold"]) == (200, 0.5)
    wrong = caller.post("evaluations/", asked | {"dry_run": True, "settings": {"task": "classification"}})
    assert "settings.target" in wrong.json()["fields"]
    assert not Evaluation.objects.exists()


def test_cancelled_and_run_again(caller: Caller, asked: dict[str, Any]) -> None:
    number = caller.post("evaluations/", asked).json()["number"]
    assert caller.post(f"evaluations/{number}/cancel/", {}).json()["status"] == "cancelled"
    assert caller.post(f"evaluations/{number}/cancel/", {}).status_code == 409
    assert caller.post(f"evaluations/{number}/retry/", {}).json()["status"] == "queued"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"baseline": True}, "baseline"),
        ({"baseline": "champion"}, "baseline"),
        ({"baseline": 1}, "baseline"),
        ({"settings": {"task": "classification", "target": "gone"}}, "settings.target"),
        ({"settings": []}, "settings.settings"),
        ({"sort": 1}, "sort"),
    ],
)
def test_bad_input_is_named_by_its_field(caller: Caller, asked: dict[str, Any], more: Any, field: str) -> None:
    answer = caller.post("evaluations/", asked | more)
    assert answer.status_code == 422, answer.json()
    assert field in answer.json()["fields"]
