"""What is left of a first rollout that was aborted: nothing serves, and no figure says otherwise."""

import pytest

from deployments import charts
from deployments.models import Endpoint
from deployments.selectors import endpoints as select
from deployments.services import rollouts
from portal.core import clock, work
from portal.ui.charts import Figure
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db


def figure() -> Figure:
    found = charts.traffic(select.tables_of(Endpoint.objects.get()), clock.now())
    assert found is not None
    return found


def lines(found: Figure) -> dict[str, list[float]]:
    return {str(line["name"]): [float(share) for share in line["y"]] for line in found.data}


@pytest.fixture
def aborted(line: Line) -> Rolling:
    """It waits since who answers is not what should, and a person ends it."""
    request = line.submit(1)
    line.runtime.astray = "another"
    line.approve(request, line.marta)
    line.approve(request, line.daniel)
    work.drain()
    rolling = Rolling(line, begun=True)
    assert figure().finding == "now v1 100 %"
    rollouts.abort(actor=world.actor(line.marta), number=rolling.row.pk, reason_code="quality")
    rolling.look()
    assert (rolling.row.status, line.runtime.table) == ("aborted", {})
    return rolling


def test_the_figure_ends_with_the_route(aborted: Rolling) -> None:
    found = figure()
    assert found.finding == "now nothing serves"
    assert found.alt.endswith("Now: nothing serves.")
    assert lines(found) == {"v1": [1.0, 0.0, 0.0]}
    assert [row[1] for row in found.table.rows] == ["nothing serves", "v1 100 %"]


def test_the_next_one_begins_from_nothing(aborted: Rolling) -> None:
    aborted.line.runtime.astray = ""
    aborted.line.promote(2)
    found = figure()
    assert found.finding == "now v2 100 %"
    assert lines(found) == {"v1": [1.0, 0.0, 0.0, 0.0], "v2": [0.0, 0.0, 1.0, 1.0]}
