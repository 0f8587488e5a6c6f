"""What a request waits for, by REST."""

from collections.abc import Callable

import pytest

from tests import world
from tests.callers import Caller
from tests.deployments.conftest import Line
from tests.deployments.test_waiting import freeze

pytestmark = pytest.mark.django_db
Session = Callable[..., Caller]


def test_the_api_says_what_it_waits_for(line: Line, session: Session) -> None:
    world.production(freezes=[freeze()])
    ask = {"model": "flight-delay", "version": 1, "environment": "production", "why": "It is better.", "dry_run": True}
    author = session(line.priya)
    preview = author.post("promotions/", ask).json()
    assert preview["possible"] is True
    assert preview["waits"]["codes"] == ["freeze"]
    row = line.submit(1)
    body = {"seen": row.evidence_digest, "dry_run": True}
    rehearsed = session(line.marta).post(f"promotions/{row.pk}/approve/", body).json()
    assert rehearsed["missing"][-1].startswith("After yours: It waits until ")
    line.approve(row, line.marta)
    line.approve(row, line.daniel)
    found = author.get(f"promotions/{row.pk}/").json()
    assert (found["status"], found["waits"]["held"]) == ("approved", True)
    assert found["waits"]["starts_at"][:10] == world.rules_of("production")["freezes"][0]["to"][:10]
    gate = {name: ask[name] for name in ("model", "version", "environment")}
    checked = author.post("gates/check/", gate).json()
    assert checked["verdict"] == "running"
    assert [one["code"] for one in checked["gates"] if one["verdict"] == "running"] == ["freeze"]
