"""The life of a request through its verbs: rows, events and what the runtime was told."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from deployments.models import Approval, Endpoint, PromotionRequest, Rollout
from deployments.services import promotions
from portal.accounts.models import Person
from portal.audit import recorder
from portal.audit.models import AuditEvent, AuditPii
from portal.audit.recorder import Subject
from portal.core import clock, work
from portal.core.errors import BadInput, NotAllowed, NotFound, Refused, Stale, StepUpRequired
from portal.notices.models import Notice
from registry.models import AliasAssignment, ModelVersion
from tests import world
from tests.deployments.conftest import Line

pytestmark = pytest.mark.django_db


def events(row: PromotionRequest) -> list[str]:
    return list(
        AuditEvent.objects.filter(subject_type="promotion_request", subject_id=str(row.pk))
        .order_by("id")
        .values_list("type", flat=True)
    )


def test_two_people_one_champion(line: Line) -> None:
    row = line.promote(1)
    assert row.status == "promoted"
    endpoint = Endpoint.objects.get()
    assert str(endpoint) == "production/flight-delay"
    assert endpoint.stable is not None
    assert endpoint.stable.version.number == 1
    assert endpoint.stable.status == "ready"
    assert line.runtime.routes("production", "flight-delay").stable == str(endpoint.stable_id)
    assert AliasAssignment.objects.get().version == endpoint.stable.version
    assert events(row) == [
        "promotion.submitted",
        "promotion.approved",
        "promotion.approved",
        "promotion.approved_in_full",
        "promotion.executed",
        "promotion.promoted",
    ]


def test_reviewers_are_told_and_the_requester_hears(line: Line) -> None:
    row = line.submit(1)
    assert set(Notice.objects.filter(kind="promotion.waits").values_list("person_id", flat=True)) == {
        line.marta.pk,
        line.daniel.pk,
    }
    promotions.reject(actor=world.actor(line.marta), number=row.pk, seen=row.evidence_digest, comment="Too few rows")
    assert Notice.objects.filter(kind="promotion.decided", person=line.priya).exists()


def test_what_people_write_enters_the_log_as_a_commitment_that_can_be_erased(line: Line) -> None:
    said = "Ask Marta's sister, she was on that flight"
    row = line.submit(1, why=said)
    promotions.reject(actor=world.actor(line.marta), number=row.pk, seen=row.evidence_digest, comment=said)
    row.refresh_from_db()
    assert (row.why, row.decision_note) == (said, said)
    stored = [f"{bytes(one.canon)!r} {one.search}" for one in AuditEvent.objects.all()]
    assert stored
    assert not [text for text in stored if "sister" in text]
    assert AuditPii.objects.filter(value=said).exists()


def test_one_approval_of_two_starts_nothing(line: Line) -> None:
    row = line.approve(line.submit(1), line.marta)
    assert row.status == "pending_review"
    assert not Rollout.objects.exists()
    assert promotions.verdict(row).missing == ("1 more approval as ML lead: Daniel Osei",)


@pytest.mark.parametrize("who", ["priya", "uploader", "admin", "viewer"])
def test_who_cannot_approve(line: Line, who: str) -> None:
    row = line.submit(1)
    people = {
        "priya": line.priya,
        "uploader": ModelVersion.objects.get(number=1).registered_by_person,
        "admin": world.person("Alex Admin", ("administrator", None)),
        "viewer": world.person("Vera Lind", ("viewer", line.team)),
    }
    chosen = people[who]
    assert chosen is not None
    if who in ("priya", "uploader"):
        world.grant(chosen, "ml_lead", line.team)
    with pytest.raises(NotAllowed) as refusal:
        line.approve(row, chosen)
    assert refusal.value.refused_act.verb == "promotion.approved"
    assert not Approval.objects.exists()


def test_another_team_does_not_even_see_it(line: Line) -> None:
    row = line.submit(1)
    with pytest.raises(NotFound):
        line.approve(row, line.olga)


def test_approving_without_a_second_look_is_refused(line: Line) -> None:
    row = line.submit(1)
    with pytest.raises(StepUpRequired):
        promotions.approve(actor=world.actor(line.marta), number=row.pk, seen=row.evidence_digest)


@pytest.mark.parametrize("spoil", ["other request", "other session", "old", "used"])
def test_a_second_look_counts_for_one_decision_only(line: Line, spoil: str) -> None:
    row, actor = line.submit(1), world.actor(line.marta)
    binding = promotions.binding(row.pk, row.evidence_digest, "approve")
    look = world.step_up(actor, binding if spoil != "other request" else promotions.binding(99, "x", "approve"))
    if spoil == "old":
        type(look).objects.filter(pk=look.pk).update(at=clock.now() - timedelta(minutes=5, seconds=1))
    if spoil == "used":
        type(look).objects.filter(pk=look.pk).update(used_at=clock.now())
    if spoil == "other session":
        actor = world.actor(line.marta, session="session-2")
    with pytest.raises(StepUpRequired):
        promotions.approve(actor=actor, number=row.pk, seen=row.evidence_digest)


def test_a_decision_on_other_evidence_is_stale(line: Line) -> None:
    row = line.submit(1)
    with pytest.raises(Stale) as refusal:
        promotions.reject(actor=world.actor(line.marta), number=row.pk, seen="sha256:other", comment="No good")
    assert refusal.value.code == "evidence_changed"


def test_a_champion_that_changed_voids_the_approvals(line: Line) -> None:
    line.promote(1)
    row = line.approve(line.submit(2), line.marta)
    endpoint = Endpoint.objects.get()
    version = ModelVersion.objects.get(number=3)
    assert endpoint.stable is not None
    with transaction.atomic():
        type(endpoint.stable).objects.filter(pk=endpoint.stable.pk).update(version=version)
        recorder.record(
            "revision.retired", actor=world.SYSTEM, subject=Subject.of("revision", endpoint.stable_id, "spoiled")
        )
    with pytest.raises(Stale) as refusal:
        line.approve(row, line.daniel)
    assert refusal.value.code == "evidence_outdated"
    was = row.evidence_digest
    promotions.settle(row.pk)
    row.refresh_from_db()
    assert (row.revision, row.status) == (2, "pending_review")
    assert row.evidence_digest != was
    assert promotions.verdict(row).have == 0
    assert promotions.verdict(row).lapsed == ((line.marta.name, "the evidence changed"),)
    assert events(row)[-1] == "promotion.voided"
    assert Notice.objects.filter(kind="promotion.voided", person=line.marta).exists()


def test_rules_that_change_meanwhile_hold_for_the_next_request_only(line: Line) -> None:
    row = line.submit(1)
    world.production(approvals=[])
    line.approve(row, line.marta)
    row.refresh_from_db()
    assert row.status == "pending_review"


def test_without_approval_rules_a_request_rolls_out_at_once(line: Line) -> None:
    world.production(approvals=[])
    row = line.submit(1)
    assert row.status == "rolling_out"
    work.drain()
    row.refresh_from_db()
    assert row.status == "promoted"


def test_one_open_request_per_endpoint(line: Line) -> None:
    first = line.submit(1)
    with pytest.raises(Refused) as refusal:
        line.submit(2)
    assert (refusal.value.code, refusal.value.extra["open_request"]) == ("open_request", first.pk)


def test_approving_twice_is_refused(line: Line) -> None:
    row = line.approve(line.submit(1), line.marta)
    with pytest.raises(Refused) as refusal:
        line.approve(row, line.marta)
    assert refusal.value.code == "approved_already"


def test_changes_requested_and_sent_again(line: Line) -> None:
    row = line.approve(line.submit(1), line.marta)
    promotions.request_changes(
        actor=world.actor(line.daniel),
        number=row.pk,
        seen=row.evidence_digest,
        comment="Say what data",
    )
    row.refresh_from_db()
    assert row.status == "changes_requested"
    promotions.resubmit(actor=world.actor(line.priya), number=row.pk, why="Trained on January and February.")
    row.refresh_from_db()
    assert (row.status, row.revision) == ("pending_review", 2)
    assert promotions.verdict(row).have == 0


def test_withdrawn_lifts_the_hold(line: Line) -> None:
    row = line.submit(1)
    assert row.version.holds.count() == 1
    promotions.withdraw(actor=world.actor(line.priya), number=row.pk)
    assert row.version.holds.count() == 0


def test_a_request_expires_by_the_databases_clock(line: Line) -> None:
    row = line.submit(1)
    with transaction.atomic():
        PromotionRequest.objects.filter(pk=row.pk).update(expires_at=clock.now() - timedelta(seconds=1))
        recorder.record("promotion.commented", actor=world.SYSTEM, subject=promotions.subject(row))
    promotions.settle(row.pk)
    row.refresh_from_db()
    assert row.status == "expired"


def test_a_version_that_is_not_ready_cannot_be_asked_for(line: Line) -> None:
    world.version(line.model, status="validating", digest="")
    with pytest.raises(Refused) as refusal:
        line.submit(4)
    assert refusal.value.code == "not_validated"


@pytest.mark.parametrize("why", ["", "  ", "x", "y" * 4001])
def test_why_is_required_and_bounded(line: Line, why: str) -> None:
    with pytest.raises(BadInput):
        line.submit(1, why=why)


@pytest.mark.parametrize("column", ["requester", "uploader"])
def test_the_database_itself_refuses_the_requester_and_the_uploader(line: Line, column: str) -> None:
    row = line.submit(1)
    somebody: Person = getattr(row, column)
    with pytest.raises(IntegrityError, match=f"approval_not_by_{column}"), transaction.atomic():
        Approval.objects.create(
            request=row,
            request_revision=1,
            reviewer=somebody,
            rule="ML lead",
            evidence_digest=row.evidence_digest,
            rules_version=1,
            step_up_at=clock.now(),
            step_up_method="password",
            requester=line.marta,
            uploader=line.marta,
        )


def test_an_approval_cannot_be_changed_or_removed(line: Line) -> None:
    line.approve(line.submit(1), line.marta)
    for statement in ("UPDATE deployments_approval SET rule = 'x'", "DELETE FROM deployments_approval"):
        with (
            pytest.raises(Exception, match="never changed or removed"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_dry_run_lists_what_is_missing(line: Line) -> None:
    row = line.submit(1)
    missing = promotions.missing_for_approval(actor=world.actor(line.marta), number=row.pk, seen=row.evidence_digest)
    assert missing[0].startswith("A fresh second look at you by password")
    assert missing[1] == "After yours: 1 more approval as ML lead: Daniel Osei"
