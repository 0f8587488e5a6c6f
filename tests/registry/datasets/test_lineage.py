"""From a run to the data it read and back, and data taken in from what a run logged."""

from typing import Any

import pytest
from django.test import Client

from portal.core import work
from portal.core.errors import BadInput
from registry.datasets import run_inputs
from registry.datasets.files import BadData
from registry.models import DataUse, Experiment, Run
from registry.services import datasets, runs, sources
from tests import world
from tests.callers import BACKEND, Caller
from tests.registry.datasets.conftest import Shelf


def logged(shelf: Shelf, digest: str, *, name: str = "flights", source: str = "{}") -> Run:
    experiment, _ = Experiment.objects.get_or_create(mlflow_id="7", defaults={"name": "trials", "team": shelf.team})
    row, _ = Run.objects.get_or_create(run_id="ab" * 16, defaults={"experiment": experiment})
    tags = [{"key": "mlflow.data.context", "value": "training"}]
    given = {"name": name, "digest": digest, "source_type": "local", "source": source}
    inputs = {"dataset_inputs": [{"dataset": given, "tags": tags}]}
    return runs.keep_copy(row, facts={"info": {}, "data": {}, "inputs": inputs}, history={}, artifacts=[])


@pytest.mark.parametrize("shape", ["v{number}", "{digest}", "{start}"])
def test_a_run_that_names_a_version_is_found_from_both_ends(shelf: Shelf, shape: str) -> None:
    version = shelf.register(shelf.write())
    logged(shelf, shape.format(number=1, digest=version.digest, start=version.digest[7:19]))
    found = Caller(shelf.priya).get("data-sets/flights/versions/1/").json()["uses"]
    assert [(use["run"], use["used_as"]) for use in found] == [("ab" * 16, "training")]
    client = Client()
    client.force_login(shelf.vera, backend=BACKEND)
    assert "/data-sets/flights/versions/1/" in client.get(f"/runs/{'ab' * 16}/").content.decode()
    assert f"/runs/{'ab' * 16}/" in client.get("/data-sets/flights/versions/1/").content.decode()


@pytest.mark.parametrize("digest", ["v2", "v0", "1", "", "sha256:00000000", "abc"])
def test_what_names_no_version_links_nothing(shelf: Shelf, digest: str) -> None:
    shelf.register(shelf.write())
    logged(shelf, digest)
    assert not DataUse.objects.exists()


def test_a_run_that_came_first_is_linked_when_the_version_is_ready(shelf: Shelf) -> None:
    logged(shelf, "v1")
    assert not DataUse.objects.exists()
    version = shelf.register(shelf.write())
    assert [use.version for use in DataUse.objects.all()] == [version]


def test_a_new_copy_of_the_run_forgets_what_it_no_longer_names(shelf: Shelf) -> None:
    shelf.register(shelf.write())
    logged(shelf, "v1")
    logged(shelf, "v1", name="weather")
    assert not DataUse.objects.exists()


def test_the_input_of_a_run_becomes_a_version(shelf: Shelf) -> None:
    run = logged(shelf, "x", source=f'{{"uri": "{shelf.write()}"}}')
    actor = world.actor(shelf.priya)
    source = sources.from_run(actor=actor, run_id=run.run_id)
    made = datasets.register_version(actor=actor, name="flights", source=source)
    work.drain()
    made.refresh_from_db()
    assert (made.status, made.rows, made.source["run"]) == ("ready", 3, run.run_id)
    with pytest.raises(BadInput, match="It has: flights"):
        sources.from_run(actor=actor, run_id=run.run_id, name="weather")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('{"uri": "s3://bucket/x"}', {"kind": "s3", "uri": "s3://bucket/x"}),
        ('{"uri": "/srv/x.csv"}', {"kind": "folder", "path": "/srv/x.csv"}),
        ('{"uri": "file:///srv/x.csv"}', {"kind": "folder", "path": "/srv/x.csv"}),
        ('{"uri": "mlflow-artifacts:/7/ab/artifacts/d"}', {"kind": "artifact", "path": "7/ab/artifacts/d"}),
        ('{"uri": "mlflow-artifacts://host:1/7/ab/artifacts/d"}', {"kind": "artifact", "path": "7/ab/artifacts/d"}),
    ],
)
def test_where_a_logged_input_can_be_fetched(source: str, found: dict[str, Any]) -> None:
    assert run_inputs.source_of({"source": source}) == found


@pytest.mark.parametrize("source", ['{"url": "http://169.254.169.254/"}', "{}", "[]", "not json", '{"tags": {}}'])
def test_elsewhere_is_refused_with_the_way_out(source: str) -> None:
    with pytest.raises(BadData, match="Upload it, or use a folder or S3"):
        run_inputs.source_of({"source": source, "source_type": "code"})


def test_a_version_out_of_use_stays_linked(shelf: Shelf) -> None:
    shelf.register(shelf.write())
    run = logged(shelf, "v1")
    datasets.archive(actor=world.actor(shelf.priya), name="flights", number=1, why="A column was wrong.")
    assert DataUse.objects.filter(run=run).count() == 1
    logged(shelf, "v1")
    assert DataUse.objects.filter(run=run).count() == 1
