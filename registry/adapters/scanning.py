"""Has the files of a version scanned by a process of its own, inside the sandbox, within a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from registry.adapters import jailed
from registry.scanning import outcomes

# Beside those of revision processes, of measuring and of evaluations, so that none of them meet.
ACCOUNT = 64_988
SECONDS = 600


def scan(
    folder: Path, scratch: Path, *, seconds: float = SECONDS, watch: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Outcome, rules, files, findings and packages, as `registry.scanning.outcomes.Scan` gives them.

    A scanner that crashes or takes too long is an answer too: `unknown`.
    """
    if not folder.is_dir():
        return outcomes.failed("scan.nothing", "The store holds no files under this digest.")
    request = {"folder": str(folder), "seconds": int(seconds)}
    try:
        return jailed.ask("registry.scanning.program", request, scratch, ACCOUNT, seconds=seconds, watch=watch)
    except jailed.Ended as error:
        return outcomes.failed("scan.failed", f"The scanner gave no answer. {error}")
