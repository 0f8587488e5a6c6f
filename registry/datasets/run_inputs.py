"""Data sets that runs logged as their inputs with MLflow: where their files are, and which of ours they name."""

import json
import re
from collections.abc import Mapping
from typing import Any

from registry.datasets.files import BadData

SHORTEST_DIGEST = 8
_NUMBER = re.compile(r"v([1-9]\d{0,8})")
_HEX = re.compile(rf"(?:sha256:)?([0-9a-f]{{{SHORTEST_DIGEST},64}})")


def source_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Where the files of a logged input can be fetched from. Raises `BadData` with what to do instead.

    `item` is one entry of a run's `datasets`: MLflow's `source` is JSON text with the address under `uri` or `url`.
    """
    try:
        told = json.loads(item.get("source") or "{}")
    except ValueError:
        told = {}
    uri = str(told.get("uri") or told.get("url") or "") if isinstance(told, dict) else ""
    if uri.startswith("s3://"):
        return {"kind": "s3", "uri": uri}
    if uri.startswith("mlflow-artifacts:"):
        path = re.sub(r"^mlflow-artifacts:(//[^/]*)?/*", "", uri)
        return {"kind": "artifact", "path": path}
    if uri.startswith(("file:///", "/")):
        return {"kind": "folder", "path": uri.removeprefix("file://")}
    where = uri or f"a source of the type {item.get('source_type') or 'unknown'}"
    raise BadData(f"The run read it from {where}, where it cannot be fetched from. Upload it, or use a folder or S3.")


def names_number(digest: str) -> int | None:
    """The version number a logged digest like `v3` names; None for any other."""
    found = _NUMBER.fullmatch(digest)
    return int(found[1]) if found else None


def names_digest(digest: str) -> str:
    """The beginning of one of our digests that a logged one names, such as `sha256:3f2a…`; "" when it is none."""
    found = _HEX.fullmatch(digest)
    return f"sha256:{found[1]}" if found else ""
