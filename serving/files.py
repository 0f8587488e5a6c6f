"""Small files that must never be seen half-written."""

import json
import os
import re
from pathlib import Path
from typing import Any

_HALF = re.compile(r"\..+\.(\d+)\.new")


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write through a temporary name, flush to disk, rename, flush the folder."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    write(path, json.dumps(value, indent=1, sort_keys=True).encode() + b"\n")


def read_json(path: Path) -> Any:
    """The value, or None where there is no file. Raises ValueError for a file that is no JSON."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def remove(path: Path) -> None:
    """Remove a file and flush the folder; a missing file is fine."""
    path.unlink(missing_ok=True)
    flush_folder(path.parent)


def clear(folder: Path) -> None:
    """Remove what processes that were killed have left half-written in a folder."""
    for path in folder.glob(".*.new"):
        found = _HALF.fullmatch(path.name)
        if found and not Path("/proc", found[1]).exists():
            path.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
