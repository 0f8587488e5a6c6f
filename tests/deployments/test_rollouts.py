"""Rollouts in steps, from the approved request to the last table, with measures as the data plane would give them."""

from datetime import timedelta

import pytest

from deployments.models import Endpoint, RouteTable
from deployments.selectors import plan_page
from deployments.services import rollouts
from portal.core import clock, work
from registry.models import ModelVersion
from tests.deployments.conftest import Line
from tests.deployments.rolling import GOOD, SAME, Rolling, measures, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def rolling(line: Line) -> Rolling:
    return Rolling(line).begin()


def test_a_good_version_goes_all_the_way(rolling: Rolling) -> None:
    assert (rolling.share, rolling.row.step, rolling.row.status) == (1000, 3, "progressing")
    rolling.look()
    assert rolling.share == 1000
    rolling.answered(GOOD, SAME)
    rolling.look(3)
    assert (rolling.share, rolling.row.step) == (5000, 5)
    rolling.look(29)
    assert rolling.share == 5000
    rolling.look(2)
    assert (rolling.share, rolling.row.status) == (10_000, "progressing")
    assert Endpoint.objects.get().stable_id != rolling.row.to_revision_id
    row = rolling.look(61)
    assert row.status == "completed"
    row.request.refresh_from_db()  # type: ignore[union-attr]
    assert row.request.status == "promoted"  # type: ignore[union-attr]
    assert Endpoint.objects.get().stable_id == row.to_revision_id
    tables = [(t.generation, t.stable_weight, t.canary_weight) for t in RouteTable.objects.filter(rollout=row)]
    assert tables == [(2, 9000, 1000), (3, 5000, 5000), (4, 10_000, 0)]
    assert [t.generation for t in rolling.line.runtime.routed] == [1, 2, 3, 4]
    assert said(row, "rollout.stepped")["now"] == "Judge 4 guards"


def test_a_rollout_that_begins_while_its_endpoint_is_looked_at_keeps_its_revision(
    rolling: Rolling, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = iter([None] * 3), rollouts.active
    monkeypatch.setattr(rollouts, "active", lambda endpoint: next(before, real(endpoint)))
    Endpoint.objects.update(next_reconcile_at=clock.now())
    work.do("deployments.endpoint", Endpoint.objects.get().pk)
    assert next(before, "looked at") == "looked at"
    assert rolling.row.to_revision.status == "ready"
    assert rolling.line.runtime.revision(rolling.revision(2)).state == "ready"


def test_the_log_keeps_on_what_a_judgement_let_it_go_on(rolling: Rolling) -> None:
    rolling.answered(GOOD, SAME)
    rolling.look(3)
    kept = said(rolling.row, "rollout.stepped", at=1)
    assert (kept["answer"], kept["weight"], kept["requests"]) == ("passing", 1000, SAME["requests"])
    assert [one["measure"] for one in kept["guards"]] == ["errors", "p95", "answers", "memory"]
    assert {one["answer"] for one in kept["guards"]} == {"passing"}
    assert kept["guards"][0]["range"]["high"] < kept["guards"][0]["limit"] == 0.02


def test_a_version_that_takes_its_time_to_start_says_so(line: Line) -> None:
    rolling = Rolling(line)
    line.runtime.slow.add(str(ModelVersion.objects.get(number=2).digest))
    rolling.begin()
    rolling.look()
    assert (rolling.row.status, rolling.share) == ("progressing", 0)
    assert rolling.row.note == "It has been starting for 3 s; it is given 60 s."
    line.runtime.slow.clear()
    rolling.look(3)
    assert (rolling.row.note, rolling.share) == ("", 1000)


def test_the_traffic_of_an_endpoint_is_known_from_two_readings(line: Line) -> None:
    line.promote(1)
    one = str(Endpoint.objects.get().stable_id)

    def look(requests: int) -> float | None:
        line.runtime.measured[one] = measures(one, "stable", requests=requests)
        row = Endpoint.objects.get()
        known = row.observed | {"counted_at": (clock.now() - timedelta(seconds=10)).isoformat()}
        Endpoint.objects.update(observed=known, next_reconcile_at=clock.now())
        work.drain()
        return plan_page.rate(Endpoint.objects.get())

    look(1000)
    assert look(1500) == pytest.approx(50, rel=0.1)
    assert look(1500) == 0
