"""Readiness, drills, other versions and the freeze after a rollback, over REST."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from deployments.models import Endpoint, Environment, Revision
from portal.core import clock, work
from tests import world
from tests.callers import Caller
from tests.deployments.conftest import Line

pytestmark = pytest.mark.django_db
Session = Callable[..., Caller]
PATH = "endpoints/production/flight-delay/"


@pytest.fixture
def two(line: Line) -> Line:
    Environment.objects.update(drill_hours=0)
    line.promote(1)
    line.promote(2)
    return line


def test_a_token_rehearses_and_reads_the_score(two: Line, token: Session) -> None:
    operator = token(world.person("Tomas Brandt", ("operator", two.team)), "read", "rollback")
    before = operator.get(f"{PATH}rollback/").json()
    assert (before["readiness"]["score"], before["seconds"]) == (50, None)
    asked = operator.post(f"{PATH}drills/", {}, key="once")
    assert (asked.status_code, asked.json()["passed"]) == (202, None)
    assert "drill.asked" in [one["type"] for one in asked.json()["receipts"]]
    work.drain()
    (found,) = operator.get(f"{PATH}drills/").json()["results"]
    assert (found["passed"], found["from_version"], found["to_version"]) == (True, 2, 1)
    assert [one["ok"] for one in found["checks"]] == [True] * 4
    after = operator.get(f"{PATH}rollback/").json()
    assert after["readiness"]["score"] == 90
    assert {part["code"] for part in after["readiness"]["parts"]} == {"warm", "drill", "signature", "golden", "time"}
    assert after["seconds"] == found["seconds"]
    assert "not undone" in after["decisions"]


def test_a_cold_target_is_refused_to_programs_too_and_said_with_its_time(two: Line, token: Session) -> None:
    row = Endpoint.objects.get()
    assert row.previous is not None
    loaded = (row.previous.created_at + timedelta(seconds=40)).isoformat()
    Revision.objects.filter(pk=row.previous.pk).update(golden={"at": loaded})
    operator = token(world.person("Tomas Brandt", ("operator", two.team)), "read", "rollback")
    assert operator.get(f"{PATH}rollback/").json()["loads_in"] is None, "it is warm"
    Endpoint.objects.update(observed={"revisions": {str(row.stable_id): "ready"}}, observed_at=clock.now())
    found = operator.get(f"{PATH}rollback/").json()
    assert (found["ready"], found["code"], found["loads_in"]) == (False, "target_not_warm", 40.0)
    sent = {"reason_code": "quality", "expect_generation": found["expect_generation"]}
    refused = operator.post(f"{PATH}rollback/", sent, key="now")
    assert (refused.status_code, refused.json()["code"]) == (409, "target_not_warm")
    assert "it takes a second person, who signs" in refused.json()["detail"]


def test_after_a_rollback_programs_are_refused_until_a_person_releases_it(
    two: Line, token: Session, session: Session
) -> None:
    marta, ci = session(two.marta), token(two.priya, "promote")
    preview = marta.get(f"{PATH}rollback/").json()
    marta.post(f"{PATH}rollback/", {"reason_code": "quality", "expect_generation": preview["expect_generation"]})
    work.drain()
    wanted = {"model": "flight-delay", "version": 3, "environment": "production", "why": "Retrained last night."}
    refused, tried = ci.post("promotions/", wanted), ci.post("promotions/", wanted | {"dry_run": True}).json()
    assert (refused.status_code, refused.json()["code"]) == (409, "frozen_after_rollback")
    assert tried["possible"] is False
    for said in (refused.json()["detail"], tried["missing"][0]):
        assert "an ML lead or an operator" in said
    assert marta.get(PATH).json()["endpoint"]["frozen_since"]
    steering = token(two.marta, "rollouts").post(f"{PATH}release/", {"reason": "It is known."})
    assert (steering.status_code, steering.json()["code"]) == (403, "only_people_release")
    assert marta.post(f"{PATH}release/", {"reason": ""}).status_code == 422
    released = marta.post(f"{PATH}release/", {"reason": "The cause is known."})
    assert (released.status_code, released.json()["endpoint"]["frozen_since"]) == (200, None)
    assert ci.post("promotions/", wanted).status_code == 201


def test_other_versions_with_what_a_request_takes(two: Line, session: Session) -> None:
    two.promote(3)
    found = session(two.priya).get(f"{PATH}rollback/versions/").json()
    assert [(one["version"], one["plan"], one["until"] is None) for one in found["results"]] == [
        (1, "at-once", False)
    ]  # fmt: skip
    assert "2 × ML lead" in found["needs"][0]


def test_the_hours_between_two_drills(two: Line, session: Session) -> None:
    alex = session(world.person("Alex Admin", ("administrator", None)))
    assert alex.post("environments/production/drills/", {"hours": 6}).json()["drill_hours"] == 6
    wrong = alex.post("environments/production/drills/", {"hours": -1})
    assert (wrong.status_code, "hours" in wrong.json()["fields"]) == (422, True)
