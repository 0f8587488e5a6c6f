"""All machines of the house, registered by the apps that own them."""

from collections.abc import Callable

from django.db import models

from portal.lifecycle.machine import Machine, State

MACHINES: dict[str, Machine] = {}


def register(*machines: Machine) -> None:
    for machine in machines:
        MACHINES[machine.model_label.lower()] = machine


def machine_for(row: models.Model | type[models.Model]) -> Machine:
    return MACHINES[row._meta.label_lower]


def state_of(row: models.Model) -> State:
    """The state of its status; a row that knows more of how it came to it has a method `told`, which says it."""
    machine = machine_for(row)
    state = machine.state(getattr(row, machine.field))
    told: Callable[[State], State] | None = getattr(row, "told", None)
    return told(state) if told else state


def tone(model_label: str, status: str) -> str:
    return MACHINES[model_label.lower()].state(status).tone


def words(model_label: str, status: str) -> str:
    return MACHINES[model_label.lower()].state(status).words
