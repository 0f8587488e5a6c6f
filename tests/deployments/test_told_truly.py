"""What the log says of a way back: which version serves afterwards, in words and in data."""

import json
from typing import Any

import pytest

from deployments.models import Endpoint, Rollout
from deployments.services import rollbacks, rollouts
from portal.audit.models import AuditEvent
from portal.auditors.selectors import events, sentences
from portal.core import work
from portal.core.errors import NotAllowed
from registry.models import ModelVersion
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db


def roll_back(line: Line, who: Any = None) -> Rollout:
    row = rollbacks.roll_back(
        actor=world.actor(who or line.marta), environment="production", endpoint="flight-delay", reason_code="quality",
        expect_generation=Endpoint.objects.get().generation,
    )  # fmt: skip
    work.drain()
    return row


def last(verb: str) -> tuple[str, dict[str, Any]]:
    """The newest event of this verb: its sentence and its data."""
    event = AuditEvent.objects.filter(type=verb).select_related("leaf").order_by("-id")[:1]
    (view,) = events.views(event)
    return view.sentence, dict(json.loads(bytes(event[0].canon))["data"])


def digest(line: Line, version: int) -> str:
    return str(ModelVersion.objects.get(model=line.model, number=version).digest)


def test_a_rollback_during_a_rollout_is_logged_as_one_to_what_serves_afterwards(line: Line) -> None:
    Rolling(line).begin()
    roll_back(line)
    said, data = last("rollback.requested")
    assert said == "Marta Kowalska ordered the rollback of production/flight-delay to v1"
    assert (data["to_version"], data["to_digest"]) == (1, digest(line, 1))
    assert (data["from_version"], data["from_digest"]) == (2, digest(line, 2))
    said, data = last("rollout.proven")
    assert said == "v1 on production/flight-delay was seen to serve"
    assert (data["version"], data["digest"]) == (1, digest(line, 1))


def test_a_rollback_afterwards_is_logged_alike(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    assert last("rollout.proven")[0] == "v2 on production/flight-delay was seen to serve"
    roll_back(line)
    said, data = last("rollback.requested")
    assert said == "Marta Kowalska ordered the rollback of production/flight-delay to v1"
    assert (data["to_version"], data["from_version"]) == (1, 2)
    assert last("rollout.proven")[0] == "v1 on production/flight-delay was seen to serve"


def test_who_answers_instead_is_no_proof_of_what_should(line: Line) -> None:
    rolling = Rolling(line).begin()
    line.runtime.astray = rolling.revision(2)
    rollouts.abort(actor=world.actor(line.marta), number=rolling.row.pk, reason_code="other")
    rolling.look()
    said, data = last("rollout.unproven")
    assert said == "v1 on production/flight-delay was not seen to serve"
    assert (data["version"], data["why"]) == (1, "v1 should answer, but v2 does.")


def test_an_order_that_was_refused_reads_as_an_attempt(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    with pytest.raises(NotAllowed) as refusal:
        roll_back(line, line.priya)
    act = refusal.value.refused_act
    said = sentences.sentence(act.verb, "Priya Nair", act.subject.name, {"code": refusal.value.code}, "denied")
    assert said == "Priya Nair tried to order a rollback of production/flight-delay"
