from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from portal.accounts.models import Person
from portal.core import work
from registry.models import ModelVersion, RegisteredModel
from registry.services import versions
from tests import memory_mlflow, world
from tests.memory_mlflow import MemoryMlflow

MLMODEL = """flavors:
  python_function: {loader_module: mlflow.sklearn}
  sklearn: {serialization_format: skops}
signature:
  inputs: '[{"type": "double", "name": "distance", "required": true}]'
  outputs: '[{"type": "double", "name": "late", "required": true}]'
"""
FILES = {"MLmodel": MLMODEL.encode(), "requirements.txt": b"numpy==2.4.6\nskops>=0.12\n", "note.txt": b"hello\n"}


@dataclass
class Bench:
    """A model of a team, whoever registers versions of it, and MLflow in memory with their files."""

    model: RegisteredModel
    priya: Person
    mlflow: MemoryMlflow
    store: Path

    def register(self, files: dict[str, bytes] | None = None) -> ModelVersion:
        """Registered as MLflow's client does it, and taken in by the job."""
        number = ModelVersion.objects.filter(model=self.model).count() + 1
        made = f"m-{number:032x}"
        for name, body in (FILES if files is None else files).items():
            self.mlflow.stored[f"1/models/{made}/artifacts/{name}"] = body
        source = f"mlflow-artifacts:/1/models/{made}/artifacts"
        row = versions.register(
            actor=world.actor(self.priya), model=self.model, facts={"version": number, "source": source}
        )
        work.drain()
        row.refresh_from_db()
        return row

    def kept(self, row: ModelVersion) -> Path:
        plain = row.digest.removeprefix("sha256:")
        return self.store / "sha256" / plain[:2] / plain


@pytest.fixture
def bench(db: None, tmp_path: Path, settings: Any) -> Iterator[Bench]:
    tmp_path.chmod(0o755)
    settings.SIGNALBOX_STORE = tmp_path / "store"
    team = world.team()
    priya = world.person("Priya Nair", ("data_scientist", team))
    with memory_mlflow.using(MemoryMlflow()) as mlflow:
        assert isinstance(mlflow, MemoryMlflow)
        yield Bench(world.model(where=team), priya, mlflow, settings.SIGNALBOX_STORE)
