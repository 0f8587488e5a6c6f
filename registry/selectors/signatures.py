"""A version's columns beside the champion's: what comes, what goes, and what holds another type."""

from dataclasses import dataclass
from typing import Any

from registry.models import ModelVersion

ORDER = ("new", "gone", "changed", "")


@dataclass(frozen=True, slots=True)
class Column:
    """One input or output. `mark` is new, gone, changed or "" for what stays; `was` is what it was before a change."""

    side: str
    name: str
    kind: str
    mark: str = ""
    was: str = ""


def against(version: ModelVersion, champion: ModelVersion | None) -> list[Column]:
    """The columns of both sides, changes first; without a champion none is marked."""
    found = [column for side in ("inputs", "outputs") for column in _side(side, version, champion)]
    return sorted(found, key=lambda column: ORDER.index(column.mark))


def _side(side: str, version: ModelVersion, champion: ModelVersion | None) -> list[Column]:
    now, before = _kinds(version, side), _kinds(champion, side) if champion else None
    if before is None:
        return [Column(side, name, kind) for name, kind in now.items()]
    gone = [Column(side, name, kind, "gone") for name, kind in before.items() if name not in now]
    return gone + [Column(side, name, kind, _mark(before.get(name), kind), before.get(name, ""))
                   for name, kind in now.items()]  # fmt: skip


def _mark(before: str | None, kind: str) -> str:
    return "new" if before is None else "" if before == kind else "changed"


def _kinds(version: ModelVersion, side: str) -> dict[str, str]:
    columns: list[dict[str, Any]] = version.signature.get(side) or []
    return {
        str(one.get("name", at)): f"{one.get('type')}, {'optional' if one.get('required') is False else 'required'}"
        for at, one in enumerate(columns)
    }
