"""Has a folder of data measured by a process of its own, inside the sandbox, within a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from portal.core import clock
from registry.adapters import jailed
from registry.datasets.files import BadData

# Beside those of revision processes, so that the two can never meet.
ACCOUNT = 64_990
SECONDS = 1_800


def measure(
    folder: Path,
    scratch: Path,
    checks: list[dict[str, Any]],
    *,
    seconds: int = SECONDS,
    watch: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Columns, rows, profile, sketches and results of the checks, as `registry.datasets.measure` gives them.

    `scratch` is made, takes what does not fit into memory, and is removed. `watch` is called every few seconds, keeps
    the caller's lease, and may raise to stop. Raises `BadData` when the files are refused, take too long or end the
    process that reads them.
    """
    request = {"folder": str(folder), "checks": checks, "now": clock.now().isoformat()}
    try:
        answer = jailed.ask("registry.datasets.measure", request, scratch, ACCOUNT, seconds=seconds, watch=watch)
    except jailed.Ended as error:
        raise BadData(f"Reading the data came to nothing. {error}") from error
    if refused := answer.get("refused"):
        raise BadData(str(refused))
    return answer
