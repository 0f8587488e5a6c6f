"""What the signer remembers on its own disk: its key and the last head it has signed. Knows no Django.

The head is written and flushed to disk before a signature over it leaves the process. So whatever happens to the
database, the signer never signs two histories.
"""

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.audit.notes import Checkpoint, NoteError, SigningKey
from portal.audit.process import IncidentError

KEY, STATE, REFUSED, LOCK = "key", "state.json", "refused.json", "lock"


class RefusalError(IncidentError):
    """The signer will not sign: the log it sees does not continue the log it has signed."""

    def __init__(self, reason: str, **facts: Any) -> None:
        super().__init__(f"REFUSED to sign: {reason}")
        self.reason = reason
        self.facts = facts


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace a file so that after a crash it holds the old or the new text, never a part."""
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@dataclass
class Memory:
    """The signer's own folder. One process at a time holds it."""

    folder: Path
    origin: str
    key: SigningKey | None = None
    head: Checkpoint | None = None
    _lock: int = -1

    def open(self) -> None:
        """Take the folder and read what is in it. Ends the process with a sentence when it is taken or unreadable."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"Another signer is using {self.folder}. Stop it first.") from None
        try:
            self.key, self.head = self._read_key(), self._read_head()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SystemExit(f"The signer's folder {self.folder} cannot be read: {error}") from error
        if self.key and not self.head:
            raise SystemExit(
                f"{self.folder / STATE} is gone, so the signer no longer knows what it has signed. "
                "Restore the folder from the backup."
            )

    def close(self) -> None:
        os.close(self._lock)

    def _read_key(self) -> SigningKey | None:
        path = self.folder / KEY
        if not path.exists():
            return None
        if path.stat().st_mode & 0o077:
            raise NoteError(f"others may read {path}; it must have mode 0400")
        key = SigningKey.parse(path.read_text(encoding="utf-8"))
        if key.name != self.origin:
            raise NoteError(f"the key belongs to the log {key.name!r}, SIGNALBOX_LOG_ORIGIN says {self.origin!r}")
        return key

    def _read_head(self) -> Checkpoint | None:
        path = self.folder / STATE
        if not path.exists():
            return None
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["origin"] != self.origin:
            raise NoteError(f"the state belongs to the log {found['origin']!r}")
        return Checkpoint(found["origin"], int(found["size"]), bytes.fromhex(found["root"]))

    def begin(self, head: Checkpoint) -> SigningKey:
        """Make the key, once. The head comes first: a key without one would not know what it has signed."""
        key = SigningKey.generate(self.origin)
        self.remember(head)
        path = self.folder / KEY
        write_whole(path, key.text() + "\n", 0o400)
        self.key = key
        return key

    def remember(self, head: Checkpoint) -> None:
        """Keep a head for good. Only after this may a signature over it leave."""
        state = {"origin": head.origin, "size": head.size, "root": head.root.hex(), "at": _now()}
        write_whole(self.folder / STATE, json.dumps(state) + "\n", 0o600)
        self.head = head

    def refused(self, found: IncidentError, public: Path) -> None:
        """Leave the refusal where people and the portal see it."""
        if not isinstance(found, RefusalError):
            return
        text = json.dumps({"at": _now(), "reason": found.reason} | found.facts, indent=1) + "\n"
        for folder in (self.folder, public):
            if not (folder / REFUSED).exists():
                write_whole(folder / REFUSED, text)

    def resolved(self, public: Path) -> None:
        """The log continues what was signed again: keep the refusal as a record under another name."""
        for folder in (self.folder, public):
            if (folder / REFUSED).exists():
                (folder / REFUSED).rename(folder / f"refused-until-{int(time.time())}.json")


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
