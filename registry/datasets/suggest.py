"""A first list of checks from what a version holds: a beginning to edit, never set by itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from registry.datasets.kinds import NUMBER, TEXT

FEW = 20
"""A text column with at most so many values, each seen often, is a category."""
OFTEN = 20
"""Rows per value from which on a value is taken to be one of a fixed set."""


def suggested(profile: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Checks that the profiled version passes: whole columns stay whole, categories stay known, numbers stay in
    the range seen, and the next version has at least half as many rows.

    Ranges and categories ask for a look only, since the next version may rightly leave them.
    """
    found: list[dict[str, Any]] = []
    rows = max((int(column["rows"]) for column in profile), default=0)
    if rows > 1:
        found.append({"rule": "rows", "least": rows // 2})
    for column in profile:
        found += _of_column(column)
    return found


def _of_column(column: Mapping[str, Any]) -> list[dict[str, Any]]:
    name, rows, nulls = column["name"], int(column["rows"]), int(column["nulls"])
    found: list[dict[str, Any]] = []
    if rows and not nulls:
        found.append({"rule": "nulls", "column": name, "most": 0})
    if column["kind"] == NUMBER and column["low"] is not None and not column.get("not_finite"):
        found.append({"rule": "range", "column": name, "min": column["low"], "max": column["high"], "blocks": False})
    values = [item["value"] for item in column.get("frequent", [])]
    few = column["kind"] == TEXT and 0 < len(values) == column["distinct"] <= FEW
    if few and rows - nulls >= OFTEN * len(values):
        found.append({"rule": "categories", "column": name, "values": sorted(values), "blocks": False})
    return found
