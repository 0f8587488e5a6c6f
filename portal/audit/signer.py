"""Signs the head of the audit log: `python -m portal.audit.signer`. A process, role, account and key of its own.

It signs every second while the log grows and every minute while it does not, so that a gap is itself a sign. It signs
only what continues the last head it has signed, which it keeps on its own disk. Each checkpoint goes into a folder
outside the database too. Knows no Django.

Settings: DATABASE_SIGNER_URL, SIGNALBOX_SIGNER_DIR, SIGNALBOX_CHECKPOINT_DIR, SIGNALBOX_LOG_ORIGIN.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from portal.audit import leaves, process
from portal.audit.leaves import LeavesError
from portal.audit.merkle import CompactRange
from portal.audit.notes import Checkpoint, SigningKey
from portal.audit.process import Stopping
from portal.audit.signer_memory import Memory, RefusalError, write_whole

log = logging.getLogger("signer")

LOOK_EVERY = 1.0
SIGN_IDLE_EVERY = 55.0
RECHECK_EVERY = 3600.0
VKEY, LATEST, FIRST = "vkey", "latest", "first"


class Signer:
    """Continues one log. `clock` gives POSIX seconds; `folder` is where checkpoints and the public key are put."""

    def __init__(self, memory: Memory, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.memory = memory
        self.folder = folder
        self.clock = clock
        self.edge = CompactRange()
        self.last_leaf = b""
        self.last_signed: float | None = None
        self.signed_at = 0

    def begin(self, connection: Connection, *, new_key: bool = False) -> SigningKey:
        """The key, made on the very first start. Raises RefusalError when it is missing but should not be."""
        if self.memory.key:
            return self.memory.key
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM audit.checkpoint LIMIT 1")
            signed_before = bool(cursor.fetchone() or (self.memory.head and self.memory.head.size))
        if signed_before and not new_key:
            raise RefusalError(
                "this log was signed before and the key is gone. Restore the signer's folder from the backup, or, "
                "when it is lost, run the signer once with --new-key and tell the auditors"
            )
        edge = CompactRange()
        if signed_before:
            edge.extend(leaves.read(connection, 0, leaves.size(connection)))
        return self.memory.begin(Checkpoint(self.memory.origin, edge.size, edge.root()))

    def publish_key(self, key: SigningKey) -> None:
        """Put the public key where everybody may read it; a former one is kept beside it."""
        text = key.verifier().text() + "\n"
        path = self.folder / VKEY
        former = path.read_text(encoding="utf-8") if path.exists() else text
        if former != text:
            write_whole(self.folder / f"{VKEY}-until-{int(self.clock())}", former)
        write_whole(path, text)

    def recheck(self, connection: Connection) -> None:
        """Read the whole log up to the last signed head and compare. Raises RefusalError when it differs."""
        head = self._head()
        edge, leaf = CompactRange(), b""
        try:
            for leaf in leaves.read(connection, 0, head.size):
                edge.append(leaf)
        except LeavesError as error:
            raise self._refusal(f"leaves that were signed are gone ({error})", edge) from error
        if edge.root() != head.root:
            raise self._refusal("leaves that were signed have changed", edge)
        self.edge, self.last_leaf = edge, leaf
        self.memory.resolved(self.folder)

    def tick(self, connection: Connection) -> Checkpoint | None:
        """Sign if the log has grown or the last signature is old; the checkpoint that was signed."""
        size = leaves.size(connection)
        self._compare_end(connection, size)
        idle_for = None if self.last_signed is None else self.clock() - self.last_signed
        if size == self.edge.size and idle_for is not None and 0 <= idle_for < SIGN_IDLE_EVERY:
            return None
        edge, leaf = self.edge.copy(), self.last_leaf
        for leaf in leaves.read(connection, edge.size, size):
            edge.append(leaf)
        head = Checkpoint(self.memory.origin, edge.size, edge.root())
        self.memory.remember(head)
        self.edge, self.last_leaf = edge, leaf
        self.last_signed = None  # whatever fails below, the next look signs again
        self._publish(connection, head)
        return head

    def _head(self) -> Checkpoint:
        assert self.memory.head is not None
        return self.memory.head

    def _compare_end(self, connection: Connection, size: int) -> None:
        """The cheap look of every second: the log is not shorter, and its last signed leaf is the one we know."""
        if size < self.edge.size:
            raise self._refusal("the log became shorter", self.edge)
        if self.edge.size and list(leaves.read(connection, self.edge.size - 1, self.edge.size)) != [self.last_leaf]:
            raise self._refusal("the last signed leaf has changed", self.edge)

    def _refusal(self, reason: str, found: CompactRange) -> RefusalError:
        head = self._head()
        return RefusalError(
            f"{reason}. The database was restored or changed. Do not delete the signer's folder; see docs/audit.md",
            signed={"size": head.size, "root": head.root.hex()},
            found={"size": found.size, "root": found.root().hex()},
        )

    def _publish(self, connection: Connection, head: Checkpoint) -> None:
        assert self.memory.key is not None
        self.signed_at = max(int(self.clock()), self.signed_at)
        note = self.memory.key.sign(head, self.signed_at)
        day = self.folder / time.strftime("%Y-%m-%d", time.gmtime(self.signed_at))
        day.mkdir(mode=0o755, exist_ok=True)
        if not (self.folder / FIRST).exists():
            write_whole(self.folder / FIRST, note)
        write_whole(day / f"{head.size:012d}.txt", note)
        write_whole(self.folder / LATEST, note)
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO audit.checkpoint (size, root, note) VALUES (%s, %s, %s)", [head.size, head.root, note]
            )
        self.last_signed = self.clock()
        log.debug("signed %d leaves", head.size)


def session(signer: Signer, connection: Connection, stopping: Stopping, *, new_key: bool = False) -> None:
    """Sign as the log grows until asked to stop. Starts with a look at the whole log, and looks again every hour."""
    signer.publish_key(signer.begin(connection, new_key=new_key))
    while not stopping:
        signer.recheck(connection)
        log.info("Signing %s from size %d on.", signer.memory.origin, signer.edge.size)
        until = time.monotonic() + RECHECK_EVERY
        while not stopping and time.monotonic() < until:
            signer.tick(connection)
            stopping.wait(LOOK_EVERY)


def once(signer: Signer, url: str, *, new_key: bool = False) -> int:
    """Check the whole log, sign it, and give the exit code: 0 signed, 1 refused."""
    opened = process.connect(url, "signer")
    try:
        signer.publish_key(signer.begin(opened, new_key=new_key))
        signer.recheck(opened)
        signer.tick(opened)
    except RefusalError as found:
        log.critical("%s", found)
        signer.memory.refused(found, signer.folder)
        return 1
    finally:
        opened.close()
    return 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m portal.audit.signer", description=__doc__)
    parser.add_argument("--once", action="store_true", help="check everything, sign once and end; exit 1 when refused")
    parser.add_argument("--new-key", action="store_true", help="the key is lost: go on with a new one, with --once")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s %(message)s")
    url = process.check_address("DATABASE_SIGNER_URL")
    places = [os.environ.get(name, "") for name in ("SIGNALBOX_SIGNER_DIR", "SIGNALBOX_CHECKPOINT_DIR")]
    if not all(places):
        raise SystemExit("Set SIGNALBOX_SIGNER_DIR and SIGNALBOX_CHECKPOINT_DIR to folders the signer may write.")
    memory = Memory(Path(places[0]), os.environ.get("SIGNALBOX_LOG_ORIGIN") or "signalbox/local")
    memory.open()
    signer = Signer(memory, Path(places[1]))
    signer.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    if options.once or options.new_key:
        return once(signer, url, new_key=options.new_key)
    stopping = Stopping()
    stopping.listen()
    process.keep_connected(
        url,
        "signer",
        lambda opened: session(signer, opened, stopping),
        stopping,
        on_incident=lambda found: memory.refused(found, signer.folder),
    )
    log.info("Signer stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
