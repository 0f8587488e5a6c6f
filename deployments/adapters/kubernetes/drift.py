"""What of ours on the cluster is not as we wrote it, and who changed it. Pure.

Server-side apply notes for every field which manager set it last. A field of ours that somebody else changes leaves
our name: that is what is looked for, not only another value, so what was changed and half changed back shows too.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deployments.adapters.kubernetes.names import MANAGER

Json = dict[str, Any]
SHOWN, LONGEST = 3, 60
MISSING = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """`by` names the managers that hold the field now; `ours` means that we wrote it so ourselves, before."""

    path: tuple[str, ...]
    wanted: Any
    live: Any
    ours: bool
    by: str = ""

    def __str__(self) -> str:
        what = "is gone" if self.live is MISSING else f"is {_short(self.live)}"
        return f"{'.'.join(self.path)} {what}, wanted is {_short(self.wanted)} (changed by {self.by or 'others'})"


@dataclass(frozen=True, slots=True)
class Drift:
    """`foreign` was changed by others; `stale` is as we wrote it before the settings changed."""

    foreign: tuple[Difference, ...] = ()
    stale: tuple[Difference, ...] = ()

    def __str__(self) -> str:
        """What others changed; "" for nothing."""
        more = f", and {len(self.foreign) - SHOWN} more" if len(self.foreign) > SHOWN else ""
        return "; ".join(map(str, self.foreign[:SHOWN])) + more

    def beside(self, *path: str) -> "Drift":
        """Without what others changed right there."""
        return Drift(tuple(one for one in self.foreign if one.path != path), self.stale)

    def foreign_below(self, *path: str) -> bool:
        """Whether others changed something there, or a whole of which it is a part."""
        return any(one.path[: len(path)] == path[: len(one.path)] for one in self.foreign)


@dataclass(frozen=True, slots=True)
class _Place:
    """A field on the way down: its names for people, and what lies there in each manager's tree (None: nothing)."""

    path: tuple[str, ...]
    ours: Json | None
    others: tuple[tuple[str, Json | None], ...]

    def below(self, name: str, element: Any = None) -> "_Place":
        others = tuple((manager, _step(tree, name, element)) for manager, tree in self.others)
        return _Place((*self.path, name), _step(self.ours, name, element), others)


def find(wanted: Json, live: Json) -> Drift:
    """Every field of `wanted`, except for what names the object, as it is in `live`."""
    managers = live.get("metadata", {}).get("managedFields") or []
    ours = [one for one in managers if one.get("manager") == MANAGER and one.get("operation") == "Apply"]
    others = [(str(one.get("manager")), one.get("fieldsV1") or {}) for one in managers if one not in ours]
    root = _Place((), ours[0].get("fieldsV1") if ours else None, tuple(others))
    found: list[Difference] = []
    for section in ("labels", "annotations"):
        held = live.get("metadata", {}).get(section, {})
        place = root.below("metadata").below(section)
        found += _walk(wanted["metadata"].get(section, {}), held, place)
    found += _walk(wanted["spec"], live.get("spec", MISSING), root.below("spec"))
    return Drift(tuple(one for one in found if not one.ours), tuple(one for one in found if one.ours))


def owned(live: Json, *path: str) -> bool:
    """Whether a field is ours, as we wrote it last."""
    managers = live.get("metadata", {}).get("managedFields") or []
    ours = [one for one in managers if one.get("manager") == MANAGER and one.get("operation") == "Apply"]
    tree: Json | None = ours[0].get("fieldsV1") if ours else None
    for name in path:
        tree = _step(tree, name, None)
    return tree is not None


def _walk(wanted: Any, live: Any, place: _Place) -> Iterator[Difference]:
    if place.ours and isinstance(wanted, dict) and isinstance(live, dict):
        for name, value in wanted.items():
            yield from _walk(value, live.get(name, MISSING), place.below(name))
    elif place.ours and isinstance(wanted, list) and isinstance(live, list) and _keyed(place.ours):
        for element in wanted:
            name = str(element.get("name") or element.get("mountPath") or element.get("port") or "item")
            yield from _walk(element, _same(element, live, place.ours), place.below(name, element))
    elif place.ours is None:
        by = sorted({manager for manager, tree in place.others if tree is not None})
        yield Difference(place.path, wanted, live, ours=False, by=", ".join(by))
    elif not _covers(live, wanted):
        yield Difference(place.path, wanted, live, ours=True)


def _step(tree: Json | None, name: str, element: Any) -> Json | None:
    """One level down a tree of owned fields; an empty tree owns all below it."""
    if tree is None or tree == {}:
        return tree
    if element is None:
        return tree.get(f"f:{name}")
    return next((found for key, found in tree.items() if _is_key_of(key, element)), None)


def _keyed(tree: Json) -> bool:
    return any(key.startswith("k:") for key in tree)


def _is_key_of(key: str, element: Any) -> bool:
    return key.startswith("k:") and _covers(element, json.loads(key[2:]))


def _same(element: Any, live: list[Any], tree: Json) -> Any:
    """The element of the live list with the same key, however the cluster has ordered them."""
    keys = [json.loads(key[2:]) for key in tree if _is_key_of(key, element)]
    return next((one for one in live if keys and _covers(one, keys[0])), MISSING)


def _covers(live: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there; defaults that the cluster filled in do not count against it."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(_covers(live.get(name, MISSING), wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        same_length = isinstance(live, list) and len(live) == len(wanted)
        return same_length and all(_covers(one, other) for one, other in zip(live, wanted, strict=True))
    return bool(live == wanted)


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
