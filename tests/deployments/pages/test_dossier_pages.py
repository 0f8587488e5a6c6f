"""The page of a promotion's dossiers, without script: empty, waiting, failed, ready, gone."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from deployments.services import dossiers
from portal.audit.models import AuditEvent
from portal.core import clearing, clock
from portal.core.models import Job
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.pages.test_queries import Open

pytestmark = pytest.mark.django_db


def finished(line: Line, number: int, state: str = "succeeded", **columns: Any) -> Job:
    job = dossiers.ask(actor=world.actor(line.priya), number=number)
    Job.objects.filter(pk=job.pk).update(state=state, **columns)
    job.refresh_from_db()
    return job


def test_it_leads_from_the_request_to_the_file(line: Line, browser: Open, settings: Settings, tmp_path: Path) -> None:
    settings.SIGNALBOX_VAR = tmp_path
    row = line.promote(1)
    marta: Browser = browser(line.marta)
    here = f"/promotions/{row.pk}/dossier/"
    assert here in marta.open(f"/promotions/{row.pk}/")
    assert "No dossier yet" in marta.open(here)
    job = finished(line, row.pk, "queued", error="The newest events are not signed yet.")
    waiting = marta.open(here)
    assert "An attempt failed and is repeated." in waiting
    assert "hx-get" in waiting
    Job.objects.filter(pk=job.pk).update(state="failed")
    assert "The dossier could not be written." in marta.open(here)
    gone = finished(line, row.pk)
    assert "The file is gone" in marta.open(here)
    path = dossiers.path_of(gone)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"zip")
    ready = marta.open(here)
    assert f"{here}{gone.pk}/file/" in ready
    assert "Earlier ones" in ready
    assert f"signalbox-dossier-{row.pk}-{gone.pk}.zip" in ready


def test_one_that_was_removed_says_when_and_is_made_again(
    line: Line, browser: Open, settings: Settings, tmp_path: Path
) -> None:
    settings.SIGNALBOX_VAR = tmp_path
    row = line.promote(1)
    old = finished(line, row.pk, finished_at=clock.now() - timedelta(days=31))
    path = dossiers.path_of(old)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"zip")
    assert clearing.clear() == 1
    assert not path.exists()
    old.refresh_from_db()
    marta: Browser = browser(line.marta)
    here = f"/promotions/{row.pk}/dossier/"
    page = marta.open(here)
    assert "The file was removed on <time" in page
    assert f"{old.file_removed_at:%-d %b %Y}" in page
    answer = marta.client.get(f"{here}{old.pk}/file/")
    assert answer.status_code == 404
    assert "was removed on" in answer.content.decode()
    event = AuditEvent.objects.get(type="dossier.removed")
    assert (event.subject_type, event.subject_id, event.actor_id) == ("promotion_request", str(row.pk), "system")
    assert marta.send(here, here).status_code == 303
    assert dossiers.newest(actor=world.actor(line.marta), number=row.pk)[0].state == "queued"
    assert "removed on" in marta.open(here)


def test_it_does_not_ask_more_for_more_dossiers(line: Line, browser: Open) -> None:
    row = line.promote(1)
    marta = browser(line.marta)

    def asked() -> int:
        with CaptureQueriesContext(connection) as found:
            marta.open(f"/promotions/{row.pk}/dossier/")
        return len(found.captured_queries)

    finished(line, row.pk)
    asked()
    few = asked()
    for _ in range(12):
        finished(line, row.pk)
    assert asked() == few
    assert few <= 32
