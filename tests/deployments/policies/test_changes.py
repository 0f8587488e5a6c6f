"""Draft, propose, approve: what a change of a policy takes, and who says no."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import ProgrammingError

from deployments.models import Environment, Policy, PolicyVersion
from deployments.selectors import policies as select
from deployments.services import environments, policies
from portal.accounts.models import Person, StepUp
from portal.audit import recorder
from portal.audit.models import AuditEvent
from portal.core.errors import BadInput, Conflict, PortalError, Refused, Stale
from portal.notices.models import Notice
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.policies.conftest import Office

ONE = [{"name": "ML lead", "role": "ml_lead", "team": None, "count": 1}]


def test_a_change_comes_into_force_by_two_hands(office: Office) -> None:
    first = office.held
    row = office.draft(request_days=3)
    assert (row.status, row.number, row.base) == ("draft", None, first)
    assert select.in_force(world.production().pk).content["request_days"] == 7
    row = office.approve(office.propose(row))
    first.refresh_from_db()
    assert (row.status, row.number, str(row), first.status) == ("in_force", 2, "production@2", "superseded")
    assert (row.proposed_by, row.approved_by, row.step_up_method) == (office.alex, office.rosa, "password")
    found = AuditEvent.objects.filter(subject_type="policy_version", subject_id=str(row.pk)).order_by("id")
    assert [event.type for event in found] == ["policy.drafted", "policy.proposed", "policy.approved"]


def test_those_who_can_approve_are_told_and_the_author_hears_how_it_went(office: Office) -> None:
    row = office.propose(office.draft(request_days=3))
    told = Notice.objects.filter(kind="policy.waits").values_list("person_id", flat=True)
    assert list(told) == [office.rosa.pk]
    office.approve(row)
    assert Notice.objects.get(kind="policy.decided").person == office.alex


@pytest.mark.parametrize("who", ["alex", "editor"])
def test_who_wrote_or_proposed_it_cannot_approve_it(office: Office, who: str) -> None:
    editor = world.person("Edda Admin", ("administrator", None))
    row = office.draft(request_days=3)
    edited = row.content | {"request_days": 4}
    row = policies.edit(actor=world.actor(editor), change_id=row.pk, seen=row.digest, rules=edited)
    row = office.propose(row)
    with pytest.raises(PortalError) as refusal:
        office.approve(row, office.alex if who == "alex" else editor)
    assert refusal.value.code == "four_eyes"
    assert office.approve(row).status == "in_force"


def test_a_second_account_of_its_author_cannot_approve_it_either(office: Office) -> None:
    local, _, domain = office.alex.email.partition("@")
    office.rosa.email = f"{local.upper()}+Rosa@{domain}"
    office.rosa.save(update_fields=["email"])
    third = world.person("Third Admin", ("administrator", None))
    row = office.propose(office.draft(request_days=3))
    assert [one.label for one in select.approvers(select.facts(row))] == ["Third Admin"]
    with pytest.raises(PortalError) as refusal:
        office.approve(row)
    assert refusal.value.code == "four_eyes"
    assert refusal.value.message.startswith("You share the mailbox of Alex Admin, who wrote or proposed this change")
    assert office.approve(row, third).status == "in_force"


@pytest.mark.parametrize("column", ["proposer", "editor"])
def test_the_database_itself_refuses_its_author(office: Office, column: str) -> None:
    editor = world.person("Edda Admin", ("administrator", None))
    row = office.draft(by=editor, request_days=3)
    row = office.propose(row, by=office.alex)
    somebody = {"proposer": office.alex, "editor": editor}[column]
    with pytest.raises(IntegrityError, match=f"policy_not_by_{column}"), transaction.atomic():
        PolicyVersion.objects.filter(pk=row.pk).update(approved_by=somebody)


def test_an_author_does_not_leave_the_list_of_editors(office: Office) -> None:
    row = office.draft(request_days=3)
    with pytest.raises(ProgrammingError, match="stays its editor"), transaction.atomic():
        PolicyVersion.objects.filter(pk=row.pk).update(editors=[])


@pytest.mark.parametrize("column", [{"content": {}}, {"digest": "sha256:0"}, {"editors": [1, 2, 3]}])
def test_the_database_keeps_what_was_proposed(office: Office, column: dict[str, Any]) -> None:
    row = office.propose(office.draft(request_days=3))
    for _ in range(2):
        new = {"editors": [*row.editors, 999]} if "editors" in column else column
        with pytest.raises(ProgrammingError, match="never changed once it was proposed"), transaction.atomic():
            PolicyVersion.objects.filter(pk=row.pk).update(**new)
        row = office.approve(row) if row.status == "proposed" else row


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM deployments_policyversion",
        "DELETE FROM deployments_policy",
        "UPDATE deployments_policy SET tier = 'high'",
        "UPDATE deployments_policyversion SET number = 9",
        "UPDATE deployments_policyversion SET base_id = id",
        "INSERT INTO deployments_policyversion (policy_id, number, status, content, digest, why, editors,"
        " created_through, step_up_method, decision_note, created_at) SELECT policy_id, 1, 'in_force', '{}', 'd', '',"
        " '{}', '', '', '', now() FROM deployments_policyversion LIMIT 1",
    ],
)
def test_the_database_keeps_versions_and_their_place(office: Office, statement: str) -> None:
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_there_is_one_version_in_force(office: Office) -> None:
    row = office.propose(office.draft(request_days=3))
    with pytest.raises(IntegrityError, match="policy_one_in_force"), transaction.atomic():
        PolicyVersion.objects.filter(pk=row.pk).update(status="in_force", number=7, approved_by=office.rosa)


def test_approving_takes_a_look_bound_to_these_rules(office: Office) -> None:
    row = office.propose(office.draft(request_days=3))
    rosa = world.actor(office.rosa)
    world.step_up(rosa, policies.binding(row.pk, office.held.digest))
    with pytest.raises(PortalError) as refusal:
        policies.approve(actor=rosa, change_id=row.pk, seen=row.digest)
    assert refusal.value.code == "step_up_required"
    assert not StepUp.objects.exclude(used_at=None).exists()


def test_the_old_policy_says_what_counts_as_a_look_and_who_approves(office: Office, line: Line) -> None:
    """A change cannot give itself an approver, nor a weaker look."""
    office.put_in_force(step_up=["totp"])
    risk = world.team("model-risk")
    theirs = [{"name": "Model risk", "role": "ml_lead", "team": "model-risk", "count": 1}]
    row = office.propose(office.draft(step_up=["password"], approvals=theirs))
    newcomer = world.person("Nora New", ("ml_lead", risk))
    with pytest.raises(PortalError) as refusal:
        office.approve(row, newcomer)
    assert refusal.value.code == "not_an_approver"
    with pytest.raises(PortalError) as refusal:
        office.approve(row)
    assert refusal.value.code == "step_up_required"
    rosa = world.actor(office.rosa)
    world.step_up(rosa, policies.binding(row.pk, row.digest), method="totp")
    policies.approve(actor=rosa, change_id=row.pk, seen=row.digest)
    later = office.propose(office.draft(request_days=2))
    assert office.approve(later, newcomer).status == "in_force"


@pytest.mark.parametrize(
    ("roles", "allowed"),
    [
        ([("ml_lead", "flights")], False),
        ([("ml_lead", None)], True),
        ([("administrator", None)], True),
        ([("auditor", None), ("operator", None)], False),
    ],
)
def test_who_approves_under_a_rule_for_the_owning_team(
    office: Office, roles: list[tuple[str, str | None]], allowed: bool
) -> None:
    other = world.person("Somebody Else", *[(role, world.team(where) if where else None) for role, where in roles])
    row = office.propose(office.draft(request_days=3))
    if allowed:
        assert office.approve(row, other).status == "in_force"
    else:
        with pytest.raises(PortalError, match="This change is decided by another administrator, or an ML lead of all"):
            office.approve(row, other)


def test_a_refused_approval_is_on_record(office: Office, line: Line) -> None:
    row = office.propose(office.draft(request_days=3))
    with pytest.raises(PortalError) as refusal:
        office.approve(row, line.marta)
    recorder.record_refusal_of(refusal.value)
    assert AuditEvent.objects.filter(type="policy.approved", outcome="denied").exists()


def test_only_administrators_draft(line: Line) -> None:
    for who in (line.priya, line.marta):
        with pytest.raises(PortalError) as refusal:
            policies.draft(actor=world.actor(who), environment="production")
        assert refusal.value.code == "permission_missing"


def test_bad_rules_are_named(office: Office) -> None:
    for wrong, field in (
        ({"request_days": "3"}, "request_days"),
        ({"approvals": [ONE[0] | {"team": "nobody"}]}, "approvals"),
        ({"gates": {"quality": {}}}, "gates.quality.metric"),
        ({"mood": 1}, "mood"),
    ):
        with pytest.raises(BadInput) as refusal:
            office.draft(**wrong)
        assert list(refusal.value.fields) == [field]
    with pytest.raises(PortalError, match="no environment nowhere"):
        policies.draft(actor=world.actor(office.alex), environment="nowhere")
    with pytest.raises(BadInput, match="tier"):
        policies.draft(actor=world.actor(office.alex), environment="production", tier="grave")


def test_one_change_at_a_time_and_it_can_be_taken_back(office: Office) -> None:
    row = office.draft(request_days=3)
    with pytest.raises(Conflict, match=f"number {row.pk}"):
        office.draft(request_days=4)
    policies.withdraw(actor=world.actor(office.rosa), change_id=row.pk, reason="later")
    again = office.propose(office.draft(request_days=4))
    policies.withdraw(actor=world.actor(office.alex), change_id=again.pk)
    with pytest.raises(Refused):
        office.approve(again)


def test_a_stale_edit_and_a_change_that_changes_nothing(office: Office) -> None:
    row = office.draft()
    with pytest.raises(Refused) as refusal:
        office.propose(row)
    assert refusal.value.code == "no_change"
    edited = row.content | {"request_days": 2}
    policies.edit(actor=world.actor(office.alex), change_id=row.pk, seen=row.digest, rules=edited)
    with pytest.raises(Stale):
        policies.edit(actor=world.actor(office.alex), change_id=row.pk, seen=row.digest, rules=edited)
    with pytest.raises(Stale):
        office.propose(row)
    row.refresh_from_db()
    office.propose(row)
    with pytest.raises(Refused, match="Only a draft"):
        policies.edit(actor=world.actor(office.alex), change_id=row.pk, seen=row.digest, rules=edited)


def test_rejected_with_a_reason(office: Office) -> None:
    row = office.propose(office.draft(request_days=3))
    rosa = world.actor(office.rosa)
    with pytest.raises(BadInput):
        policies.reject(actor=rosa, change_id=row.pk, seen=row.digest, comment="")
    row = policies.reject(actor=rosa, change_id=row.pk, seen=row.digest, comment="Seven is right.")
    assert (row.status, row.decision_note, row.number) == ("rejected", "Seven is right.", None)
    assert office.held.number == 1


def test_a_tier_has_a_policy_of_its_own_once_it_is_approved(office: Office, line: Line) -> None:
    where = world.production()
    row = office.propose(office.draft(tier="high", request_days=2))
    assert select.in_force(where.pk, "high").content["request_days"] == 7
    row = office.approve(row)
    assert str(row) == "production-high@1"
    assert select.in_force(where.pk, "high") == row
    assert str(select.in_force(where.pk, "low")) == "production@1"


def test_a_change_of_a_tier_rests_on_what_holds_when_it_is_approved(office: Office) -> None:
    waiting = office.propose(office.draft(tier="high", request_days=2))
    office.put_in_force(request_days=5)
    with pytest.raises(Stale) as refusal:
        office.approve(waiting)
    assert refusal.value.code == "policy_moved_on"
    waiting.refresh_from_db()
    assert waiting.status == "proposed"


@pytest.mark.parametrize("name", ["production-high", "Production-HIGH", "a-low", "eu-west-medium", "-high"])
def test_no_environment_has_the_name_of_a_policy_of_another(office: Office, name: str) -> None:
    rules = office.held.content
    with pytest.raises(BadInput, match="cannot end in -") as refusal:
        environments.create(actor=world.actor(office.alex), name=name, position=3, alias="", rules=rules)
    assert list(refusal.value.fields) == ["name"]
    with pytest.raises(IntegrityError, match="environment_name_without_tier"), transaction.atomic():
        Environment.objects.create(name=name)


def test_names_of_all_policies_differ(office: Office) -> None:
    rules = office.held.content
    for name in ("high", "production-higher", "production_high", "high-production"):
        environments.create(actor=world.actor(office.alex), name=name, position=3, alias="", rules=rules)
    for where in ("production", "production_high", "high"):
        policies.draft(actor=world.actor(office.alex), environment=where, tier="high")
    names = [str(row).lower() for row in Policy.objects.select_related("environment")]
    assert len(names) == len(set(names)) == 9


def test_the_teams_of_a_bypass_exist_too(office: Office) -> None:
    by = [{"name": "Risk", "role": "ml_lead", "team": "nowhere", "count": 1}]
    with pytest.raises(BadInput, match="no team nowhere"):
        office.draft(bypass={"by": by, "hours": 4})


def test_one_person_alone_is_told_so(line: Line) -> None:
    alex: Person = world.person("Alex Admin", ("administrator", None))
    row = policies.draft(
        actor=world.actor(alex), environment="production", rules=Office(alex, alex).held.content | {"request_days": 2}
    )
    assert select.approvers(select.facts(row)) == []
