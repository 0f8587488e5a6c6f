"""The page of a promotion's dossiers, without script: empty, waiting, failed, ready, gone."""

from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from deployments.services import dossiers
from portal.core.models import Job
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.pages.test_queries import Open

pytestmark = pytest.mark.django_db


def finished(line: Line, number: int, state: str = "succeeded", **columns: str) -> Job:
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
    assert "has been cleared away" in marta.open(here)
    path = dossiers.path_of(gone)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"zip")
    ready = marta.open(here)
    assert f"{here}{gone.pk}/file/" in ready
    assert "Earlier ones" in ready
    assert f"signalbox-dossier-{row.pk}-{gone.pk}.zip" in ready


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
