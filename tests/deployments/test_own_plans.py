"""Plans that come with the portal are nobody's to rewrite; a wish can name the version of a plan."""

from collections.abc import Callable

import pytest
from django.db import transaction

from deployments.engine import plans, ready_made
from deployments.engine.plans import PlanRefused
from deployments.models import PromotionRequest, RolloutPlan
from deployments.selectors import plans as select
from deployments.services.plans import OWN, checked, create
from portal.audit import recorder
from portal.audit.models import AuditEvent
from portal.audit.recorder import Subject
from portal.auditors.selectors import events
from portal.core.errors import BadInput
from tests import world
from tests.callers import Caller
from tests.deployments.api.conftest import session, token
from tests.deployments.conftest import Line

__all__ = ["session", "token"]
SWITCH = {"do": "switch"}
HALF = {"do": "weight", "weight": 5000}


@pytest.mark.parametrize("name", ready_made.PLANS)
def test_a_plan_of_the_portals_own_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(BadInput) as refused:
        checked({"steps": [SWITCH]}, name)
    assert refused.value.fields == {"name": OWN}
    assert refused.value.message == f"The plan's name {OWN}."


def test_its_name_is_refused_with_all_that_is_wrong_with_its_steps() -> None:
    with pytest.raises(BadInput) as refused:
        checked({"steps": [{"do": "weight", "weight": 0}, SWITCH]}, "canary")
    assert set(refused.value.fields) == {"name", "steps.0.weight"}


@pytest.mark.parametrize(
    ("steps", "places"),
    [
        ([HALF, {"do": "weight", "weight": 500}], {"steps", "steps.1.weight"}),
        ([{"do": "hold", "seconds": 5}, SWITCH, SWITCH], {"steps", "steps.0"}),
    ],
)
def test_a_switch_that_is_missing_hides_no_step_out_of_order(steps: list[dict[str, object]], places: set[str]) -> None:
    with pytest.raises(PlanRefused) as refused:
        plans.parse({"steps": steps})
    assert set(refused.value.fields) == places
    assert refused.value.fields["steps"] == "must switch exactly once, or the plan cannot end"


def test_what_is_wrong_with_the_whole_plan_is_one_sentence() -> None:
    with pytest.raises(PlanRefused) as refused:
        plans.parse({"steps": [{"do": "shadow", "until": {"predictions": 5}}] * 2})
    assert refused.value.fields == {"steps": "must switch exactly once, or the plan cannot end; it may shadow once"}


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("canary", {"name": "canary"}),
        ("canary@12", {"name": "canary", "version": 12}),
        ("canary@0", {"name": "canary@0"}),
        ("canary@", {"name": "canary@"}),
    ],
)
def test_a_wish_names_a_plan_or_one_version_of_it(asked: str, named: dict[str, object]) -> None:
    assert select.named(asked) == named


@pytest.mark.django_db
class TestWithRows:
    def test_the_api_refuses_it_by_field_and_writes_nothing(self, line: Line, session: Callable[..., Caller]) -> None:
        answer = session(line.marta).post(
            "plans/", {"name": "at-once", "title": "x", "body": {"steps": [HALF, SWITCH]}}
        )
        assert (answer.status_code, answer.json()["fields"]) == (422, {"name": OWN})
        assert select.find("at-once").body == ready_made.PLANS["at-once"]

    def test_a_token_without_the_right_is_told_so_before_its_plan_is_looked_at(
        self, line: Line, token: Callable[..., Caller]
    ) -> None:
        answer = token(line.marta, "read").post("plans/", {"nonsense": 1})
        assert answer.status_code == 403, answer.content
        (denied,) = AuditEvent.objects.filter(type="plan.created", outcome="denied")
        assert events.views([denied])[0].sentence.endswith("tried to write the rollout plan a new plan")

    def test_whoever_wrote_the_version_shown_is_named(self, line: Line) -> None:
        """A version of before, when people could write one."""
        body = {"steps": [HALF, SWITCH]}
        with transaction.atomic():
            row = RolloutPlan.objects.create(name="canary", version=2, title="Canary", body=body, digest="x",
                                             created_by="person:1", created_by_label="Marta Kowalska")  # fmt: skip
            about = Subject.of("rollout_plan", row.pk, str(row))
            recorder.record("plan.created", actor=world.actor(line.marta), subject=about, data={"digest": "x"})
        assert [select.find("canary", version).by for version in (1, 2)] == ["", "Marta Kowalska"]

    def test_a_request_by_an_earlier_version_keeps_that_one(self, line: Line, session: Callable[..., Caller]) -> None:
        line.promote(1)
        marta = world.actor(line.marta)
        create(actor=marta, name="ours", title="Ours", body={"steps": [HALF, SWITCH]})
        create(actor=marta, name="ours", body={"steps": [SWITCH]})
        wish = {"model": "flight-delay", "version": 2, "environment": "production", "why": "It is better on March."}
        priya = session(line.priya)
        gone = priya.post("promotions/", {**wish, "plan": "ours@7"})
        assert (gone.status_code, "There is no rollout plan ours@7." in gone.content.decode()) == (422, True)
        assert priya.post("promotions/", {**wish, "plan": "ours@1"}).status_code == 201
        assert PromotionRequest.objects.latest("pk").evidence["plan"]["version"] == 1

    def test_the_choice_keeps_the_version_asked_for_and_names_each_plan_once(self, line: Line) -> None:
        marta = world.actor(line.marta)
        create(actor=marta, name="ours", title="Ours", body={"steps": [HALF, SWITCH]})
        of_ours = [pair[:2] for pair in select.offered("ours@1") if pair[2].name == "ours"]
        assert of_ours == [("ours@1", "Ours")]
        create(actor=marta, name="ours", body={"steps": [SWITCH]})
        of_ours = [pair[:2] for pair in select.offered("ours@1") if pair[2].name == "ours"]
        assert of_ours == [("ours", "Ours, version 2, the newest"), ("ours@1", "Ours, version 1")]
        assert [value for value, *_ in select.offered("canary")] == [*ready_made.PLANS, "ours"]
