"""Scans one folder in a process of its own: `python -m registry.scanning.program`.

The request comes as JSON on stdin, the answer goes as JSON to stdout. The files were sent by somebody: what parses
them runs inside the sandbox, without the network, so that a crash or an attack ends this process and nothing else.
"""

import json
import resource
import sys
import tempfile
from pathlib import Path

from serving.sandbox import layers
from serving.sandbox.layers import Plan

MEMORY_BYTES = 2 * 1024**3
SCRATCH_BYTES = 16 * 1024**3


def main() -> int:
    """Answer one request; the exit code is 0 whenever there is an answer."""
    request = json.load(sys.stdin)
    folder, scratch = Path(request["folder"]), Path(request["scratch"])
    report = layers.apply(
        Plan(
            copy=folder,
            spool=scratch,
            scratch=scratch,
            stage=Path(tempfile.mkdtemp(dir=scratch)),
            code=(*layers.code_paths(), Path(__file__).resolve().parents[1]),
            account=request["account"],
            memory_bytes=MEMORY_BYTES,
            file_bytes=SCRATCH_BYTES,
        ),
        request.get("layers"),
    )
    seconds = int(request["seconds"])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    from registry.scanning import walk
    from registry.scanning.parts import Budget

    budget = Budget()
    budget.until += seconds - 600
    answer = walk.scan(folder, scratch, budget).as_json()
    json.dump({**answer, "layers": sorted(report.layers)}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
