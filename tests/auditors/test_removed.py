"""An export whose file was removed says when, and is made again with the same filter."""

from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from portal.audit.models import AuditEvent
from portal.auditors.services import exports
from portal.core import clearing, clock
from portal.core.models import Job
from tests.auditors.conftest import Reader, change

pytestmark = pytest.mark.django_db


def test_it_says_when_and_makes_the_same_again(auditor: Reader, settings: Settings, tmp_path: Path) -> None:
    settings.SIGNALBOX_VAR = tmp_path
    sent = {"type": "team", "outcome": "success", "q": 'a "quoted" word', "vault": "0"}
    change("Flights")
    here = str(auditor.send("/audit/", "/audit/exports/new/", **sent)["Location"])
    job = Job.objects.get()
    Job.objects.filter(pk=job.pk).update(state="succeeded", finished_at=clock.now() - timedelta(days=31))
    path = exports.path_of(job)
    path.parent.mkdir()
    path.write_bytes(b"zip")
    assert f"{here}file/" in auditor.open(here).links
    assert clearing.clear() == 1
    assert not path.exists()
    page = auditor.open(here)
    assert "The file was removed on" in page.text
    assert "removed on" in auditor.open("/audit/exports/").text
    found = auditor.api(f"exports/{job.pk}/")
    assert (found["size_bytes"], found["removed_at"][:10]) == (None, f"{clock.now():%Y-%m-%d}")
    assert "was removed on" in auditor.api(f"exports/{job.pk}/file/", 404)["detail"]
    event = AuditEvent.objects.get(type="audit.export_removed")
    assert (event.actor_kind, event.subject_id) == ("system", "log")
    again = auditor.send(here, "/audit/exports/new/")
    assert again.status_code == 302
    assert again["Location"] != here
    made = Job.objects.order_by("-pk")[0]
    assert (made.args["filter"], made.args["vault"]) == (job.args["filter"], False)
