"""Every machine of the house, as data: reachable, ending, and refusing what is not in its table."""

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from portal.audit import verbs
from portal.core.errors import Refused
from portal.lifecycle.catalogue import MACHINES
from portal.lifecycle.machine import Event, Machine, State

ALL = sorted(MACHINES.values(), key=lambda m: m.name)


def reachable(machine: Machine, start: str) -> set[str]:
    found, todo = {start}, [start]
    while todo:
        here = todo.pop()
        for event in machine.events:
            if here in event.sources and event.target not in found:
                found.add(event.target)
                todo.append(event.target)
    return found


@pytest.mark.parametrize("machine", ALL, ids=lambda m: m.name)
def test_every_state_is_reachable_and_can_reach_an_end(machine: Machine) -> None:
    assert reachable(machine, machine.initial) == set(machine.names)
    for state in machine.names:
        assert reachable(machine, state) & machine.terminal or machine.name == "model version"


@pytest.mark.parametrize("machine", ALL, ids=lambda m: m.name)
def test_every_event_names_a_registered_verb(machine: Machine) -> None:
    for event in machine.events:
        assert verbs.get(event.verb).name == event.verb


@given(st.sampled_from(ALL), st.data())
def test_a_step_is_in_the_table_or_refused(machine: Machine, data: st.DataObject) -> None:
    status = data.draw(st.sampled_from(machine.names))
    event = data.draw(st.sampled_from([e.name for e in machine.events]))
    if event in machine.allowed(status):
        assert machine.next(status, event) in machine.names
    else:
        with pytest.raises(Refused) as refusal:
            machine.next(status, event)
        assert refusal.value.code == "not_in_this_state"


def test_a_machine_that_names_an_unknown_state_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="unknown states"):
        Machine("x", "a.B", "x", "one", (State("one", "One"),), (Event("go", ("one",), "two", "x.gone"),))


def test_what_is_over_stays_over() -> None:
    promotion = MACHINES["deployments.promotionrequest"]
    assert promotion.terminal == {"rejected", "withdrawn", "expired", "superseded", "failed", "rolled_back"}
    assert MACHINES["deployments.rollout"].terminal == {"completed", "aborted"}


def test_the_document_of_the_machines_is_fresh() -> None:
    call_command("state_diagrams", check=True)
