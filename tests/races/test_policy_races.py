"""Two people at one change of a policy at the same moment."""

from functools import partial
from typing import Any

import pytest

from deployments.models import PolicyVersion
from deployments.selectors import policies as select
from deployments.services import policies
from portal.audit.models import AuditEvent
from portal.core.actors import Actor
from portal.core.errors import PortalError
from tests import world
from tests.deployments.conftest import Line
from tests.races.conftest import race

ROUNDS = 5


def administrators() -> list[Actor]:
    return [world.actor(world.person(f"Admin {n}", ("administrator", None))) for n in range(3)]


def begin(actor: Actor, days: int) -> PolicyVersion:
    held = select.in_force(world.production().pk).content
    rules = held | {"request_days": days}
    return policies.draft(actor=actor, environment="production", rules=rules)


def refused(results: list[Any]) -> list[PortalError]:
    unexpected = [one for one in results if isinstance(one, Exception) and not isinstance(one, PortalError)]
    assert not unexpected, unexpected
    return [one for one in results if isinstance(one, PortalError)]


@pytest.mark.usefixtures("racing")
def test_two_approvals_put_one_version_in_force() -> None:
    author, *others = administrators()
    for days in range(1, ROUNDS):
        row = begin(author, days)
        policies.propose(actor=author, change_id=row.pk, seen=row.digest)
        for one in others:
            world.step_up(one, policies.binding(row.pk, row.digest))
        acts = [partial(policies.approve, actor=one, change_id=row.pk, seen=row.digest) for one in others]
        assert len(refused(race(*acts))) == 1
        assert PolicyVersion.objects.get(policy_id=row.policy_id, status="in_force").number == days + 1
        events = AuditEvent.objects.filter(type="policy.approved", subject_id=str(row.pk), outcome="success")
        assert events.count() == 1


@pytest.mark.usefixtures("racing")
def test_proposed_is_what_was_seen_whatever_is_edited_meanwhile() -> None:
    author, editor, _ = administrators()
    for _ in range(ROUNDS):
        row = begin(author, 3)
        edited = row.content | {"request_days": 90}
        results = race(
            partial(policies.propose, actor=author, change_id=row.pk, seen=row.digest),
            partial(policies.edit, actor=editor, change_id=row.pk, seen=row.digest, rules=edited),
        )
        assert len(refused(results)) == 1
        seen, row = row.digest, PolicyVersion.objects.get(pk=row.pk)
        assert (row.status, row.digest == seen) in (("proposed", True), ("draft", False))
        policies.withdraw(actor=author, change_id=row.pk)


@pytest.mark.usefixtures("racing")
def test_approve_against_withdraw_has_one_winner() -> None:
    author, other, _ = administrators()
    for days in range(1, ROUNDS):
        row = begin(author, days)
        policies.propose(actor=author, change_id=row.pk, seen=row.digest)
        world.step_up(other, policies.binding(row.pk, row.digest))
        results = race(
            partial(policies.approve, actor=other, change_id=row.pk, seen=row.digest),
            partial(policies.withdraw, actor=author, change_id=row.pk),
        )
        assert len(refused(results)) == 1
        row.refresh_from_db()
        assert row.status in ("in_force", "withdrawn")
        assert PolicyVersion.objects.filter(policy_id=row.policy_id, status="in_force").count() == 1


def test_two_drafts_at_once_are_one(racing: Line) -> None:
    first, second, _ = administrators()
    results = race(partial(begin, first, 2), partial(begin, second, 3))
    assert [error.code for error in refused(results)] == ["change_under_way"]


def test_a_request_keeps_one_policy_while_another_comes_into_force(racing: Line) -> None:
    author, other, _ = administrators()
    row = begin(author, 2)
    policies.propose(actor=author, change_id=row.pk, seen=row.digest)
    world.step_up(other, policies.binding(row.pk, row.digest))
    results = race(partial(policies.approve, actor=other, change_id=row.pk, seen=row.digest), partial(racing.submit, 1))
    assert not refused(results)
    pin = results[1].evidence["policy"]
    assert (pin["name"], pin["rules"]["request_days"]) in (("production@1", 7), ("production@2", 2))
