"""A version's page: against the champion, gates of each environment, what was not measured, changed columns."""

import re
from typing import Any

import pytest
from django.test import Client

from registry.selectors import signatures
from tests import measured, world
from tests.callers import BACKEND
from tests.deployments.conftest import Line

pytestmark = pytest.mark.django_db
PAGE = "/models/flight-delay/versions/2/"


def text(line: Line, path: str = PAGE) -> str:
    client = Client()
    client.force_login(line.marta, backend=BACKEND)
    answer = client.get(path)
    assert answer.status_code == 200
    return re.sub(r"[ \n]+", " ", answer.content.decode())


def test_what_was_not_measured_is_said_with_the_way_to_measure_it(line: Line) -> None:
    line.promote(1)
    world.production(gates={"quality": {"metric": "roc_auc"}})
    page = text(line)
    assert '<dt>Against champion</dt><dd>not measured. <a href="/evaluations/new/?version=flight-delay:2">' in page
    assert f'hx-get="{PAGE}gates/"' in page
    gates = text(line, f"{PAGE}gates/")
    assert "production" in gates
    assert "3 of 4 pass" in gates
    assert "Quality against the champion: not measured" in gates
    assert "signalbox gate --model flight-delay --version 2 --env" in gates
    assert "Serves here" in text(line, "/models/flight-delay/versions/1/gates/")


def test_a_measured_version_shows_its_summary_and_intervals(line: Line) -> None:
    line.promote(1)
    first, second = line.model.versions.get(number=1), line.model.versions.get(number=2)
    data = world.data_version("flights", line.team)
    slices = (measured.slice_of("origin = JFK", -0.01, 0.03),)
    row = measured.evaluation(second, first, data, measured.results(slices=slices))
    page = text(line)
    assert f'<a href="/evaluations/{row.pk}/">2 metrics: 2 better</a>, on flights v1' in page
    assert "[+0.0100, +0.0300]" in page
    assert "No slice is shown worse" in page
    assert "point values" not in page
    hidden = world.data_version("secret-rows", world.team("other"))
    measured.evaluation(second, first, hidden)
    assert "secret-rows" not in text(line), "the newest evaluation is on data of another team"


def test_columns_that_come_go_and_change_stand_first(line: Line) -> None:
    def signature(*columns: tuple[str, str]) -> dict[str, Any]:
        return {"inputs": [{"name": name, "type": kind} for name, kind in columns], "outputs": [{"type": "double"}]}

    line.promote(1)
    champion = line.model.versions.get(number=1)
    new = world.version(line.model, signature=signature(("distance", "double"), ("carrier", "long"), ("age", "long")))
    found = [(one.mark, one.name, one.was) for one in signatures.against(new, champion)]
    assert found == [
        ("new", "age", ""),
        ("new", "0", ""),
        ("gone", "late", ""),
        ("changed", "carrier", "string, required"),
        ("", "distance", "double, required"),
    ]
    page = text(line, "/models/flight-delay/versions/4/")
    assert "was string, required" in page
    assert "1 unchanged column<" in page
    assert {one.mark for one in signatures.against(champion, None)} == {""}
