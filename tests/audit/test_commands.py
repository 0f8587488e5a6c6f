"""The whole way with the real recorder: record, place, sign, export at the command line, verify; and erase a person."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pytest_django.fixtures import Settings

from portal.accounts.services import people
from portal.audit import recorder, sequencing
from portal.audit.recorder import Subject
from portal.audit.signer import Signer
from portal.audit.signer_memory import Memory
from tests import services, world
from tests.audit.signed_log import WAITING
from tests.waiting import wait_until
from tools import signalbox_audit_verify as offline

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def public(settings: Settings, tmp_path: Path) -> Path:
    settings.SIGNALBOX_CHECKPOINT_DIR = tmp_path / "checkpoints"
    (tmp_path / "checkpoints").mkdir()
    with connection.cursor() as cursor:  # the log of earlier tests outlives their rows
        cursor.execute("TRUNCATE audit.event, audit.leaf, audit.checkpoint, audit.pii")
    return tmp_path / "checkpoints"


@pytest.fixture
def settle(public: Path, tmp_path: Path) -> Iterator[None]:
    """Places and signs each export's own event at once, as the two processes would while the command waits."""
    call_command("create_roles", verbosity=0)
    memory = Memory(tmp_path / "signer", "signalbox/test")
    memory.open()
    signer = Signer(memory, public)
    name = str(connection.settings_dict["NAME"])
    sequencer = psycopg2.connect(services.role_url("signalbox_sequencer", name))
    signing = psycopg2.connect(services.role_url("signalbox_signer", name))
    signing.autocommit = True
    signer.publish_key(signer.begin(signing))

    def everything_is_placed() -> bool:
        sequencing.sequence_batch(sequencer, full_look=True)
        with connection.cursor() as cursor:
            cursor.execute(WAITING)
            return bool(cursor.fetchone() == (0,))

    def place_and_sign() -> None:
        wait_until(everything_is_placed, 20, "all events to be placed")
        signer.recheck(signing)
        signer.last_signed = None
        signer.tick(signing)

    place_and_sign()
    genuine = recorder.record

    def record_and_settle(*args: object, **kwargs: object) -> recorder.Receipt:
        receipt = genuine(*args, **kwargs)  # type: ignore[arg-type]  # handed through as it came
        transaction.on_commit(place_and_sign)
        return receipt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder, "record", record_and_settle)
        yield
    sequencer.close()
    signing.close()
    memory.close()


def export(path: Path, *options: str) -> str:
    said = StringIO()
    call_command("audit", "export", "--out", str(path), *options, stdout=said)
    return said.getvalue()


@pytest.mark.usefixtures("settle")
def test_what_was_recorded_verifies_and_a_changed_byte_is_named(
    public: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    olga = world.person("Olga Petrova")
    with transaction.atomic():
        recorder.record(
            "team.changed",
            actor=world.actor(olga),
            subject=Subject.of("team", 7, "Flights \u202e\x1b[31m<b>"),
            data={"share": 0.1, "large": 1e17, "text": "line\r\nbreak"},
            before={"name": "Flight"},
            after={"name": "Flights"},
            reason="Olga asked on the phone",
        )
    path = tmp_path / "log.zip"
    assert "signed events written" in export(path)
    assert path.stat().st_mode & 0o777 == 0o600
    vkey = str(public / "vkey")
    assert offline.main([str(path), "--vkey", vkey, "--since", str(public / "first")]) == 0
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    rows = [json.loads(line) for line in members["events.jsonl"].splitlines()]
    ours = next(row["idx"] for row in rows if '"type":"team.changed"' in row["canon"] and "Flights" in row["canon"])
    assert json.loads(rows[-1]["canon"])["type"] == "audit.exported"
    assert "Olga" not in rows[ours]["canon"]
    assert "Olga asked on the phone" in members["vault.jsonl"].decode()
    members["events.jsonl"] = members["events.jsonl"].replace(b"line\\\\r", b"lime\\\\r")
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    capsys.readouterr()
    assert offline.main([str(path), "--vkey", vkey]) == 1
    assert f"event {ours}:" in capsys.readouterr().out


@pytest.mark.usefixtures("settle")
def test_a_selection_from_the_command_line(public: Path, tmp_path: Path) -> None:
    world.team("selected")
    path = tmp_path / "log.zip"
    export(path, "--type", "team", "--q", "Selected", "--no-vault")
    arguments = [str(path), "--vkey", str(public / "vkey")]
    assert offline.main(arguments) == 2
    assert offline.main([*arguments, "--selection"]) == 0


@pytest.mark.usefixtures("settle")
def test_the_key_and_the_first_checkpoint_to_keep(public: Path) -> None:
    said = StringIO()
    call_command("audit", "vkey", stdout=said)
    assert said.getvalue().strip() == (public / "vkey").read_text().strip()
    said = StringIO()
    call_command("audit", "first-checkpoint", stdout=said)
    assert said.getvalue() == (public / "first").read_text()


@pytest.mark.usefixtures("settle")
def test_verify_says_ok_and_names_what_was_changed() -> None:
    world.team("verified")
    world.team("other")
    said = StringIO()
    call_command("audit", "verify", stdout=said)
    assert said.getvalue() == "OK 2 events\n"
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit.event DISABLE TRIGGER grows")
        cursor.execute("UPDATE audit.event SET subject_name = 'forged' WHERE subject_name = 'Other'")
        cursor.execute("ALTER TABLE audit.event ENABLE TRIGGER grows")
    with pytest.raises(CommandError, match=r"event 1 .* First bad index: 1\.") as caught:
        call_command("audit", "verify")
    assert caught.value.returncode == 1


@pytest.mark.usefixtures("settle")
def test_an_erased_person_is_gone_from_the_log_and_every_proof_still_holds(
    public: Path, tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.SIGNALBOX_DATABASE_PRIVACY_URL = services.role_url(
        "signalbox_privacy", str(connection.settings_dict["NAME"])
    )
    olga, ines = (
        people.create(actor=world.SYSTEM, email=f"{first}@example.org", name=name, password="heron lake 417 slow")
        for first, name in (("olga", "Olga Petrova"), ("ines", "Ines Duarte"))
    )
    people.rename_self(actor=replace(world.actor(olga), source_ip="203.0.113.7"), name="Olga Petrova-Sy")
    people.rename_self(actor=world.actor(ines), name="Ines Duarte Dias")
    before = tmp_path / "before.zip"
    export(before)
    said = StringIO()
    arguments = ["audit", "erase", "--person", str(olga.pk), "--value", olga.email, "--reason", "asked in writing"]
    call_command(*arguments, stdout=said)
    assert "values of person" in said.getvalue()
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM audit.pii")
        left = "\n".join(row[0] for row in cursor.fetchall())
    assert "Olga" not in left
    assert "203.0.113.7" not in left
    assert olga.email not in left
    assert "Ines Duarte Dias" in left
    after = tmp_path / "after.zip"
    export(after)
    with zipfile.ZipFile(after) as archive:
        kept = b"".join(archive.read(name) for name in archive.namelist()).decode(errors="replace")
    assert "Olga" not in kept
    assert '"type":"audit.pii_erased"' in kept.replace("\\", "")
    vkey = str(public / "vkey")
    assert offline.main([str(after), "--vkey", vkey]) == 0
    assert "erased or withheld" in capsys.readouterr().out
    assert offline.main([str(before), "--vkey", vkey]) == 0
    said = StringIO()
    call_command(*arguments, stdout=said)
    assert said.getvalue().startswith("0 values")


def test_only_the_privacy_role_erases(settings: Settings) -> None:
    settings.SIGNALBOX_DATABASE_PRIVACY_URL = ""
    with pytest.raises(CommandError, match="DATABASE_PRIVACY_URL is not set"):
        call_command("audit", "erase", "--person", "1", "--reason", "asked")


def test_commands_say_what_is_missing(public: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="first start"):
        call_command("audit", "vkey")
    with pytest.raises(CommandError, match="Nothing is signed yet"):
        call_command("audit", "first-checkpoint")
    with pytest.raises(CommandError, match="from must be"):
        call_command("audit", "export", "--out", str(tmp_path / "x"), "--from", "yesterday")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("audit", "export", "--out", str(tmp_path / "no" / "folder"), "--wait", "0")


def test_the_verifier_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "tools.signalbox_audit_verify", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "--vkey" in done.stdout
