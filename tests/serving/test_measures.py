"""Live measures: what is counted as what, and that nothing is lost or counted twice when parts die."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from serving import contract
from serving.contract import LATENCY_EDGES_MS, UNIT_CELLS, Invalid, Measures
from serving.measures import Counts, Deaths, cell_of, label, label_of, with_deaths
from serving.router import stats
from serving.worker import answers
from serving.worker.calls import Call
from serving.worker.refusals import Refusal
from serving.worker.signature import Column, Tensor
from tests.serving.plane import Plane, end
from tests.serving.zoo import Zoo, body
from tests.waiting import wait_until


def bucket(latency_ms: float) -> int:
    counts = Counts("r", "e")
    counts.answered("stable", latency_ms)
    return counts.latency.index(1)


def test_a_latency_falls_between_its_edges() -> None:
    assert bucket(0.0) == 0
    assert bucket(0.25) == 1
    at = bucket(9.99)
    assert LATENCY_EDGES_MS[at] <= 9.99 < LATENCY_EDGES_MS[at + 1] < LATENCY_EDGES_MS[at] * 1.13
    assert bucket(1e9) == len(LATENCY_EDGES_MS) - 2
    assert list(LATENCY_EDGES_MS) == sorted(set(LATENCY_EDGES_MS))
    assert math.isinf(LATENCY_EDGES_MS[-1])


SHAPES: list[tuple[Any, list[str]]] = [
    (np.array(["a", "b", "a"], dtype=object), ["a", "b", "a"]),
    (np.array([0, 1]), ["0", "1"]),
    (np.array([True]), ["True"]),
    (np.array([0.0, 0.05, 0.999, 1.0]), ["bin 0", "bin 1", "bin 19", "bin 19"]),
    (np.array([[0.2, 0.8]]), ["bin 16"]),
    (np.array([[0.2, 0.1, 0.7], [0.9, 0.1, 0.0]]), ["2", "0"]),
    (np.array([[5.0], [0.5]]), ["3.2 to 5.6", "bin 10"]),
    (
        np.array([10.0, 9.99, -1.0, -0.0001, 1e300]),
        ["10 to 18", "5.6 to 10", "-1.8 to -1", "-0.001 to 0", "1e+12 to ∞"],
    ),
    (np.array([99, 100, -250]), ["99", "100 to 180", "-320 to -180"]),
    (np.array([np.nan]), ["other"]),
    (pd.DataFrame({"label": ["x"], "more": [1]}), ["x"]),
    ({"p": [0.1]}, ["bin 2"]),
    ([{"deep": 1}], ["other"]),
    ([[1], [1, 2]], []),
    (np.zeros((1, 2, 2)), []),
    (None, []),
]


@pytest.mark.parametrize(("predictions", "expected"), SHAPES, ids=range(len(SHAPES)))
def test_every_shape_of_answer_has_its_labels(predictions: Any, expected: list[str]) -> None:
    assert list(map(label_of, answers.values(predictions))) == expected


def refused(act: Callable[[], None]) -> str:
    """The code it is refused with, or an empty text."""
    try:
        act()
    except Refusal as refusal:
        return refusal.code
    return ""


NUMBER, GAPS = Column("a", "double"), Column("a", "double", required=False)
PAIR = Tensor("", "float64", (-1, 2))
TRUE_TO_PROMISE: list[tuple[Any, list[Column | Tensor], str]] = [
    ([0.5, 1.0], [], ""),
    ([0.5, math.nan], [], "answer_not_finite"),
    (pd.DataFrame({"a": [1.0, math.inf]}), [NUMBER], "answer_not_finite"),
    (pd.DataFrame({"a": [1.0, math.nan]}), [GAPS], ""),
    (["x", "y"], [Column("", "string")], ""),
    (["x", "y"], [NUMBER], "answer_wrong_schema"),
    ([1.0], [NUMBER], "answer_wrong_schema"),
    (np.zeros((2, 2)), [PAIR], ""),
    (np.zeros((2, 3)), [PAIR], "answer_wrong_schema"),
    (np.zeros(2), [PAIR], "answer_wrong_schema"),
    (pd.DataFrame({"b": [1.0, 2.0]}), [NUMBER, Column("b", "double")], "answer_wrong_schema"),
    ({"a": [1.0, 2.0], "b": ["x", "y"]}, [NUMBER, Column("b", "string")], ""),
    ([[1], [1, 2]], [], ""),
]


@pytest.mark.parametrize(("predictions", "promised", "code"), TRUE_TO_PROMISE, ids=range(len(TRUE_TO_PROMISE)))
def test_an_answer_to_two_rows_is_held_to_what_was_promised(
    predictions: Any, promised: list[Column | Tensor], code: str
) -> None:
    assert refused(lambda: answers.check(predictions, 2, promised)) == code


def test_labels_are_bounded() -> None:
    counts = Counts("r", "e")
    for number in (*range(150), 3, "new"):
        counts.answered("stable", 1.0, f"label {number}")
    assert len(counts.answers) == 101
    assert (counts.answers["other"], counts.answers["label 3"]) == (51, 2)


def test_a_request_counts_as_one_answer_drawn_from_its_rows() -> None:
    counts = Counts("r", "e")
    for _ in range(300):
        counts.answered("stable", 1.0, label(["late"] * 700 + ["in time"] * 300))
    counts.answered("stable", 1.0, label([]))
    assert (counts.answers.total(), counts.requests) == (300, 301)
    assert 150 < counts.answers["late"] < 270, "drawn evenly: outside of this once in a hundred million"


def test_requests_without_a_unit_are_counted_beside_the_others() -> None:
    """By the arm they came under, those that were refused among them: all that the router drew for."""
    counts = Counts("r", "e")
    counts.answered("stable", 1.0, unit="N348JB")
    counts.answered("stable", 1.0)
    counts.failed("canary", "busy")
    counts.refuse("canary")
    found = counts.read(0, 0.0)
    assert (found.requests, found.refused, found.nameless) == (3, 1, {"stable": 1, "canary": 2})
    for header, unit in (({}, ""), ({"x-unit-id": ""}, ""), ({"x-unit-id": "N348JB"}, "N348JB")):
        assert Call(header, 1000).unit == unit


NEWER = ("nameless", "units", "units_failed", "units_refused")


def test_what_an_older_process_says_is_still_read() -> None:
    counts = Counts("r", "e")
    counts.answered("stable", 1.0)
    told = contract.as_json(counts.read(0, 0.0))
    before = {name: value for name, value in told.items() if name not in NEWER}
    found = contract.measures(before)
    assert [getattr(found, name) for name in NEWER] == [{}] * 4
    assert contract.measures({**before, "nameless": 7}).nameless == {"": 7}, "under which arm is not known"


def test_units_are_counted_in_few_cells_however_many_they_are() -> None:
    counts = Counts("r", "e")
    for number in range(1000):
        counts.answered("canary", 1.0, unit=f"u{number}")
    for _ in range(5):
        counts.failed("canary", "busy", unit="u1")
        counts.refuse("canary", unit="u2")
    counts.failed("canary", "busy")
    found = counts.read(0, 0.0)
    assert len(found.units) == UNIT_CELLS
    assert sum(found.units.values()) == 1010, "refused ones too, and none without a unit"
    assert (found.units_failed, found.units_refused) == ({cell_of("u1"): 5}, {cell_of("u2"): 5})


def test_measures_survive_json_and_nothing_else_does() -> None:
    counts = Counts("r", "e")
    counts.answered("canary", 3.0, "a")
    found = counts.read(10, 1.5)
    assert contract.measures(contract.as_json(found)) == found
    wrongs: list[Any] = [[], {"revision": "r"}, {**contract.as_json(found), "colour": 1}, {"latency": 5}]
    for wrong in wrongs:
        with pytest.raises(Invalid):
            contract.measures(wrong)


def test_deaths_are_told_once_over_restarts_of_router_and_process() -> None:
    """The count of one router goes 3, 5; the next one's 1, 4. The process is replaced after the 5."""
    deaths = Deaths("router 1", 3).of("first").read("router 1", 5)
    assert deaths.told == 2
    deaths = deaths.of("first").read("router 2", 1)
    assert deaths.told == 3
    deaths = deaths.of("second").read("router 2", 4)
    assert (deaths.told, deaths.total) == (3, 6)
    assert deaths.of("second").read("router 2", 4) == deaths


def test_the_dead_are_requests_and_errors_of_the_arm() -> None:
    counts = Counts("r", "e")
    counts.answered("canary", 1.0)
    counts.failed("canary", "busy")
    found = with_deaths(counts.read(0, 0.0), Deaths("router", 9, total=2), "canary")
    assert (found.requests, found.errors, found.arms) == (4, 3, {"canary": 4})
    assert found.reasons == {"busy": 1, "revision_broke": 2}
    assert with_deaths(counts.read(0, 0.0), None, "canary").requests == 2


STATS = """\
# pxname,svname,hrsp_5xx,srv_abrt,
slot_03,s,4,1,
slot_03,BACKEND,6,1,
nowhere,BACKEND,9,0,
slot_04,s,2,0,
slot_04,BACKEND,1,0,
"""


def test_the_router_counts_what_it_answered_itself_or_saw_cut_off() -> None:
    assert stats.died(STATS) == {3: 3, 4: 0}


def test_failures_that_no_caller_had_are_read_by_slot() -> None:
    assert stats.unseen("03 2\n11 1") == {3: 2, 11: 1}
    assert stats.unseen("") == {}


def test_a_count_that_falls_back_adds_nothing_twice() -> None:
    found = Deaths("router", 3).read("router", 5).read("router", 4).read("router", 6)
    assert found.total == 3
    assert found.read("another", 1).total == 4


def measured(plane: Plane, endpoint: str) -> dict[str, Measures]:
    answer = plane.agent.get("/measures", params={"environment": "production", "endpoint": endpoint})
    assert answer.status_code == 200
    return {one["revision"]: contract.measures(one) for one in answer.json()["measures"]}


def test_answers_refusals_and_failures_are_counted_by_arm(plane: Plane, endpoint: str, models: Zoo) -> None:
    first, second = f"{endpoint}-1", f"{endpoint}-2"
    plane.load(first, models.double.spec(endpoint, 1))
    plane.load(second, models.breaks.spec(endpoint, 2))
    assert plane.route(endpoint, 1, first, canary=second, cut=5000, salt="s").status_code == 200
    units = [f"unit {number}" for number in range(40)]
    answered = Counter(
        plane.ask(endpoint, body({"x": 0.12}), **{"x-unit-id": unit}).headers["x-served-arm"] for unit in units
    )
    for unit in units[:10]:
        plane.ask(endpoint, body({"y": 0.1}), **{"x-unit-id": unit})
    plane.gateway.get(f"/production/{endpoint}/v2/health/ready")
    found = measured(plane, endpoint)
    good, bad = found[first], found[second]
    assert (good.requests, good.errors, good.arms) == (answered["stable"], 0, {"stable": answered["stable"]})
    assert (bad.requests, bad.errors, bad.arms) == (answered["canary"],) * 2 + ({"canary": answered["canary"]},)
    assert good.refused + bad.refused == 10
    assert (sum(good.latency), sum(bad.latency)) == (answered["stable"], 0)
    assert good.answers == {"bin 4": answered["stable"]}
    assert good.peak_memory > 10 * 1024**2
    assert 0 < good.busy_ms < 60_000


def dies(plane: Plane, endpoint: str) -> bool:
    """Whether a question too large to be sent again ended its process. On a kept connection HAProxy hangs up."""
    large = body(*[{"x": 1.0}] * 3000)
    try:
        return plane.ask(endpoint, large).status_code == 502
    except httpx.RemoteProtocolError:
        return True


def test_what_the_portal_asks_itself_is_no_callers_request(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.load(endpoint, models.double.spec(endpoint, 1))
    plane.route(endpoint, 1, endpoint)
    for wanted in (body({"x": 1.0}), body({"y": 1.0})):
        for place in (f"/probe/production/{endpoint}", f"/revisions/{endpoint}/ask"):
            found = plane.agent.post(place, json={"body": wanted, "key": ""}).json()
            assert (found["status"], found["version"]) == (200 if "x" in str(wanted) else 400, "1")
    seen = measured(plane, endpoint)[endpoint]
    assert (seen.requests, seen.refused, seen.arms, sum(seen.latency), seen.answers) == (0, 0, {}, 0, {})
    assert plane.revision(endpoint)["worker"]["probes"] == 4
    posing = {"x-signalbox-caller": "portal", "x-request-id": contract.PROBE, "x-signalbox-arm": "shadow"}
    assert plane.ask(endpoint, body({"x": 1.0}), **posing).status_code == 200
    assert measured(plane, endpoint)[endpoint].arms == {"stable": 1}


def test_a_request_that_dies_with_its_process_is_counted_as_an_error(plane: Plane, endpoint: str, models: Zoo) -> None:
    """Over a restart of the process, of the agent and of the router; each is told once."""
    plane.load(endpoint, models.ends.spec(endpoint))
    assert plane.route(endpoint, 1, endpoint).status_code == 200
    assert plane.ask(endpoint, {"dataframe_records": [{"x": 0.0}]}).status_code == 200
    before = measured(plane, endpoint)[endpoint]
    assert dies(plane, endpoint)

    def total() -> int:
        """What a consumer adds up over epochs."""
        one = measured(plane, endpoint)[endpoint]
        seen[one.epoch] = max(seen.get(one.epoch, 0), one.errors)
        return sum(seen.values())

    seen: dict[str, int] = {before.epoch: before.errors}
    wait_until(lambda: total() == 1, 10, "the death to be told")
    wait_until(lambda: measured(plane, endpoint)[endpoint].epoch != before.epoch, 20, "a new epoch")
    assert total() == 1
    plane.kill("agent")
    plane.kill("router")
    plane.start("router")
    plane.start("agent")
    plane.await_up()
    wait_until(lambda: endpoint in measured(plane, endpoint), 10, "the agent to have read it again")
    assert total() == 1
    wait_until(lambda: dies(plane, endpoint), 10, "the router to reach it")
    wait_until(lambda: total() == 2, 10, "the second death to be told")


def test_what_a_killed_process_had_counted_stays_until_the_next_one_counts(
    plane: Plane, endpoint: str, models: Zoo
) -> None:
    plane.load(endpoint, models.double.spec(endpoint))
    plane.route(endpoint, 1, endpoint)
    assert [plane.ask(endpoint, body({"x": 1.0})).status_code for _ in range(3)] == [200] * 3
    first = measured(plane, endpoint)[endpoint]
    end(int(plane.revision(endpoint)["pid"]))
    wait_until(lambda: measured(plane, endpoint)[endpoint].epoch != first.epoch, 20, "a new epoch")
    assert measured(plane, endpoint)[endpoint].requests == 0
    assert first.requests == 3


def test_measures_of_another_endpoint_are_not_told(plane: Plane, endpoint: str) -> None:
    assert measured(plane, endpoint) == {}
