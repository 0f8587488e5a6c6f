"""From data to what rests on it: versions that were made from it or evaluated on it, where they serve, who asked."""

import pytest
from django.db import transaction

from registry.models import DataSetVersion, DataUse, Experiment, Run
from tests import world
from tests.callers import Caller
from tests.deployments.conftest import Line
from tests.deployments.gates.test_flow import evaluated, results

pytestmark = pytest.mark.django_db
USAGE = "data-sets/flights/versions/1/usage/"


@pytest.fixture
def data(line: Line) -> DataSetVersion:
    return world.data_version("flights", line.team)


@transaction.atomic
def made_from(line: Line, number: int, data: DataSetVersion) -> None:
    """The version came out of a run that read the data."""
    where = Experiment.objects.create(mlflow_id="7", name="trials", team=line.team)
    run = Run.objects.create(run_id="ab" * 16, experiment=where)
    DataUse.objects.create(version=data, run=run, context="training")
    line.model.versions.filter(number=number).update(run=run)


def test_what_was_made_from_data_and_what_was_judged_by_it_rests_on_it(line: Line, data: DataSetVersion) -> None:
    line.promote(1)
    line.promote(2)
    row = line.submit(3)
    priya = Caller(line.priya)
    assert priya.get(USAGE).json() == {"endpoints": [], "promotions": []}
    made_from(line, 1, data)
    evaluated(row.version, line.model.versions.get(number=2), data, results(0.001, 0.02))
    found = priya.get(USAGE).json()
    assert found["endpoints"] == [
        {"endpoint": "production/flight-delay", "model": "flight-delay", "version": 1, "role": "rollback target"}
    ]
    assert [one["version"] for one in found["promotions"]] == [3, 1]


def test_the_page_of_the_data_shows_it(line: Line, data: DataSetVersion) -> None:
    line.promote(1)
    made_from(line, 1, data)
    client = Caller(line.priya).client
    page = client.get("/data-sets/flights/versions/1/").content.decode()
    assert 'hx-get="/data-sets/flights/versions/1/usage/"' in page
    part = client.get("/data-sets/flights/versions/1/usage/").content.decode()
    assert "champion v1" in part
    assert "flight-delay v1 to production" in part


def test_others_do_not_see_it(line: Line, data: DataSetVersion) -> None:
    assert Caller(line.olga).get(USAGE).status_code == 404
