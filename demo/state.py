"""What the building of the world must remember between two starts, and what it leaves for scripts."""

import json
import os
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, Any]:
    """The kept facts, empty before the first."""
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def write(path: Path, facts: dict[str, Any]) -> None:
    """Replace the file at once, readable by its owner only: it holds passwords and tokens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(facts, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
