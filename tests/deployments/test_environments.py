"""An environment's rollout plan: who may set it, what is refused, and what it changes."""

import pytest

from deployments.models import Environment
from deployments.services import environments, plans
from portal.audit.models import AuditEvent
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from tests import world
from tests.callers import Caller
from tests.deployments.conftest import Line

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(line: Line) -> Actor:
    return world.actor(world.person("Ada Min", ("administrator", None)))


def set_plan(actor: Actor, plan: str, name: str = "production") -> str:
    return environments.set_plan(actor=actor, name=name, plan=plan).plan


def test_requests_that_name_no_plan_get_the_one_that_was_set(line: Line, ada: Actor) -> None:
    line.promote(1)
    assert set_plan(ada, "blue-green") == "blue-green"
    assert line.submit(2).evidence["plan"]["name"] == "blue-green"
    assert AuditEvent.objects.get(type="environment.plan_set").search["data"] == {"plan": "blue-green"}
    assert set_plan(ada, "at-once") == ""


def test_only_who_governs_environments_may_set_it(line: Line, ada: Actor) -> None:
    with pytest.raises(NotAllowed):
        set_plan(world.actor(line.marta), "canary")
    with pytest.raises(NotFound):
        set_plan(ada, "canary", "nowhere")
    assert Environment.objects.get(name="production").plan == ""


def test_a_plan_that_there_is_not_or_that_stands_already_is_refused(line: Line, ada: Actor) -> None:
    with pytest.raises(BadInput, match="There is no rollout plan mirror") as refused:
        set_plan(ada, "mirror")
    assert "plan" in refused.value.fields
    with pytest.raises(Conflict, match="uses this plan already"):
        set_plan(ada, "at-once")


def test_a_plan_that_outlasts_the_approvals_is_refused_with_both_times(line: Line, ada: Actor) -> None:
    week = {"steps": [{"do": "switch"}, {"do": "hold", "seconds": 7 * 86_400}]}
    plans.create(actor=world.actor(line.marta), name="patient", body=week)
    with pytest.raises(BadInput, match=r"can last 7 d, and approvals count for \d+ h under production@1"):
        set_plan(ada, "patient")


def test_the_api_sets_it_and_names_the_field_that_is_wrong(line: Line) -> None:
    caller = Caller(world.person("Ada Min", ("administrator", None)))
    answer = caller.post("environments/production/plan/", {"plan": "canary"})
    assert (answer.status_code, answer.json()["plan"]) == (200, "canary")
    refused = caller.post("environments/production/plan/", {"plan": "mirror"})
    assert (refused.status_code, list(refused.json()["fields"])) == (422, ["plan"])


def test_a_refused_plan_names_every_place_in_the_problem_document(line: Line) -> None:
    body = {"steps": [{"do": "weight", "weight": 0}, {"do": "pause", "until": {"seconds": 0}}, {"do": "switch"}]}
    answer = Caller(line.marta).post("plans/", {"name": "wrong", "body": body})
    assert answer.status_code == 422
    assert set(answer.json()["fields"]) == {"steps.0.weight", "steps.1.until.seconds"}
