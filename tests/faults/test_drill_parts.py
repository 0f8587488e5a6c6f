"""The drill itself: its order, what counts as a success, and what as a broken promise."""

import itertools
import re

import pytest

from tests.faults import deck, reckoning
from tests.faults.deck import FAULTS, PORTAL, Fault, Promise
from tests.faults.drill import Healed
from tests.faults.mixed import Asked, Load, Trouble
from tests.stack import PROJECT

LOAD = Load([
    Asked("page", 1.0, 0.1, 1),
    Asked("page", 2.5, 3.0, 4, troubles=(Trouble(3.5, 502, "was answered 502"),)),
    Asked("page", 6.0, 30.0, 9, "/: 500"),
    Asked("call", 6.0, 0.1, 1),
])  # fmt: skip
UNNOTICED, AWAY, SAYS_SO = Promise(), Promise(PORTAL, within=5), Promise(PORTAL, says_so=True, within=5)
SAID = Trouble(12.0, 503, "was answered 503", later=True)
SILENT = Trouble(12.0, 0, "got no answer")


def first(seed: int, count: int = len(FAULTS)) -> list[Fault]:
    return list(itertools.islice(deck.deal(seed), count))


def test_every_fault_comes_once_before_any_comes_again() -> None:
    found = first(4, 2 * len(FAULTS))
    assert set(found[: len(FAULTS)]) == set(found[len(FAULTS) :]) == set(FAULTS)
    assert found[: len(FAULTS)] != found[len(FAULTS) :]


@pytest.mark.parametrize("seed", range(20))
def test_every_process_has_had_a_fault_before_any_has_its_second(seed: int) -> None:
    names = [fault.name for fault in first(seed, len(deck.PROCESSES) + 1)]
    assert set(names) == {*deck.PROCESSES, deck.REVISION}


def test_the_same_seed_gives_the_same_order_and_another_another() -> None:
    assert first(4) == first(4)
    assert first(4) != first(5)


def test_every_promise_is_about_a_fault() -> None:
    assert set(deck.PROMISES) <= set(deck.KINDS)


def test_the_papers_promise_the_same() -> None:
    words = {"pages": "page", "calls": "call", "predictions": "prediction"}
    papers = (PROJECT / "docs" / "operations.md").read_text()
    found = {}
    for name, hows, kinds, seconds in re.findall(r"^\| (\w+) \| ([^|]+) \| ([^|]+) \| (\d+) s \|", papers, re.M):
        for how in hows.split(", "):
            found[name, how] = (frozenset(words[kind] for kind in kinds.split(", ")), float(seconds))
    assert found == {about: (promise.again, promise.within) for about, promise in deck.PROMISES.items()}


def test_what_was_answered_in_the_end_succeeded() -> None:
    assert LOAD.succeeded("page") == 2 / 3
    assert LOAD.succeeded("call") == 1
    assert [one.sent for one in LOAD.failed] == [6.0]


def test_a_request_belongs_to_the_fault_it_was_sent_under() -> None:
    healed = [Healed(Fault("web", "kill -9"), 2.0, 4.0), Healed(Fault("agent", "freeze"), 5.0, 9.0)]
    said = [line.split() for line in reckoning.table(healed, LOAD).splitlines()]
    assert said[1] == ["kill", "-9", "web", "1", "1", "0", "1.5", "s", "3.0", "s", "2.0", "s"]
    assert said[2] == ["freeze", "agent", "2", "1", "1", "0.0", "s", "30.0", "s", "4.0", "s"]
    assert said[3][:4] == ["everything", "4", "2", "1"]


@pytest.mark.parametrize(
    ("promise", "kind", "trouble", "words"),
    [
        (UNNOTICED, "page", SAID, "nobody may notice"),
        (AWAY, "page", SILENT, ""),
        (AWAY, "prediction", SILENT, "nobody may notice"),
        (AWAY, "call", Trouble(15.5, 0, "got no answer"), "over after 5 s"),
        (SAYS_SO, "call", SAID, ""),
        (SAYS_SO, "call", SILENT, "503 and when to come again"),
        (SAYS_SO, "page", Trouble(12.0, 503, "was answered 503"), "503 and when to come again"),
        (SAYS_SO, "page", Trouble(12.0, 502, "was answered 502", later=True), "503 and when to come again"),
        (UNNOTICED, "page", Trouble(9.9, 0, "before the fault"), ""),
        (UNNOTICED, "page", Trouble(20.0, 0, "under the next one"), ""),
    ],
)
def test_what_went_wrong_under_a_fault_is_held_against_its_promise(
    promise: Promise, kind: str, trouble: Trouble, words: str
) -> None:
    healed = [Healed(Fault("web", "kill -9", promise), 10.0, 13.0), Healed(Fault("web", "freeze", AWAY), 20.0, 24.0)]
    load = Load([Asked(kind, 9.0, 4.0, 2, troubles=(trouble,))])
    found = [line for line in reckoning.broken(healed, load) if trouble.at < 20.0]
    assert [words in line for line in found] == ([True] if words else [])


@pytest.mark.parametrize(("seconds", "slowed"), [(0.3, False), (0.31, True)])
def test_slow_clients_may_make_the_others_three_times_slower_and_no_more(seconds: float, slowed: bool) -> None:
    healed = [Healed(Fault("router", deck.SLOW), 14.0, 19.0, calm=10.0)]
    calm = [Asked("prediction", 10.0 + i / 10, 0.1, 1) for i in range(40)]
    load = Load(
        [*calm, *(Asked("prediction", 14.0 + i / 10, seconds, 1) for i in range(40)), Asked("page", 15.0, 9.0, 1)]
    )
    assert bool(reckoning.broken(healed, load)) is slowed
