"""A rollout in steps, committed at each verb, with two people or a person and a worker at the same moment."""

from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from deployments.models import Endpoint, Rollout, RouteTable
from deployments.services import endpoints, rollouts
from portal.audit.models import AuditEvent
from portal.core import clock, work
from portal.core.errors import PortalError, Stale
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling, resume
from tests.races.conftest import race

GOOD: dict[str, Any] = {"requests": 18_000, "slow": 360}
SAME: dict[str, Any] = {"requests": 2000, "slow": 40}


@pytest.fixture
def rolling(racing: Line) -> Rolling:
    return Rolling(racing).begin()


def verbs_of(row: Rollout) -> list[str]:
    found = AuditEvent.objects.filter(subject_type="rollout", subject_id=str(row.pk)).order_by("id")
    return list(found.values_list("type", flat=True))


def test_every_act_of_a_rollout_has_its_event(rolling: Rolling) -> None:
    """The guard of the commit would refuse what changes a rollout without one."""
    marta, daniel = world.actor(rolling.line.marta), world.actor(rolling.line.daniel)
    number = rolling.row.pk
    rollouts.pause(actor=marta, number=number, reason="Lunch")
    rolling.look(3)
    resume(actor=daniel, number=number)
    rollouts.advance(actor=marta, number=number, reason="Quick, please", expect_step=3)
    rollouts.advance(actor=daniel, number=number, reason="Agreed", expect_step=3)
    rolling.look()
    assert rolling.share == 5000
    rollouts.advance(actor=marta, number=number, reason="All of it", expect_step=5)
    rolling.look()
    assert rolling.look(61).status == "completed"
    acts = [verb for verb in verbs_of(rolling.row) if verb not in ("rollout.stepped", "rollout.created")]
    assert acts == ["rollout.started", "rollout.paused", "rollout.resumed", "rollout.hurry_asked", "rollout.hurried",
                    "rollout.hurried", "rollout.proven", "rollout.completed"]  # fmt: skip


def test_two_second_persons_make_one_step(rolling: Rolling) -> None:
    number = rolling.row.pk
    rollouts.advance(actor=world.actor(rolling.line.marta), number=number, reason="Quick", expect_step=3)
    third = world.person("Lena Lead", ("ml_lead", rolling.line.team))
    agree = [
        partial(rollouts.advance, actor=world.actor(who), number=number, reason="Agreed", expect_step=3)
        for who in (rolling.line.daniel, third)
    ]
    results = race(*agree)
    assert sum(isinstance(one, PortalError) for one in results) == 1, results
    assert rolling.row.step == 4


def test_abort_against_going_on_ends_one_way(rolling: Rolling) -> None:
    rolling.answered(GOOD, SAME)
    rolling.look(3)
    marta, daniel, number = world.actor(rolling.line.marta), world.actor(rolling.line.daniel), rolling.row.pk
    results = race(
        partial(rollouts.abort, actor=marta, number=number, reason_code="quality"),
        partial(rollouts.advance, actor=daniel, number=number, reason="All is well", expect_step=5),
    )
    assert not isinstance(results[0], Exception), results
    rolling.look()
    assert (rolling.row.status, rolling.share) == ("aborted", 0)


TWO_GATES: list[dict[str, Any]] = [
    {"do": "weight", "weight": 1000},
    {"do": "pause", "until": {"person": True}},
    {"do": "pause", "until": {"person": True}},
    {"do": "switch"},
]


def test_two_people_who_go_on_at_the_same_moment_pass_one_gate(racing: Line) -> None:
    """Whoever is second is told, also where the next step waits for a person too and a worker came between."""
    rolling = Rolling(racing, steps=TWO_GATES).begin()
    row, people = rolling.row, (racing.marta, racing.daniel)
    assert (row.status, row.pause_code, row.step) == ("paused", "person", 3)
    press = [
        partial(rollouts.resume, actor=world.actor(who), number=row.pk, expect_step=row.step, expect_pause="person")
        for who in people
    ]
    results = race(*press)
    assert {type(one) for one in results} == {Rollout, Stale}, results
    rolling.look()
    assert (rolling.row.pause_code, rolling.row.step, rolling.share) == ("person", 4, 1000)
    with pytest.raises(Stale, match="moved on while you were looking"):
        press[0]()
    assert rolling.row.step == 4
    assert verbs_of(row).count("rollout.resumed") == 1


def test_a_pause_against_a_worker_that_has_seen_the_guards_pass(rolling: Rolling) -> None:
    """Whoever is first: the share stays at the weight it had when the pause was recorded, or at the next one."""
    rolling.answered(GOOD, SAME)
    number = rolling.row.pk
    Rollout.objects.filter(pk=number).update(next_reconcile_at=clock.now())
    race(
        partial(rollouts.pause, actor=world.actor(rolling.line.marta), number=number),
        partial(work.do, "deployments.rollout", number),
    )
    rolling.look()
    assert rolling.row.status == "paused"
    share, routed = rolling.share, len(rolling.line.runtime.routed)
    assert share in (1000, 5000)
    for _ in range(3):
        rolling.look(60)
    assert (rolling.share, len(rolling.line.runtime.routed)) == (share, routed)


def test_of_two_vectors_under_one_number_one_is_kept_whole(rolling: Rolling) -> None:
    """Two writers that both read the same generation, without the lock that every verb takes."""
    old, new = rolling.row.from_revision, rolling.row.to_revision
    assert old is not None

    def write(endpoint: Endpoint, weight: int) -> RouteTable:
        with transaction.atomic():
            return endpoints.route(
                endpoint=endpoint, stable=old, canary=new, canary_weight=weight, rollout=None, actor=world.SYSTEM
            )

    results = race(*(partial(write, Endpoint.objects.get(), weight) for weight in (2000, 8000)))
    (kept,) = [one for one in results if isinstance(one, RouteTable)]
    assert [type(one) for one in results if one is not kept] == [IntegrityError]
    row = RouteTable.objects.get(generation=kept.generation)
    assert (row.stable_weight, row.canary_weight) == (kept.stable_weight, kept.canary_weight)
    assert row.stable_weight + row.canary_weight == 10_000
