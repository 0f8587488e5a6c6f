"""Ways round a policy while a request is open; `safety.md` calls them policy weakened, renamed and orphaned."""

import pytest
from django.db import transaction
from django.db.utils import ProgrammingError

from deployments.models import Environment, Policy, PromotionRequest
from deployments.selectors import facts as read
from deployments.services import promotions
from portal.accounts.models import Team
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core.errors import PortalError, Refused
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.policies.conftest import Office

ONE = [{"name": "ML lead", "role": "ml_lead", "team": None, "count": 1}]
RISK = [{"name": "Model risk", "role": "ml_lead", "team": "model-risk", "count": 1}]


def test_a_policy_weakened_meanwhile_does_not_reach_open_requests(office: Office, line: Line) -> None:
    row = line.submit(1)
    assert row.evidence["policy"]["name"] == "production@1"
    office.put_in_force(approvals=ONE)
    row = line.approve(row, line.marta)
    assert row.status == "pending_review"
    assert promotions.settle(row.pk).status == "pending_review"
    assert line.approve(row, line.daniel).status in ("approved", "rolling_out")
    assert row.evidence["policy"]["rules_version"] == 1


def test_sending_again_keeps_the_policy_it_started_with(office: Office, line: Line) -> None:
    row = line.submit(1)
    marta = world.actor(line.marta)
    promotions.request_changes(actor=marta, number=row.pk, seen=row.evidence_digest, comment="More.")
    office.put_in_force(approvals=ONE)
    row = promotions.resubmit(actor=world.actor(line.priya), number=row.pk, why="Now better.")
    assert row.evidence["policy"]["name"] == "production@1"


def test_the_evidence_pins_id_version_digest_and_content(office: Office, line: Line) -> None:
    held, pin = office.held, line.submit(1).evidence["policy"]
    assert pin == {
        "environment": "production", "id": held.policy_id, "name": "production@1", "rules": held.content,
        "rules_version": 1, "digest": held.digest, "teams": {},
    }  # fmt: skip


def test_the_teams_that_may_bypass_are_pinned_too(office: Office, line: Line) -> None:
    by = [{"name": "Head of risk", "role": "ml_lead", "team": "model-risk", "count": 1}]
    team = world.team("model-risk")
    office.put_in_force(bypass={"by": by, "hours": 4})
    row = line.submit(1)
    assert row.evidence["policy"]["teams"] == {"model-risk": team.pk}
    assert read.request(row).teams == {"model-risk": team.pk}


def test_a_renamed_environment_changes_no_rule(office: Office, line: Line) -> None:
    row = line.submit(1)
    with transaction.atomic():
        where = Environment.objects.get(name="production")
        Environment.objects.filter(pk=where.pk).update(name="sandbox")
        recorder.record("environment.created", actor=world.SYSTEM, subject=Subject.of("environment", where.pk, "x"))
    row = promotions.settle(row.pk)
    assert row.evidence["policy"]["id"] == Policy.objects.get(environment=where).pk
    assert read.request(row).rules.needed == 2


def _with_risk(office: Office, line: Line) -> tuple[PromotionRequest, Team]:
    team = world.team("model-risk")
    office.put_in_force(approvals=RISK)
    return line.submit(1), team


@transaction.atomic
def _rename(team: Team, slug: str) -> None:
    Team.objects.filter(pk=team.pk).update(slug=slug, name=slug)
    recorder.record("team.created", actor=world.SYSTEM, subject=Subject.of("team", team.pk, slug))


def test_a_renamed_team_still_decides_and_its_namesake_does_not(office: Office, line: Line) -> None:
    row, team = _with_risk(office, line)
    rita = world.person("Rita Risk", ("ml_lead", team))
    _rename(team, "risk-office")
    namesake = world.person("Ned Namesake", ("ml_lead", world.team("model-risk")))
    with pytest.raises(PortalError) as refusal:
        line.approve(row, namesake)
    assert refusal.value.code in ("no_rule_for_you", "not_found")
    assert line.approve(row, rita).status == "rolling_out"


def test_a_deleted_team_lets_nobody_in(office: Office, line: Line) -> None:
    row, team = _with_risk(office, line)
    everywhere = world.person("Lea Lead", ("ml_lead", None))
    with transaction.atomic():
        recorder.record("team.created", actor=world.SYSTEM, subject=Subject.of("team", team.pk, "x"))
        team.delete()
    assert "asks team model-risk, which does not exist any more" in read.request(row).blocked
    with pytest.raises(Refused) as refusal:
        line.approve(row, everywhere)
    assert refusal.value.code == "gate_blocks"
    assert promotions.settle(row.pk).status == "pending_review"


def test_a_policy_cannot_vanish_under_a_request(office: Office, line: Line) -> None:
    row = line.submit(1)
    with pytest.raises(ProgrammingError, match="never removed"), transaction.atomic():
        Policy.objects.filter(pk=row.evidence["policy"]["id"])._raw_delete("default")
    row.evidence["policy"]["id"] = 999_999
    assert "policy this request started with does not exist" in read.request(row).blocked


def test_without_a_policy_nothing_gets_in(line: Line) -> None:
    """An environment made by other hands than the verb's."""
    with transaction.atomic():
        row = Environment.objects.create(name="side-door")
        recorder.record("environment.created", actor=world.SYSTEM, subject=Subject.of("environment", row.pk, row.name))
    with pytest.raises(Refused, match="No policy is in force"):
        promotions.preview(actor=world.actor(line.priya), model=line.model.name, version=1, environment="side-door")
