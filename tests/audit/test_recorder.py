"""The recorder and the commit guard on a real PostgreSQL, and what the runtime role may not do."""

import hashlib
import json
from contextlib import suppress

import psycopg2
import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from portal.accounts.models import Team
from portal.audit import recorder
from portal.audit.models import AuditEvent, AuditPii
from portal.audit.recorder import Subject
from portal.core import errors
from portal.core.errors import NotAllowed
from tests import services, world

SUBJECT = Subject.of("team", 1, "Flights")


@pytest.mark.django_db
def test_an_event_is_canonical_and_its_leaf_hash_covers_it() -> None:
    with transaction.atomic():
        receipt = recorder.record("team.changed", actor=world.SYSTEM, subject=SUBJECT, data={"b": 1, "a": "é"})
    event = AuditEvent.objects.get(pk=receipt.event_id)
    canon = bytes(event.canon)
    assert hashlib.sha256(b"\x00" + canon).hexdigest() == receipt.leaf_hash == bytes(event.leaf_hash).hex()
    body = json.loads(canon)
    assert body["data"] == {"a": "é", "b": 1}
    assert body["subject"] == {"type": "team", "id": "1", "name": "Flights"}


@pytest.mark.django_db
def test_people_and_free_text_enter_as_commitments_only() -> None:
    actor = world.actor(world.person("Priya Nair"))
    with transaction.atomic():
        receipt = recorder.record("team.changed", actor=actor, subject=SUBJECT, reason="Marta asked for it")
    canon = bytes(AuditEvent.objects.get(pk=receipt.event_id).canon).decode()
    assert "Priya" not in canon
    assert "Marta" not in canon
    commitment = json.loads(canon)["reason"]["c"]
    vault = AuditPii.objects.get(commitment=bytes.fromhex(commitment))
    assert vault.value == "Marta asked for it"
    assert hashlib.sha256(bytes(vault.salt) + vault.value.encode()).hexdigest() == commitment


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("verb", "data", "error"),
    [
        ("team.exploded", {}, "not registered"),
        ("role.granted", {"role": "viewer"}, "needs team"),
        ("team.changed", {"x": float("nan")}, "nan"),
        ("team.changed", {"x": 2**60}, "exceeds"),
    ],
)
def test_what_the_log_cannot_hold_is_refused(verb: str, data: dict[str, object], error: str) -> None:
    with pytest.raises((ValueError, OverflowError), match=error), transaction.atomic():
        recorder.record(verb, actor=world.SYSTEM, subject=SUBJECT, data=data)


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_recorded() -> None:
    with pytest.raises(RuntimeError, match="belongs in the transaction"):
        recorder.record("team.changed", actor=world.SYSTEM, subject=SUBJECT)


@pytest.mark.django_db(transaction=True)
def test_no_audit_no_commit() -> None:
    team = world.team()
    attempts = (
        lambda: Team.objects.create(slug="bare", name="Bare"),
        lambda: Team.objects.filter(pk=team.pk).update(name="Bulk"),
        lambda: connection.cursor().execute("UPDATE accounts_team SET name = 'raw'"),
        lambda: Team.objects.bulk_create([Team(slug="b1", name="B1")]),
        lambda: Team.objects.filter(pk=team.pk).delete(),
    )
    for attempt in attempts:
        with pytest.raises(IntegrityError, match="no audit event"), transaction.atomic():
            attempt()
    assert [t.name for t in Team.objects.all()] == ["Flights"]


@pytest.mark.django_db(transaction=True)
def test_an_event_for_one_of_two_rows_is_not_enough() -> None:
    one, two = world.team("one"), world.team("two")

    def act() -> None:
        with transaction.atomic():
            Team.objects.filter(pk__in=[one.pk, two.pk]).update(created_at=Now())
            recorder.record("team.changed", actor=world.SYSTEM, subject=Subject.of("team", one.pk, "One"))

    with pytest.raises(IntegrityError, match=f"no audit event for team {two.pk}"):
        act()


@pytest.mark.django_db(transaction=True)
def test_an_event_rolled_back_to_a_savepoint_does_not_count() -> None:
    team = world.team()

    def record_and_undo() -> None:
        with transaction.atomic():
            recorder.record("team.changed", actor=world.SYSTEM, subject=Subject.of("team", team.pk, "x"))
            raise ValueError("undo")

    def act() -> None:
        with transaction.atomic():
            Team.objects.filter(pk=team.pk).update(name="Other")
            with suppress(ValueError):
                record_and_undo()

    with pytest.raises(IntegrityError, match="no audit event"):
        act()


@pytest.mark.django_db
def test_the_server_stamps_time_transaction_and_user() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit.event (id, xid, at, db_user, type, type_version, subject_type, subject_id, subject_name,"
            " actor_kind, actor_id, outcome, request_id, canon, leaf_hash, search) VALUES (gen_random_uuid(), '5',"
            " '2001-01-01', 'mallory', 'team.changed', 1, 't', '1', 'n', 'system', 's', 'success', 'r', 'x',"
            " sha256('\\x0078'), '{}') RETURNING at > now() - interval '1 minute', db_user = session_user,"
            " xid = pg_current_xact_id()"
        )
        assert cursor.fetchone() == (True, True, True)


@pytest.mark.django_db
def test_a_refused_attempt_leaves_its_own_trace() -> None:
    actor = world.actor(world.person("Olga"))
    error = recorder.refusing(NotAllowed("No.", code="no"), "team.changed", actor=actor, subject=SUBJECT)
    errors.note_refusal(error)
    event = AuditEvent.objects.latest("at")
    assert (event.type, event.outcome, event.search["data"]["code"]) == ("team.changed", "denied", "no")


@pytest.mark.django_db(transaction=True)
def test_the_runtime_role_can_add_and_nothing_else() -> None:
    call_command("create_roles", verbosity=0)
    with transaction.atomic():
        recorder.record("team.changed", actor=world.SYSTEM, subject=SUBJECT)
    name = connection.settings_dict["NAME"]
    runtime = psycopg2.connect(services.role_url("signalbox_app", str(name)))
    runtime.autocommit = True
    cursor = runtime.cursor()
    cursor.execute("SELECT count(*) FROM audit.event")
    row = cursor.fetchone()
    assert row is not None
    assert row[0] >= 1
    for statement in (
        "UPDATE audit.event SET type = 'team.created'",
        "DELETE FROM audit.event",
        "TRUNCATE audit.event",
        "ALTER TABLE audit.event DISABLE TRIGGER ALL",
        "DROP TABLE audit.event",
        "SET session_replication_role = replica",
        "INSERT INTO audit.leaf (idx, event_id, leaf_hash) VALUES (0, gen_random_uuid(), sha256('x'))",
        "INSERT INTO audit.checkpoint (size, root, note) VALUES (1, sha256('x'), 'x')",
        "DELETE FROM audit.pii",
        "ALTER TABLE accounts_team DISABLE TRIGGER audit_guard",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(statement)
    with pytest.raises(psycopg2.errors.CheckViolation):
        cursor.execute("INSERT INTO accounts_team (slug, name, created_at) VALUES ('x', 'x', now())")
    runtime.close()
