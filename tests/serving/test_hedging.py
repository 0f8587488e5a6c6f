"""Hedged requests: a slow process costs its callers no more than the wait before another one is asked."""

import asyncio
import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest

from serving import ids, launch, spool
from serving.router.runtime import Runtime
from serving.worker.desk import Desk
from serving.worker.twins import GivenUp, Twins
from tests.serving.plane import Plane, end
from tests.serving.test_replicas import processes, rows
from tests.serving.test_routing import callers
from tests.serving.zoo import Zoo, body
from tests.waiting import wait_until

AFTER_MS = 100
TWO = {"replicas_min": 2, "replicas_max": 2}
LIMITS = {**TWO, "hedge_ms": AFTER_MS}
SPARE = 10
"""How often in a row the router asks twice."""
TOKEN = "9f0c27c1-6c0e-4d7c-8a51-0e8f6a2f3b11"


def known(plane: Plane) -> dict[str, int]:
    """What hedges, as the router says."""
    return Runtime(plane.settings.places).hedged()


def serve(plane: Plane, endpoint: str, spec: dict[str, Any]) -> None:
    """Have two processes in traffic."""
    plane.load(endpoint, spec)
    assert plane.route(endpoint, 1, endpoint).status_code == 200
    wait_until(lambda: processes(plane, endpoint) == 2, 30, "two processes")


@pytest.fixture
def pair(plane: Plane, endpoint: str, models: Zoo) -> str:
    """A revision that takes as many seconds as it is told, with two processes that hedge."""
    serve(plane, endpoint, models.slow.spec(endpoint, limits=LIMITS))
    wait_until(lambda: known(plane).get(endpoint) == AFTER_MS, 10, "the router to hedge")
    return endpoint


def total(plane: Plane, endpoint: str, name: str) -> int:
    """Of both processes together."""
    return sum(one[name] for one in rows(plane, endpoint))


def noted(plane: Plane, endpoint: str) -> Counter[str]:
    """How often each prediction stands in the spools of both processes."""
    folders = [plane.settings.places.spool / launch.name(endpoint, number) for number in (0, 1)]
    return Counter(one["prediction_id"] for folder in folders for one in spool.read(folder).records)


@pytest.mark.parametrize("takes", [0.0, 3 * AFTER_MS / 1000], ids=["asked_first", "asked_first_and_second"])
def test_a_stopped_process_costs_no_caller_an_answer_and_nothing_counts_twice(
    plane: Plane, pair: str, takes: float
) -> None:
    """What takes longer than the wait has the stopped process asked as the second one too."""
    pid = int(plane.revision(pair)["pid"])
    os.kill(pid, signal.SIGSTOP)
    try:
        found = [plane.ask(pair, body({"x": takes}), **{"x-deadline-ms": "2000"}) for _ in range(12)]
        assert [one.status_code for one in found] == [200] * 12
    finally:
        os.kill(pid, signal.SIGCONT)
    asked = SPARE if takes else 1
    wait_until(lambda: given_up(plane, pair) >= asked, 10, "the stopped process to let go of what it was asked")
    assert total(plane, pair, "requests") == 12
    assert total(plane, pair, "errors") == 0
    wait_until(lambda: len(noted(plane, pair)) == 12, 5, "the spools")
    assert noted(plane, pair) == Counter({one.headers["x-prediction-id"]: 1 for one in found})


def given_up(plane: Plane, endpoint: str) -> int:
    """How many questions the first process answered for nobody."""
    worker = plane.revision(endpoint)["worker"]
    return int(worker["answers"].get("499", 0)) if worker else 0


def test_it_is_off_unless_asked_for(plane: Plane, endpoint: str, models: Zoo) -> None:
    serve(plane, endpoint, models.slow.spec(endpoint, limits=TWO))
    pid = int(plane.revision(endpoint)["pid"])
    os.kill(pid, signal.SIGSTOP)
    try:
        found = [plane.ask(endpoint, body({"x": 0.0}), **{"x-deadline-ms": "300"}).status_code for _ in range(4)]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert endpoint not in known(plane)
    assert 504 in found, "the stopped process is waited for"
    wait_until(lambda: given_up(plane, endpoint) == 0, 5, "the process to answer again")


def test_only_a_few_are_asked_twice(plane: Plane, pair: str) -> None:
    """Each of them takes longer than the wait; 16 earn less than one more."""
    found = [plane.ask(pair, body({"x": 1.3 * AFTER_MS / 1000})).status_code for _ in range(SPARE + 6)]
    assert set(found) == {200}
    assert total(plane, pair, "hedged") == SPARE


def test_callers_see_no_difference(plane: Plane, pair: str) -> None:
    small, large = body({"x": 0.0}), body({"x": 0.0}, *({"x": 1.0} for _ in range(1000)))
    for sent in (small, large):
        found = plane.ask(pair, sent, **{"x-request-id": "mine", "x-prediction-id": TOKEN, "x-signalbox-process": "r9"})
        assert found.status_code == 200
        assert found.json() == {"predictions": [1.0]}
        assert {name for name in found.headers if name.startswith("x-")} == {
            "x-served-version", "x-served-revision", "x-served-arm", "x-prediction-id", "x-request-id",
        }  # fmt: skip
        assert (found.headers["x-request-id"], found.headers["x-prediction-id"]) == ("mine", TOKEN)
        assert found.headers["content-type"] == "application/json"
    wrong = plane.ask(pair, body({"y": 0.0}))
    assert (wrong.status_code, wrong.json()["code"]) == (400, "unknown_column")
    assert plane.gateway.post(f"/production/{pair}/-/given-up").status_code == 404, "no caller gives up another's"


def test_the_end_of_either_and_a_new_router_cost_no_small_request(plane: Plane, pair: str) -> None:
    stop, pid = threading.Event(), int(plane.revision(pair)["pid"])
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(lambda: list(callers(plane, pair, stop, x=0.0)))
        try:
            end(pid)
            wait_until(lambda: plane.revision(pair)["restarts"] == 1, 20, "the restart")
            wait_until(lambda: processes(plane, pair) == 2, 20, "both to be back")
        finally:
            stop.set()
        assert {status for status, _, _ in work.result()} == {200}
    plane.kill("router")
    plane.start("router")
    plane.await_router()
    wait_until(lambda: known(plane).get(pair) == AFTER_MS, 10, "the new router to hedge")
    assert plane.ask(pair, body({"x": 0.0})).status_code == 200


def test_where_no_process_is_left_callers_are_told_as_ever(plane: Plane, pair: str) -> None:
    zygote = psutil.Process(plane.processes["zygote"].pid)
    mine = [child for child in zygote.children() if child.status() != psutil.STATUS_ZOMBIE]
    zygote.suspend()
    try:
        for child in mine:
            child.kill()
        # Until the router's checks have found both down, questions wait for them, as they do without hedging.
        wait_until(lambda: told(plane, pair) == (503, "revision_unavailable", "1"), 20, "the router to find nobody")
    finally:
        zygote.resume()
    wait_until(lambda: plane.ask(pair, body({"x": 0.0})).status_code == 200, 30, "a process to answer again")


def told(plane: Plane, endpoint: str) -> tuple[int, str, str]:
    """Status, code and `retry-after` of a question that may wait for a moment."""
    answer = plane.ask(endpoint, body({"x": 0.0}), **{"x-deadline-ms": "50"})
    return answer.status_code, answer.json().get("code", ""), answer.headers.get("retry-after", "")


WRONG = [
    ({"hedge_ms": 100}, "needs a second process"),
    ({**TWO, "hedge_ms": 10_000}, "must be less than limits.deadline_ms"),
    ({**TWO, "hedge_ms": -1}, "must be a whole number"),
]


@pytest.mark.parametrize(("limits", "said"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_hedged_is_refused(plane: Plane, models: Zoo, limits: dict[str, int], said: str) -> None:
    answer = plane.put("any", models.double.spec("any", limits=limits))
    assert (answer.status_code, answer.json()["field"]) == (422, "limits.hedge_ms")
    assert said in answer.json()["detail"]


def test_what_is_given_up_while_it_waits_is_never_asked_of_the_model() -> None:
    async def scene() -> None:
        begun, go_on, asked = threading.Event(), threading.Event(), []

        def work(questions: Any) -> Any:
            for one in questions:
                asked.append(one)
                begun.set()
                go_on.wait(10)
                yield one

        desk: Desk[str, str] = Desk(10, work, lambda _: False)
        twins = Twins()
        first = asyncio.ensure_future(desk.answered("first", 10))
        await asyncio.to_thread(begun.wait, 10)
        second = asyncio.ensure_future(twins.answered(TOKEN, desk.answered("second", 10)))
        await asyncio.sleep(0)
        third = asyncio.ensure_future(desk.answered("third", 10))
        await asyncio.sleep(0)
        assert twins.give_up(TOKEN)
        with pytest.raises(GivenUp):
            await second
        go_on.set()
        assert (await first, await third) == ("first", "third")
        assert asked == ["first", "third"]

    asyncio.run(scene())


def test_the_word_may_come_before_the_question() -> None:
    async def scene() -> None:
        twins, asked = Twins(), []

        async def work() -> None:
            asked.append(1)

        assert not twins.give_up(TOKEN)
        with pytest.raises(GivenUp):
            await twins.answered(TOKEN, work())
        await twins.answered("", work())
        assert asked == [1], "what has no token is nobody's twin"

    asyncio.run(scene())


def test_a_process_that_ends_cancels_as_ever() -> None:
    async def scene() -> None:
        twins = Twins()
        task = asyncio.ensure_future(twins.answered(TOKEN, asyncio.sleep(10)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scene())


def test_both_processes_find_the_same_id() -> None:
    assert ids.id_of(1_800_000_000_000, TOKEN) == ids.id_of(1_800_000_000_000, TOKEN)
    assert ids.is_id(ids.id_of(1_800_000_000_000, TOKEN))
    assert ids.id_of(1_800_000_000_000, TOKEN) < ids.id_of(1_800_000_000_001, TOKEN.replace("8a51", "8a50"))
    assert ids.id_of(1_800_000_000_000, TOKEN)[14] == "7"
