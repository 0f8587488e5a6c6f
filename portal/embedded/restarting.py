"""`signalbox restart`: a process that runs ends and comes back, each as its service is restarted best."""

import signal
import time
from pathlib import Path

from portal.embedded import ledger
from portal.embedded.errors import StartError

PATIENCE = 180.0
PAUSE = 0.1


def services(state: Path, names: list[str]) -> dict[str, ledger.Entry]:
    """These services as the supervisor last wrote them down. Raises `StartError` for a name there is not, and when
    nothing runs."""
    record = ledger.read(state)
    if record is None or not record.supervisor_alive():
        raise StartError("Nothing is running. Run make run first.")
    known = {entry.name: entry for entry in record.entries if entry.kind == "service"}
    if unknown := set(names) - set(known):
        raise StartError(f"There is no process {', '.join(sorted(unknown))}. There are: {', '.join(sorted(known))}.")
    return {name: known[name] for name in names}


def restart(state: Path, name: str) -> str:
    """Have one end, and wait until it is ready again; returns a sentence. Raises `StartError` when it is not."""
    entry = services(state, [name])[name]
    if entry.child is None or not entry.alive:
        raise StartError(f"{name} does not run now ({entry.state}), so there is nothing to restart.")
    entry.child.signal(signal.Signals(entry.restart_signal))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = services(state, [name])[name]
        if found.state == "ready" and (found.pid, found.started) != (entry.pid, entry.started):
            return f"{name} is ready again."
        time.sleep(PAUSE)
    raise StartError(f"{name} was not ready again in {PATIENCE:.0f} seconds. make logs NAME={name} says why.")
