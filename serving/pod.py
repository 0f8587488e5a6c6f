"""A revision as the one thing in a container: copied, checked, run and watched by the container's first process.

On a cluster the cluster does what agent, zygote and router do on one machine. What remains is here: no byte is loaded
that was not approved, and the same sandboxed process answers.
"""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from serving import contract, launch, places
from serving.agent import copies
from serving.agent.copies import CopyFailed
from serving.contract import Invalid, RevisionSpec
from serving.launch import Launch
from serving.places import Misconfigured, Settings

REVISION, BIND = "SIGNALBOX_REVISION", "SIGNALBOX_REVISION_BIND"
LAST_WORDS, DRAIN = "SIGNALBOX_LAST_WORDS", "SIGNALBOX_DRAIN_SECONDS"
FINAL = 65
"""The exit code for what no second try would mend; anything else may be tried again."""
AGAIN = 75
MENDABLE = frozenset({"disk_full", "source_unreadable"})


def run(settings: Settings, environ: Mapping[str, str] = os.environ) -> NoReturn:
    """Be the first process of the container. Ends with the revision's process, or with `FINAL` and a reason."""
    spec = _spec(environ)
    host, port = places.address(environ.get(BIND) or "0.0.0.0:8080", BIND)
    settings.places.prepare()
    wanted = launch.make(spec, 0, settings.places, settings.uid_base)
    try:
        copies.make(settings.places, spec, wanted.account)
    except CopyFailed as error:
        _end(AGAIN if error.code in MENDABLE else FINAL, error.code, str(error), environ)
    listener = socket.create_server((host, port), backlog=1024, family=_family(host))
    listener.setblocking(False)
    _watch(wanted, listener, environ)


def _spec(environ: Mapping[str, str]) -> RevisionSpec:
    try:
        body = json.loads(environ.get(REVISION, ""))
        return contract.revision_spec(str(body.pop("id")), body)
    except (Invalid, ValueError, KeyError, AttributeError) as error:
        raise Misconfigured(f"{REVISION} must hold the revision to serve as JSON: {error}.") from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _watch(wanted: Launch, listener: socket.socket, environ: Mapping[str, str]) -> NoReturn:
    """Start the process with everything imported, as the zygote does, and end as it ends."""
    from serving.zygote import children, imports

    imports.import_all()
    children.own_folders(wanted)
    heard, report = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _become(wanted, listener, report)
    os.close(report)
    listener.close()
    drain = float(environ.get(DRAIN) or 5)

    def stop(*_: Any) -> None:
        """The cluster tells its routers at the same moment: what they still send is answered before the end."""
        time.sleep(drain)
        os.kill(pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    with os.fdopen(heard, "rb") as events:
        told = [json.loads(line) for line in events]
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if told and told[-1]["event"] == "failed":
        _end(FINAL, told[-1]["code"], told[-1]["reason"], environ)
    # A process that was told to stop ends by that signal once it has answered what it had.
    if code not in (0, -signal.SIGTERM):
        _end(AGAIN, "process_ended", f"The revision's process ended with code {code}.", environ)
    sys.exit(0)


def _become(wanted: Launch, listener: socket.socket, report: int) -> NoReturn:
    """The first step of the new process; whatever happens, it never runs on as a second first process."""
    try:
        from serving.worker import process

        process.run(wanted, listener, report, {})
    finally:
        os._exit(1)


def _end(exit_code: int, code: str, reason: str, environ: Mapping[str, str]) -> NoReturn:
    """Leave the reason where the cluster reads it, and in the log."""
    print(f"{code}: {reason}", flush=True)
    place = Path(environ.get(LAST_WORDS) or "/dev/termination-log")
    if place.parent.is_dir():
        place.write_text(f"{code}: {reason}"[:4000])
    sys.exit(exit_code)
