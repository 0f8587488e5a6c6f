"""A dossier of a real promotion: what is in it, who may have it, and that it verifies without the portal."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from deployments.models import Approval, PromotionRequest
from deployments.selectors import dossiers as select
from deployments.services import dossiers, promotions, rollbacks
from portal.accounts.models import Person
from portal.audit import recorder
from portal.audit.erasure import Whose, erase
from portal.audit.models import AuditCheckpoint, AuditEvent, AuditPii
from portal.audit.notes import Checkpoint
from portal.audit.recorder import Subject
from portal.core import work
from portal.core.errors import NotFound
from registry.models import RegisteredModel
from tests import services, world
from tests.deployments.dossiers.conftest import (
    INCOMPLETE,
    INTACT,
    TAMPERED,
    USAGE,
    Auditor,
    Told,
    artifact_key,
    members,
)
from tests.deployments.dossiers.test_bytes import changed, signed

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parents[3]


def test_it_verifies_and_holds_everything_that_is_asked_for(told: Told, auditor: Auditor) -> None:
    content = told.dossier()
    assert auditor(content) == INTACT
    assert f"OK dossier of promotion {told.row.pk}, 21 files" in auditor.said
    assert "which the log vouches for" in auditor.said
    found = members(content)
    assert json.loads(found["request.json"])["status"] == "promoted"
    assert [vote["who"] for vote in json.loads(found["votes.json"])] == [
        f"person:{told.line.marta.pk}",
        f"person:{told.line.daniel.pk}",
    ]
    assert json.loads(found["lineage.json"])["commit"] == "c0ffee12"
    assert json.loads(found["bypasses.json"])[0]["status"] == "upheld"
    card, text = json.loads(found["card.json"]), found["card.md"].decode()
    assert text.startswith("# Model card: flight-delay v4\n")
    assert card["digest"] in text
    assert all(f"## {one['title']}\n" in text for one in card["sections"])
    [evaluation] = [body for name, body in found.items() if name.startswith("evaluations/")]
    assert json.loads(evaluation)["covered"]["results"]["rows"]["scored"] == 25_000
    assert json.loads(found["artifact/bom.json"])["components"][0]["name"] == "scikit-learn"
    kinds = {json.loads(json.loads(line)["canon"])["type"] for line in found["audit/events.jsonl"].splitlines()}
    assert {"promotion.submitted", "promotion.executed", "bypass.used", "rollout.completed", "policy.approved"} <= kinds
    assert {"model_version.scanned", "evaluation.finished", "revision.warmed"} <= kinds


def test_it_verifies_on_a_machine_without_django(told: Told, tmp_path: Path) -> None:
    machine = tmp_path / "machine"
    machine.mkdir()
    program = machine / "check.py"
    program.write_bytes((ROOT / "tools" / "signalbox_audit_verify.py").read_bytes())
    (machine / "dossier.zip").write_bytes(told.dossier())
    (machine / "vkey").write_text(told.log.vkey + "\n")
    hidden = "import sys; sys.modules |= dict.fromkeys(('django', 'rfc8785', 'rest_framework', 'psycopg2')); "
    run = f"{hidden}import runpy; sys.argv = ['check.py', 'dossier', 'dossier.zip', '--vkey', 'vkey']; "
    command = [sys.executable, "-I", "-c", f"{run}runpy.run_path('check.py', run_name='__main__')"]
    done = subprocess.run(command, cwd=machine, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (INTACT, ""), done.stdout


def test_any_zip_program_can_open_it(told: Told, tmp_path: Path) -> None:
    path = tmp_path / "one.zip"
    path.write_bytes(told.dossier())
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[:2] == ["manifest.json", "signature.json"]


def test_the_same_records_and_the_same_head_give_the_same_bytes(told: Told) -> None:
    told.log.settle()
    assert select.packed(told.row) == select.packed(told.row)
    before = select.packed(told.row)
    world.team("another")
    told.log.settle()
    after = select.packed(told.row)
    assert before != after
    same = {name for name, body in members(after).items() if members(before)[name] == body}
    assert {"evidence.json", "votes.json", "request.json", "audit/vault.jsonl"} <= same


def test_the_page_stands_alone_and_names_who_can_say_what_is_not_known(told: Told) -> None:
    page = members(told.dossier())["index.html"].decode()
    for outside in ("<script", "src=", "@import", "url(", 'href="http', "<link", "on" + "load="):
        assert outside not in page
    assert "Priya Nair" in page
    assert "March &amp; &lt;b&gt;April&lt;/b&gt;." in page
    assert "Intended use" in page
    assert "UNKNOWN</span> Nobody has written it yet. Ask team Flights" in page
    unknown = "UNKNOWN</span> Ask team Flights, which has named no owner of flight-delay"
    assert page.count(unknown) >= 10
    for asked in ("1(a)", "2(g)", "SR 26-2", "Effective challenge", "The EU declaration of conformity"):
        assert asked in page


def test_a_checkpoint_that_was_kept_is_led_on_from(told: Told, auditor: Auditor) -> None:
    first = AuditCheckpoint.objects.filter(size__gt=0).order_by("id")[0]
    key = told.log.signer.memory.key
    assert key is not None
    content = told.dossier()
    assert auditor(content, since=first.note) == INTACT
    empty = hashlib.sha256(b"").digest()  # what a signer that starts before all else signs first
    assert auditor(content, since=key.sign(Checkpoint("signalbox/test", 0, empty), at=1)) == INTACT
    told.log.settle()
    newest = AuditCheckpoint.objects.order_by("-id")[0]
    assert auditor(content, since=newest.note) == INCOMPLETE
    assert "older than your saved checkpoint" in auditor.said
    world.team("later")
    later = told.dossier()
    assert auditor(later, since=newest.note) == INCOMPLETE
    assert f"since={newest.size}" in auditor.said
    assert auditor(told.dossier(since=newest.size), since=newest.note) == INTACT


def test_a_log_that_was_rewritten_does_not_lead_on(told: Told, auditor: Auditor) -> None:
    content = told.dossier()
    key = told.log.signer.memory.key
    assert key is not None
    first, newest = (
        AuditCheckpoint.objects.filter(size__gt=0).order_by("id")[0],
        AuditCheckpoint.objects.order_by("-id")[0],
    )
    for size in (first.size, newest.size):
        kept = key.sign(Checkpoint("signalbox/test", size, bytes(32)), at=1)
        assert auditor(content, since=kept) == TAMPERED
    assert "audit/checkpoint.txt: the root" in auditor.said


def test_what_is_no_dossier_is_said(told: Told, auditor: Auditor, tmp_path: Path) -> None:
    content = told.dossier()
    assert auditor(b"") == INCOMPLETE
    assert "manifest.json" in auditor.said
    assert auditor(content, "--statement-key", "abc") == USAGE
    assert auditor(content, "--statement-key", artifact_key()) == INTACT
    assert auditor(content, "--statement-key", "0" * 64) == TAMPERED
    assert "another key than the one you know" in auditor.said


def test_whoever_was_erased_is_not_in_a_new_one_and_the_old_one_is_not_handed_out(
    told: Told, auditor: Auditor, settings: Any
) -> None:
    own(told.row.version.model, told.line.marta)
    old = told.ask()
    assert b"Marta Kowalska" in dossiers.path_of(old).read_bytes()
    settings.SIGNALBOX_DATABASE_PRIVACY_URL = services.role_url(
        "signalbox_privacy", str(connection.settings_dict["NAME"])
    )
    assert erase(actor=world.SYSTEM, whose=Whose(told.line.marta.pk), reason="asked in writing")
    assert not AuditPii.objects.filter(value="Marta Kowalska").exists()
    reader = world.actor(told.line.priya)
    with pytest.raises(NotFound, match="its file is gone"):
        dossiers.take(actor=reader, number=told.row.pk, pk=old.pk)
    content = told.dossier()
    assert b"Marta Kowalska" not in content
    assert "- Owner: erased" in members(content)["card.md"].decode()
    assert told.line.marta.email.encode() not in content
    assert json.loads(members(content)["card.json"])["erased"] is True
    assert "erased (person:" in members(content)["index.html"].decode()
    assert auditor(content) == INTACT
    assert "erased or withheld" in auditor.said


@transaction.atomic
def own(model: RegisteredModel, owner: Person) -> None:
    model.owner = owner
    model.save(update_fields=["owner"])
    what = Subject.of("registered_model", model.pk, model.name)
    recorder.record("registered_model.changed", actor=world.SYSTEM, subject=what)


def test_a_promotion_that_was_sent_back_and_rejected_verifies_too(told: Told, auditor: Auditor) -> None:
    line = told.line
    world.production(gates={})
    row = line.submit(2)
    line.approve(row, line.marta)
    daniel, priya = world.actor(line.daniel), world.actor(line.priya)
    promotions.request_changes(actor=daniel, number=row.pk, seen=row.evidence_digest, comment="Say more.")
    row = promotions.resubmit(actor=priya, number=row.pk, why="Said more.")
    promotions.reject(actor=daniel, number=row.pk, seen=row.evidence_digest, comment="Not this one.")
    told.row = row
    content = told.dossier()
    assert auditor(content) == INCOMPLETE
    assert "never scanned" in auditor.said
    assert auditor(content, "--statement-key", artifact_key()) == INTACT
    forged = changed(members(content), "evidence.json", lambda v: v["changes"].clear())
    assert auditor(forged, "--statement-key", artifact_key()) == TAMPERED
    assert "evidence.json: its digest is" in auditor.said
    votes = json.loads(members(content)["votes.json"])
    assert [vote["decision"] for vote in votes] == ["approved", "changes_requested", "rejected"]


def test_a_promotion_that_was_rolled_back_verifies_too(told: Told, auditor: Auditor) -> None:
    endpoint = told.row.endpoint
    endpoint.refresh_from_db()
    rollbacks.roll_back(
        actor=world.actor(told.line.marta), environment="production", endpoint=endpoint.name, reason_code="quality",
        expect_generation=endpoint.generation,
    )  # fmt: skip
    work.drain()
    content = told.dossier()
    assert auditor(content) == INTACT
    request = json.loads(members(content)["request.json"])
    assert (request["status"], [one["kind"] for one in request["rollouts"]]) == (
        "rolled_back",
        ["promotion", "rollback"],
    )


def test_rows_that_were_changed_behind_the_log_are_found(told: Told, auditor: Auditor) -> None:
    vote = Approval.objects.filter(request=told.row)[0]
    with transaction.atomic(), connection.cursor() as cursor:  # as only the owner of the database can
        cursor.execute("ALTER TABLE deployments_approval DISABLE TRIGGER USER")
        Approval.objects.filter(pk=vote.pk).update(rule="Head of risk")
        cursor.execute("ALTER TABLE deployments_approval ENABLE TRIGGER USER")
    assert auditor(told.dossier()) == TAMPERED
    assert 'rule is "Head of risk", the log has "ML lead"' in auditor.said


def test_one_from_before_there_was_a_markdown_card_verifies_still(told: Told, auditor: Auditor) -> None:
    found = {name: body for name, body in members(told.dossier()).items() if name != "card.md"}
    assert auditor(signed(found)) == INTACT


def test_what_is_not_signed_yet_is_waited_for(told: Told) -> None:
    promotions.comment(actor=world.actor(told.line.marta), number=told.row.pk, text="Well done.")
    job = dossiers.ask(actor=world.actor(told.line.priya), number=told.row.pk)
    work.drain()
    job.refresh_from_db()
    assert job.state == "queued"
    assert "not signed yet" in job.error
    assert dossiers.ask(actor=world.actor(told.line.marta), number=told.row.pk) == job


def test_asking_writing_and_taking_are_in_the_log_and_not_in_the_dossier(told: Told) -> None:
    job = told.ask()
    path = dossiers.take(actor=world.actor(told.line.marta), number=told.row.pk, pk=job.pk)
    rows = AuditEvent.objects.filter(type__startswith="dossier.").order_by("id")
    assert [row.type for row in rows] == ["dossier.asked", "dossier.written", "dossier.taken"]
    assert {(row.subject_type, row.subject_id) for row in rows} == {("promotion_request", str(told.row.pk))}
    assert b"dossier.asked" not in members(path.read_bytes())["audit/events.jsonl"]


def test_who_may_not_see_the_promotion_has_no_dossier_of_it(told: Told) -> None:
    job = told.ask()
    stranger = world.actor(world.person("Sam Stranger", ("viewer", world.team("elsewhere"))))
    for act in (
        lambda: dossiers.ask(actor=stranger, number=told.row.pk),
        lambda: dossiers.newest(actor=stranger, number=told.row.pk),
        lambda: dossiers.take(actor=stranger, number=told.row.pk, pk=job.pk),
    ):
        with pytest.raises(NotFound):
            act()
    auditor = world.actor(world.person("Ada Auditor", ("auditor", None)))
    assert dossiers.take(actor=auditor, number=told.row.pk, pk=job.pk).is_file()
    with pytest.raises(NotFound):
        dossiers.take(actor=auditor, number=PromotionRequest.objects.order_by("pk")[0].pk, pk=job.pk)
