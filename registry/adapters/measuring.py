"""Has a folder of data measured by a process of its own, inside the sandbox, within a time."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

from portal.core import clock
from registry.datasets.reading import BadData

# Beside those of revision processes, so that the two can never meet.
ACCOUNT = 64_990
SECONDS = 1_800
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


def measure(folder: Path, scratch: Path, checks: list[dict[str, Any]], *, seconds: int = SECONDS) -> dict[str, Any]:
    """Columns, rows, profile, sketches and results of the checks, as `registry.datasets.measure` gives them.

    `scratch` is made, takes what does not fit into memory, and is removed. Raises `BadData` when the files are
    refused, take too long or end the process that reads them.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(scratch, ACCOUNT, ACCOUNT)
    request = {"folder": str(folder), "scratch": str(scratch), "account": ACCOUNT, "checks": checks}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "registry.datasets.measure"],
            input=json.dumps({**request, "now": clock.now().isoformat()}),
            cwd=settings.BASE_DIR,
            env=QUIET,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BadData(f"Reading it took more than {seconds // 60} minutes.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if done.returncode:
        last = done.stderr.strip().rsplit("\n", 1)[-1][:300]
        raise BadData(f"The process that read it ended with {done.returncode}: {last or 'it said nothing'}.")
    answer: dict[str, Any] = json.loads(done.stdout)
    if refused := answer.get("refused"):
        raise BadData(str(refused))
    return answer
