"""Which files of a version execute code when they are loaded. Judged by their bytes; when in doubt, they do."""

import os
from pathlib import Path
from typing import Any

import yaml

ZIP = b"PK\x03\x04"
HEAD = 512
LARGEST_DESCRIPTION = 4 * 1024**2
TEXT = frozenset({".json", ".txt", ".yaml", ".yml", ".md", ".csv", ".onnx", ".safetensors", ".ubj", ".cbm"})


class BadDescription(ValueError):
    """The file `MLmodel` is missing, too large or cannot be read."""


def description(copy: Path) -> dict[str, Any]:
    """The file `MLmodel` as plain data, read by a parser that builds nothing else. Raises `BadDescription`."""
    path = copy / "MLmodel"
    try:
        if path.stat().st_size > LARGEST_DESCRIPTION:
            raise BadDescription("MLmodel is larger than a description may be")
        found = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        raise BadDescription("there is no file MLmodel at the top of the version") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise BadDescription(f"MLmodel cannot be read: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("flavors"), dict):
        raise BadDescription("MLmodel names no flavors")
    return found


def executes_code(copy: Path, described: dict[str, Any]) -> str:
    """Why loading runs code of the version's author, or an empty text when no file of it can."""
    function = described["flavors"].get("python_function") or {}
    for name in ("code", "python_model", "model_code_path"):
        if function.get(name) or described.get(name):
            return f"MLmodel names {name}"
    for folder, _, names in os.walk(copy):
        for name in sorted(names):
            if why := _suspect(Path(folder) / name):
                return f"{(Path(folder) / name).relative_to(copy)} {why}"
    return ""


def _suspect(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "is a pickle"
    if path.suffix == ".py":
        return "is Python code"
    if path.suffix == ".skops" and head.startswith(ZIP):
        return ""
    if path.suffix in TEXT or path.name in ("MLmodel", "conda.yaml"):
        return ""
    return "has a format that is not known to be harmless"
