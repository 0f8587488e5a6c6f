"""Before and after of two JSON values, field by field. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MISSING = object()


@dataclass(frozen=True, slots=True)
class Row:
    """`kind` is added, removed, changed or same; a missing side is an empty text."""

    path: str
    kind: str
    was: str
    now: str


def in_words(value: Any) -> str:
    if value is MISSING:
        return ""
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key in value:
            yield from _leaves(value[key], f"{path}.{key}" if path else str(key))
    elif path or value not in (None, {}):
        yield path or "value", value


def _kind(was: Any, now: Any) -> str:
    if was is MISSING:
        return "added"
    if now is MISSING:
        return "removed"
    return "same" if was == now else "changed"


def rows(before: Any, after: Any, *, everything: bool = False) -> list[Row]:
    """Differences in the order of the later value; with `everything`, the fields that stayed the same too."""
    was, now = dict(_leaves(before, "")), dict(_leaves(after, ""))
    found = []
    for path in [*now, *(path for path in was if path not in now)]:
        old, new = was.get(path, MISSING), now.get(path, MISSING)
        kind = _kind(old, new)
        if everything or kind != "same":
            found.append(Row(path, kind, in_words(old), in_words(new)))
    return found
