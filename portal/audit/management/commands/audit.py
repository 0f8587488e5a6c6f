"""What an auditor and an operator do with the log at the command line."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from portal.audit import bundle, erasure, recorder, verification
from portal.audit.erasure import Whose
from portal.audit.models import AuditCheckpoint
from portal.audit.recorder import Subject
from portal.audit.selection import KEYS, Selection
from portal.core import actors
from portal.core.errors import PortalError

COVERED = """
SELECT 1 FROM audit.leaf WHERE event_id = %s
  AND idx < (SELECT size FROM audit.checkpoint ORDER BY id DESC LIMIT 1)
"""


class Command(BaseCommand):
    help = "Export the audit log, verify it, show the public key and the first checkpoint, or erase a person's values."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        export = acts.add_parser("export", help="write a bundle that can be verified offline")
        export.add_argument("--out", required=True, type=Path, help="the zip file to write")
        for key in KEYS:
            export.add_argument(f"--{key}", default="", help="only events that match, as on the audit page")
        export.add_argument("--no-vault", action="store_true", help="leave out names and free text")
        export.add_argument(
            "--wait", type=float, default=15.0, help="seconds to wait for the newest events to be signed"
        )
        acts.add_parser("vkey", help="print the log's public key, to keep away from the portal")
        acts.add_parser("first-checkpoint", help="print the first signed checkpoint, to keep away from the portal")
        acts.add_parser("verify", help="re-compute the whole log; exit code 1 when it was changed")
        erase = acts.add_parser("erase", help="erase a person's names, addresses and words from the log, for good")
        erase.add_argument("--person", required=True, type=int, help="the number in the address of their page")
        erase.add_argument("--value", action="append", default=[], help="also erase this value, such as an address")
        erase.add_argument("--reason", required=True, help="who asked for it; stands in the log, so name nobody")

    def handle(self, *args: Any, **options: Any) -> None:
        acts = {
            "export": self.export,
            "vkey": self.vkey,
            "first-checkpoint": self.first_checkpoint,
            "verify": self.verify,
            "erase": self.erase,
        }
        try:
            acts[options["act"]](options)
        except PortalError as error:
            raise CommandError(error.message) from error

    def export(self, options: dict[str, Any]) -> None:
        selection = Selection.of({key: options[key] for key in KEYS})
        self._wait_until_signed(_record_export(selection), options["wait"])
        with _new_file(options["out"]) as file:
            manifest = bundle.write_bundle(
                file, connection=connection, selection=selection, vault=not options["no_vault"]
            )
        self.stdout.write(
            f"{manifest['events']} of {manifest['size']} signed events written to {options['out']}, "
            f"{manifest['vault_rows']} personal values."
        )
        if manifest["not_yet_signed"]:
            self.stdout.write(f"{manifest['not_yet_signed']} newer events are not signed yet and not in it.")

    def _wait_until_signed(self, event_id: str, seconds: float) -> None:
        """Wait until this event, and with it everything before it, is under a checkpoint."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with connection.cursor() as cursor:
                cursor.execute(COVERED, [event_id])
                if cursor.fetchone():
                    return
            time.sleep(0.2)

    def vkey(self, options: dict[str, Any]) -> None:
        path = settings.SIGNALBOX_CHECKPOINT_DIR / "vkey"
        if not path.is_file():
            raise CommandError(f"There is no {path} yet. The signer writes it at its first start.")
        self.stdout.write(path.read_text(encoding="utf-8").strip())

    def first_checkpoint(self, options: dict[str, Any]) -> None:
        path = settings.SIGNALBOX_CHECKPOINT_DIR / "first"
        stored = AuditCheckpoint.objects.order_by("id").first()
        if path.is_file():
            self.stdout.write(path.read_text(encoding="utf-8"), ending="")
        elif stored:
            self.stdout.write(stored.note, ending="")
        else:
            raise CommandError("Nothing is signed yet. The signer signs within seconds of its first start.")

    def verify(self, options: dict[str, Any]) -> None:
        found = verification.verify(connection, checkpoint_folder=settings.SIGNALBOX_CHECKPOINT_DIR)
        if not found.ok:
            where = "" if found.first_bad_index is None else f" First bad index: {found.first_bad_index}."
            raise CommandError(f"TAMPERED {found.reason}{where}", returncode=1)
        self.stdout.write(f"OK {found.size} events")

    def erase(self, options: dict[str, Any]) -> None:
        actor = actors.system("erasure from the command line", via="command")
        whose = Whose(options["person"], tuple(options["value"]))
        count = erasure.erase(actor=actor, whose=whose, reason=options["reason"])
        self.stdout.write(f"{count} values of person {whose.number} erased from the log. Every proof still holds.")


@transaction.atomic
def _record_export(selection: Selection) -> str:
    """Taking the log away is itself an act; the id of its event."""
    where, values = selection.where()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM audit.event e WHERE true{where}", values)  # noqa: S608
        count = cursor.fetchone()[0]
    receipt = recorder.record(
        "audit.exported",
        actor=actors.system("export from the command line", via="command"),
        subject=Subject("audit_log", "log", "the audit log"),
        data={"query": dict(selection.query), "count": count},
    )
    return receipt.event_id


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name only when it is whole, readable by its owner alone."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
