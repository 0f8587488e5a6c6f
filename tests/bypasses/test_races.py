"""Approvals, a withdrawal, a change of the rules and the worker at once: whatever the order, the end is legal.

The control without locks, which does go wrong, stands in tests/races/test_promotion_races.py.
"""

from functools import partial

import pytest

from deployments.models import Approval, Endpoint, Rollout
from deployments.services import bypasses, promotions
from portal.audit.models import AuditEvent
from portal.core.errors import PortalError
from tests import world
from tests.deployments import bypassing
from tests.deployments.conftest import Line
from tests.races.conftest import race
from tests.races.test_promotion_races import ready_to_approve, verbs_of

ROUNDS = 25
ALLOWED = {"withdrawn", "rolling_out"}


@pytest.mark.slow
def test_two_approvals_a_withdrawal_the_worker_and_new_rules(racing: Line) -> None:
    racing.runtime.away = True
    ends = set()
    for number in range(ROUNDS):
        model = world.model(f"delay-{number}", racing.team)
        world.version(model, racing.priya)
        racing.model = model
        row = racing.submit(1, why=f"Round {number}.")
        leads = [ready_to_approve(racing, row, who) for who in (racing.marta, racing.daniel)]
        results = race(
            *[partial(promotions.approve, actor=who, number=row.pk, seen=row.evidence_digest) for who in leads],
            partial(promotions.withdraw, actor=world.actor(racing.priya), number=row.pk),
            partial(promotions.settle, row.pk),
            partial(world.production, request_days=number % 30 + 1),
        )
        assert not [r for r in results if isinstance(r, Exception) and not isinstance(r, PortalError)], results
        row.refresh_from_db()
        started = Rollout.objects.filter(request=row).count()
        verbs, given = verbs_of(row), Approval.objects.filter(request=row).count()
        assert row.status in ALLOWED, row.status
        assert started == verbs.count("promotion.executed") == (1 if row.status == "rolling_out" else 0)
        assert row.status != "rolling_out" or given == 2
        assert not {"promotion.withdrawn", "promotion.executed"} <= set(verbs)
        ends.add(row.status)
    assert ends <= ALLOWED
    assert Endpoint.objects.count() == ROUNDS


@pytest.mark.slow
def test_a_grant_against_its_withdrawal_and_the_approvals(racing: Line) -> None:
    """A bypass is granted or withdrawn, never both; nothing starts past a gate without a granted one."""
    for _ in range(ROUNDS // 3):
        row = bypassing.blocked(racing)
        bypass = bypassing.ask(racing, row)
        olga = world.actor(racing.olga)
        world.step_up(olga, bypasses.binding(bypass))
        marta = ready_to_approve(racing, row, racing.marta)
        race(
            partial(bypasses.grant, actor=olga, number=bypass.pk, seen=bypass.evidence_digest),
            partial(bypasses.withdraw, actor=world.actor(racing.priya), number=bypass.pk),
            partial(promotions.approve, actor=marta, number=row.pk, seen=row.evidence_digest),
            partial(bypasses.settle, bypass.pk),
        )
        bypass.refresh_from_db()
        kinds = list(
            AuditEvent.objects.filter(subject_type="bypass", subject_id=str(bypass.pk)).values_list("type", flat=True)
        )
        assert bypass.status == "withdrawn"
        assert kinds.count("bypass.withdrawn") == 1
        assert not Rollout.objects.exists()
        promotions.withdraw(actor=world.actor(racing.priya), number=row.pk)
