"""A bypass from asking to review: what it leads past and what never, who can, how it ends, who hears of it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from deployments.gates import catalogue
from deployments.models import Bypass, BypassGrant, Rollout
from deployments.policies import bypass as policy
from deployments.policies.rules import parse
from deployments.policies.timing import FREE
from deployments.services import bypasses, promotions
from portal.accounts.models import Person
from portal.audit import recorder
from portal.audit.models import AuditEvent
from portal.audit.recorder import Subject
from portal.core import clock, work
from portal.core.errors import BadInput, Conflict, NotAllowed, NotFound, Refused, Stale, StepUpRequired
from portal.notices.models import Notice
from tests import world
from tests.deployments.bypassing import QUALITY, RULE, ask, blocked, grant, later, used
from tests.deployments.conftest import Line
from tests.deployments.test_waiting import freeze

pytestmark = pytest.mark.django_db


def verbs(row: Bypass) -> list[str]:
    found = AuditEvent.objects.filter(subject_type="bypass", subject_id=str(row.pk)).order_by("id")
    return list(found.values_list("type", flat=True))


def test_past_a_gate_with_a_mark_that_stays_and_a_review(line: Line) -> None:
    row = blocked(line)
    with pytest.raises(Refused) as refusal:
        line.approve(row, line.marta)
    assert refusal.value.code == "gate_blocks"
    bypass = grant(ask(line, row), line.olga)
    assert bypass.status == "granted"
    line.approve(row, line.marta)
    assert not Rollout.objects.exists()
    line.approve(row, line.daniel)
    bypass.refresh_from_db()
    assert (bypass.status, bypass.rollout) == ("used", Rollout.objects.get())
    assert [gate["code"] for gate in bypass.passed] == ["quality"]
    assert bypass.passed[0]["verdict"] == "unknown"
    assert bypass.used_at is not None
    assert bypass.review_due_at == bypass.used_at + timedelta(hours=24)
    work.drain()
    row.refresh_from_db()
    assert (row.status, row.bypassed) == ("promoted", ["Quality against the champion"])
    done = bypasses.review(actor=world.actor(line.marta), number=bypass.pk, upheld=False, comment="It was not urgent.")
    assert (done.status, done.reviewer) == ("not_upheld", line.marta)
    assert row.bypassed == ["Quality against the champion"]
    assert verbs(bypass) == [
        "bypass.asked",
        "bypass.granted",
        "bypass.granted_in_full",
        "bypass.used",
        "bypass.not_upheld",
    ]
    approved = AuditEvent.objects.filter(type="promotion.approved").first()
    assert approved is not None
    assert json.loads(bytes(approved.canon))["data"]["past"] == ["quality"]


def test_approvals_are_never_bypassed(line: Line) -> None:
    row = blocked(line)
    grant(ask(line, row), line.olga)
    promotions.settle(row.pk)
    row.refresh_from_db()
    assert row.status == "pending_review"
    assert promotions.verdict(row).have == 0


def test_only_the_gates_that_were_named(line: Line) -> None:
    row = blocked(line, gates=QUALITY | {"calibration": {"most": 0.05}})
    grant(ask(line, row, "quality"), line.olga)
    with pytest.raises(Refused, match="Calibration"):
        line.approve(row, line.marta)


@pytest.mark.parametrize("gates", [["calibration"], ["validated"], ["freeze"], ["nothing"], []])
def test_only_what_is_in_the_way_can_be_named(line: Line, gates: list[str]) -> None:
    row = blocked(line)
    with pytest.raises(BadInput) as refusal:
        bypasses.ask(
            actor=world.actor(line.priya), number=row.pk, seen=row.evidence_digest, gates=gates, reason="Because."
        )
    assert refusal.value.fields == {"gates": "quality"}


def test_a_check_of_the_artifact_is_never_bypassed(line: Line) -> None:
    """Every rule speaks of gates; the digest is none, whatever the rules say."""
    with pytest.raises(BadInput):
        world.production(bypass=RULE | {"gates": ["validated"]})
    row = blocked(line)
    checks = [check | {"verdict": "fail"} for check in row.evidence["checks"]]
    rule = parse(row.evidence["policy"]["rules"]).bypass
    named = policy.can_be_named(rule, policy.in_the_way({"checks": checks}, FREE))
    codes = {gate["code"] for gate in named}
    assert "quality" in codes
    assert "artifact" not in (rule.gates if rule else ())
    with pytest.raises(BadInput):
        world.production(bypass=RULE | {"gates": ["artifact"]})
    assert codes <= set(catalogue.GATES)
    assert not {"validated", "format"} & {*codes, *catalogue.GATES}


def test_without_the_member_nobody_can_not_even_an_administrator(line: Line) -> None:
    row = blocked(line)
    admin = world.person("Alex Admin", ("administrator", None))
    with pytest.raises(NotAllowed):
        ask(line, row, who=admin)
    promotions.withdraw(actor=world.actor(line.priya), number=row.pk)
    world.production(bypass=None)
    row = line.submit(1)
    with pytest.raises(NotAllowed) as refusal:
        ask(line, row)
    assert refusal.value.code == "no_bypass"
    assert refusal.value.refused_act.verb == "bypass.asked"


@pytest.mark.parametrize("who", ["requester", "uploader", "asker", "administrator", "wrong team"])
def test_who_cannot_grant(line: Line, who: str) -> None:
    row = blocked(line)
    other = line.olga.role_grants.get().team
    people: dict[str, Person] = {
        "requester": line.priya,
        "uploader": row.uploader or line.priya,
        "asker": line.marta,
        "administrator": world.person("Alex Admin", ("administrator", None)),
        "wrong team": line.daniel,
    }
    chosen = people[who]
    bypass = ask(line, row, who=line.marta)
    if who in ("requester", "uploader", "asker"):
        world.grant(chosen, "ml_lead", other)
    with pytest.raises(NotAllowed) as refusal:
        grant(bypass, chosen)
    assert refusal.value.refused_act.verb == "bypass.granted"
    assert not BypassGrant.objects.exists()


@pytest.mark.parametrize("column", ["requester", "uploader", "asker"])
def test_the_database_itself_refuses_them(line: Line, column: str) -> None:
    bypass = ask(line, blocked(line), who=line.marta)
    with pytest.raises(IntegrityError, match=f"bypass_not_granted_by_{column}"), transaction.atomic():
        BypassGrant.objects.create(
            bypass=bypass,
            granter=getattr(bypass, column),
            rule="Head of risk",
            evidence_digest=bypass.evidence_digest,
            gates=bypass.gates,
            step_up_at=clock.now(),
            step_up_method="password",
            asker=line.olga,
            requester=line.olga,
            uploader=line.olga,
        )


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE deployments_bypass SET gates = '[]'", "never changes"),
        ("UPDATE deployments_bypass SET expires_at = now()", "never changes"),
        ("UPDATE deployments_bypass SET passed = '[]'", "stays"),
        ("UPDATE deployments_bypass SET reviewer_id = (SELECT granter_id FROM deployments_bypassgrant)", "review it"),
        ("UPDATE deployments_bypass SET reviewer_id = asker_id", "bypass_reviewed_by_another"),
        ("DELETE FROM deployments_bypass", "never removed"),
        ("UPDATE deployments_bypassgrant SET rule = 'x'", "never changed or removed"),
        ("DELETE FROM deployments_bypassgrant", "never changed or removed"),
    ],
)
def test_the_database_keeps_what_was_asked_granted_and_marked(line: Line, statement: str, message: str) -> None:
    used(line)
    with pytest.raises(Exception, match=message), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_granting_takes_a_second_look_at_this_bypass(line: Line) -> None:
    bypass = ask(line, blocked(line))
    actor = world.actor(line.olga)
    world.step_up(actor, promotions.binding(bypass.request_id, bypass.evidence_digest, "approve"))
    with pytest.raises(StepUpRequired):
        bypasses.grant(actor=actor, number=bypass.pk, seen=bypass.evidence_digest)


def test_two_rules_take_two_people(line: Line) -> None:
    by = [*RULE["by"], {"name": "ML lead", "role": "ml_lead", "team": None, "count": 1}]  # type: ignore[misc]
    bypass = ask(line, blocked(line, rule=RULE | {"by": by}))
    assert grant(bypass, line.olga).status == "asked"
    with pytest.raises(Refused) as refusal:
        grant(bypass, line.olga)
    assert refusal.value.code == "granted_already"
    assert grant(bypass, line.marta).status == "granted"


def test_another_teams_leads_do_not_see_it_unless_the_rules_name_them(line: Line) -> None:
    bypass = ask(line, blocked(line))
    assert bypasses.find(actor=world.actor(line.olga), number=bypass.pk) == bypass
    stranger = world.person("Sven Stranger", ("ml_lead", world.team("third")))
    with pytest.raises(NotFound):
        bypasses.find(actor=world.actor(stranger), number=bypass.pk)


def test_evidence_that_changes_voids_it(line: Line) -> None:
    row = blocked(line)
    bypass = grant(ask(line, row), line.olga)
    row.version.metrics = {"roc_auc": 0.1}
    with transaction.atomic():
        row.version.save()
        recorder.record(
            "model_version.registered", actor=world.SYSTEM, subject=Subject.of("model_version", row.version_id, "")
        )
    with pytest.raises(Stale):
        line.approve(row, line.marta)
    promotions.settle(row.pk)
    bypass.refresh_from_db()
    assert bypass.status == "voided"
    assert Notice.objects.filter(kind="bypass", dedup=f"{bypass.pk}.voided", person=line.priya).exists()
    with pytest.raises(Refused):
        line.approve(row, line.marta)


def test_a_grant_on_other_evidence_is_stale(line: Line) -> None:
    bypass, actor = ask(line, blocked(line)), world.actor(line.olga)
    with pytest.raises(Stale):
        bypasses.grant(actor=actor, number=bypass.pk, seen="sha256:other")


def test_it_runs_out_by_the_databases_clock(line: Line) -> None:
    row = blocked(line)
    bypass = grant(ask(line, row, hours=1), line.olga)
    line.approve(row, line.marta)
    with later(1), pytest.raises(Refused) as refusal:
        line.approve(row, line.daniel)
    assert refusal.value.code == "gate_blocks"
    with later(1):
        assert bypasses.settle(bypass.pk).status == "expired"
    assert Notice.objects.filter(dedup=f"{bypass.pk}.expired", person=line.priya).exists()


@pytest.mark.parametrize("hours", [0, 5, -1])
def test_it_lives_no_longer_than_the_rules_say(line: Line, hours: int) -> None:
    with pytest.raises(BadInput) as refusal:
        ask(line, blocked(line), hours=hours)
    assert refusal.value.fields == {"hours": "1 to 4"}


def test_approvals_that_rested_on_it_lapse_with_it(line: Line) -> None:
    """Approved past the gate while a freeze held the start back; when the bypass is gone the gate blocks again."""
    row = blocked(line, freezes=[freeze(2)])
    bypass = grant(ask(line, row), line.olga)
    for person in (line.marta, line.daniel):
        line.approve(row, person)
    row.refresh_from_db()
    assert row.status == "approved"
    bypasses.withdraw(actor=world.actor(line.priya), number=bypass.pk)
    row = promotions.settle(row.pk)
    assert (row.status, row.revision) == ("pending_review", 2)
    assert Notice.objects.filter(kind="promotion.voided", text__contains="no longer in force").count() == 3


@pytest.mark.parametrize("rules", [{"freezes": [1]}, {"wait_minutes": 60}, {"freezes": [3], "wait_minutes": 60}])
def test_past_the_clock_where_it_is_named(line: Line, rules: dict[str, Any]) -> None:
    codes = [code for member, code in (("wait_minutes", "wait"), ("freezes", "freeze")) if member in rules]
    rules = rules | {"freezes": [freeze(hours) for hours in rules.get("freezes", [])]}
    row = blocked(line, gates={}, **rules)
    for person in (line.marta, line.daniel):
        line.approve(row, person)
    bypass = grant(ask(line, row, *codes), line.olga)
    assert bypass.status == "used"
    assert [gate["code"] for gate in bypass.passed] == codes
    row.refresh_from_db()
    assert row.status == "rolling_out"


def test_a_bypass_nothing_needed_leaves_no_mark(line: Line) -> None:
    row = blocked(line, gates={}, freezes=[freeze(1)])
    for person in (line.marta, line.daniel):
        line.approve(row, person)
    bypass = ask(line, row, "freeze")
    with later(1.1):
        assert promotions.settle(row.pk).status == "rolling_out"
    bypass.refresh_from_db()
    assert (bypass.status, bypass.passed) == ("asked", [])


@pytest.mark.parametrize("who", ["requester", "granter", "stranger", "auditor"])
def test_who_cannot_review(line: Line, who: str) -> None:
    bypass = used(line)
    world.grant(line.priya, "ml_lead", line.team)
    people = {
        "requester": line.priya,
        "granter": line.olga,
        "stranger": world.person("Vera Lind", ("viewer", line.team)),
        "auditor": world.person("Ana Auditor", ("auditor", None)),
    }
    with pytest.raises(NotAllowed) as refusal:
        bypasses.review(actor=world.actor(people[who]), number=bypass.pk, upheld=True, comment="Fine.")
    assert refusal.value.refused_act.verb == "bypass.upheld"


def test_the_review_is_chased_and_overdue_ones_block_the_next_bypass(line: Line) -> None:
    bypass = used(line)
    work.drain()
    first = set(Notice.objects.filter(dedup=f"{bypass.pk}.owed.0").values_list("person_id", flat=True))
    assert first == {line.marta.pk, line.daniel.pk}
    with later(7):
        bypasses.settle(bypass.pk)
    assert Notice.objects.filter(dedup=f"{bypass.pk}.owed.1", person=line.marta).exists()
    row = line.submit(2)
    with later(24.1):
        bypasses.settle(bypass.pk)
        late = Notice.objects.filter(dedup=f"{bypass.pk}.owed.4")
        assert {line.priya.pk, line.marta.pk} <= set(late.values_list("person_id", flat=True))
        with pytest.raises(Refused) as refusal:
            ask(line, row)
        assert (refusal.value.code, refusal.value.extra["bypass"]) == ("review_overdue", bypass.pk)
        bypasses.review(actor=world.actor(line.daniel), number=bypass.pk, upheld=True, comment="It was right.")
        assert ask(line, row).status == "asked"


def test_everybody_hears_of_every_step(line: Line) -> None:
    admin = world.person("Alex Admin", ("administrator", None))
    bypass = used(line)
    for step in ("asked", "granted", "used"):
        told = set(Notice.objects.filter(dedup=f"{bypass.pk}.{step}").values_list("person_id", flat=True))
        assert {line.marta.pk, line.daniel.pk, admin.pk, line.priya.pk} <= told, step
    mine = Notice.objects.get(dedup=f"{bypass.pk}.asked", person=line.olga)
    assert mine.subject.startswith("Your decision is needed")


def test_one_open_bypass_and_each_way_to_end_it(line: Line) -> None:
    row = blocked(line)
    first = ask(line, row)
    with pytest.raises(Conflict):
        ask(line, row)
    bypasses.refuse(actor=world.actor(line.olga), number=first.pk, comment="Mend it instead.")
    second = ask(line, row)
    with pytest.raises(NotAllowed):
        bypasses.withdraw(actor=world.actor(line.olga), number=second.pk)
    bypasses.withdraw(actor=world.actor(line.marta), number=second.pk)
    third = ask(line, row)
    promotions.reject(actor=world.actor(line.marta), number=row.pk, seen=row.evidence_digest, comment="No.")
    for bypass, status in ((first, "refused"), (second, "withdrawn"), (third, "voided")):
        bypass.refresh_from_db()
        assert bypass.status == status
    with pytest.raises(Refused):
        bypasses.refuse(actor=world.actor(line.olga), number=first.pk, comment="Again.")


@pytest.mark.parametrize("reason", ["", "  ", "x", "y" * 4001])
def test_a_reason_is_needed(line: Line, reason: str) -> None:
    row = blocked(line)
    with pytest.raises(BadInput) as refusal:
        bypasses.ask(
            actor=world.actor(line.priya), number=row.pk, seen=row.evidence_digest, gates=["quality"], reason=reason
        )
    assert list(refusal.value.fields) == ["reason"]
