"""Several processes of one revision: when there are more, when fewer, and that callers notice neither."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from serving.agent import scaling
from serving.agent.scaling import DOWN_LOOKS, UP_LOOKS, Scale, look
from serving.router import stats
from tests.serving.plane import Plane, end
from tests.serving.test_measures import measured
from tests.serving.test_routing import callers
from tests.serving.zoo import Zoo, body
from tests.waiting import wait_until


def after(scale: Scale, looks: int, requests: int, least: int = 1, most: int = 4) -> Scale:
    for _ in range(looks):
        scale = look(scale, requests, least, most)
    return scale


def test_more_come_one_by_one_while_callers_wait() -> None:
    assert after(Scale(1), UP_LOOKS - 1, 3).count == 1
    assert after(Scale(1), UP_LOOKS, 3).count == 2
    assert after(Scale(1), UP_LOOKS, 2).count == 1, "one is answered and one is next: nobody waits long"
    assert after(Scale(1), 10 * UP_LOOKS, 100).count == 4, "never beyond the most"
    assert after(Scale(2), 10 * UP_LOOKS, 4).count == 2
    interrupted = look(after(Scale(1), UP_LOOKS - 1, 3), 0, 1, 4)
    assert look(interrupted, 3, 1, 4).count == 1, "only looks in a row count"


def test_fewer_only_after_a_quiet_minute() -> None:
    assert after(Scale(3), DOWN_LOOKS - 1, 0).count == 3
    assert after(Scale(3), DOWN_LOOKS, 0).count == 2
    assert after(Scale(3), DOWN_LOOKS, 1).count == 2
    assert after(Scale(3), 10 * DOWN_LOOKS, 2).count == 3
    assert after(Scale(3), 10 * DOWN_LOOKS, 0, least=2).count == 2
    assert look(look(Scale(3), 0, 1, 4, down_looks=2), 0, 1, 4, down_looks=2).count == 2, "or as long as is said"


def test_a_count_outside_its_bounds_is_brought_inside() -> None:
    assert look(Scale(9), 0, 1, 3).count == 3
    assert look(Scale(1), 0, 2, 3).count == 2


def test_scaling_never_goes_back_and_forth_under_one_load() -> None:
    for requests in range(20):
        settled = after(Scale(1), 1000, requests)
        assert after(settled, 1000, requests).count == settled.count
    assert scaling.UP_LOAD > scaling.DOWN_LOAD


STATS = """\
# pxname,svname,scur,status,hrsp_5xx,srv_abrt,
slot_03,s,1,UP,0,0,
slot_03,r1,0,UP 1/3,0,0,
slot_03,r2,0,MAINT,0,0,
slot_03,r3,0,DOWN,0,0,
slot_03,BACKEND,5,UP,0,0,
"""


def test_the_router_says_which_replicas_it_sends_requests_to() -> None:
    assert stats.slots(STATS) == {3: stats.Slot(5, frozenset({1, 3}))}


WRONG = [
    ({"replicas_max": 5}, "limits.replicas_max"),
    ({"replicas_min": 3, "replicas_max": 2}, "limits.replicas_max"),
    ({"cpu_millis": -1}, "limits.cpu_millis"),
]


@pytest.mark.parametrize(("limits", "field"), WRONG, ids=range(len(WRONG)))
def test_bounds_that_cannot_be_are_refused(plane: Plane, models: Zoo, limits: dict[str, int], field: str) -> None:
    answer = plane.put("any", models.double.spec("any", limits=limits))
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def processes(plane: Plane, endpoint: str) -> int:
    """Those that have answered as this revision, whichever the router chose."""
    return int(plane.revision(endpoint)["processes"])


def launched(plane: Plane, endpoint: str) -> set[str]:
    """The processes that the zygote keeps running for this revision, by name."""
    found = {path.stem for path in plane.settings.places.launches.iterdir()}
    return {name for name in found if name == endpoint or name.startswith(f"{endpoint}.")}


@pytest.fixture
def pair(plane: Plane, endpoint: str, models: Zoo) -> str:
    """A revision with two processes, both in traffic."""
    plane.load(endpoint, models.double.spec(endpoint, limits={"replicas_min": 2, "replicas_max": 2}))
    assert plane.route(endpoint, 1, endpoint).status_code == 200
    wait_until(lambda: processes(plane, endpoint) == 2, 30, "two processes")
    wait_until(lambda: taken_in(plane, endpoint), 10, "the router to balance over both")
    return endpoint


def taken_in(plane: Plane, endpoint: str) -> bool:
    """Whether a few questions end up in both processes."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: plane.ask(endpoint, body({"x": 1.0})), range(8)))
    answered = [one["epoch"] for one in rows(plane, endpoint) if one["requests"]]
    return len(answered) == 2


def rows(plane: Plane, endpoint: str) -> list[dict[str, Any]]:
    answer = plane.agent.get("/measures", params={"environment": "production", "endpoint": endpoint})
    found: list[dict[str, Any]] = answer.json()["measures"]
    return found


def test_each_process_is_measured_under_an_epoch_of_its_own(plane: Plane, pair: str) -> None:
    found = rows(plane, pair)
    assert {one["revision"] for one in found} == {pair}
    assert len({one["epoch"] for one in found}) == 2
    assert len(measured(plane, pair)) == 1


def test_the_death_of_either_costs_no_small_request(plane: Plane, pair: str) -> None:
    stop, pid = threading.Event(), int(plane.revision(pair)["pid"])
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(lambda: list(callers(plane, pair, stop)))
        try:
            end(pid)
            wait_until(lambda: plane.revision(pair)["restarts"] == 1, 20, "the restart")
            wait_until(lambda: processes(plane, pair) == 2, 20, "both to be back")
        finally:
            stop.set()
        found = work.result()
    assert {status for status, _, _ in found} == {200}


def test_a_new_agent_and_a_new_router_take_over_what_runs(plane: Plane, pair: str) -> None:
    pids = {one["epoch"] for one in rows(plane, pair)}
    plane.kill("agent")
    assert plane.ask(pair, body({"x": 1.0})).status_code == 200
    plane.kill("router")
    plane.start("router")
    plane.await_router()
    plane.start("agent")
    plane.await_up()
    wait_until(lambda: processes(plane, pair) == 2, 10, "both to be adopted")
    wait_until(lambda: len(rows(plane, pair)) == 2, 10, "both to be read")
    assert {one["epoch"] for one in rows(plane, pair)} == pids, "neither was started again"
    before = {one["epoch"]: int(one["requests"]) for one in rows(plane, pair)}

    def both() -> bool:
        taken_in(plane, pair)
        return all(int(one["requests"]) > before[one["epoch"]] for one in rows(plane, pair))

    wait_until(both, 10, "the new router to balance over both")


def test_a_removed_revision_leaves_no_replica(plane: Plane, pair: str) -> None:
    plane.agent.delete(f"/routes/production/{pair}")
    plane.agent.delete(f"/revisions/{pair}")
    wait_until(lambda: plane.agent.get(f"/revisions/{pair}").status_code == 404, 20, "the revision to go")
    places = plane.settings.places
    assert launched(plane, pair) == set()
    from serving.router.runtime import Runtime

    runtime = Runtime(places)
    wait_until(lambda: not any(slot.replicas for slot in runtime.slots().values()), 10, "the router to let it go")


def test_waiting_callers_bring_a_second_process_and_quiet_lets_it_go(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.load(endpoint, models.slow.spec(endpoint, limits={"replicas_max": 2}))
    plane.route(endpoint, 1, endpoint)
    assert processes(plane, endpoint) == 1
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(plane.ask, endpoint, body({"x": 1.0})) for _ in range(6)]
        wait_until(lambda: processes(plane, endpoint) == 2, 30, "a second process")
        assert {one.result().status_code for one in asked} == {200}
    wait_until(lambda: launched(plane, endpoint) == {endpoint}, 30, "the second one to go")
    assert processes(plane, endpoint) == 1
    assert plane.ask(endpoint, body({"x": 1.0})).status_code == 200
