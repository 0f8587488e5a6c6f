"""All gates by their code, in the order in which they are shown."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

from deployments.gates import artifact, calibration, data_checks, quality, slices, speed
from deployments.gates.answers import GateAnswer, Limits
from deployments.gates.facts import GateFacts
from deployments.gates.limits import bad


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


def _gate(code: str, module: ModuleType) -> Gate:
    return Gate(code, module.LABEL, module.limits, module.answer)


GATES = {
    gate.code: gate
    for gate in (
        _gate("quality", quality),
        _gate("slices", slices),
        _gate("calibration", calibration),
        _gate("speed", speed),
        _gate("data_checks", data_checks),
        _gate("artifact", artifact),
    )
}


def read(given: object) -> dict[str, dict[str, Any]]:
    """The limits of each gate a policy asks for. Raises `BadInput` that names the member that is wrong."""
    if not isinstance(given, Mapping):
        raise bad("gates", "must be an object of gate to limits")
    if unknown := sorted(set(given) - set(GATES)):
        raise bad(f"gates.{unknown[0]}", f"is no gate; there are {', '.join(GATES)}")
    return {code: GATES[code].limits(f"gates.{code}", limits) for code, limits in given.items()}


def answers(facts: GateFacts, asked: Mapping[str, Limits]) -> list[dict[str, Any]]:
    """What each gate a policy asks for says, as plain data in the order of the catalogue."""
    found = []
    for code, gate in GATES.items():
        if code in asked:
            said = asdict(gate.answer(facts, asked[code]))
            found.append({"code": code, "label": gate.label, "note": said.pop("sentence"), **said})
    return found
