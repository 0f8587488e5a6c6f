"""All gates by their code, in the order in which they are shown."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from deployments.gates import (
    artifact,
    calibration,
    card,
    data_checks,
    incidents,
    quality,
    rehearsal,
    signature,
    slices,
    speed,
)
from deployments.gates.answers import GateAnswer, Limits, shown, with_data
from deployments.gates.facts import GateFacts
from deployments.gates.limits import bad, names
from portal.core.errors import gathered


@dataclass(frozen=True, slots=True)
class Gate:
    """`limits(place, given)` reads the limits or raises `BadInput`; `answer(facts, limits)` judges."""

    code: str
    label: str
    limits: Callable[[str, object], dict[str, Any]]
    answer: Callable[[GateFacts, Limits], GateAnswer]

    @property
    def takes(self) -> str:
        """The limits it reads, in words, as the function that reads them says it."""
        return " ".join((self.limits.__doc__ or "").replace("`", "").split())

    @property
    def inside(self) -> str:
        """Its name inside a sentence."""
        return self.label[0].lower() + self.label[1:]

    @property
    def members(self) -> tuple[str, ...]:
        """The names of the limits it reads, in the order in which that sentence names them."""
        return tuple(dict.fromkeys(re.findall(r"`(\w+)`", self.limits.__doc__ or "")))


def _gate(code: str, module: ModuleType) -> Gate:
    return Gate(code, module.LABEL, module.limits, module.answer)


GATES = {
    gate.code: gate
    for gate in (
        _gate("quality", quality),
        _gate("slices", slices),
        _gate("calibration", calibration),
        _gate("speed", speed),
        _gate("signature", signature),
        _gate("data_checks", data_checks),
        _gate("artifact", artifact),
        _gate("card", card),
        _gate("rehearsal", rehearsal),
        _gate("incidents", incidents),
    )
}


def read(given: object) -> dict[str, dict[str, Any]]:
    """The limits of each gate a policy asks for. Raises `BadInput` that names what is wrong with each.

    Every gate also takes `models`, the names of the models it is asked of; without it, it is asked of all.
    """
    if not isinstance(given, Mapping):
        raise bad("gates", "must be an object of gate to limits")
    found = gathered(*(partial(_limits, code, limits) for code, limits in given.items()))
    return dict(zip(given, found, strict=True))


def _limits(code: str, given: Any) -> dict[str, Any]:
    place = f"gates.{code}"
    if code not in GATES:
        raise bad(place, f"is no gate; there are {', '.join(GATES)}")
    if not isinstance(given, Mapping) or "models" not in given:
        return GATES[code].limits(place, given)
    own = {name: value for name, value in given.items() if name != "models"}
    return {**GATES[code].limits(place, own), "models": names(f"{place}.models", given["models"])}


def asked_of(model: str, limits: Mapping[str, Limits]) -> dict[str, Limits]:
    """Those of the gates that are asked of this model."""
    return {code: one for code, one in limits.items() if model in one.get("models", [model])}


def answers(facts: GateFacts, limits: Mapping[str, Limits]) -> list[dict[str, Any]]:
    """What each gate that is asked of the model says, as plain data in the order of the catalogue."""
    asked = asked_of(facts.model, limits)
    return [shown(code, gate.label, _answer(gate, facts, asked[code])) for code, gate in GATES.items() if code in asked]


def _answer(gate: Gate, facts: GateFacts, limits: Limits) -> GateAnswer:
    found = facts.evaluations.get(str(limits.get("data") or "")) if "data" in gate.members else None
    answer = gate.answer(facts, limits)
    return with_data(answer, found) if found else answer
