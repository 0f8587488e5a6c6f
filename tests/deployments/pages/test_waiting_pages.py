"""A freeze as people meet it: the band, the row among the checks, the badge, and the form that keeps every member."""

from collections.abc import Callable

import pytest

from tests import world
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.test_waiting import freeze

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]


def test_a_freeze_is_on_every_page_it_matters_to(line: Line, browser: Open) -> None:
    line.promote(1)
    world.production(freezes=[freeze()], wait_minutes=60)
    reader = browser(line.priya)
    for path in ("/environments/production/", "/endpoints/production/flight-delay/"):
        assert "A rollback is never frozen" in reader.open(path)
    assert "Frozen" in reader.open("/environments/")
    row = line.submit(2)
    page = reader.open(f"/promotions/{row.pk}/")
    assert "Freeze window" in page
    assert "It begins with the last approval." in page
    marta = browser(line.marta)
    line.approve(row, line.daniel)
    assert marta.warnings(f"/promotions/{row.pk}/") == []
    assert "Approved, waits until" not in marta.open(f"/promotions/{row.pk}/")
    line.approve(row, line.marta)
    shown = reader.open(f"/promotions/{row.pk}/")
    assert "Approved, waits until" in shown
    assert "1 hour after the last approval and freeze &#x27;Black Friday&#x27;" in shown
    assert "waits until" in reader.open("/promotions/")


def test_signing_says_when_it_will_start(line: Line, browser: Open) -> None:
    world.production(freezes=[freeze()])
    row = line.submit(1)
    line.approve(row, line.daniel)
    marta, page = browser(line.marta), f"/promotions/{row.pk}/"
    marta.send(page, f"{page}decision/", decision="approve", looked_at=marta.warnings(page))
    assert "This is the last approval. The rollout starts " in marta.open(f"{page}sign/")
