"""A promotion with everything a dossier holds: run, data, files, scan, evaluation, a bypass, a signed log."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from deployments.models import PromotionRequest
from deployments.services import bypasses, dossiers
from portal.audit.models import AuditCheckpoint
from portal.core import clock, digests, work
from portal.core.models import Job
from portal.lifecycle.move import move
from registry.artifacts import bound, store
from registry.evaluations.results import Comparison, MetricResult, Results, Rows, SliceResult, Slices
from registry.models import DataSetVersion, DataUse, Evaluation, Experiment, ModelVersion, Run
from registry.services import evaluations
from serving.digests import Manifest, hash_tree
from tests import world
from tests.auditors.conftest import SignedLog
from tests.auditors.conftest import log as log
from tests.deployments import bypassing
from tests.deployments.conftest import Line
from tools import signalbox_audit_verify as offline

INTACT, TAMPERED, INCOMPLETE, USAGE = range(4)
GATES = {"quality": {"metric": "roc_auc", "margin": 0.01}}
RESULTS = Results(
    task="classification",
    rows=Rows(25_000, 25_000, 0),
    metrics={"roc_auc": MetricResult(0.81, None, 0.8, 0.82, 25_000, "higher")},
    comparison={"roc_auc": Comparison(0.8, 0.81, 0.01, 0.005, 0.015, 0.95, 25_000, 1000, None, "higher", "better")},
    slices=Slices("roc_auc", True, 1, "holm", (
        SliceResult("carrier = AA", "declared", 900, 0.01, -0.01, 0.03, 0.4, 0.4, "not worse", ""),
    )),
)  # fmt: skip


@dataclass
class Told:
    """A finished promotion, its log, and the dossier of it."""

    line: Line
    log: SignedLog
    row: PromotionRequest

    def ask(self, since: int = 0) -> Job:
        """Asked for and written, the log signed in between."""
        job = dossiers.ask(actor=world.actor(self.line.priya), number=self.row.pk, since=since)
        self.log.settle()
        work.drain()
        job.refresh_from_db()
        assert (job.state, job.error) == ("succeeded", "")
        return job

    def dossier(self, since: int = 0) -> bytes:
        return dossiers.path_of(self.ask(since)).read_bytes()


@pytest.fixture
def told(log: SignedLog, line: Line, settings: Settings, tmp_path: Path) -> Told:
    settings.SIGNALBOX_STORE = tmp_path / "store"
    log.settle()
    assert AuditCheckpoint.objects.exists()
    line.promote(1)
    world.production(gates=GATES, **bypassing.CLOCKED)
    candidate = a_version(line)
    evaluated(line, candidate, line.model.versions.get(number=1))
    row = line.submit(candidate.number, why="It is better on March & <b>April</b>.")
    line.approve(row, line.marta)
    bypass = bypassing.asked_in_a_freeze(row, world.actor(line.priya))
    bypassing.grant(bypass, line.daniel)
    line.approve(row, line.daniel)
    work.drain()
    bypasses.review(actor=world.actor(line.marta), number=bypass.pk, upheld=True, comment="It was right.")
    row.refresh_from_db()
    assert row.status == "promoted", (row.decision_note, list(row.rollouts.values_list("note", "reason")))
    return Told(line, log, row)


@transaction.atomic
def a_version(line: Line) -> ModelVersion:
    """A version with a run, a commit, files and a signed scan."""
    experiment = Experiment.objects.create(mlflow_id="7", name="delays", team=line.team, created_by="system")
    named = [{"name": "flights", "context": "training"}]
    run = Run.objects.create(run_id="a1b2", experiment=experiment, name="forest", datasets=named)
    DataUse.objects.create(version=world.data_version("flights", line.team), run=run, context="training")
    files = stored({"MLmodel": b"flavors: {}\n", "model.skops": b"weights"})
    row = world.version(
        line.model, line.olga, run=run, mlflow_run_id="a1b2", code_commit="c0ffee12", files=files.as_json(),
        digest=files.digest,
    )  # fmt: skip
    packages = [{"name": "scikit-learn", "version": "1.7.0", "wanted": "==1.7.0", "source": "requirements.txt"}]
    world.scanned(row, packages=packages)
    return row


def stored(content: dict[str, bytes]) -> Manifest:
    """The files in the store, under their digest."""
    waiting = store.waiting() / "one"
    waiting.mkdir()
    for name, body in content.items():
        (waiting / name).write_bytes(body)
    found = hash_tree(waiting)
    store.keep(waiting, found.digest)
    return found


@transaction.atomic
def evaluated(line: Line, version: ModelVersion, baseline: ModelVersion) -> Evaluation:
    """A finished evaluation, digested as the product does."""
    data = DataSetVersion.objects.get(data_set__name="flights")
    asked: dict[str, Any] = {"version": version, "data": data, "settings": {}, "baseline": baseline}
    row = evaluations.request(actor=world.actor(line.priya), **asked)
    Evaluation.objects.filter(pk=row.pk).update(results=RESULTS.as_json())
    digest = digests.of_json({"inputs": row.inputs, "results": RESULTS.counted()})
    move(row, "begin", actor=world.SYSTEM)
    return move(row, "finish", actor=world.SYSTEM, data={"digest": digest}, digest=digest, ended_at=clock.now())


@dataclass
class Auditor:
    """Runs the offline verifier; `said` is what it printed."""

    folder: Path
    vkey: str
    said: str
    read: Callable[[], str]

    def __call__(self, content: bytes, *options: str, since: str = "") -> int:
        path = self.folder / "dossier.zip"
        path.write_bytes(content)
        if since:
            (self.folder / "since").write_text(since)
            options = (*options, "--since", str(self.folder / "since"))
        code = offline.main(["dossier", str(path), "--vkey", self.vkey, *options])
        self.said = self.read()
        assert ("OK " in self.said) == (code == INTACT), self.said
        return code


@pytest.fixture
def auditor(told: Told, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Auditor:
    def read() -> str:
        found = capsys.readouterr()
        return found.out + found.err

    return Auditor(tmp_path, told.log.vkey, "", read)


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def artifact_key() -> str:
    return bound.key().public_key().public_bytes_raw().hex()
