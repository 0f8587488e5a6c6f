"""A rollout that a person ends before it has moved any traffic is no rollback, wherever it is told of."""

import json
from typing import Any

import pytest

from deployments.engine import plans
from deployments.engine.plans import PlanRefused
from deployments.models import Endpoint
from deployments.selectors import history, taken_back
from deployments.services import rollouts
from portal.audit.models import AuditEvent
from portal.auditors.selectors import sentences
from portal.notices.models import Notice
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling

WEIGHTS: list[dict[str, Any]] = [{"do": "weight", "weight": 1000}, {"do": "pause", "until": {"seconds": 60}}]
SHADOW: dict[str, Any] = {"do": "shadow", "until": {"seconds": 900}}
SWITCH = {"do": "switch"}


def aborted(line: Line, *steps: dict[str, Any]) -> Rolling:
    rolling = Rolling(line, [*steps, *WEIGHTS, SWITCH]).begin()
    number = rolling.row.pk
    rollouts.abort(actor=world.actor(line.marta), number=number, reason_code="other", note="Not today.")
    assert rolling.look().status == "aborted"
    return rolling


def said(verb: str) -> str:
    event = AuditEvent.objects.get(type=verb)
    body = json.loads(bytes(event.canon))
    return sentences.sentence(verb, "Marta", event.subject_name, body["data"])


@pytest.mark.django_db
class TestToldOf:
    def test_in_its_shadow(self, line: Line) -> None:
        row = aborted(line, SHADOW).row
        assert row.generation is None
        endpoint = Endpoint.objects.get()
        assert history.of(endpoint, "rollbacks")[0] == []
        one = history.of(endpoint)[0][0]
        assert (one.kind, one.what) == ("rollout", "Shadow and rollout of v2 ended before any traffic moved")
        assert (one.who, "Not today." in one.why) == ("Marta Kowalska", True)
        assert not taken_back.taken_back(row)
        assert said("rollout.abort_started").startswith("Marta ended ")
        assert said("promotion.rolled_back").endswith(" before any traffic moved")
        told = Notice.objects.filter(person=line.priya).order_by("-pk")[0]
        assert "was ended before any traffic moved" in f"{told.subject} {told.text}"

    def test_under_its_first_weight_it_is_a_rollback_as_before(self, line: Line) -> None:
        row = aborted(line).row
        (one,) = history.of(Endpoint.objects.get(), "rollbacks")[0]
        assert (one.kind, one.what) == ("rollback", "Rolled back v2 to v1, during its rollout")
        assert taken_back.taken_back(row)
        assert said("rollout.abort_started").startswith("Marta is taking ")
        assert said("promotion.rolled_back").startswith("Marta rolled ")


@pytest.mark.parametrize("name", ["", "   ", " " * 1_000_000 + "x", "x" * 61, "a\nb", 7, None])
def test_a_metric_that_has_no_name_is_refused_with_a_sentence(name: object) -> None:
    metric = {"name": name, "from": "correct", "better": "higher", "smallest": 0.01}
    step = {"do": "ab_test", "until": {"units": 10}, "metrics": [metric]}
    with pytest.raises(PlanRefused) as refused:
        plans.parse({"steps": [*WEIGHTS, step, SWITCH]})
    ((place, sentence),) = refused.value.fields.items()
    assert (place.endswith(".name"), sentence) == (True, "must be a text of 1 to 60 characters")
