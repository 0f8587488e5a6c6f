"""Two people, or two workers, at the same moment. Each race has a control without locks that must go wrong."""

from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction

from deployments.models import Approval, Endpoint, PromotionRequest, Rollout
from deployments.services import promotions, rollbacks
from portal.audit.models import AuditEvent
from portal.core import work
from portal.core.actors import Actor
from portal.core.errors import PortalError
from portal.lifecycle.move import move
from tests import world
from tests.deployments.conftest import Line
from tests.races.conftest import race

ROUNDS = 6


def ready_to_approve(line: Line, row: PromotionRequest, who: Any) -> Actor:
    actor = world.actor(who)
    world.step_up(actor, promotions.binding(row.pk, row.evidence_digest, "approve"))
    return actor


def verbs_of(row: PromotionRequest) -> list[str]:
    found = AuditEvent.objects.filter(subject_type="promotion_request", subject_id=str(row.pk))
    return list(found.values_list("type", flat=True))


def test_approve_against_withdraw_has_one_winner(racing: Line) -> None:
    for _ in range(ROUNDS):
        row = racing.approve(racing.submit(1), racing.marta)
        daniel, priya = ready_to_approve(racing, row, racing.daniel), world.actor(racing.priya)
        results = race(
            partial(promotions.approve, actor=daniel, number=row.pk, seen=row.evidence_digest),
            partial(promotions.withdraw, actor=priya, number=row.pk),
        )
        row.refresh_from_db()
        refused = [r for r in results if isinstance(r, PortalError)]
        assert len(refused) == 1, results
        verbs = verbs_of(row)
        assert verbs.count("promotion.withdrawn") + verbs.count("promotion.executed") == 1
        assert row.status == ("withdrawn" if "promotion.withdrawn" in verbs else "rolling_out")
        if row.status == "rolling_out":
            work.drain()
            return


def test_without_locks_both_win(racing: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    row = racing.submit(1)
    marta, priya = world.actor(racing.marta), world.actor(racing.priya)
    gap = Barrier(2)

    def naive(actor: Actor, event: str) -> Any:
        with transaction.atomic():
            fresh = PromotionRequest.objects.get(pk=row.pk)
            return move(fresh, event, actor=actor, data={"evidence_digest": row.evidence_digest})

    monkeypatch.setattr("portal.lifecycle.move.lock", lambda rows, **_: _meet(rows, gap))
    results = race(lambda: naive(marta, "reject"), lambda: naive(priya, "withdraw"))
    assert not [r for r in results if isinstance(r, PortalError)]
    verbs = verbs_of(row)
    assert {"promotion.rejected", "promotion.withdrawn"} <= set(verbs)


def _meet(rows: Any, gap: Barrier) -> Any:
    found = rows.get()
    gap.wait(timeout=10)
    return found


def test_two_last_approvals_start_one_rollout(racing: Line) -> None:
    row = racing.submit(1)
    actors = [ready_to_approve(racing, row, who) for who in (racing.marta, racing.daniel)]
    results = race(
        *[
            lambda actor=actor: promotions.approve(actor=actor, number=row.pk, seen=row.evidence_digest)
            for actor in actors
        ]
    )
    assert not [r for r in results if isinstance(r, Exception)], results
    assert Rollout.objects.filter(request=row).count() == 1
    assert Approval.objects.filter(request=row).count() == 2


def test_the_same_approval_twice_counts_once(racing: Line) -> None:
    row = racing.submit(1)
    marta = ready_to_approve(racing, row, racing.marta)
    ready_to_approve(racing, row, racing.marta)
    results = race(
        *[lambda: promotions.approve(actor=marta, number=row.pk, seen=row.evidence_digest) for _ in range(2)]
    )
    assert len([r for r in results if isinstance(r, PortalError)]) == 1
    assert Approval.objects.filter(request=row).count() == 1


def test_one_execution_of_an_approved_request(racing: Line) -> None:
    """Two workers sweep the same approved request; one rollout comes of it."""
    racing.runtime.away = True
    first = racing.submit(1)
    racing.approve(first, racing.marta)
    racing.approve(first, racing.daniel)
    race(*[lambda: promotions.settle(first.pk) for _ in range(4)])
    assert Rollout.objects.filter(request=first).count() == 1
    assert verbs_of(first).count("promotion.executed") == 1
    racing.runtime.away = False
    results = race(*[lambda: work.do("deployments.rollout", Rollout.objects.get().pk) for _ in range(4)])
    assert not [r for r in results if isinstance(r, Exception)], results
    assert [t.generation for t in racing.runtime.routed] == sorted({t.generation for t in racing.runtime.routed})


def test_two_rollbacks_at_once_make_one(racing: Line) -> None:
    racing.promote(1)
    racing.promote(2)
    generation = Endpoint.objects.get().generation
    asked = {"environment": "production", "endpoint": "flight-delay", "reason_code": "quality"}
    results = race(
        *[
            lambda who=who: rollbacks.roll_back(actor=world.actor(who), expect_generation=generation, **asked)
            for who in (racing.marta, racing.daniel)
        ]
    )
    refused = [r for r in results if isinstance(r, PortalError)]
    assert len(refused) == 1, results
    assert refused[0].code in ("already_rolling_back", "traffic_changed")
    assert Rollout.objects.filter(kind="rollback").count() == 1


def test_two_requests_for_one_endpoint_leave_one_open(racing: Line) -> None:
    racing.promote(1)
    results = race(lambda: racing.submit(2), lambda: racing.submit(3))
    assert sorted(type(r).__name__ for r in results) == ["PromotionRequest", "Refused"]
    assert PromotionRequest.objects.filter(status="pending_review").count() == 1


def test_a_lock_held_too_long_is_said_not_waited_for(racing: Line) -> None:
    row = racing.submit(1)
    gap = Barrier(2)

    def hold() -> None:
        with transaction.atomic():
            list(Endpoint.objects.select_for_update())
            gap.wait(timeout=10)
            gap.wait(timeout=30)

    def withdraw() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        gap.wait(timeout=10)
        try:
            return promotions.withdraw(actor=world.actor(racing.priya), number=row.pk)
        finally:
            gap.wait(timeout=30)

    results = race(hold, withdraw)
    assert getattr(results[1], "code", "") == "locked"
    row.refresh_from_db()
    assert row.status == "pending_review"
