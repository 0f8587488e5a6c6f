"""Files that jobs wrote go after so many days; the rows say so, and whoever dies in between leaves work, not files."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from portal.core import clearing, clock, jobfiles, work
from portal.core.models import Job, PeriodicTask

pytestmark = pytest.mark.django_db
noted: list[tuple[int, int]] = []
Finished = Callable[..., tuple[Job, Path]]


def path_of(job: Job) -> Path:
    return jobfiles.folder() / f"{job.pk}.zip"


@pytest.fixture
def finished(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Finished:
    """A job of `days` days ago that wrote its file."""
    settings.SIGNALBOX_VAR = tmp_path
    noted.clear()
    monkeypatch.setattr(clearing, "KINDS", {})
    clearing.register("t.file", path_of, lambda job, days: noted.append((job.pk, days)))

    def make(days: float, kind: str = "t.file", state: str = "succeeded") -> tuple[Job, Path]:
        at = clock.now() - timedelta(days=days)
        job = Job.objects.create(kind=kind, key=f"{kind}-{days}-{state}", state=state, finished_at=at)
        with jobfiles.writing(path_of(job)) as file:
            file.write(b"zip")
        return job, path_of(job)

    return make


def test_only_what_is_older_than_the_setting_goes_and_once(finished: Finished, settings: Settings) -> None:
    settings.SIGNALBOX_EXPORT_DAYS = 7
    old, gone = finished(7.1)
    kept = [finished(6.9)[1], finished(40, kind="t.other")[1], finished(40, state="failed")[1]]
    assert jobfiles.facts(old, gone)["size_bytes"] == 3
    PeriodicTask.objects.filter(name="core.clearing").delete()
    work.run_periodic()
    assert not gone.exists()
    assert all(path.exists() for path in kept)
    assert noted == [(old.pk, 7)]
    old.refresh_from_db()
    facts = jobfiles.facts(old, gone)
    assert facts["size_bytes"] is None
    assert abs((facts["removed_at"] - clock.now()).total_seconds()) < 60
    assert clearing.clear() == 0
    assert len(noted) == 1


def test_with_no_days_nothing_goes(finished: Finished, settings: Settings) -> None:
    settings.SIGNALBOX_EXPORT_DAYS = 0
    assert finished(4000)[1].exists()
    assert clearing.clear() == 0
    assert jobfiles.folder().exists()


def test_one_whose_note_failed_is_noted_by_the_next_sweep(
    finished: Finished, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SIGNALBOX_EXPORT_DAYS = 7
    job, path = finished(8)

    def refuse(job: Job, days: int) -> None:
        raise RuntimeError("the log is away")

    with monkeypatch.context() as away:
        away.setitem(clearing.KINDS, "t.file", clearing.Written(path_of, refuse))
        with pytest.raises(RuntimeError):
            clearing.clear()
    job.refresh_from_db()
    assert job.file_removed_at is None
    assert not path.exists()
    assert clearing.clear() == 1
    assert noted == [(job.pk, 7)]


def test_what_a_killed_job_left_half_written_goes_after_a_day(finished: Finished) -> None:
    finished(1)
    old, new = (jobfiles.folder() / f"{name}{jobfiles.UNFINISHED}" for name in ("old", "new"))
    for path, hours in ((old, 25), (new, 23)):
        path.write_bytes(b"half")
        moment = clock.now().timestamp() - hours * 3600
        os.utime(path, (moment, moment))
    clearing.clear()
    assert (old.exists(), new.exists()) == (False, True)
