"""The life of an evaluation: one result under one digest, whatever interrupts it, and all of it in the log."""

from importlib.metadata import EntryPoint
from typing import Any

import numpy as np
import pytest

from pipelines.adapters import scoring
from pipelines.computing import own
from pipelines.reconcilers import evaluations as job
from portal.audit.models import AuditEvent
from portal.core import clock, work
from portal.core.errors import BadInput, NotAllowed, NotFound, Refused
from portal.core.models import Job, JobLogLine
from registry.artifacts import store
from registry.models import Evaluation
from registry.selectors import evaluations as read
from registry.services import evaluations
from tests import world
from tests.pipelines.jobs.conftest import Lab
from tests.pipelines.jobs.rows import frame


def events(row: Evaluation) -> list[str]:
    found = AuditEvent.objects.filter(subject_type="evaluation", subject_id=str(row.pk)).order_by("at", "id")
    return [event.type for event in found]


def test_from_the_request_to_the_report(lab: Lab) -> None:
    slices = {"declared": [{"column": "place", "value": "LGA"}], "find": True, "columns": ["place", "z"]}
    formula = {"name": "lost", "expression": "amount * (label != prediction)", "direction": "lower"}
    business = {"costs": {"false_negative": 1, "false_positive": 1, "multiplier": "amount"}, "formulas": [formula]}
    row = lab.evaluate(
        lab.version("good"), lab.data(frame(900)), lab.version("worse"), slices=slices, business=business
    )
    found = read.results_of(row)
    assert found is not None
    assert row.status == "done"
    assert events(row) == ["evaluation.requested", "evaluation.begun", "evaluation.finished"]
    assert row.digest.startswith("sha256:")
    assert found.outputs == {"version": "probabilities", "baseline": "probabilities"}
    assert found.slices is not None
    assert found.slices.metric == "brier"
    assert found.slices.results[0].kind == "declared"
    assert found.slices.looked_at > 5
    assert found.comparison["cost"].reading == "better"
    assert found.comparison["lost"].reading == "better"
    assert found.calibration is not None
    assert sum(one["n"] for one in found.calibration.bins) == 900
    assert {"roc", "pr", "baseline_roc", "baseline_pr"} == set(found.curves)
    assert found.agreement is not None
    assert (
        found.agreement.flips["to_positive"] + found.agreement.flips["to_negative"] == found.agreement.flips["changed"]
    )
    assert found.performance is not None
    assert found.performance.latency_ms["n"] == 5
    assert found.performance.memory_bytes > 50 * 1024**2
    assert JobLogLine.objects.filter(text__contains="900 rows scored").count() == 2
    assert list(store.waiting().glob("evaluation-*")) == []


def test_the_same_inputs_give_the_same_digest_whatever_the_chunks(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    version, champion, data = lab.version("good"), lab.version("worse"), lab.data(frame(700))
    slices = {"find": True, "columns": ["place"]}
    first = lab.evaluate(version, data, champion, slices=slices)
    second = lab.evaluate(version, data, champion, slices=slices)
    monkeypatch.setattr(job, "chunk_rows", lambda columns: 64)
    third = lab.evaluate(version, data, champion, slices=slices)
    assert first.digest == second.digest == third.digest
    other = lab.evaluate(version, data, champion, slices=slices, seed=1)
    assert other.digest != first.digest


def test_scores_that_stand_are_not_asked_for_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after some chunks: the next attempt goes on after them, and the result is the same."""
    monkeypatch.setattr(job, "chunk_rows", lambda columns: 100)
    version, data = lab.version("good"), lab.data(frame(450))
    whole = lab.evaluate(version, data)
    row = lab.ask(version, data)
    asked: list[int] = []
    score, compute = scoring.score, scoring.compute

    def spied(*args: Any, **more: Any) -> Any:
        asked.append(len(list(args[3].glob("0*.npy"))))
        return score(*args, **more)

    monkeypatch.setattr(scoring, "score", spied)
    monkeypatch.setattr(scoring, "compute", lambda *args: (_ for _ in ()).throw(OSError("no disk")))
    work.drain()
    row.refresh_from_db()
    assert row.status == "running"
    (scores,) = store.waiting().glob(f"evaluation-{row.pk}-*/version")
    for number in (3, 4):
        (scores / f"0000000{number}.npy").unlink()
    monkeypatch.setattr(scoring, "compute", compute)
    Job.objects.filter(state="queued").update(next_reconcile_at=clock.now())
    work.drain()
    row.refresh_from_db()
    assert asked == [0, 3]
    assert (row.status, row.digest) == ("done", whole.digest)
    assert events(row) == ["evaluation.requested", "evaluation.begun", "evaluation.finished"]


def test_cancelled_while_it_runs_leaves_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    row = lab.ask(lab.version("loops"), lab.data(frame(60)))
    look = job._wanted

    def then_cancelled(*args: Any) -> bool:
        evaluations.cancel(actor=world.actor(lab.priya), number=row.pk)
        return look(*args)

    monkeypatch.setattr(job, "_wanted", then_cancelled)
    work.drain()
    row.refresh_from_db()
    assert (row.status, row.results) == ("cancelled", {})
    assert list(store.waiting().glob("evaluation-*")) == []
    assert events(row)[-1] == "evaluation.cancelled"


def test_cancelled_before_it_began_and_tried_again(lab: Lab) -> None:
    row = lab.ask(lab.version("good"), lab.data())
    actor = world.actor(lab.priya)
    evaluations.cancel(actor=actor, number=row.pk)
    work.drain()
    evaluations.retry(actor=actor, number=row.pk)
    work.drain()
    row.refresh_from_db()
    assert row.status == "done"
    expected = ["requested", "cancelled", "retried", "begun", "finished"]
    assert events(row) == [f"evaluation.{one}" for one in expected]
    with pytest.raises(Refused):
        evaluations.cancel(actor=actor, number=row.pk)


def test_who_may_do_what(lab: Lab) -> None:
    row = lab.ask(lab.version("good"), lab.data(frame(20)))
    for act in (evaluations.cancel, evaluations.retry):
        with pytest.raises(NotAllowed):
            act(actor=world.actor(lab.vera), number=row.pk)
        with pytest.raises(NotFound):
            act(actor=world.actor(lab.olga), number=row.pk)


def test_only_what_is_ready_is_evaluated(lab: Lab) -> None:
    version, data = lab.version("good"), lab.data(frame(20))
    with pytest.raises(BadInput, match="compared with itself"):
        lab.ask(version, data, version)
    type(version).objects.filter(pk=version.pk).update(status="archived")
    with pytest.raises(BadInput, match="is not ready"):
        lab.ask(version, data)


def test_labels_alone_give_what_labels_can_give(lab: Lab) -> None:
    found = read.results_of(lab.evaluate(lab.version("labels"), lab.data()))
    assert found is not None
    assert found.outputs == {"version": "labels"}
    assert found.metrics["accuracy"].value is not None
    assert found.metrics["roc_auc"].undefined == "The version answers labels and no scores."


def test_an_installed_function_is_a_metric_and_cannot_break_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.computing.sides import side

    settings: dict[str, Any] = {
        "task": "classification", "target": "late", "prediction": "auto", "positive": None, "threshold": 0.5,
        "business": {"costs": None, "formulas": [], "functions": ["share", "raises", "slow", "gone"], "columns": []},
    }  # fmt: skip
    offered = {"share": "share_late", "raises": "raises", "slow": "endless"}
    here = "tests.pipelines.jobs.functions"
    monkeypatch.setattr(own, "entry_points", lambda group, name: [
        EntryPoint(name, f"{here}:{offered[name]}", group)] if name in offered else [])  # fmt: skip
    monkeypatch.setattr(own, "SECONDS", 1)
    rows = frame(200)
    columns = {"late": rows.late.to_numpy()}
    found = own.measures(settings, side(settings, columns, np.full(200, 0.3)), columns)
    said = {name: getattr(one, "reason", "") for name, one in found.items()}
    assert found["share"].value() == pytest.approx(rows.late.mean())  # type: ignore[union-attr]
    assert said["raises"] == "The metric raises raised ZeroDivisionError: division by zero"
    assert said["slow"] == "The metric slow took more than 1 seconds."
    assert said["gone"] == "No installed package offers the metric gone."


def test_an_attempt_killed_after_its_effect_records_nothing_twice(lab: Lab) -> None:
    row = lab.evaluate(lab.version("good"), lab.data(frame(60)))
    left = store.waiting() / f"evaluation-{row.pk}-{Job.objects.get(kind=evaluations.JOB).pk}"
    left.mkdir()
    Job.objects.filter(kind=evaluations.JOB).update(state="queued", next_reconcile_at=clock.now(), attempt=1)
    work.drain()
    assert not left.exists()
    assert events(row).count("evaluation.finished") == 1
