"""A request under a policy with gates: blocked while they do not hold, frozen anew when an evaluation ends."""

from typing import Any

import pytest
from django.db import transaction

from deployments.models import PromotionRequest
from deployments.services import promotions
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import digests, work
from portal.core.errors import BadInput, Refused
from registry.evaluations.results import Comparison, Results, Rows
from registry.models import DataSetVersion, Evaluation, ModelVersion
from tests import world
from tests.callers import Caller
from tests.deployments.conftest import Line

pytestmark = pytest.mark.django_db
GATES = {"quality": {"metric": "roc_auc", "margin": 0.01}}


def results(low: float, high: float) -> dict[str, Any]:
    compared = Comparison(
        0.8, 0.8 + (low + high) / 2, (low + high) / 2, low, high, 0.95, 25_000, 1000, None, "higher", "unclear"
    )
    return Results("classification", Rows(25_000, 25_000, 0), {}, comparison={"roc_auc": compared}).as_json()


@pytest.fixture
def data(line: Line) -> DataSetVersion:
    return world.data_version("flights", line.team)


@transaction.atomic
def evaluated(
    version: ModelVersion, baseline: ModelVersion, data: DataSetVersion, found: dict[str, Any] | None
) -> Evaluation:
    """A finished evaluation, or one that is queued."""
    row = Evaluation.objects.create(
        version=version,
        baseline=baseline,
        data=data,
        settings_digest="sha256:x",
        status="done" if found else "queued",
        results=found or {},
        digest=digests.of_json(found) if found else "",
        requested_by="system",
    )
    recorder.record(
        "evaluation.requested",
        actor=world.SYSTEM,
        subject=Subject.of("evaluation", row.pk, str(row)),
        data={"version": str(version), "data": str(data), "baseline": str(baseline), "settings_digest": "sha256:x"},
    )
    return row


@pytest.fixture
def champion(line: Line) -> ModelVersion:
    """Version 1 serves; from now on production asks the quality gate."""
    line.promote(1)
    world.production(gates=GATES)
    return line.model.versions.get(number=1)


def check(row: PromotionRequest) -> dict[str, Any]:
    row.refresh_from_db()
    return next(one for one in row.evidence["checks"] if one["code"] == "quality")


def later(row: PromotionRequest) -> None:
    """The reconciler's next look."""
    PromotionRequest.objects.filter(pk=row.pk)
    promotions.settle(row.pk)


def test_what_was_never_measured_cannot_be_approved(line: Line, champion: ModelVersion) -> None:
    row = line.submit(2)
    assert check(row)["verdict"] == "unknown"
    with pytest.raises(Refused) as refused:
        line.approve(row, line.marta)
    assert refused.value.code == "gate_blocks"
    assert "never evaluated against v1" in refused.value.message
    missing = promotions.missing_for_approval(actor=world.actor(line.marta), number=row.pk, seen=row.evidence_digest)
    assert any("never evaluated" in sentence for sentence in missing)


def test_a_worse_version_stays_out_and_a_good_one_goes_through(
    line: Line, champion: ModelVersion, data: DataSetVersion
) -> None:
    row = line.submit(2)
    evaluated(row.version, champion, data, results(-0.05, -0.02))
    later(row)
    assert (check(row)["verdict"], row.revision) == ("fail", 2)
    with pytest.raises(Refused, match="Worse than the limit, at 95%"):
        line.approve(row, line.marta)
    evaluated(row.version, champion, data, results(0.001, 0.02))
    later(row)
    assert check(row)["verdict"] == "pass"
    assert [one["digest"] for one in row.evidence["evaluations"]] == [Evaluation.objects.first().digest]  # type: ignore[union-attr]
    line.approve(row, line.marta)
    line.approve(row, line.daniel)
    work.drain()
    row.refresh_from_db()
    assert row.status == "promoted"


def test_an_evaluation_that_ends_after_an_approval_voids_it_visibly(
    line: Line, champion: ModelVersion, data: DataSetVersion
) -> None:
    row = line.submit(2)
    evaluated(row.version, champion, data, results(0.001, 0.02))
    later(row)
    row.refresh_from_db()
    line.approve(row, line.marta)
    evaluated(row.version, champion, data, None)
    later(row)
    row.refresh_from_db()
    assert (row.status, row.revision, check(row)["verdict"]) == ("pending_review", 3, "running")
    with pytest.raises(Refused, match="under way"):
        line.approve(row, line.daniel)


def test_where_nobody_approves_the_gates_still_decide(line: Line, champion: ModelVersion, data: DataSetVersion) -> None:
    world.production(approvals=[])
    row = line.submit(2)
    work.drain()
    row.refresh_from_db()
    assert row.status == "pending_review"
    evaluated(row.version, champion, data, results(0.001, 0.02))
    later(row)
    later(row)
    work.drain()
    row.refresh_from_db()
    assert row.status == "promoted"


def test_an_open_request_keeps_the_gates_it_began_with(line: Line, champion: ModelVersion) -> None:
    row = line.submit(2)
    world.production(gates={})
    later(row)
    assert check(row)["verdict"] == "unknown"
    with pytest.raises(Refused):
        line.approve(row, line.marta)


def test_gates_are_asked_without_a_request(line: Line, champion: ModelVersion, data: DataSetVersion) -> None:
    asked = {"model": "flight-delay", "version": 2, "environment": "production"}
    caller = Caller(line.priya)
    found = caller.post("gates/check/", asked).json()
    assert (found["verdict"], PromotionRequest.objects.filter(version__number=2).count()) == ("unknown", 0)
    evaluated(line.model.versions.get(number=2), champion, data, results(-0.05, -0.02))
    found = caller.post("gates/check/", asked).json()
    quality = next(gate for gate in found["gates"] if gate["code"] == "quality")
    assert (found["verdict"], quality["verdict"], quality["sample"]) == ("fail", "fail", 25_000)
    assert quality["sentence"].startswith("Worse than the limit")
    assert caller.post("gates/check/", asked | {"version": 99}).status_code == 404


def test_the_answer_says_which_version_of_the_data_was_judged(
    line: Line, champion: ModelVersion, data: DataSetVersion
) -> None:
    """The policy names a data set; its next version may say something else."""
    world.production(gates={"quality": GATES["quality"] | {"data": "flights"}})
    version = line.model.versions.get(number=2)
    evaluated(version, champion, data, results(0.001, 0.02))
    row = line.submit(2)
    assert (check(row)["data"], check(row)["note"].endswith(" Data: flights v1.")) == ("flights v1", True)
    evaluated(version, champion, world.next_data_version(data), None)
    later(row)
    assert (check(row)["verdict"], check(row)["note"]) == ("running", "The evaluation is under way. Data: flights v2.")
    asked = {"model": "flight-delay", "version": 2, "environment": "production"}
    gates = Caller(line.priya).post("gates/check/", asked).json()["gates"]
    assert {gate["code"]: gate["data"] for gate in gates if gate["data"]} == {"quality": "flights v2"}


def test_wrong_limits_are_named_on_page_and_api(line: Line) -> None:
    with pytest.raises(BadInput) as refused:
        world.production(gates={"quality": {"metric": ""}})
    assert refused.value.fields == {"gates.quality.metric": "must be text"}
