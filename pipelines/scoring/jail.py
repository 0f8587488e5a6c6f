"""What all three programs do first: read their request, go into the sandbox, and end with who forked them."""

import json
import os
import resource
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.sandbox import kernel, layers
from serving.sandbox.layers import Plan, Report

PARENT_DEATH = 1
FILE_BYTES = 64 * 1024**3
PACKAGE = Path(__file__).resolve().parents[1]
forked_by = os.getppid()
"""The process with which this one has to end; the one that forks programs writes itself here."""


@dataclass(frozen=True)
class Jailed:
    """The request, and what the sandbox is made of on this host."""

    request: dict[str, Any]
    report: Report


def asked() -> dict[str, Any]:
    """The request, from the file that the command line names. It can be read only before the sandbox."""
    found: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    return found


def enter(read: str, write: str, more: tuple[Path, ...] = ()) -> Jailed:
    """Go in. `read` and `write` name the members of the request with the one folder each that may be seen."""
    request = asked()
    os.environ["OMP_NUM_THREADS"] = os.environ["ARROW_NUM_THREADS"] = "1"
    scratch, spool = Path(request["scratch"]), Path(request[write])
    report = layers.apply(
        Plan(
            copy=Path(request[read]),
            spool=spool,
            scratch=scratch,
            stage=Path(tempfile.mkdtemp(dir=scratch)),
            code=(*layers.code_paths(), PACKAGE, *more),
            account=request["account"],
            memory_bytes=request["memory_bytes"],
            file_bytes=FILE_BYTES,
        ),
        request.get("layers"),
    )
    seconds = int(request["seconds"]) * (os.cpu_count() or 1) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    # After the change of account, which takes it away; who had gone already cannot be waited for.
    kernel.prctl(PARENT_DEATH, signal.SIGKILL)
    if os.getppid() != forked_by:
        os._exit(70)
    return Jailed(request, report)
