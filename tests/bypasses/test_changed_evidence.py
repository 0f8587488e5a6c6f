"""Whoever changes the evidence of an open request cannot approve it, in the portal or past it."""

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from deployments.models import Approval, PromotionRequest
from deployments.services import promotions
from portal.accounts.models import Person, ServiceAccount
from portal.accounts.services import tokens
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import digests, work
from portal.core.errors import NotAllowed
from registry.models import DataCheckRun, DataSetVersion, Evaluation, ModelVersion
from registry.services import datasets
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.gates.test_flow import GATES, results
from tests.deployments.pages.conftest import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def champion(line: Line) -> ModelVersion:
    line.promote(1)
    world.production(gates=GATES | {"data_checks": {}})
    return line.model.versions.get(number=1)


@transaction.atomic
def evaluated(version: ModelVersion, champion: ModelVersion, data: DataSetVersion, by: str) -> Evaluation:
    """An evaluation that went well, asked for by the actor of this id."""
    found = results(0.001, 0.02)
    row = Evaluation.objects.create(
        version=version, baseline=champion, data=data, settings_digest="sha256:x", status="done", results=found,
        digest=digests.of_json(found), requested_by=by,
    )  # fmt: skip
    told = {"version": str(version), "data": str(data), "baseline": str(champion), "settings_digest": "sha256:x"}
    where = Subject.of("evaluation", row.pk, str(row))
    recorder.record("evaluation.requested", actor=world.SYSTEM, subject=where, data=told)
    return row


@transaction.atomic
def checked(data: DataSetVersion, by: Person) -> None:
    """The data set promises something from now on, and this version keeps it."""
    made = datasets.set_checks(
        actor=world.actor(by), name=data.data_set.name, checks=[{"rule": "rows", "least": 1}], why="A beginning."
    )
    DataCheckRun.objects.create(version=data, checks=made, verdict="pass")
    where = Subject.of("data_set_version", data.pk, str(data))
    told: dict[str, Any] = {"checks": made.number, "verdict": "pass"}
    recorder.record("data_set_version.checked", actor=world.SYSTEM, subject=where, data=told)


def by(person: Person) -> str:
    return f"person:{person.pk}"


def looked_at(row: PromotionRequest) -> PromotionRequest:
    promotions.settle(row.pk)
    row.refresh_from_db()
    return row


def refusal(line: Line, row: PromotionRequest, who: Person) -> str:
    with pytest.raises(NotAllowed) as refused:
        line.approve(row, who)
    assert refused.value.code == "four_eyes"
    assert refused.value.refused_act.verb == "promotion.approved"
    return refused.value.message


def test_an_evaluation_asked_for_before_the_request_bars_nobody(line: Line, champion: ModelVersion) -> None:
    data = world.data_version("flights", line.team)
    checked(data, line.marta)
    evaluated(line.model.versions.get(number=2), champion, data, by(line.marta))
    row = line.submit(2)
    line.approve(row, line.marta)
    line.approve(row, line.daniel)
    work.drain()
    row.refresh_from_db()
    assert (row.status, row.changers) == ("promoted", [])


def test_whoever_asks_for_the_evaluation_meanwhile_cannot_approve(line: Line, champion: ModelVersion) -> None:
    data = world.data_version("flights", line.team)
    checked(data, line.priya)
    row = line.submit(2)
    made = evaluated(row.version, champion, data, by(line.marta))
    row = looked_at(row)
    assert row.changers == [
        {"person": line.marta.pk, "did": f"asked for evaluation {made.pk} while the request was open"}
    ]
    assert refusal(line, row, line.marta) == (
        f"You asked for evaluation {made.pk} while the request was open, so you cannot approve it. "
        "Somebody else has to decide."
    )
    shown = Browser(line.daniel).open(f"/promotions/{row.pk}/")
    assert f"{line.marta} asked for evaluation {made.pk} while the request was open" in shown
    assert line.approve(row, line.daniel).status == "pending_review"


def test_the_same_human_by_a_token_of_a_program_or_another_account(line: Line, champion: ModelVersion) -> None:
    data = world.data_version("flights", line.team)
    checked(data, line.priya)
    account = ServiceAccount.objects.create(name="nightly", responsible=line.marta)
    with transaction.atomic():
        recorder.record("service_account.created", actor=world.SYSTEM, subject=Subject.of(
            "service_account", account.pk, "nightly"), data={"responsible": by(line.marta)})  # fmt: skip
    token = tokens.create(actor=world.SYSTEM, owner=account, name="ci", scopes=["evaluate"], days=30).token
    row = line.submit(2)
    evaluated(row.version, champion, data, f"token:{token.pk}")
    row = looked_at(row)
    assert "You asked for evaluation" in refusal(line, row, line.marta)
    local, _, domain = line.marta.email.partition("@")
    line.daniel.email = f"{local}+2@{domain}"
    line.daniel.save(update_fields=["email"])
    assert f"You share the mailbox of {line.marta}, who asked for evaluation" in refusal(line, row, line.daniel)


def test_whoever_registers_the_data_or_sets_its_checks_meanwhile(line: Line, champion: ModelVersion) -> None:
    row = line.submit(2)
    data = world.data_version("flights", line.team, registered_by=by(line.marta))
    checked(data, line.daniel)
    evaluated(row.version, champion, data, by(line.priya))
    row = looked_at(row)
    assert "You registered flights v1 while the request was open" in refusal(line, row, line.marta)
    assert "You set the checks of flights while the request was open" in refusal(line, row, line.daniel)


def test_what_was_taken_back_again_still_bars(line: Line, champion: ModelVersion) -> None:
    """Asked for, looked at, cancelled: the request was in somebody's hands all the same."""
    data = world.data_version("flights", line.team)
    checked(data, line.priya)
    evaluated(line.model.versions.get(number=2), champion, data, by(line.priya))
    row = line.submit(2)
    made = evaluated(row.version, champion, data, by(line.marta))
    row = looked_at(row)
    with transaction.atomic():
        Evaluation.objects.filter(pk=made.pk).update(status="cancelled")
        where = Subject.of("evaluation", made.pk, str(made))
        recorder.record("evaluation.cancelled", actor=world.SYSTEM, subject=where)
    row = looked_at(row)
    assert row.revision == 3
    assert "You asked for evaluation" in refusal(line, row, line.marta)


def test_the_database_refuses_it_as_well(line: Line, champion: ModelVersion) -> None:
    data = world.data_version("flights", line.team)
    checked(data, line.priya)
    row = line.submit(2)
    evaluated(row.version, champion, data, by(line.marta))
    row = looked_at(row)
    columns = {
        "request": row, "request_revision": row.revision, "reviewer": line.marta, "rule": "ML lead",
        "evidence_digest": row.evidence_digest, "rules_version": 1, "step_up_at": row.frozen_at,
        "step_up_method": "totp", "requester": row.requester, "changers": [],
    }  # fmt: skip
    with pytest.raises(IntegrityError, match="approval_not_by_changer"), transaction.atomic():
        Approval.objects.create(**columns)
    with pytest.raises(DatabaseError, match="stays its changer"), connection.cursor() as cursor, transaction.atomic():
        cursor.execute("UPDATE deployments_promotionrequest SET changers = '[]' WHERE id = %s", [row.pk])
