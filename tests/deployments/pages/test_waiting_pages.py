"""A freeze as people meet it: the band, the row among the checks, the badge, and the form that keeps every member."""

from collections.abc import Callable

import pytest

from deployments.models import PolicyVersion
from deployments.selectors import policies as select
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
    endpoint = "/endpoints/production/flight-delay/"
    for path in ("/environments/production/", endpoint, f"{endpoint}keys/"):
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


def test_the_form_of_a_policy_keeps_what_it_does_not_change(line: Line, browser: Open) -> None:
    by = [{"name": "Head", "role": "ml_lead", "team": None, "count": 1}]
    where = world.production(freezes=[freeze()], wait_minutes=5, bypass={"by": by, "hours": 4})
    before = select.in_force(where.pk).content
    admin, new = browser(world.person("Alex Admin", ("administrator", None))), "/settings/policies/new/"
    page = admin.send(new, new, environment="production", tier="")["Location"]
    sent = {"step_up": ["password", "totp", "passkey"], "approvals-0-role": "ml_lead"}
    sent |= {f"approvals-{n}-role": "ml_lead" for n in (1, 2)}
    assert admin.send(page, page, **sent, request_days="3").status_code == 303
    after = PolicyVersion.objects.get(status="draft").content
    assert after == before | {"request_days": 3}
    wrong = admin.send(page, page, **sent, freezes='[{"name": "x"}]', bypass="{")
    assert wrong.status_code == 422
    assert "This is not YAML" in wrong.content.decode()
    wrong = admin.send(page, page, **sent, freezes='[{"name": "x"}]')
    assert "freezes[0] needs name, from and to" in wrong.content.decode()
