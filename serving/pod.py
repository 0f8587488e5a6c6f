"""A revision as the one thing in a container: copied, checked, run and watched by the container's first process.

On a cluster the cluster does what agent, zygote and router do on one machine. What remains is here: no byte is loaded
that was not approved, and the same sandboxed process answers.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from serving import contract, door, launch, places
from serving.agent import copies
from serving.agent.copies import CopyFailed
from serving.contract import Invalid, RevisionSpec
from serving.door import Door
from serving.launch import Launch
from serving.places import Misconfigured, Settings

REVISION, LAST_WORDS, DRAIN = "SIGNALBOX_REVISION", "SIGNALBOX_LAST_WORDS", "SIGNALBOX_DRAIN_SECONDS"
BIND, INSIDE = "SIGNALBOX_REVISION_BIND", "SIGNALBOX_REVISION_INSIDE"
KEYS, ASKED = "SIGNALBOX_KEYS_FILE", "SIGNALBOX_GATEWAY_KEYS"
LOOK_SECONDS = 1.0
"""How often the file with the keys is read; the cluster takes about a minute to bring a new one."""
FINAL = 65
"""The exit code for what no second try would mend; anything else may be tried again."""
AGAIN = 75
MENDABLE = frozenset({"disk_full", "source_unreadable"})


def run(settings: Settings, environ: Mapping[str, str] = os.environ) -> NoReturn:
    """Be the first process of the container. Ends with the revision's process, or with `FINAL` and a reason."""
    spec = _spec(environ)
    settings.places.prepare()
    wanted = launch.make(spec, 0, settings.places, settings.uid_base)
    try:
        copies.make(settings.places, spec, wanted.account)
    except CopyFailed as error:
        _end(AGAIN if error.code in MENDABLE else FINAL, error.code, str(error), environ)
    hashes = None if environ.get(ASKED) == "open" else os.memfd_create("keys")
    questions = os.open(settings.places.questions, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    entry = Door(_listen(environ, INSIDE, "0.0.0.0:8081"), hashes, questions)
    _watch(wanted, _listen(environ, BIND, "0.0.0.0:8080"), entry, environ)


def _spec(environ: Mapping[str, str]) -> RevisionSpec:
    try:
        return contract.revision_from_text(environ.get(REVISION, ""))
    except Invalid as error:
        raise Misconfigured(f"{REVISION} must hold the revision to serve as JSON: {error}.") from error


def _listen(environ: Mapping[str, str], setting: str, default: str) -> socket.socket:
    host, port = places.address(environ.get(setting) or default, setting)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), backlog=1024, family=family)
    listener.setblocking(False)
    return listener


def _keep_keys(path: Path, descriptor: int) -> NoReturn:
    """Bring the keys from the file to the process, for as long as this one lives. Without a file nobody comes in."""
    while True:
        try:
            door.write(descriptor, path.read_text().split() if path.exists() else [])
        except (OSError, ValueError) as error:
            print(f"the keys stay as they are: {error}", flush=True)
        time.sleep(LOOK_SECONDS)


def _watch(wanted: Launch, listener: socket.socket, entry: Door, environ: Mapping[str, str]) -> NoReturn:
    """Start the process with everything imported, as the zygote does, and end as it ends."""
    from serving.zygote import children, imports, words

    imports.import_all()
    children.own_folders(wanted)
    heard, report = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _become(wanted, listener, report, entry)
    os.close(report)
    listener.close()
    if entry.hashes is not None:
        file = Path(environ.get(KEYS) or "/keys/hashes")
        threading.Thread(target=_keep_keys, args=(file, entry.hashes), daemon=True).start()
    drain = float(environ.get(DRAIN) or 5)

    def stop(*_: Any) -> None:
        """The cluster tells its routers at the same moment: what they still send is answered before the end."""
        time.sleep(drain)
        os.kill(pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    with os.fdopen(heard, "rb") as events:
        told = [words.event(line) for line in events]
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    known = [one for one in told if one["event"] != "unreadable"] or told
    if known and known[-1]["event"] != "ready":
        _end(FINAL, known[-1]["code"], known[-1]["reason"], environ)
    # A process that was told to stop ends by that signal once it has answered what it had.
    if code not in (0, -signal.SIGTERM):
        _end(AGAIN, "process_ended", f"The revision's process ended with code {code}.", environ)
    sys.exit(0)


def _become(wanted: Launch, listener: socket.socket, report: int, entry: Door) -> NoReturn:
    """The first step of the new process; whatever happens, it never runs on as a second first process."""
    try:
        from serving.worker import process

        process.run(wanted, listener, report, {}, entry)
    finally:
        os._exit(1)


def _end(exit_code: int, code: str, reason: str, environ: Mapping[str, str]) -> NoReturn:
    """Leave the reason where the cluster reads it, and in the log."""
    print(f"{code}: {reason}", flush=True)
    place = Path(environ.get(LAST_WORDS) or "/dev/termination-log")
    if place.parent.is_dir():
        place.write_text(f"{code}: {reason}"[:4000])
    sys.exit(exit_code)
