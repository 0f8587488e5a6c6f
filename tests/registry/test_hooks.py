"""Messages of MLflow's: only signed, fresh ones count, each once, and a change behind the gate is put right."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from portal.accounts.models import Person, Team
from portal.audit.models import AuditEvent
from portal.core import clock, work
from portal.core.models import Job
from portal.notices.models import Notice
from registry.models import GateIntent, HookDelivery, RegisteredModel
from registry.policies import hooks as policy
from registry.reconcilers import hooks, sync
from registry.services import aliases, drift, models, tags, versions
from tests import memory_mlflow, world
from tests.memory_mlflow import MemoryMlflow

pytestmark = pytest.mark.django_db
SECRET = "whsec of this installation"
PATH = "/hooks/mlflow/"


@pytest.fixture
def mlflow(settings: Any) -> Iterator[MemoryMlflow]:
    settings.SIGNALBOX_MLFLOW_HOOK_SECRET = SECRET
    settings.SIGNALBOX_MLFLOW_HOOK_URL = "http://localhost:8000/hooks/mlflow/"
    with memory_mlflow.using(MemoryMlflow()) as found:
        yield found


@pytest.fixture
def team(db: None) -> Team:
    return world.team()


@pytest.fixture
def marta(team: Team) -> Person:
    return world.person("Marta Kowalska", ("ml_lead", team))


def message(name: str = "delay") -> bytes:
    return json.dumps({"entity": "model_version_alias", "action": "created", "data": {"name": name}}).encode()


def send(body: bytes, *, delivery: str = "", at: int = 0, signature: str = "", secret: str = SECRET) -> Any:
    delivery, timestamp = delivery or uuid.uuid4().hex, str(int(clock.now().timestamp()) + at)
    headers = {
        "X-MLflow-Delivery-Id": delivery,
        "X-MLflow-Timestamp": timestamp,
        "X-MLflow-Signature": signature or policy.signature(secret, delivery, timestamp, body),
    }
    return Client().post(PATH, body, content_type="application/json", headers=headers)


def test_a_signed_message_is_taken_once(mlflow: MemoryMlflow) -> None:
    assert [send(message(), delivery="d-1").status_code for _ in range(3)] == [204, 204, 204]
    assert HookDelivery.objects.count() == 1


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ({"secret": "another"}, "signature"),
        ({"at": -400}, "too old"),
        ({"at": 400}, "too old"),
        ({"signature": "v1,AAAA"}, "signature"),
        ({"signature": "ünsigned"}, "signature"),
        ({"delivery": "../x"}, "id"),
    ],
)
def test_others_are_refused_before_they_are_read(mlflow: MemoryMlflow, sent: dict[str, Any], why: str) -> None:
    answer = send(b"{not json", **sent)
    assert answer.status_code == 403
    assert why in answer.content.decode()
    assert not HookDelivery.objects.exists()


def test_one_changed_byte_spoils_it(mlflow: MemoryMlflow) -> None:
    delivery, timestamp = "d-2", str(int(clock.now().timestamp()))
    good = policy.signature(SECRET, delivery, timestamp, message())
    for given in ("", good[:-2], good.replace("v1", "v2")):
        assert policy.refusal(SECRET, delivery, timestamp, given, message(), clock.now())
    assert policy.refusal(SECRET, delivery, timestamp, good, message("other"), clock.now())
    assert policy.refusal("", delivery, timestamp, good, message(), clock.now()) == "no secret is set here"
    assert policy.refusal(SECRET, delivery, timestamp, f"v1,old {good}", message(), clock.now()) == ""


def test_signed_nonsense_is_bad_input(mlflow: MemoryMlflow) -> None:
    assert send(b"[]").status_code == 422
    assert Client().get(PATH).status_code == 405


def registered(mlflow: MemoryMlflow, team: Team) -> RegisteredModel:
    mlflow.put_model("delay")
    mlflow.put_version("delay")
    mlflow.put_version("delay")
    row = world.model("delay", team)
    for _ in range(2):
        world.version(row)
    return row


def test_a_protected_alias_moved_in_mlflow_is_put_back_and_told(
    mlflow: MemoryMlflow, team: Team, marta: Person
) -> None:
    row = registered(mlflow, team)
    aliases.point(model=row, alias="champion", version=row.versions.get(number=1), actor=world.SYSTEM, reason="x")
    work.drain()
    assert mlflow.alias("delay", "champion") == 1
    mlflow.set_alias("delay", "champion", 2)
    send(message())
    work.drain()
    assert mlflow.alias("delay", "champion") == 1
    event = AuditEvent.objects.get(type="alias.drift_found")
    told = Notice.objects.get(person=marta, kind="alias.drift_found")
    assert str(event.pk) in told.url
    assert "The portal has put it back." in told.text


def test_a_model_that_came_past_the_gate_is_told_to_administrators_once(mlflow: MemoryMlflow, marta: Person) -> None:
    admin = world.person("Alex Admin", ("administrator", None))
    mlflow.put_model("smuggled")
    for _ in range(2):
        send(message("smuggled"))
        work.drain()
    assert [notice.person for notice in Notice.objects.filter(kind="registry.drift_found")] == [admin]


def test_a_tag_changed_in_mlflow_is_taken_over_and_told(mlflow: MemoryMlflow, team: Team, marta: Person) -> None:
    row = registered(mlflow, team)
    mlflow.held["delay"][2]["tags"] = [{"key": "checked", "value": "no"}]
    send(message())
    work.drain()
    assert row.versions.get(number=2).tags == {"checked": "no"}
    event = AuditEvent.objects.get(type="registry.drift_found")
    assert (event.subject_name, event.search["before"], event.search["after"]) == (
        "delay v2", {"tags": {}}, {"tags": {"checked": "no"}},
    )  # fmt: skip
    assert (
        Notice.objects.get(person=marta, kind="registry.drift_found").subject == "Changed outside the portal: delay v2"
    )


def test_a_protected_tag_changed_in_mlflow_is_put_back_and_the_others_are_taken_over(
    mlflow: MemoryMlflow, team: Team, marta: Person, settings: Any
) -> None:
    settings.SIGNALBOX_PROTECTED_TAGS = ["risk", "legal.*"]
    row = registered(mlflow, team)
    second = row.versions.get(number=2)
    with transaction.atomic():
        models.note_tags(actor=world.SYSTEM, model=row, tags={"risk": "high", "note": "a"})
        versions.note_tags(actor=world.SYSTEM, version=second, tags={"legal.basis": "contract"})
    mlflow.tags["delay"] = {"risk": "low", "note": "b", "legal.basis": "invented"}
    for _ in range(2):
        send(message())
    work.drain()
    assert mlflow.tags["delay"] == {"risk": "high", "note": "b"}
    assert mlflow.held["delay"][2]["tags"] == [{"key": "legal.basis", "value": "contract"}]
    row.refresh_from_db()
    second.refresh_from_db()
    assert (row.tags, second.tags) == ({"risk": "high", "note": "b"}, {"legal.basis": "contract"})
    events = AuditEvent.objects.filter(type="registry.drift_found").order_by("id")
    found = [(e.subject_name, e.search["before"], e.search["after"], e.search["data"].get("put_back")) for e in events]
    assert found == [
        ("delay", {"tags": {"note": "a", "risk": "high"}}, {"tags": {"note": "b", "risk": "high"}}, None),
        ("delay", {"protected tags": {"risk": "high"}},
         {"protected tags": {"legal.basis": "invented", "risk": "low"}}, True),
        ("delay v2", {"protected tags": {"legal.basis": "contract"}}, {"protected tags": {}}, True),
    ]  # fmt: skip
    assert Notice.objects.filter(person=marta, text__contains="The portal has put it back.").count() == 2


def test_protected_tags_wait_for_the_gate_and_are_noted_once_until_then(
    mlflow: MemoryMlflow, team: Team, settings: Any
) -> None:
    """Somebody changes the model through the gate just then: nothing of theirs may be undone."""
    settings.SIGNALBOX_PROTECTED_TAGS = ["*"]
    registered(mlflow, team)
    mlflow.tags["delay"] = {"risk": "low"}
    sync.compare()
    GateIntent.objects.create(route="x", subject_name="delay", actor="x", body={"args": {"name": "delay"}})
    work.drain()
    assert mlflow.tags["delay"] == {"risk": "low"}
    GateIntent.objects.all().delete()
    sync.compare()
    Job.objects.filter(kind=tags.PUT_BACK).update(next_reconcile_at=clock.now())
    work.drain()
    assert mlflow.tags["delay"] == {}
    assert AuditEvent.objects.filter(type="registry.drift_found").count() == 1


def test_a_version_deleted_in_mlflow_is_told_once(mlflow: MemoryMlflow, team: Team, marta: Person) -> None:
    registered(mlflow, team)
    del mlflow.held["delay"][2]
    for _ in range(2):
        send(message())
        work.drain()
    event = AuditEvent.objects.get(type="registry.drift_found")
    assert (event.subject_name, event.search["data"]["what"]) == ("delay v2", drift.GONE_VERSION)
    assert Notice.objects.filter(person=marta, kind="registry.drift_found").count() == 1


@pytest.mark.parametrize(("protected", "left"), [(["champion", "live"], None), (["champion"], 2)])
def test_what_is_put_back_is_what_the_settings_protect(
    mlflow: MemoryMlflow, team: Team, settings: Any, protected: list[str], left: int | None
) -> None:
    settings.SIGNALBOX_PROTECTED_ALIASES = protected
    registered(mlflow, team)
    mlflow.set_alias("delay", "live", 2)
    send(message())
    work.drain()
    assert mlflow.alias("delay", "live") == left


def test_what_the_gate_is_changing_is_looked_at_afterwards(mlflow: MemoryMlflow, team: Team) -> None:
    registered(mlflow, team)
    GateIntent.objects.create(route="x", subject_name="delay", actor="x", body={"args": {"name": "delay"}})
    send(message())
    work.drain()
    row = HookDelivery.objects.get()
    assert row.next_reconcile_at is not None
    assert row.next_reconcile_at > clock.now()


def test_mlflow_has_one_webhook_of_ours_and_it_is_the_right_one(mlflow: MemoryMlflow, settings: Any) -> None:
    hooks.ensure()
    hooks.ensure()
    (first,) = mlflow.webhooks()
    assert "secret" not in first
    assert SECRET not in json.dumps(first)
    settings.SIGNALBOX_MLFLOW_HOOK_SECRET = "a new one"
    hooks.ensure()
    (second,) = mlflow.webhooks()
    assert second["description"] != first["description"]
    mlflow.create_webhook({"name": "somebody else's", "url": "https://example.org"})
    settings.SIGNALBOX_MLFLOW_HOOK_SECRET = ""
    hooks.ensure()
    assert [hook["name"] for hook in mlflow.webhooks()] == ["somebody else's"]
