"""Versions that change their mind, and versions that are gone or changed when their turn comes."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.adapters import scoring
from pipelines.reconcilers import evaluations as job
from portal.core import work
from portal.core.errors import BadInput, NotFound
from registry.artifacts import store
from registry.models import Evaluation, ModelVersion
from registry.selectors import evaluations as read
from registry.services import evaluations, versions
from tests import world
from tests.pipelines.jobs.conftest import Lab
from tests.pipelines.jobs.rows import frame


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("turns", "The version answered labels for some rows and numbers for others."),
        ("widens", "The version answered 2 columns for some rows and 3 for others."),
    ],
)
def test_chunks_that_do_not_belong_together(
    lab: Lab, name: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "chunk_rows", lambda columns: 70)
    rows = frame(80).sort_values("x")
    row = lab.evaluate(lab.version(name), lab.data(rows))
    assert (row.status, row.status_note) == ("failed", sentence)


def test_words_for_a_task_whose_classes_are_numbers_are_never_right(lab: Lab) -> None:
    """They are labels nobody knows: the positive class was never answered, and the confusion says so."""
    found = read.results_of(lab.evaluate(lab.version("words"), lab.data(frame(60))))
    assert found is not None
    assert found.outputs == {"version": "labels"}
    assert (found.confusion["true_positives"], found.confusion["false_positives"]) == (0, 0)
    assert found.metrics["roc_auc"].undefined == "The version answers labels and no scores."


@pytest.fixture
def own_store(lab: Lab, settings: Any, tmp_path: Path) -> None:
    """A copy of the store that a test may break."""
    copied = tmp_path / "store"
    shutil.copytree(settings.SIGNALBOX_STORE, copied)
    settings.SIGNALBOX_STORE = copied


def broken(how: str, version: ModelVersion) -> None:
    folder = store.path_of(version.digest)
    folder.chmod(0o755)
    if how == "gone":
        shutil.rmtree(folder)
        return
    kept = next(path for path in sorted(folder.rglob("*.py")))
    kept.parent.chmod(0o755)
    kept.unlink()
    if how == "a link":
        kept.symlink_to("/etc/passwd")
    elif how == "other bytes":
        kept.write_text("import os\n")


def afterwards(act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `act` done once the first version has been scored."""
    score = scoring.score

    def spied(*args: Any, **more: Any) -> Any:
        told = score(*args, **more)
        if args[3].name == "version":
            act()
        return told

    monkeypatch.setattr(scoring, "score", spied)


@pytest.mark.usefixtures("own_store")
@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("gone", "The files of {} are gone from the store."),
        ("a file missing", "The files of {} were changed in the store: they have another digest now."),
        ("other bytes", "The files of {} were changed in the store: they have another digest now."),
        ("a link", "The files of {} cannot be read: "),
    ],
)
def test_a_champion_whose_files_are_lost_half_way(
    lab: Lab, how: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion, version = lab.version("constant"), lab.version("good")
    row = lab.ask(version, lab.data(), champion)
    afterwards(lambda: broken(how, champion), monkeypatch)
    work.drain()
    row.refresh_from_db()
    found = read.results_of(row)
    assert found is not None, row.status_note
    assert found.baseline_note.startswith(f"{champion} could not be scored: {why.format(champion)}"), (
        found.baseline_note
    )
    assert found.comparison == {}
    assert found.metrics["roc_auc"].value is not None


@pytest.mark.usefixtures("own_store")
def test_a_version_whose_files_are_lost_before_its_turn(lab: Lab) -> None:
    version = lab.version("constant")
    row = lab.ask(version, lab.data())
    broken("gone", version)
    work.drain()
    row.refresh_from_db()
    assert (row.status, row.status_note) == ("failed", f"The files of {version} are gone from the store.")


def test_a_champion_that_is_deleted_half_way_was_still_measured(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes are kept under their digest, so what was asked can be answered; nothing new can be asked of it."""
    champion, version = lab.version("worse"), lab.version("good")
    row = lab.ask(version, data := lab.data(), champion)
    afterwards(lambda: versions.note_deleted(actor=world.actor(lab.priya), version=champion), monkeypatch)
    work.drain()
    row.refresh_from_db()
    found = read.results_of(row)
    assert found is not None
    assert found.comparison["roc_auc"].reading == "better"
    with pytest.raises(NotFound, match="has no version 1"):
        lab.ask(version, data, champion)


def test_a_version_that_was_deleted_is_not_run_again(lab: Lab) -> None:
    row: Evaluation = lab.evaluate(version := lab.version("breaks"), lab.data(frame(30)))
    versions.note_deleted(actor=world.actor(lab.priya), version=version)
    with pytest.raises(BadInput, match="was deleted"):
        evaluations.retry(actor=world.actor(lab.priya), number=row.pk)
