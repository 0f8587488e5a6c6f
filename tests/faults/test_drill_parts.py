"""The drill itself: its order, and what counts as a success."""

import itertools

from tests.faults import drill
from tests.faults.drill import FAULTS, Fault, Healed
from tests.faults.mixed import Asked, Load

LOAD = Load([Asked("page", 1.0, 0.1, 1), Asked("page", 2.5, 3.0, 4), Asked("page", 6.0, 30.0, 9, "/: 500"),
             Asked("call", 6.0, 0.1, 1)])  # fmt: skip


def test_every_fault_comes_once_before_any_comes_again() -> None:
    found = list(itertools.islice(drill.deck(4), 2 * len(FAULTS)))
    assert set(found[: len(FAULTS)]) == set(found[len(FAULTS) :]) == set(FAULTS)
    assert found[: len(FAULTS)] != found[len(FAULTS) :]


def test_the_same_seed_gives_the_same_order_and_another_another() -> None:
    def first(seed: int) -> list[Fault]:
        return list(itertools.islice(drill.deck(seed), len(FAULTS)))

    assert first(4) == first(4)
    assert first(4) != first(5)


def test_what_was_answered_in_the_end_succeeded() -> None:
    assert LOAD.succeeded("page") == 2 / 3
    assert LOAD.succeeded("call") == 1
    assert [one.sent for one in LOAD.failed] == [6.0]


def test_a_request_belongs_to_the_fault_it_was_sent_under() -> None:
    healed = [Healed(Fault("web", "kill -9"), 2.0, 4.0), Healed(Fault("agent", "freeze"), 5.0, 9.0)]
    said = [line.split() for line in drill.table(healed, LOAD).splitlines()]
    assert said[1] == ["kill", "-9", "web", "1", "1", "0", "3.0", "s", "2.0", "s"]
    assert said[2] == ["freeze", "agent", "2", "1", "1", "30.0", "s", "4.0", "s"]
    assert said[3][:4] == ["everything", "4", "2", "1"]
