"""A tier's own policy is taken away again: by two hands, under that very policy, by the page, the API and a file."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import ProgrammingError

from deployments.models import PolicyVersion
from deployments.policies import documents
from deployments.selectors import policies as select
from deployments.selectors import policy_pages, replays
from deployments.services import policies
from portal.accounts.models import Person
from portal.audit import recorder
from portal.audit.models import AuditEvent
from portal.audit.recorder import Subject
from portal.core.errors import BadInput, Conflict, NotFound, PortalError, Refused, Stale
from tests import world
from tests.callers import Caller
from tests.deployments.api.conftest import session as session
from tests.deployments.conftest import Line
from tests.deployments.policies.conftest import Office

TOTP = {"step_up": ["totp"]}


def held_for(tier: str) -> str:
    return str(select.in_force(world.production().pk, tier))


def signed(office: Office, row: PolicyVersion, method: str = "totp") -> PolicyVersion:
    rosa = world.actor(office.rosa)
    world.step_up(rosa, policies.binding(row.pk, row.digest), method=method)
    return policies.approve(actor=rosa, change_id=row.pk, seen=row.digest)


def test_the_general_policy_holds_again_after_two_hands(office: Office) -> None:
    own = office.put_in_force(tier="high", request_days=2, **TOTP)
    row = office.propose(office.retire())
    assert (held_for("high"), row.content, str(row.falls_to)) == (
        "production-high@1",
        office.held.content,
        "production@1",
    )
    with pytest.raises(PortalError) as refusal:
        office.approve(row)
    assert refusal.value.code == "step_up_required", "the policy that is retired says what counts as a look"
    with pytest.raises(PortalError) as refusal:
        office.approve(row, office.alex)
    assert refusal.value.code == "four_eyes"
    row = signed(office, row)
    own.refresh_from_db()
    assert (row.status, str(row), row.approved_by, own.status) == (
        "retired",
        "production-high@2",
        office.rosa,
        "superseded",
    )
    assert held_for("high") == "production@1"
    event = AuditEvent.objects.get(type="policy.retired")
    assert (event.subject_type, event.subject_id) == ("policy_version", str(row.pk))
    page = policy_pages.page(select.one(row.policy_id))
    assert (page.now, page.retired, page.endpoints) == (None, row, 0)


def test_a_tier_gets_a_policy_again_under_the_next_number(office: Office) -> None:
    office.put_in_force(tier="high", request_days=2)
    office.approve(office.propose(office.retire()))
    row = office.put_in_force(tier="high", request_days=1)
    assert (str(row), str(row.base), held_for("high")) == ("production-high@3", "production@1", "production-high@3")
    assert policy_pages.page(select.one(row.policy_id)).retired is None


def test_an_open_request_keeps_the_policy_it_started_with(office: Office, line: Line) -> None:
    line.model.tier = "high"
    with transaction.atomic():
        line.model.save(update_fields=["tier"])
        what = Subject.of("registered_model", line.model.pk, line.model.name)
        recorder.record("registered_model.changed", actor=world.SYSTEM, subject=what)
    office.put_in_force(tier="high", request_days=2)
    row = line.submit(1)
    office.approve(office.propose(office.retire()))
    row.refresh_from_db()
    assert row.evidence["policy"]["name"] == "production-high@1"
    line.approve(row, line.marta)
    line.approve(row, line.daniel)
    row.refresh_from_db()
    assert row.status in ("approved", "rolling_out", "promoted")


def test_the_replay_judges_by_what_holds_instead(office: Office, line: Line) -> None:
    office.put_in_force(tier="medium", request_days=2, approvals=[])
    line.submit(1)
    row = office.retire("medium")
    found = replays.of(row)
    assert [one.effect for one in found.outcomes] == ["more"], found
    assert found.outcomes[0].reasons == ("2 more approval as ML lead",)


def test_what_cannot_be_retired_is_said(office: Office) -> None:
    with pytest.raises(Refused, match="holds for all models without one") as refusal:
        office.retire("")
    assert refusal.value.code == "general_policy"
    with pytest.raises(Refused, match="Models of high risk have no policy of their own in force in production"):
        office.retire()
    with pytest.raises(BadInput, match="tier"):
        office.retire("grave")
    with pytest.raises(NotFound, match="no environment nowhere"):
        policies.retire(actor=world.actor(office.alex), environment="nowhere", tier="high")
    office.put_in_force(tier="high", request_days=2)
    row = office.retire()
    with pytest.raises(Conflict, match=f"number {row.pk}"):
        office.retire()
    with pytest.raises(Refused, match="no rules to edit"):
        policies.edit(actor=world.actor(office.alex), change_id=row.pk, seen=row.digest, rules=office.held.content)


def test_only_administrators_begin_it(office: Office, line: Line) -> None:
    office.put_in_force(tier="high", request_days=2)
    with pytest.raises(PortalError) as refusal:
        office.retire(by=line.marta)
    assert refusal.value.code == "permission_missing"


@pytest.mark.parametrize("tier", ["", "high"])
def test_it_is_stale_when_either_policy_moved_on(office: Office, tier: str) -> None:
    office.put_in_force(tier="high", request_days=2)
    row = office.propose(office.retire())
    if tier:
        policies.withdraw(actor=world.actor(office.alex), change_id=row.pk)
        office.put_in_force(tier="high", request_days=3)
        with pytest.raises(Refused):
            office.approve(row)
        return
    office.put_in_force(request_days=5)
    with pytest.raises(Stale, match="production@2 came into force after") as refusal:
        office.approve(row)
    assert refusal.value.code == "policy_moved_on"
    assert held_for("high") == "production-high@1"


@pytest.mark.parametrize(
    ("columns", "error"),
    [
        ({"status": "retired", "number": 2}, "policy_change_is_approved"),
        ({"status": "retired", "approved_by": "rosa"}, "policy_used_is_numbered"),
        ({"status": "retired", "number": 2, "approved_by": "alex"}, "policy_not_by"),
        ({"status": "in_force", "number": 2, "approved_by": "rosa"}, "policy_retired_falls_back"),
        ({"falls_to": None}, "never change"),
    ],
)
def test_the_database_holds_it_too(office: Office, columns: dict[str, Any], error: str) -> None:
    own = office.put_in_force(tier="high", request_days=2)
    row = office.propose(office.retire())
    people = {"approved_by": getattr(office, columns["approved_by"])} if "approved_by" in columns else {}
    PolicyVersion.objects.filter(pk=own.pk).update(status="superseded")
    with pytest.raises((IntegrityError, ProgrammingError), match=error), transaction.atomic():
        PolicyVersion.objects.filter(pk=row.pk).update(**columns | people)


def test_the_database_retires_no_policy_that_is_in_force(office: Office) -> None:
    office.put_in_force(tier="high", request_days=2)
    row = office.propose(office.retire())
    with pytest.raises(ProgrammingError, match="has no version in force"), transaction.atomic():
        PolicyVersion.objects.filter(pk=row.pk).update(status="retired", number=2, approved_by=office.rosa)


def test_a_draft_keeps_the_rules_it_falls_to_and_never_comes_back(office: Office) -> None:
    office.put_in_force(tier="high", request_days=2)
    row = office.retire()
    with pytest.raises(ProgrammingError, match="no rules of its own"), transaction.atomic():
        PolicyVersion.objects.filter(pk=row.pk).update(content={})
    row = office.approve(office.propose(row))
    with pytest.raises(ProgrammingError, match="never comes back"), transaction.atomic():
        PolicyVersion.objects.filter(pk=row.pk).update(status="in_force")


def test_it_falls_to_the_general_policy_of_its_environment_only(office: Office) -> None:
    own = office.put_in_force(tier="high", request_days=2)
    staging = PolicyVersion.objects.get(policy__environment__name="staging", policy__tier="")
    for other in (own, staging):
        with (
            pytest.raises(ProgrammingError, match="the general policy of its environment"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(
                "INSERT INTO deployments_policyversion (policy_id, base_id, falls_to_id, status, content, digest, why,"
                " editors, created_through, step_up_method, decision_note, created_at)"
                " VALUES (%s, %s, %s, 'draft', '{}', 'd', '', '{}', '', '', '', now())",
                [own.policy_id, own.pk, other.pk],
            )


FILE = "policies: [{environment: production, tier: high, retired: true}]"


def test_a_file_retires_it_once(office: Office) -> None:
    actor = world.actor(office.alex)

    def applied() -> list[str]:
        return [one.outcome for one in policies.apply(actor=actor, text=FILE)]

    assert applied() == ["equal"]
    office.put_in_force(tier="high", request_days=2)
    assert "production-high@1" in policies.export()
    assert [one.change for one in policies.apply(actor=actor, text=FILE, dry_run=True)] == [None]
    assert applied() == ["proposed"]
    assert applied() == ["proposed_already"]
    office.approve(PolicyVersion.objects.get(status="proposed"))
    assert applied() == ["equal"]
    assert "tier: high" not in policies.export()
    assert PolicyVersion.objects.filter(falls_to__isnull=False).count() == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("policies: [{environment: production, retired: true}]", "only the policy of a tier"),
        ("policies: [{environment: production, tier: high, retired: false}]", "only the policy of a tier"),
        ("policies: [{environment: production, tier: high, retired: true, rules: {}}]", "either rules or retired"),
        ("policies: [{environment: production, tier: high}]", "either rules or retired"),
        ("policies: [{environment: production, tier: high, rules: null}]", "rules an object"),
    ],
)
def test_a_file_says_exactly_one_thing(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        documents.read(text)


def test_a_file_with_a_tier_there_is_none_of_is_refused(office: Office) -> None:
    with pytest.raises(BadInput, match="tier"):
        policies.apply(actor=world.actor(office.alex), text=FILE.replace("high", "grave"))


def test_over_the_api(office: Office, session: Callable[[Person], Caller]) -> None:
    office.put_in_force(tier="high", request_days=2)
    admin = session(office.alex)
    body = {"environment": "production", "tier": "high", "retires": True, "why": "Too strict."}
    wrong = admin.post("policies/changes/", body | {"rules": {}})
    assert (wrong.status_code, list(wrong.json()["fields"])) == (422, ["rules"])
    row = admin.post("policies/changes/", body).json()
    assert (row["status"], row["falls_to"], row["base"]) == ("draft", "production@1", "production-high@1")
    path, seen = f"policies/changes/{row['id']}/", {"seen": row["digest"]}
    assert admin.post(f"{path}propose/", seen).json()["status"] == "proposed"
    other = session(office.rosa)
    other.step_up(other.post(f"{path}approve/", seen).json()["binding"])
    done = other.post(f"{path}approve/", seen).json()
    assert (done["status"], done["name"]) == ("retired", "production-high@2")
    listed = {one["name"]: one["in_force"] for one in admin.get("policies/").json()["results"]}
    assert listed["production-high"] is None
