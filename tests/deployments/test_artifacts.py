"""Before a version is loaded its bytes are hashed again and held against what was approved and signed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployments.models import Endpoint, PromotionRequest, Rollout
from portal.audit.models import AuditEvent
from portal.core import work
from registry.adapters import mlflow_rest
from registry.models import ModelVersion
from tests import world
from tests.deployments.conftest import Line
from tests.memory_mlflow import MemoryMlflow
from tests.registry.artifacts.conftest import FILES, Bench


@pytest.fixture
def bench(line: Line, tmp_path: Path, settings: Any) -> Bench:
    """Versions of the line's model with real files in a store; version 4 serves already."""
    tmp_path.chmod(0o755)
    settings.SIGNALBOX_STORE = tmp_path / "store"
    world.production(gates={"artifact": {}})
    mlflow = mlflow_rest.client()
    assert isinstance(mlflow, MemoryMlflow)
    found = Bench(line.model, world.person("Ulf", ("data_scientist", line.team)), mlflow, settings.SIGNALBOX_STORE)
    found.register()
    assert line.promote(4).status == "promoted"
    return found


def approved(line: Line, bench: Bench) -> tuple[PromotionRequest, ModelVersion]:
    """A second version that everybody has approved, its rollout not yet begun."""
    row = bench.register({**FILES, "note.txt": b"newer\n"})
    request = line.submit(row.number)
    line.approve(request, line.marta)
    line.approve(request, line.daniel)
    return request, row


def opened(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o644)


def one_byte(folder: Path) -> None:
    (folder / "note.txt").write_bytes(b"newer.")


def one_more(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "hook").write_bytes(b"#!/bin/sh\n")


def one_less(folder: Path) -> None:
    (folder / "note.txt").unlink()


def a_link(folder: Path) -> None:
    (folder / "note.txt").unlink()
    (folder / "note.txt").symlink_to("/etc/hostname")


def gone(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (one_byte, "files were changed: note.txt"),
        (one_more, "files were added: .git/hook"),
        (one_less, "files are missing: note.txt"),
        (a_link, "links are not taken"),
        (gone, "cannot be read from the store"),
    ],
)
def test_bytes_that_changed_in_the_store_are_not_loaded(
    line: Line, bench: Bench, change: Callable[[Path], None], says: str
) -> None:
    request, row = approved(line, bench)
    served = dict(line.runtime.table)
    folder = bench.kept(row)
    opened(folder)
    change(folder)
    work.drain()
    request.refresh_from_db()
    rollout = Rollout.objects.get(request=request)
    assert (request.status, rollout.status) == ("failed", "aborted")
    assert says in rollout.note
    assert row.digest not in {spec.digest for spec in line.runtime.loaded.values()}
    endpoint = Endpoint.objects.select_related("stable__version").get()
    assert endpoint.stable is not None
    assert endpoint.stable.version.number == 4
    assert {where: state.stable for where, state in line.runtime.table.items()} == {
        where: state.stable for where, state in served.items()
    }
    assert AuditEvent.objects.filter(type="rollout.aborted").exists()


def test_unchanged_bytes_are_loaded(line: Line, bench: Bench) -> None:
    request, row = approved(line, bench)
    work.drain()
    request.refresh_from_db()
    assert request.status == "promoted"
    assert row.digest in {spec.digest for spec in line.runtime.loaded.values()}


def test_the_key_of_another_installation_is_refused(line: Line, bench: Bench, settings: Any) -> None:
    request, _ = approved(line, bench)
    settings.SIGNALBOX_ARTIFACT_KEY = "another"
    work.drain()
    request.refresh_from_db()
    assert request.status == "failed"
    assert "another key" in Rollout.objects.get(request=request).note
