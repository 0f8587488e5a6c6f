"""What the `MLmodel` file of a version says, read with a safe loader and never acted on."""

import json
from typing import Any

import yaml

from registry.policies import paths

MAX_YAML = 256 * 1024


class BadModel(Exception):
    """The files cannot be served; the message says why."""


def mlmodel(raw: bytes) -> dict[str, Any]:
    """The `MLmodel` file as plain data; raises `BadModel` when it is too large, no YAML, or full of anchors."""
    if len(raw) > MAX_YAML:
        raise BadModel("MLmodel is larger than 256 KiB.")
    if raw.count(b"&") > 20 and raw.count(b"*") > 20:
        raise BadModel("MLmodel uses YAML anchors like a bomb does.")
    try:
        found = yaml.safe_load(raw)
    except yaml.YAMLError as error:
        raise BadModel("MLmodel is not plain YAML.") from error
    if not isinstance(found, dict) or not isinstance(found.get("flavors"), dict):
        raise BadModel("MLmodel names no flavors.")
    return found


def signature(found: dict[str, Any]) -> dict[str, Any]:
    """Inputs and outputs as lists of columns; empty when the model was logged without a signature."""
    given = found.get("signature")
    if not isinstance(given, dict):
        return {}
    sides = {}
    for side in ("inputs", "outputs", "params"):
        text = given.get(side)
        if isinstance(text, str):
            try:
                sides[side] = json.loads(text)
            except ValueError as error:
                raise BadModel(f"The signature's {side} are not JSON.") from error
    return sides


def flavors(found: dict[str, Any]) -> dict[str, Any]:
    """Flavor to the few facts that are shown: library version and serialisation."""
    return {
        str(name)[:60]: {
            key: str(value)[:120] for key, value in facts.items() if key.endswith("version") or "format" in key
        }
        for name, facts in found["flavors"].items()
        if isinstance(facts, dict)
    }


def example_path(found: dict[str, Any]) -> str:
    """Where the input example is, "" without one."""
    info = found.get("saved_input_example_info")
    path = info.get("artifact_path") if isinstance(info, dict) else None
    return paths.checked(path) if isinstance(path, str) else ""
