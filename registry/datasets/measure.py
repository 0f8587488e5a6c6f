"""Measures a folder of data in a process of its own: `python -m registry.datasets.measure`.

The request comes as JSON on stdin, the answer goes as JSON to stdout. The files were sent by somebody: what parses
them runs inside the sandbox, so that a crash or an attack ends this process and nothing else.
"""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from serving.sandbox import layers
from serving.sandbox.layers import Plan

MEMORY_BYTES = 3 * 1024**3
SCRATCH_BYTES = 64 * 1024**3


def measured(folder: Path, scratch: Path, raw_checks: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    """Columns, rows, profile and the answers to the checks. Raises `BadData` or `BadCheck`."""
    from registry.datasets import checking, checks, profiles, reading

    with reading.table(folder, scratch) as table:
        columns = profiles.profile(table.schema, table.batches())
        results = checking.carried_out(table, checks.parsed(raw_checks), now)
        return {
            "rows": table.rows,
            "columns": [
                {"name": field.name, "type": table.types[field.name], "kind": profiles.kind_of(field.type)}
                for field in table.schema
            ],
            "profile": [column.summary() for column in columns],
            "sketches": [column.as_json() for column in columns],
            "results": [result.as_json() for result in results],
        }


def main(arguments: Sequence[str] = ()) -> int:
    """Answer one request; the exit code is 0 whenever there is an answer, also when it is a refusal."""
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
    os.environ["OMP_NUM_THREADS"] = os.environ["ARROW_NUM_THREADS"] = "1"
    from registry.datasets.checks import BadCheck
    from registry.datasets.files import BadData

    try:
        answer = measured(folder, scratch, request["checks"], datetime.fromisoformat(request["now"]))
    except (BadData, BadCheck) as error:
        answer = {"refused": str(error)}
    except MemoryError:
        answer = {"refused": "Reading it took more memory than one data set may take."}
    json.dump({**answer, "layers": sorted(report.layers)}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
