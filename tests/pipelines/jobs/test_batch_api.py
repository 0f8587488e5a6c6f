"""Batch predictions over the API and on pages: asked for once, rehearsed, followed, taken; bad input by its field."""

import io
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client

from portal.accounts.services import tokens
from portal.core import work
from registry.models import BatchPrediction
from registry.services import datasets
from tests import world
from tests.callers import Caller
from tests.pipelines.jobs.batching import ask, predict
from tests.pipelines.jobs.conftest import Lab
from tests.pipelines.jobs.rows import frame


@pytest.fixture
def caller(lab: Lab) -> Caller:
    made = tokens.create(actor=world.SYSTEM, owner=lab.priya, name="ci", scopes=["batch_predict"], days=30)
    return Caller(token=made.secret)


@pytest.fixture
def asked(lab: Lab) -> dict[str, Any]:
    version, data = lab.version("number"), lab.data(frame(60))
    return {"model": version.model.name, "version": 1, "data_set": data.data_set.name, "data_version": 1}


def test_from_the_request_to_the_file(caller: Caller, asked: dict[str, Any]) -> None:
    made = caller.post("batch-predictions/", asked | {"keep": ["place"]}, key="once")
    assert made.status_code == 202
    number = made.json()["number"]
    assert caller.post("batch-predictions/", asked | {"keep": ["place"]}, key="once").json()["number"] == number
    assert caller.get(f"batch-predictions/{number}/").json()["progress"] == {"done": 0, "total": 0, "note": ""}
    assert caller.get(f"batch-predictions/{number}/file/").status_code == 409
    work.drain()
    found = caller.get(f"batch-predictions/{number}/").json()
    assert (found["status"], found["progress"], found["rows"]) == ("done", None, 60)
    assert found["summary"]["columns"] == ["row", "place", "prediction"]
    answer = caller.get(f"batch-predictions/{number}/file/")
    assert answer["Content-Disposition"] == f'attachment; filename="batch-prediction-{number}.parquet"'
    assert pq.read_table(io.BytesIO(b"".join(answer.streaming_content))).num_rows == 60
    listed = caller.get("batch-predictions/", model=asked["model"], status="done").json()["results"]
    assert [row["number"] for row in listed] == [number]
    assert caller.get("batch-predictions/", data_set="other").json()["results"] == []


@pytest.mark.parametrize("version", ["abc", "-1", "1.5", "999999999"])
@pytest.mark.parametrize("path", ["batch-predictions/", "evaluations/"])
def test_a_list_of_a_version_that_is_no_number_is_refused(caller: Caller, path: str, version: str) -> None:
    answer = caller.get(path, version=version)
    assert (answer.status_code, answer.json()["fields"]) == (400, {"version": "This must be a number."})


def test_a_rehearsal_begins_nothing(caller: Caller, asked: dict[str, Any]) -> None:
    answer = caller.post("batch-predictions/", asked | {"dry_run": True})
    assert answer.status_code == 200
    assert answer.json() == {"version": 1, "rows": 60, "settings": {"keep": [], "inputs": []}}
    assert not BatchPrediction.objects.exists()


def test_cancelled_and_resumed(caller: Caller, asked: dict[str, Any]) -> None:
    number = caller.post("batch-predictions/", asked).json()["number"]
    assert caller.post(f"batch-predictions/{number}/cancel/", {}).json()["status"] == "cancelled"
    assert caller.post(f"batch-predictions/{number}/cancel/", {}).status_code == 409
    assert caller.post(f"batch-predictions/{number}/resume/", {}).json()["status"] == "queued"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"version": True}, "version"),
        ({"version": None}, "version"),
        ({"version": "champion"}, "version"),
        ({"keep": ["gone"]}, "keep"),
        ({"keep": ["x", "x"]}, "keep"),
        ({"keep": "x"}, "keep"),
        ({"inputs": ["x"]}, "inputs"),
        ({"sort": 1}, "sort"),
    ],
)
def test_bad_input_is_named_by_its_field(caller: Caller, asked: dict[str, Any], more: Any, field: str) -> None:
    answer = caller.post("batch-predictions/", asked | more)
    assert answer.status_code == 422, answer.json()
    assert field in answer.json()["fields"]
    assert not BatchPrediction.objects.exists()


def test_filling_a_data_set_takes_a_scope_of_its_own(lab: Lab, caller: Caller, asked: dict[str, Any]) -> None:
    datasets.create(actor=world.actor(lab.priya), name="answers", team=lab.team.slug)
    refused = caller.post("batch-predictions/", asked | {"into": "answers"})
    assert refused.status_code == 403
    assert "Scopes that may: data." in refused.json()["detail"]


def page(client: Client, lab: Lab, path: str) -> str:
    client.force_login(lab.priya)
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_of_one_shows_its_rows_and_where_it_came_from(lab: Lab, client: Client) -> None:
    row = predict(lab, lab.version("words"), lab.data(frame(40)), keep=["place"])
    shown = page(client, lab, f"/batch-predictions/{row.pk}/")
    for words in ("First rows", '<td class="tnum">JFK</td>', row.digest, "served nowhere", "Download"):
        assert words in shown
    assert "Resume" not in shown


def test_what_the_data_lack_is_said_before_anything_is_asked(lab: Lab, client: Client) -> None:
    version, data = lab.version("number"), lab.data(frame(20).drop(columns="z"))
    path = f"/batch-predictions/new/?version={version.model.name}:1&data={data.data_set.name}:1"
    shown = page(client, lab, path)
    assert "The data lack z, which the version needs." in shown
    assert "Nothing can be predicted" in shown
    answer = client.post(path, {})
    assert answer.status_code == 422
    assert not BatchPrediction.objects.exists()


def test_a_poll_is_answered_with_what_changed_and_then_with_the_whole_page(lab: Lab, client: Client) -> None:
    row = ask(lab, lab.version("number"), lab.data(frame(20)))
    client.force_login(lab.priya)
    path, poll = f"/batch-predictions/{row.pk}/", {"HX-Request": "true"}
    first = client.get(path, headers=poll)
    assert "Waiting for a worker." in first.content.decode()
    assert client.get(path, headers=poll | {"HX-PTag": first["HX-PTag"]}).status_code == 304
    work.drain()
    assert client.get(path, headers=poll | {"HX-PTag": first["HX-PTag"]})["HX-Refresh"] == "true"


@pytest.mark.parametrize("path", ["/batch-predictions/", "/evaluations/"])
def test_each_filter_in_force_has_its_own_chip(lab: Lab, client: Client, path: str) -> None:
    version, data = lab.version("number"), lab.data(frame(20))
    ask(lab, version, data)
    lab.ask(version, data)
    shown = page(client, lab, f"{path}?model=nope&status=failed&data_set=none")
    for words in ("Model", "State", "Data set"):
        assert f"{words}:" in shown
    assert "Model,data_set" not in shown


def test_columns_that_the_file_has_itself_are_not_offered(lab: Lab, client: Client) -> None:
    version, data = lab.version("number"), lab.data(frame(20).rename(columns={"amount": "row"}))
    path = f"/batch-predictions/new/?version={version.model.name}:1&data={data.data_set.name}:1"
    shown = page(client, lab, path)
    assert 'value="place"' in shown
    assert 'value="row"' not in shown
