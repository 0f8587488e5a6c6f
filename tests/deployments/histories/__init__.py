"""Rollouts that are over, look by look: what the planner was shown, and what it chose. Read, compared and written here.

A file has the rollout's plan as it was pinned and one line for each look. `saw` holds the fields of the snapshot, after
the first look only those that changed; a field or member that is not there has its default, so that what older code
wrote stays readable. `chose` is the command without its defaults. Ids of revisions are "new", "old" and "other".

    python -m tests.deployments.histories

records all of them anew (half a minute): do that only when a changed decision is meant, and read the difference.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from deployments.engine import plans
from deployments.engine.planner import Aim, Command, Probed, Routes, Shadowing, Snapshot, Trial, Watch, decide

FOLDER = Path(__file__).parent
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NESTED: Mapping[str, Callable[..., Any]] = {
    "routes": Routes, "watch": Watch, "shadow": Shadowing, "test": Trial, "probed": Probed, "aim": Aim,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    saw: Snapshot
    chose: Command


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read(name: str) -> list[Look]:
    """The looks of a history. Raises `ValueError` that names it where today's planner knows a field no more."""
    found = json.loads((FOLDER / f"{name}.json").read_text())
    known: dict[str, Any] = {"plan": plans.of_pinned(found["plan"])} if "plan" in found else {}
    looks = []
    for number, one in enumerate(found["looks"], 1):
        try:
            known |= _members(one["saw"])
            looks.append(Look(Snapshot(**known), Command(**_members(one.get("chose", {"do": "wait"})))))
        except TypeError as error:
            raise ValueError(f"{name}, look {number}: {error}") from error
    return looks


def _members(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: NESTED[name](**value) if name in NESTED and value is not None else value for name, value in found.items()
    }


def changes(name: str, looks: Sequence[Look], planner: Callable[[Snapshot], Command] = decide) -> list[str]:
    """What the planner decides otherwise than it did: the history, the look and the difference, one line each."""
    said = []
    for number, look in enumerate(looks, 1):
        now = planner(look.saw)
        if now != look.chose:
            parts = [f.name for f in fields(Command) if getattr(now, f.name) != getattr(look.chose, f.name)]
            words = "; ".join(f"{one} was {getattr(look.chose, one)!r}, is {getattr(now, one)!r}" for one in parts)
            said.append(f"{name}, look {number} of {len(looks)} ({look.saw.status}, step {look.saw.step}): {words}")
    return said


def write(name: str, looks: Sequence[Look]) -> None:
    """Replace the history of this name."""
    lines, before = list[str](), dict[str, Any]()
    for look in looks:
        saw = _data(look.saw, keep=bool(before))
        changed = {one: value for one, value in saw.items() if not before or before[one] != value}
        before = _data(look.saw, keep=True)
        lines.append(json.dumps({"saw": changed, "chose": _data(look.chose)}, ensure_ascii=False))
    steps = ",\n    ".join(json.dumps(plans.data_of(step), ensure_ascii=False) for step in looks[0].saw.plan)
    text = f'{{\n  "plan": [\n    {steps}\n  ],\n  "looks": [\n    ' + ",\n    ".join(lines) + "\n  ]\n}\n"
    (FOLDER / f"{name}.json").write_text(_named(text, looks))


def _data(what: Any, *, keep: bool = False) -> dict[str, Any]:
    """The members of a snapshot or command, without defaults unless they are to be kept; the plan stands apart."""
    found = {}
    for one in fields(what):
        value = getattr(what, one.name)
        if one.name == "plan" or (not keep and value == _default(one)):
            continue
        found[one.name] = _data(value) if is_dataclass(value) and not isinstance(value, type) else value
    return found


def _default(one: "Field[Any]") -> Any:
    return one.default if one.default_factory is MISSING else one.default_factory()


def _named(text: str, looks: Sequence[Look]) -> str:
    """Ids differ from run to run; who they are does not."""
    first = looks[0].saw
    known = {first.target: "new", first.former: "old"}
    return UUID.sub(lambda match: known.get(match[0], "other"), text)
