"""What changes between asking and starting: the version, the rules, the evidence, the people, the clock."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from deployments.models import Approval, PromotionRequest, Rollout
from deployments.services import bypasses, promotions
from portal.accounts.services import people, roles
from portal.audit import recorder
from portal.audit.models import AuditEvent
from portal.audit.recorder import Subject
from portal.core import clock, work
from portal.core.errors import NotAllowed, NotFound, StepUpRequired
from tests import world
from tests.callers import PASSWORD, Caller, with_password
from tests.deployments import bypassing
from tests.deployments.bypassing import later
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.test_waiting import approved, freeze

pytestmark = pytest.mark.django_db


def change(row: PromotionRequest, **columns: Any) -> None:
    """Somebody changes the version itself, in the log but past every promotion."""
    for name, value in columns.items():
        setattr(row.version, name, value)
    with transaction.atomic():
        row.version.save()
        about = Subject.of("model_version", row.version_id, str(row.version))
        recorder.record("model_version.registered", actor=world.SYSTEM, subject=about)


@pytest.mark.parametrize(
    "columns", [{"digest": "sha256:" + "0" * 64}, {"signature": {"inputs": []}}, {"metrics": {}}, {"status": "failed"}]
)
def test_a_version_that_changes_after_its_approvals_is_not_carried_out(line: Line, columns: dict[str, Any]) -> None:
    """Approve, then push more changes (GitLab, CVE-2023-4812)."""
    world.production(freezes=[freeze(2)])
    row = approved(line)
    assert row.status == "approved"
    change(row, **columns)
    with later(3):
        row = promotions.settle(row.pk)
    assert (row.status, row.revision, promotions.verdict(row).have) == ("pending_review", 2, 0)
    assert not Rollout.objects.exists()
    assert AuditEvent.objects.filter(type="promotion.voided", subject_id=str(row.pk)).count() == 1


def test_approving_what_has_changed_is_409(line: Line) -> None:
    row = line.submit(1)
    change(row, metrics={"roc_auc": 0.1})
    caller = Caller(with_password(line.marta))
    answer = caller.post(f"promotions/{row.pk}/approve/", {"seen": row.evidence_digest})
    assert (answer.status_code, answer.json()["code"]) == (409, "evidence_outdated")


def test_an_old_approval_sent_again_after_it_was_voided_does_nothing(line: Line) -> None:
    """A captured POST of the API is 409; one of the page leads where it led, and approves nothing."""
    row = line.submit(1)
    marta, page = Browser(line.marta), f"/promotions/{row.pk}/"
    marta.send(page, f"{page}decision/", decision="approve", looked_at=marta.warnings(page))
    captured = marta.fill(f"{page}sign/", f"{page}sign/", step_up_password=PASSWORD)
    assert marta.post(f"{page}sign/", captured).status_code == 303
    change(row, metrics={"roc_auc": 0.1})
    promotions.settle(row.pk)
    again = marta.post(f"{page}sign/", captured)
    assert (again.status_code, again["Location"]) == (303, page)
    renewed = marta.post(f"{page}sign/", captured | {"idempotency_key": "another"})
    assert renewed.status_code == 409
    daniel = Caller(with_password(line.daniel))
    sent = daniel.post(f"{page.strip('/')}/approve/", {"seen": row.evidence_digest})
    assert (sent.status_code, sent.json()["code"]) == (409, "evidence_changed")
    assert Approval.objects.count() == 1
    assert promotions.verdict(PromotionRequest.objects.get(pk=row.pk)).have == 0


def test_a_request_asked_again_inherits_no_approval_and_no_second_look(line: Line) -> None:
    """Ethyca Fides: approving a duplicate skipped the check of who approves."""
    first = line.approve(line.submit(1), line.marta)
    actor = world.actor(line.daniel)
    world.step_up(actor, promotions.binding(first.pk, first.evidence_digest, "approve"))
    promotions.withdraw(actor=world.actor(line.priya), number=first.pk)
    second = line.submit(1)
    assert second.evidence_digest == first.evidence_digest
    assert promotions.verdict(second).have == 0
    with pytest.raises(StepUpRequired):
        promotions.approve(actor=actor, number=second.pk, seen=second.evidence_digest)


@pytest.mark.parametrize(
    "weaker",
    [
        {"approvals": []},
        {"approvals": [{"name": "Anybody", "role": "viewer", "team": None, "count": 1}]},
        {"gates": {}},
        {"freezes": []},
        {"wait_minutes": 0},
    ],
)
def test_rules_weakened_meanwhile_free_nothing(line: Line, weaker: dict[str, Any]) -> None:
    """Developers remove the approval rules (GitLab, CVE-2026-6063)."""
    world.production(freezes=[freeze(2)], wait_minutes=60, gates=bypassing.QUALITY)
    row = line.submit(1)
    world.production(**weaker)
    work.drain()
    with later(0.5):
        row = promotions.settle(row.pk)
    assert (row.status, row.revision) == ("pending_review", 1)
    assert not promotions.verdict(row).satisfied
    assert promotions.timing(row).codes == ("wait", "freeze")
    caller = Caller(with_password(line.marta))
    answer = caller.post(f"promotions/{row.pk}/approve/", {"seen": row.evidence_digest})
    assert (answer.status_code, answer.json()["code"]) == (409, "gate_blocks")


def test_a_bypass_rule_added_meanwhile_helps_no_open_request(line: Line) -> None:
    world.production(gates=bypassing.QUALITY)
    row = line.submit(1)
    world.production(bypass=bypassing.RULE)
    with pytest.raises(NotAllowed) as refusal:
        bypassing.ask(line, row)
    assert refusal.value.code == "no_bypass"


def test_a_team_under_another_name_keeps_its_rule(line: Line) -> None:
    """A rule is bound to the team itself: one that takes over the name later cannot fill it (GitLab, CVE-2023-2576)."""
    risk = world.team("risk")
    rudi = world.person("Rudi Risk", ("ml_lead", risk))
    world.production(approvals=[{"name": "Risk", "role": "ml_lead", "team": "risk", "count": 1}])
    row = line.submit(1)
    risk.slug, risk.name = "renamed", "Renamed"
    with transaction.atomic():
        risk.save()
        recorder.record("team.created", actor=world.SYSTEM, subject=Subject.of("team", risk.pk, risk.name))
    taker = world.person("Tilda Taker", ("ml_lead", world.team("risk")))
    with pytest.raises(NotFound):
        line.approve(row, taker)
    assert line.approve(row, rudi).status == "rolling_out"


@pytest.mark.parametrize("how", ["disabled", "role taken"])
def test_approvals_are_counted_by_who_people_are_at_the_start(line: Line, how: str) -> None:
    world.production(freezes=[freeze(2)])
    row = approved(line)
    if how == "disabled":
        world.person("Alex Admin", ("administrator", None))
        people.disable(actor=world.SYSTEM, person_id=line.marta.pk)
    else:
        roles.revoke(actor=world.SYSTEM, grant_id=line.marta.role_grants.get().pk)
    with later(3):
        row = promotions.settle(row.pk)
    assert row.status == "pending_review"
    assert not Rollout.objects.exists()


@pytest.mark.parametrize("hours", [-1, 1])
def test_the_databases_clock_stamps_approvals_and_bypasses(
    line: Line, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """A worker whose clock is an hour off makes no approval live longer or shorter."""
    real: datetime = clock.now()
    monkeypatch.setattr(timezone, "now", lambda: real + timedelta(hours=hours))
    row = line.approve(bypassing.blocked(line, gates={}, freezes=[freeze(2)], approval_hours=1), line.marta)
    bypass = bypassing.grant(bypassing.ask(line, row, "freeze", hours=1), line.olga)
    given = Approval.objects.get().at
    soon = timedelta(minutes=5)
    assert abs(given - real) < soon
    assert all(abs(at - real) < soon for at in (bypass.created_at, bypass.grants.get().at))
    assert abs(bypass.expires_at - real - timedelta(hours=1)) < soon
    assert promotions.verdict(row, now=given + timedelta(minutes=59)).have == 1
    assert promotions.verdict(row, now=given + timedelta(minutes=60)).have == 0
    assert bypasses.find(actor=world.actor(line.olga), number=bypass.pk).status == "granted"
