"""All machines of the house, registered by the apps that own them."""

from django.db import models

from portal.lifecycle.machine import Machine, State

MACHINES: dict[str, Machine] = {}


def register(*machines: Machine) -> None:
    for machine in machines:
        MACHINES[machine.model_label.lower()] = machine


def machine_for(row: models.Model | type[models.Model]) -> Machine:
    return MACHINES[row._meta.label_lower]


def state_of(row: models.Model) -> State:
    machine = machine_for(row)
    return machine.state(getattr(row, machine.field))


def tone(model_label: str, status: str) -> str:
    return MACHINES[model_label.lower()].state(status).tone


def words(model_label: str, status: str) -> str:
    return MACHINES[model_label.lower()].state(status).words
