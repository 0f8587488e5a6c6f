"""What stays behind of a fault is found: planted here, one of each kind."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from django.db import connections

from portal.core.models import Job
from portal.embedded import ledger
from serving import files, places
from tests.faults import leftovers

LONG_AGO = 1_000_000_000


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A portal's folders, with this process as its supervisor."""
    found = tmp_path / "var"
    folders = {
        "SIGNALBOX_VAR": found,
        "SIGNALBOX_STORE": found / "store",
        "SIGNALBOX_SERVING_DIR": found / "serving",
        "SIGNALBOX_RUN": tmp_path / "run" / "s",
        "TMPDIR": tmp_path / "tmp",
    }
    for name, path in folders.items():
        path.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv(name, str(path))
    for name in ("run-state", "store/waiting"):
        (found / name).mkdir(parents=True)
    places.read(os.environ).places.prepare()
    me = psutil.Process()
    ledger.write(found / "run-state", ledger.Record(me.pid, me.create_time(), str(found), "", ""))
    return found


@pytest.fixture
def stranger(var: Path) -> Iterator[int]:
    """A process of this portal whose parent has ended."""
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    quiet = "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL"
    starter = f"import subprocess; print(subprocess.Popen({command!r}, {quiet}).pid)"
    started = subprocess.run([sys.executable, "-c", starter], capture_output=True, text=True, check=True)
    pid = int(started.stdout)
    yield pid
    psutil.Process(pid).kill()


def old(path: Path) -> Path:
    path.touch()
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_a_process_that_nobody_minds_is_found(stranger: int) -> None:
    assert [line.split(":")[0] for line in leftovers.processes()] == [f"the process {stranger} is nobody's"]


def test_a_revision_that_the_zygote_has_noted_is_no_stranger(var: Path, stranger: int) -> None:
    files.write_json(var / "serving" / "launches" / "r.json", {"pid": stranger})
    assert list(leftovers.processes()) == []


def test_what_is_half_written_or_waits_for_nobody_is_found(var: Path) -> None:
    assert list(leftovers.written()) == []
    (var / "store" / "waiting" / "uploads").mkdir()
    (var / "serving" / "copies" / "under-way.partial").touch()
    old(var / "serving" / "revisions" / ".r.json.4711.new")
    old(var / "store" / "waiting" / "ingest-3-x")
    old(Path(os.environ["TMPDIR"]) / "tmpabc")
    assert list(leftovers.written()) == [
        "serving/revisions/.r.json.4711.new is half-written",
        "ingest-3-x waits in the store for nobody",
        "tmpabc was left among the temporary files",
    ]


@pytest.mark.django_db
def test_folders_and_sockets_of_revisions_that_are_gone_are_found(var: Path) -> None:
    (var / "serving" / "scratch" / "gone.1").mkdir()
    (var / "serving" / "revisions" / "gone.json").touch()
    (Path(os.environ["SIGNALBOX_RUN"]) / "slot-03.sock").touch()
    assert list(leftovers.data_plane()) == [
        "revisions/gone.json is of no revision that the portal knows",
        "scratch/gone.1 is of no revision that the portal knows",
        "slot-03.sock is the socket of no process",
    ]


@pytest.mark.django_db
def test_a_job_that_is_never_due_is_found() -> None:
    Job.objects.create(kind="any", key="any:1")
    assert list(leftovers.lost_jobs()) == ["the job any any:1 is queued and never due"]


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_is_held_open_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "MOMENT_SECONDS", 0.1)
    assert list(leftovers.database()) == []
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("BEGIN; SELECT pg_advisory_xact_lock(4711)")
        found = list(leftovers.database())
        cursor.execute("ROLLBACK")
    other.close()
    assert len(found) == 1
    assert "is held open" in found[0]
