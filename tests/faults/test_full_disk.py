"""A disk that is full: what cannot be kept is refused and cleared away, what can wait waits, all else goes on."""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portal.accounts.services import tokens
from portal.core import clock, jobfiles, jobs, work
from portal.core.models import Job, JobState
from registry.datasets import uploads
from registry.gate import asgi, forward
from registry.services import versions
from serving import spool
from serving.spool import Writer
from tests import world
from tests.callers import BACKEND, Caller
from tests.embedded import fakes
from tests.embedded.test_supervisor import MakeStage
from tests.embedded.test_supervisor import make_stage as make_stage
from tests.faults.disks import left_in, no_space
from tests.registry.artifacts.conftest import Bench
from tests.registry.artifacts.conftest import bench as bench
from tests.registry.datasets.conftest import FLIGHTS, Shelf
from tests.registry.datasets.conftest import shelf as shelf
from tests.waiting import wait_until

RAW = FLIGHTS.encode()
WRITE = "t.write"
PATH = "data-sets/flights/uploads/"


@pytest.fixture
def caller(shelf: Shelf) -> Caller:
    made = tokens.create(actor=world.SYSTEM, owner=shelf.priya, name="ci", scopes=["data"], days=30)
    return Caller(token=made.secret)


def put(caller: Caller, key: str, offset: int, piece: bytes) -> Any:
    url = f"/api/v1/{PATH}{key}/?offset={offset}"
    return caller.client.put(url, piece, content_type="application/octet-stream", headers=caller.headers)


def test_an_upload_is_refused_and_cleared_away_and_succeeds_when_there_is_space(caller: Caller) -> None:
    key = caller.post(PATH, {"name": "flights.csv", "size": len(RAW)}).json()["key"]
    assert put(caller, key, 0, RAW[:10]).json()["offset"] == 10
    with no_space(20):
        refused = put(caller, key, 10, RAW[10:])
    assert (refused.status_code, refused.json()["code"]) == (507, "no_space")
    assert "make room" in refused.json()["detail"]
    assert list(uploads.folder().iterdir()) == []
    assert put(caller, key, 10, RAW[10:]).status_code == 404
    with no_space():
        assert caller.post(PATH, {"name": "flights.csv", "size": len(RAW)}).status_code == 507
    assert list(uploads.folder().iterdir()) == []
    again = caller.post(PATH, {"name": "flights.csv", "size": len(RAW)}).json()["key"]
    assert put(caller, again, 0, RAW).json()["complete"] is True


def test_an_upload_with_no_room_for_all_of_it_is_not_begun(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 99, 1))
    assert caller.post(PATH, {"name": "flights.csv", "size": len(RAW)}).status_code == 507


def test_a_form_says_so_on_a_page_and_pages_can_be_read(shelf: Shelf) -> None:
    client = Client()
    client.force_login(shelf.priya, backend=BACKEND)
    page = "/data-sets/flights/versions/new/"
    with no_space():
        assert client.get("/data-sets/flights/").status_code == 200
        file = SimpleUploadedFile("flights.csv", RAW)
        answer = client.post(page, {"source": "upload", "file": file, "note": ""})
    assert answer.status_code == 507
    assert "There is no space left" in answer.content.decode()


def sent(*pieces: bytes) -> Callable[[], Any]:
    """A request's body, piece by piece."""
    messages = iter([{"type": "http.request", "body": piece, "more_body": True} for piece in pieces])

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.request", "body": b""})

    return receive


def test_mlflows_clients_are_told_in_their_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """An artifact waits on our disk before it goes on; there it finds no room."""
    monkeypatch.setattr(forward, "IN_MEMORY", 1024)

    async def serve(scope: Any, receive: Any, send: Any, request_id: str) -> None:
        await forward.spooled(receive)

    monkeypatch.setattr(asgi, "_serve", serve)
    answered: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    with no_space(4096):
        asyncio.run(asgi.application({"headers": []}, sent(b"x" * 3000, b"x" * 3000), send))
    start, body = answered
    assert start["status"] == 507
    told = json.loads(body["body"])
    assert (told["error_code"], told["code"]) == ("RESOURCE_EXHAUSTED", "no_space")


def tried(kind: str) -> Job:
    """The job of this kind, tried now if it still waits."""
    job = Job.objects.get(kind=kind)
    if job.state == JobState.QUEUED:
        Job.objects.filter(pk=job.pk).update(next_reconcile_at=clock.now())
        work.drain()
        job.refresh_from_db()
    return job


def test_a_version_waits_until_there_is_space_for_its_files(bench: Bench) -> None:
    with no_space(64):
        row = bench.register()
        for _ in range(10):
            waiting = tried(versions.INGEST)
    assert (row.status, waiting.state, waiting.attempt) == ("validating", JobState.QUEUED, 0)
    assert waiting.error.startswith("There is no space left")
    assert left_in(bench.store) == []
    tried(versions.INGEST)
    row.refresh_from_db()
    assert row.status == "ready"
    assert left_in(bench.store / "waiting") == []


@pytest.fixture
def writing(db: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that a job is to write."""
    settings.SIGNALBOX_VAR = tmp_path
    found = jobfiles.folder() / "found.zip"

    def write(context: jobs.JobContext) -> None:
        with jobfiles.writing(found) as file:
            file.write(b"x" * 100_000)

    monkeypatch.setitem(jobs.HANDLERS, WRITE, write)
    jobs.enqueue(WRITE, key="one", args={})
    return found


def test_an_export_waits_and_leaves_no_half_of_it(writing: Path) -> None:
    with no_space(4096):
        assert tried(WRITE).state == JobState.QUEUED
    assert left_in(jobfiles.folder()) == []
    assert (tried(WRITE).state, writing.stat().st_size) == (JobState.SUCCEEDED, 100_000)


def test_what_has_waited_for_a_day_counts_its_attempts(writing: Path) -> None:
    Job.objects.update(created_at=clock.now() - jobs.PATIENCE)
    with no_space(4096):
        assert [tried(WRITE).state for _ in range(5)] == [*[JobState.QUEUED] * 4, JobState.FAILED]


def line(number: int) -> Callable[[], bytes]:
    return lambda: json.dumps({"n": number, "fill": "x" * 80}).encode()


def test_a_spool_that_cannot_be_written_loses_records_counts_them_and_goes_on(tmp_path: Path) -> None:
    """The kernel first writes a part of a record, and then nothing: the part hides no later one."""
    writer = Writer(tmp_path / "spool", 1 << 20, 3600)
    writer.start()
    with no_space(150):
        for number in range(10):
            writer.put(line(number))
        wait_until(lambda: writer.counters.dropped_disk, 10, "the loss to be counted")
        wait_until(lambda: not writer._queue, 10, "the queue to be emptied")
    writer.put(line(10))
    writer.close()
    counted = spool.status(writer.folder)
    found = spool.read(writer.folder)
    assert [record["n"] for record in found.records][-1] == 10
    assert counted["written"] == len(found.records)
    assert counted["written"] + counted["dropped_disk"] == 11


def test_a_supervisor_without_space_goes_on_and_starts_again_what_ends(make_stage: MakeStage, tmp_path: Path) -> None:
    stage = make_stage(fakes.service("web", tmp_path))
    stage.ready("web")
    log = tmp_path / "web.log"
    log.write_bytes(b"x" * 11 * 1024**2)
    with no_space():
        stage.supervisor.rotated = 0.0
        wait_until(lambda: "cannot be set aside" in stage.output.getvalue(), 10, "the log to be found full")
        stage.kill("web")
        wait_until(lambda: stage.supervisor.units["web"].restarts == 1, 10, "its end to be seen")
        wait_until(lambda: "cannot be noted" in stage.output.getvalue(), 10, "the change to be told")
    stage.ready("web")
    assert stage.thread.is_alive()
    assert not stage.errors
    assert not (tmp_path / "web.log.1").exists()
