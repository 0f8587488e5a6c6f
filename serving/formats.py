"""Whether loading a version runs code: judged by its loader and its bytes; when in doubt, it does."""

import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import yaml

ZIP = b"PK\x03\x04"
HEAD = 512
LARGEST_DESCRIPTION = 4 * 1024**2
# Types outside skops' own list that were read and build data only.
HARMLESS_TYPES = frozenset(
    {"sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor", "sklearn.tree._tree.Tree"}
)
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


def executes_code(copy: Path, described: Mapping[str, Any]) -> str:
    """As `code_of`, for the files of a folder."""
    heads = {}
    for folder, _, names in os.walk(copy):
        for name in names:
            path = Path(folder) / name
            with path.open("rb") as file:
                heads[str(path.relative_to(copy))] = file.read(HEAD)
    return code_of(described, heads)


def code_of(described: Mapping[str, Any], heads: Mapping[str, bytes]) -> str:
    """Why loading runs code of the version's author, or an empty text when nothing of it can.

    `described` is the file `MLmodel`, `heads` the first `HEAD` bytes of each file under its path. What is not known
    to be harmless is taken to run code.
    """
    function = described["flavors"].get("python_function") or {}
    for name in ("code", "python_model", "model_code_path"):
        if function.get(name) or described.get(name):
            return f"MLmodel names {name}"
    if why := _loader(function, described["flavors"]):
        return why
    return next((f"{path} {why}" for path in sorted(heads) if (why := _suspect(PurePath(path), heads[path]))), "")


def _loader(function: Mapping[str, Any], flavors: Mapping[str, Any]) -> str:
    """The loader decides what bytes mean: a pickle may have any name."""
    loader = function.get("loader_module")
    if loader == "mlflow.onnx":
        return ""
    if loader != "mlflow.sklearn":
        return f"MLmodel names the loader {loader}, which is not known to run no code"
    facts = flavors.get("sklearn") or {}
    if facts.get("code"):
        return "MLmodel names code"
    if facts.get("serialization_format") != "skops":
        return f"its serialization_format is {facts.get('serialization_format')}, not skops"
    unknown = sorted(set(map(str, facts.get("skops_trusted_types") or [])) - HARMLESS_TYPES)
    return f"it asks to trust the type {unknown[0]}" if unknown else ""


def _suspect(path: PurePath, head: bytes) -> str:
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "is a pickle"
    if path.suffix == ".py":
        return "is Python code"
    if path.suffix == ".skops" and head.startswith(ZIP):
        return ""
    if path.suffix in TEXT or path.name in ("MLmodel", "conda.yaml"):
        return ""
    return "has a format that is not known to be harmless"
