"""An approved request that the clock holds back: it waits in sight, lapses in sight, and starts by itself."""

from datetime import timedelta
from typing import Any

import pytest

from deployments.models import Endpoint, PromotionRequest, Rollout
from deployments.reconcilers import promotions as reconciler
from deployments.services import promotions, rollbacks
from portal.core import clock, leases, work
from portal.notices.models import Notice
from tests import world
from tests.deployments.bypassing import later
from tests.deployments.conftest import Line

pytestmark = pytest.mark.django_db


def freeze(hours: float = 5, name: str = "Black Friday") -> dict[str, Any]:
    """A freeze that began an hour ago and ends in some hours."""
    now = clock.now()
    start, end = (now + timedelta(hours=h) for h in (-1, hours))
    return {"name": name, "from": start.isoformat(), "to": end.isoformat(), "reason": "peak"}


def approved(line: Line, version: int = 1) -> PromotionRequest:
    row = line.submit(version)
    line.approve(row, line.marta)
    return line.approve(row, line.daniel)


def test_approved_in_a_freeze_waits_and_is_told(line: Line) -> None:
    world.production(freezes=[freeze()])
    row = approved(line)
    assert row.status == "approved"
    assert not Rollout.objects.exists()
    words = promotions.timing(row).words
    assert words.endswith("UTC: freeze 'Black Friday'")
    promotions.settle(row.pk)
    told = Notice.objects.get(kind="promotion.waits_for_its_time")
    assert (told.person, told.subject) == (line.priya, f"Your request was approved and {words}")


@pytest.mark.parametrize("rules", [{"wait_minutes": 120}, {"freezes": [2]}, {"wait_minutes": 60, "freezes": [2]}])
def test_it_starts_by_itself_when_nothing_is_in_the_way_any_more(line: Line, rules: dict[str, Any]) -> None:
    found = rules | {"freezes": [freeze(hours) for hours in rules.get("freezes", [])]}
    world.production(**found)
    row = approved(line)
    with later(1.9):
        assert promotions.settle(row.pk).status == "approved"
    with later(2.1):
        assert promotions.settle(row.pk).status == "rolling_out"
    assert Rollout.objects.count() == 1


def test_the_worker_looks_again_when_the_freeze_ends(line: Line) -> None:
    world.production(freezes=[freeze(hours=0.001)])
    row = approved(line)
    PromotionRequest.objects.filter(pk=row.pk).update(next_reconcile_at=clock.now())
    lease = leases.claim(PromotionRequest, row.pk, seconds=30)
    assert lease is not None
    ends = promotions.timing(row).starts_at
    assert ends is not None
    assert reconciler.reconcile(lease) == ends


def test_a_freeze_that_is_added_meanwhile_holds_and_one_taken_away_does_too(line: Line) -> None:
    row = line.submit(1)
    world.production(freezes=[freeze(name="Outage")])
    line.approve(row, line.marta)
    row = line.approve(row, line.daniel)
    assert row.status == "approved"
    assert promotions.timing(row).why == "freeze 'Outage'"
    promotions.withdraw(actor=world.actor(line.priya), number=row.pk)
    row = approved(line)
    world.production(freezes=[])
    promotions.settle(row.pk)
    row.refresh_from_db()
    assert row.status == "approved"
    assert promotions.timing(row).why == "freeze 'Outage'"


def test_approvals_lapse_while_it_waits_and_both_hear_of_it(line: Line) -> None:
    world.production(freezes=[freeze(hours=200)], approval_hours=3)
    row = approved(line)
    with later(3):
        row = promotions.settle(row.pk)
    assert (row.status, row.revision) == ("pending_review", 2)
    told = Notice.objects.filter(kind="promotion.voided").values_list("person_id", flat=True)
    assert set(told) == {line.priya.pk, line.marta.pk, line.daniel.pk}


def test_a_rollback_is_never_frozen(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    world.production(freezes=[freeze()])
    back = rollbacks.roll_back(
        actor=world.actor(line.marta),
        environment="production",
        endpoint="flight-delay",
        reason_code="quality",
        expect_generation=Endpoint.objects.get().generation,
    )
    work.drain()
    back.refresh_from_db()
    assert back.status == "completed"


def test_an_environment_that_asks_nobody_is_frozen_all_the_same(line: Line) -> None:
    world.production(approvals=[], freezes=[freeze()])
    assert line.submit(1).status == "approved"
    assert not Rollout.objects.exists()
