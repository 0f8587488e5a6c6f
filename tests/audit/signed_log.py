"""A log in PostgreSQL with a sequencer, a signer, an export and an auditor at hand."""

from pathlib import Path
from typing import Any

from portal.audit import bundle, canonical, sequencing
from portal.audit.notes import VerifierKey
from portal.audit.selection import Selection
from portal.audit.signer import Signer
from portal.audit.signer_memory import Memory
from tests.audit.log_database import LogDatabase, body, insert
from tests.waiting import wait_until
from tools import signalbox_audit_verify as offline

WAITING = "SELECT (SELECT count(*) FROM audit.event) - (SELECT count(*) FROM audit.leaf)"


def place_everything(log: LogDatabase) -> None:
    """Place all committed events. Transactions of other tests, in other databases of the server, delay it."""
    with log.connected("sequencer") as opened:

        def done() -> bool:
            sequencing.sequence_batch(opened)
            return log.ask(WAITING) == [(0,)]

        wait_until(done, 20, "all events to be placed")


class SignedLog:
    """`public` is the folder outside the database."""

    def __init__(self, log: LogDatabase, folder: Path) -> None:
        self.log = log
        self.folder = folder
        self.public = folder / "checkpoints"
        self.public.mkdir()

    def settle(self) -> None:
        """Place and sign everything committed."""
        place_everything(self.log)
        memory = Memory(self.folder / "signer", "signalbox/test")
        memory.open()
        try:
            with self.log.connected("signer") as opened:
                signer = Signer(memory, self.public)
                signer.publish_key(signer.begin(opened))
                signer.recheck(opened)
                signer.tick(opened)
        finally:
            memory.close()

    def vkey(self) -> str:
        return VerifierKey.parse((self.public / "vkey").read_text()).text()

    def export(self, query: dict[str, str] | None = None, *, vault: bool = True) -> tuple[dict[str, Any], Path]:
        """The manifest and the file, written under the runtime role."""
        path = self.folder / "bundle.zip"
        with self.log.connected("app") as opened, path.open("wb") as file:
            manifest = bundle.write_bundle(file, connection=opened, selection=Selection.of(query), vault=vault)
        return manifest, path

    def verify(self, path: Path, *options: str) -> int:
        return offline.main([str(path), "--vkey", self.vkey(), *options])

    def write_with_secret(self, value: str) -> bytes:
        """An event with a value in the vault; the commitment."""
        salt = bytes(range(32))
        commitment = canonical.commitment(salt, value)
        with self.log.connected("app") as opened, opened.cursor() as cursor:
            cursor.execute(
                "INSERT INTO audit.pii (commitment, salt, value) VALUES (%s, %s, %s)", [commitment, salt, value]
            )
            insert(opened, body(7, reason={"c": commitment.hex()}))
        return commitment
