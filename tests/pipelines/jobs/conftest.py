import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from django.db import transaction

from pipelines.services import evaluations
from portal.accounts.models import Person, Team
from portal.core import work
from registry.models import DataSetVersion, Evaluation, ModelVersion, RegisteredModel
from registry.services import datasets
from tests import made, memory_mlflow, world
from tests.memory_mlflow import HoldsAll
from tests.pipelines.jobs.rows import frame
from tests.serving.zoo import PROJECT

_names = itertools.count(1)
CLASSIFICATION = {"task": "classification", "target": "late", "resamples": 200, "load_calls": 5}


@dataclass
class Lab:
    """Versions of a model and data in one store, and Priya, who may evaluate them."""

    team: Team
    priya: Person
    vera: Person
    olga: Person
    folder: Path
    made: dict[str, dict[str, str]]
    model: RegisteredModel

    def version(self, name: str) -> ModelVersion:
        signature = {"inputs": [{"name": "x", "type": "double"}, {"name": "z", "type": "double"}]}
        with transaction.atomic():
            return world.version(self.model, self.priya, digest=self.made[name]["digest"], signature=signature)

    def data(self, rows: pd.DataFrame | None = None, kind: str = "csv") -> DataSetVersion:
        """A ready version of a data set of its own."""
        found = frame(400) if rows is None else rows
        name = f"data-{next(_names)}"
        folder = self.folder / name
        folder.mkdir()
        if kind == "csv":
            found.to_csv(folder / "rows.csv", index=False)
        else:
            found.to_parquet(folder / "rows.parquet")
        actor = world.actor(self.priya)
        datasets.create(actor=actor, name=name, team=self.team.slug)
        row = datasets.register_version(actor=actor, name=name, source={"kind": "folder", "path": str(folder)})
        work.drain()
        row.refresh_from_db()
        assert row.status == "ready", row.status_note
        return row

    def ask(
        self, version: ModelVersion, data: DataSetVersion, baseline: ModelVersion | None = None, **more: Any
    ) -> Evaluation:
        return evaluations.request(
            actor=world.actor(self.priya),
            model=version.model.name,
            version=version.number,
            data_set=data.data_set.name,
            data_version=data.number,
            baseline=baseline.number if baseline else None,
            settings=CLASSIFICATION | more,
        )

    def evaluate(self, *args: Any, **more: Any) -> Evaluation:
        """Ask, and let the worker do it."""
        row = self.ask(*args, **more)
        work.drain()
        row.refresh_from_db()
        return row


def breed(root: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.pipelines.jobs.breed", str(root)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="session")
def bred(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, str]]]:
    """A store of this worker's own, since data is taken into it, and what was put into it."""
    root, own = made.once(tmp_path_factory, "versions", breed), tmp_path_factory.mktemp("versions")
    for folder in (own, own.parent, own.parent.parent):
        folder.chmod(0o755)
    shutil.copytree(root / "store", own / "store")
    return own / "store", json.loads((root / "made.json").read_text())


@pytest.fixture
def lab(db: None, tmp_path: Path, settings: Any, bred: tuple[Path, dict[str, dict[str, str]]]) -> Iterator[Lab]:
    tmp_path.chmod(0o755)
    folder = tmp_path / "incoming"
    folder.mkdir()
    settings.SIGNALBOX_DATA_FOLDERS = [str(folder)]
    settings.SIGNALBOX_STORE = bred[0]
    team = world.team()
    priya = world.person("Priya Nair", ("data_scientist", team))
    vera = world.person("Vera Lind", ("viewer", team))
    olga = world.person("Olga Out", ("data_scientist", world.team("other")))
    with memory_mlflow.using(HoldsAll()):
        yield Lab(team, priya, vera, olga, folder, bred[1], world.model(f"delays-{next(_names)}", team))
