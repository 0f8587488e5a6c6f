"""Every way into production meets the same gate: API, tokens, the shell, a row written by hand, MLflow's alias."""

from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import get_resolver

from deployments.models import Approval, Bypass, Endpoint, PolicyVersion, PromotionRequest, Revision, Rollout
from deployments.services import environments, promotions, rollouts
from portal.accounts.services import tokens
from portal.audit import recorder
from portal.core import clock, work
from portal.core.errors import Conflict, NotAllowed, Refused
from portal.lifecycle.move import move
from registry.models import AliasAssignment
from tests import world
from tests.accounts import people as accounts
from tests.callers import Caller, with_password
from tests.deployments.conftest import Line

TARGET: dict[str, Any] = {"model": "flight-delay", "version": 1, "environment": "production"}


@pytest.mark.django_db
def test_there_is_no_admin_site_to_go_in_by() -> None:
    assert not apps.is_installed("django.contrib.admin")
    assert not any("admin" in str(pattern.pattern) for pattern in get_resolver().url_patterns)
    assert Client().get("/admin/").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["administrator", "operator", "auditor", "data_scientist", "viewer"])
def test_no_role_but_the_named_one_approves_not_even_an_administrator(line: Line, role: str) -> None:
    row = line.submit(1)
    caller = Caller(with_password(world.person(f"Some {role}", (role, None))))
    answer = caller.post(f"promotions/{row.pk}/approve/", {"seen": row.evidence_digest})
    assert (answer.status_code, answer.json()["code"]) == (403, "no_rule_for_you")
    assert not Approval.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("scopes", [["promote"], ["promote", "rollback", "endpoints", "mlflow"]])
def test_no_token_approves_whoever_owns_it(line: Line, scopes: list[str]) -> None:
    row = line.submit(1)
    made = tokens.create(actor=world.SYSTEM, owner=line.marta, name="ci", scopes=scopes, days=1)
    answer = Caller(token=made.secret).post(f"promotions/{row.pk}/approve/", {"seen": row.evidence_digest})
    assert (answer.status_code, answer.json()["code"]) == (403, "only_people_decide")


@pytest.mark.django_db
def test_a_service_accounts_human_cannot_approve_what_it_asked_for(line: Line) -> None:
    """Laundering: a retraining job asks, and the human behind it approves."""
    account = accounts.account("train-nightly", line.marta, ("data_scientist", line.team))
    made = tokens.create(actor=world.SYSTEM, owner=account, name="job", scopes=["promote"], days=1)
    asked = Caller(token=made.secret).post("promotions/", TARGET | {"why": "Retrained last night."})
    row = PromotionRequest.objects.get(pk=asked.json()["number"])
    assert row.requester == line.marta
    with pytest.raises(NotAllowed) as refusal:
        line.approve(row, line.marta)
    assert refusal.value.code == "four_eyes"


@pytest.mark.django_db
def test_nor_what_it_registered(line: Line) -> None:
    version = world.version(line.model, line.daniel, registered_by="service_account:7")
    row = line.submit(version.number)
    with pytest.raises(NotAllowed):
        line.approve(row, line.daniel)


def _by_hand(what: str, row: PromotionRequest, line: Line) -> None:
    """What `manage.py shell` can write without a verb."""
    if what == "status":
        PromotionRequest.objects.filter(pk=row.pk).update(status="approved")
    if what == "approval":
        Approval.objects.create(
            request=row,
            request_revision=1,
            reviewer=line.marta,
            rule="ML lead",
            evidence_digest=row.evidence_digest,
            rules_version=1,
            step_up_at=clock.now(),
            step_up_method="password",
            requester=line.priya,
        )
    if what == "rules":
        PolicyVersion.objects.filter(policy__environment=row.endpoint.environment).update(decision_note="Fine.")
    if what == "evidence":
        row.evidence["policy"]["rules"]["approvals"] = []
        row.save()
    if what in ("revision", "rollout"):
        made = Revision.objects.create(endpoint=row.endpoint, number=1, version=row.version, digest="x")
        if what == "rollout":
            Rollout.objects.create(endpoint=row.endpoint, kind="promotion", to_revision=made, started_by="me")
    if what == "bypass":
        Bypass.objects.create(
            request=row,
            request_revision=1,
            evidence_digest=row.evidence_digest,
            gates=["quality"],
            reason="Because.",
            asker=line.priya,
            requester=line.priya,
            expires_at=clock.now(),
        )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["status", "approval", "rules", "evidence", "revision", "rollout", "bypass"])
def test_a_row_written_in_a_shell_is_refused_at_commit(racing: Line, what: str) -> None:
    row = racing.submit(1)
    with pytest.raises(IntegrityError, match="audit"), transaction.atomic():
        _by_hand(what, row, racing)
    row.refresh_from_db()
    assert row.status == "pending_review"
    assert not Rollout.objects.exists()


@pytest.mark.django_db
def test_a_status_forged_with_its_event_does_not_roll_out(line: Line) -> None:
    """Whoever writes an event of their own is in the log; the quorum is counted anew, so nothing starts."""
    row = line.submit(1)
    with transaction.atomic():
        move(row, "approve", actor=world.SYSTEM, decided_at=clock.now())
    with pytest.raises(Refused) as refusal, transaction.atomic():
        rollouts.start(row, actor=world.SYSTEM)
    assert refusal.value.code == "not_approved"
    row = promotions.settle(row.pk)
    assert (row.status, row.revision) == ("pending_review", 2)
    assert not Rollout.objects.exists()


@pytest.mark.django_db
def test_an_approval_forged_with_its_event_is_held_against_the_roles_of_now(line: Line) -> None:
    row = line.submit(1)
    for somebody in (world.person("Vera Lind", ("viewer", line.team)), line.olga):
        with transaction.atomic():
            Approval.objects.create(
                request=row,
                request_revision=1,
                reviewer=somebody,
                rule="ML lead",
                evidence_digest=row.evidence_digest,
                rules_version=1,
                step_up_at=clock.now(),
                step_up_method="password",
                requester=line.priya,
            )
            recorder.record("promotion.commented", actor=world.SYSTEM, subject=promotions.subject(row))
    assert promotions.verdict(row).have == 0


@pytest.mark.django_db
def test_a_second_environment_cannot_move_the_same_alias(line: Line) -> None:
    """Rules go with the environment, so a lax one that moves `champion` too would be a way round the strict one."""
    rules = world.rules_of("production") | {"approvals": []}
    for name, alias in (("qa", "champion"), ("qa", "Champion"), ("Production", ""), ("PRODUCTION", "other")):
        with pytest.raises(Conflict):
            environments.create(actor=world.SYSTEM, name=name, position=3, alias=alias, rules=rules)


@pytest.mark.django_db
def test_the_alias_only_moves_with_a_promotion(line: Line) -> None:
    """The gate refuses it by hand (tests/gate/test_attacks.py); what moved in MLflow is put back (test_behind.py)."""
    row = line.submit(1)
    line.approve(row, line.marta)
    work.drain()
    assert not AliasAssignment.objects.exists()
    line.approve(row, line.daniel)
    work.drain()
    assert AliasAssignment.objects.get().version == row.version
    assert Endpoint.objects.get().stable is not None
