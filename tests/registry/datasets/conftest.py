from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from portal.accounts.models import Person, Team
from portal.core import work
from registry.models import DataSet, DataSetVersion
from registry.services import datasets
from tests import memory_mlflow, world
from tests.memory_mlflow import HoldsAll

FLIGHTS = "carrier,delay,day\nUA,3,2026-01-01\nB6,-4,2026-01-01\nUA,20,2026-01-02\n"


@dataclass
class Shelf:
    """A data set of a team, people who may and may not, and a folder of this host that data may be read from."""

    team: Team
    priya: Person
    vera: Person
    olga: Person
    folder: Path
    data_set: DataSet

    def write(self, text: str = FLIGHTS, name: str = "flights.csv", to: str = "one") -> Path:
        folder = self.folder / to
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        return folder

    def ask(self, folder: Path) -> DataSetVersion:
        """As Priya does it."""
        source = {"kind": "folder", "path": str(folder)}
        return datasets.register_version(actor=world.actor(self.priya), name="flights", source=source)

    def register(self, folder: Path) -> DataSetVersion:
        """As Priya does it, and then the job."""
        row = self.ask(folder)
        work.drain()
        row.refresh_from_db()
        return row

    def promise(self, *checks: dict[str, Any]) -> Any:
        made = datasets.set_checks(
            actor=world.actor(self.priya), name="flights", checks=list(checks), why="It matters."
        )
        work.drain()
        return made


@pytest.fixture
def shelf(db: None, tmp_path: Path, settings: Any) -> Iterator[Shelf]:
    tmp_path.chmod(0o755)
    folder = tmp_path / "incoming"
    folder.mkdir()
    settings.SIGNALBOX_DATA_FOLDERS = [str(folder)]
    settings.SIGNALBOX_STORE = tmp_path / "store"
    team = world.team()
    priya = world.person("Priya Nair", ("data_scientist", team))
    with memory_mlflow.using(HoldsAll()):
        yield Shelf(
            team=team,
            priya=priya,
            vera=world.person("Vera Lind", ("viewer", team)),
            olga=world.person("Olga Out", ("data_scientist", world.team("other"))),
            folder=folder,
            data_set=datasets.create(actor=world.actor(priya), name="flights", team=team.slug, licence="CC0"),
        )
