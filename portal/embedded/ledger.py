"""What runs, on disk: for the next supervisor, for `make status` and for the portal's status page."""

import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from portal import births
from portal.embedded.children import Child

FILE = "processes.json"


@dataclass(frozen=True)
class Entry:
    """One process or step as last seen. Times are seconds since 1970; `born` is as `births` says."""

    name: str
    state: str
    pid: int | None = None
    started: float | None = None
    since: float = 0.0
    restarts: int = 0
    last_exit: int | None = None
    digest: str = ""
    stop_signal: int = 15
    restart_signal: int = 15
    log: str = ""
    kind: str = "service"
    born: str = ""

    @property
    def child(self) -> Child | None:
        """The process as one that an earlier supervisor left."""
        return Child(self.pid, self.started, self.born) if self.pid is not None and self.started is not None else None

    @property
    def alive(self) -> bool:
        return self.child is not None and self.child.exit_code() is None


@dataclass(frozen=True)
class Record:
    """The whole file."""

    supervisor_pid: int
    supervisor_started: float
    var: str
    url: str
    gateway_url: str
    entries: tuple[Entry, ...] = ()
    updated: float = field(default_factory=time.time)
    supervisor_born: str = ""

    def supervisor_alive(self) -> bool:
        return births.is_alive(self.supervisor_pid, self.supervisor_started, self.supervisor_born)


def write(folder: Path, record: Record) -> None:
    """Replace the file in one piece, so a reader never sees half of it."""
    partial = folder / f".{FILE}.{os.getpid()}"
    try:
        partial.write_text(json.dumps({"version": 1, **asdict(record)}, indent=1) + "\n")
        partial.replace(folder / FILE)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def read(folder: Path) -> Record | None:
    """The last record, or None where there is none or it cannot be read."""
    try:
        data: dict[str, Any] = json.loads((folder / FILE).read_text())
        data.pop("version")
        entries = tuple(Entry(**entry) for entry in data.pop("entries"))
        return Record(**data, entries=entries)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def leftovers(record: Record | None) -> Iterable[Entry]:
    """Processes of a supervisor that is gone, the last started first."""
    return [entry for entry in reversed(record.entries if record else ()) if entry.alive]
