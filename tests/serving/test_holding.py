"""What holds when more is asked than can be answered, when callers are slow, and when a canary fails."""

import asyncio
import hashlib
import json
import os
import signal
import socket
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from bench.open_loop import Callers
from serving import contract, recorded, spool
from serving.recorded import Prediction
from serving.router.configuration import PER_REVISION
from tests.serving.plane import Plane
from tests.serving.test_measures import measured
from tests.serving.zoo import Zoo, body
from tests.waiting import wait_until

SHED_SECONDS = 0.2
"""Within this a request is told that it cannot be answered."""


async def all_at_once(plane: Plane, endpoint: str, count: int, x: float, **headers: str) -> list[httpx.Response]:
    """Ask so many times at the same moment, each over a connection of its own."""
    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(base_url=plane.gateway_url, timeout=30, limits=limits, trust_env=False) as client:
        path = f"/production/{endpoint}/invocations"
        return list(
            await asyncio.gather(*(client.post(path, json=body({"x": x}), headers=headers) for _ in range(count)))
        )


def test_what_would_wait_in_vain_is_shed_at_once_and_the_rest_answered(
    plane: Plane, endpoint: str, models: Zoo
) -> None:
    """Each answer takes 50 ms and may take 400: about four are taken in at a time."""
    plane.load(endpoint, models.slow.spec(endpoint, limits={"deadline_ms": 400}))
    plane.route(endpoint, 1, endpoint)
    for _ in range(12):  # so that it is known what one answer takes
        assert plane.ask(endpoint, body({"x": 0.05})).status_code == 200
    # Callers without a library, which would be late to hear their answers on a machine with two busy cores.
    url, question = f"{plane.gateway_url}/production/{endpoint}/invocations", json.dumps(body({"x": 0.05})).encode()
    found = asyncio.run(Callers(url, question, {"content-type": "application/json"}).ask(24 / 0.01, 0.01))
    answered = [one for one in found if one.status == 200]
    shed = [one for one in found if one.status == 503]
    assert len(answered) + len(shed) == 24
    assert answered
    assert shed
    assert {(json.loads(one.body)["code"], int(one.headers["retry-after"]) >= 1) for one in shed} == {("busy", True)}
    assert statistics.quantiles([one.at - one.asked for one in shed], n=20)[-1] < SHED_SECONDS


def test_beyond_its_connections_the_router_sheds_and_all_of_it_is_counted(
    plane: Plane, endpoint: str, models: Zoo
) -> None:
    plane.load(endpoint, models.slow.spec(endpoint))
    plane.route(endpoint, 1, endpoint)
    found = asyncio.run(all_at_once(plane, endpoint, PER_REVISION + 40, 0.4, **{"x-deadline-ms": "1500"}))
    codes = [one.json().get("code", "answered") for one in found]
    by_router = [one for one in found if "x-served-version" not in one.headers]
    assert len(by_router) >= 38
    assert {one.json()["code"] for one in by_router} <= {"busy", "revision_unavailable"}
    assert all(one.headers["retry-after"] == "1" for one in by_router)
    answered = codes.count("answered")
    assert answered >= 2
    wait_until(lambda: measured(plane, endpoint)[endpoint].requests == len(found), 5, "everything to be counted")
    assert measured(plane, endpoint)[endpoint].errors == len(found) - answered


def test_a_deadline_that_has_passed_frees_the_queue(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.load(endpoint, models.slow.spec(endpoint))
    plane.route(endpoint, 1, endpoint)
    assert plane.ask(endpoint, body({"x": 0.0})).status_code == 200
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(plane.ask, endpoint, body({"x": 1.0}))
        wait_until(lambda: plane.revision(endpoint)["worker"]["waiting"] == 1, 5, "the first to be taken in")
        hasty = [pool.submit(plane.ask, endpoint, body({"x": 5.0}), **{"x-deadline-ms": "200"}) for _ in range(4)]
        assert {one.result().json()["code"] for one in hasty} == {"deadline_exceeded"}
        last = plane.ask(endpoint, body({"x": 0.0}))
        assert last.status_code == first.result().status_code == 200
        assert last.elapsed.total_seconds() < 3, "none of the hasty ones was asked of the model"


def test_request_id_and_trace_are_kept_in_the_spool(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.load(endpoint, models.double.spec(endpoint))
    plane.route(endpoint, 1, endpoint)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for given in (trace, "nonsense"):
        plane.ask(endpoint, body({"x": 1.0}), **{"x-request-id": "mine", "traceparent": given})
    folder = plane.settings.places.spool / endpoint
    wait_until(lambda: len(spool.read(folder).records) == 2, 5, "two records")
    found = spool.read(folder).records
    assert [(one["request_id"], one["trace"]) for one in found] == [("mine", trace), ("mine", None)]


async def open_loop(plane: Plane, endpoint: str, rate: float, seconds: float) -> list[httpx.Response]:
    """Ask so often, whether or not the last ones were answered."""
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    async with httpx.AsyncClient(base_url=plane.gateway_url, timeout=30, limits=limits, trust_env=False) as client:
        path, asked = f"/production/{endpoint}/invocations", body({"x": ANSWER_SECONDS})
        loop = asyncio.get_running_loop()
        began = loop.time()
        tasks = []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
            tasks.append(asyncio.create_task(client.post(path, json=asked, headers={"x-deadline-ms": "1000"})))
        return list(await asyncio.gather(*tasks))


ANSWER_SECONDS = 0.04


@pytest.mark.slow
def test_goodput_at_four_times_the_peak_stays_near_the_peak(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.load(endpoint, models.slow.spec(endpoint))
    plane.route(endpoint, 1, endpoint)
    for _ in range(20):  # so that it is known what one answer takes
        assert plane.ask(endpoint, body({"x": ANSWER_SECONDS})).status_code == 200
    seconds, peak = 6.0, 1 / ANSWER_SECONDS
    found = asyncio.run(open_loop(plane, endpoint, 4 * peak, seconds))
    good = [one for one in found if one.status_code == 200]
    assert {one.status_code for one in found} <= {200, 503, 504}
    assert len(good) >= 0.8 * peak * seconds


# A canary that fails


@pytest.fixture
def pair(plane: Plane, endpoint: str, models: Zoo) -> tuple[str, str]:
    """A stable revision, and one that sleeps as long as it is told; all traffic is meant for the second."""
    stable, canary = f"{endpoint}-1", f"{endpoint}-2"
    plane.load(stable, models.double.spec(endpoint, 1))
    plane.load(canary, models.slow.spec(endpoint, 2, limits={"deadline_ms": 300}))
    assert plane.route(endpoint, 1, stable, canary=canary, cut=10_000).status_code == 200
    assert plane.ask(endpoint, body({"x": 0.0})).headers["x-served-arm"] == "canary"
    return stable, canary


def served_by(plane: Plane, endpoint: str) -> tuple[int, str]:
    answer = plane.ask(endpoint, body({"x": 0.0}), **{"x-deadline-ms": "300"})
    return answer.status_code, answer.headers.get("x-served-version", "")


def recorded_since(plane: Plane, endpoint: str, after: str) -> dict[str, Prediction]:
    """What the agent reads of both spools behind a cursor, by prediction, three of each at a time."""
    found: dict[str, Prediction] = {}
    page = recorded.Page((), after, more=True)
    while page.more:
        answer = plane.agent.get(f"/predictions/production/{endpoint}", params={"after": page.cursor, "limit": 6})
        page = recorded.page(answer.json())
        assert len(page.predictions) <= 6
        found |= {one.id: one for one in page.predictions}
    return found


def test_a_canary_whose_process_does_not_answer_is_answered_by_stable(
    plane: Plane, endpoint: str, pair: tuple[str, str]
) -> None:
    stable, canary = pair
    pid = int(plane.revision(canary)["pid"])
    begins = plane.agent.get(f"/predictions/production/{endpoint}").json()
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: served_by(plane, endpoint) == (200, "1"), 20, "stable to answer")
        diverted = [plane.ask(endpoint, body({"x": 1.0}), **{"x-unit-id": "N348JB"}) for _ in range(10)]
        assert {(one.status_code, one.headers["x-served-arm"]) for one in diverted} == {(200, "stable")}
    finally:
        os.kill(pid, signal.SIGCONT)
    found = measured(plane, endpoint)[stable]
    assert found.arms["canary"] >= 10, "they came under the canary's arm"
    assert "stable" not in found.arms
    wanted = {one.headers["x-prediction-id"] for one in diverted}
    wait_until(lambda: wanted <= set(recorded_since(plane, endpoint, begins["cursor"])), 10, "the spool to be written")
    records = spool.read(plane.settings.places.spool / stable).records
    assert {(one["arm"], one["assigned"]) for one in records} == {("stable", "canary")}
    kept = recorded_since(plane, endpoint, begins["cursor"])
    asked = [kept[one.headers["x-prediction-id"]] for one in diverted]
    assert {(one.revision, one.arm) for one in asked} == {(stable, "canary")}
    assert [one.answers[0] for one in asked] == pytest.approx([2.0] * 10)
    assert len({one.unit for one in asked}) == 1
    assert asked[0].unit not in (None, "N348JB", hashlib.sha256(b"N348JB").hexdigest()[:32])
    wait_until(lambda: served_by(plane, endpoint) == (200, "2"), 10, "the canary to answer again")


def test_a_canary_that_hangs_is_answered_by_stable(plane: Plane, endpoint: str, pair: tuple[str, str]) -> None:
    _, canary = pair
    late = plane.ask(endpoint, body({"x": 60.0}))
    assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")
    # The caller's time ran since the router had the question, the model's since it was asked.
    wait_until(lambda: plane.revision(canary)["code"] == "hangs", 10, "the model to be over its time as well")
    wait_until(lambda: served_by(plane, endpoint) == (200, "1"), 10, "stable to answer")


def test_a_canary_that_is_full_is_answered_by_stable(plane: Plane, endpoint: str, pair: tuple[str, str]) -> None:
    """What would be shed for want of connections has somewhere to go."""
    found = asyncio.run(all_at_once(plane, endpoint, PER_REVISION + 40, 0.2))
    versions = [one.headers.get("x-served-version") for one in found]
    diverted = [one for one in found if one.headers.get("x-served-version") == "1"]
    assert len(diverted) >= 30
    assert {one.status_code for one in diverted} == {200}
    assert versions.count("2") >= PER_REVISION - 10


def test_a_canary_without_a_process_is_spared_at_once(plane: Plane, endpoint: str, pair: tuple[str, str]) -> None:
    """The agent sees that the zygote has none before the router's health checks do."""
    _, canary = pair

    def ended() -> bool:
        """End it again and again, until the pause before its next start is long enough to be seen."""
        found = plane.revision(canary)
        if found["state"] == "ready":
            os.kill(int(found["pid"]), signal.SIGKILL)
        return bool(found["state"] == "loading" and found["restarts"] >= 4)

    wait_until(ended, 30, "a pause between starts")
    wait_until(lambda: served_by(plane, endpoint) == (200, "1"), 4, "stable to answer")
    wait_until(lambda: served_by(plane, endpoint) == (200, "2"), 40, "the canary to answer again")


# Answers that are none


BAD_ANSWERS: list[tuple[str, dict[str, int], str, str]] = [
    ("nan", {}, "answer_not_finite", "NaN"),
    ("texts", {}, "answer_wrong_schema", "promised are numbers"),
    ("eats", {}, "out_of_memory", "more memory"),
    ("breaks", {}, "model_failed", "KeyError"),
]


@pytest.mark.parametrize(("name", "limits", "code", "words"), BAD_ANSWERS, ids=[b[0] for b in BAD_ANSWERS])
def test_a_bad_answer_has_its_own_code_and_stable_keeps_serving(
    plane: Plane, endpoint: str, models: Zoo, name: str, limits: dict[str, int], code: str, words: str
) -> None:
    stable, canary = f"{endpoint}-1", f"{endpoint}-2"
    plane.load(stable, models.double.spec(endpoint, 1))
    plane.load(canary, models.versions[name].spec(endpoint, 2, limits=limits))
    plane.route(endpoint, 1, stable, canary=canary, cut=5000, salt="s")
    spec = contract.RouteSpec("production", endpoint, 1, stable, canary, 5000, "s")
    for unit in map(str, range(12)):
        answer = plane.ask(endpoint, body({"x": 1.0}), **{"x-unit-id": unit})
        if contract.arm_of(unit, spec) == "stable":
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()["code"]) == (500, code)
            assert words in answer.json()["detail"]


def test_a_version_that_answers_nan_to_its_own_example_never_gets_traffic(
    plane: Plane, endpoint: str, models: Zoo
) -> None:
    plane.put(endpoint, models.nan_at_once.spec(endpoint))
    found = plane.settled(endpoint)
    assert (found["state"], found["code"]) == ("failed", "warm_failed")
    assert "NaN" in found["reason"]


def test_a_version_that_takes_its_time_says_how_long_it_has_had(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.put(endpoint, models.hangs.spec(endpoint, limits={"start_seconds": 600}))
    wait_until(lambda: plane.revision(endpoint)["code"] == "starting", 20, "it to be starting")
    found = plane.revision(endpoint)
    assert found["state"] == "loading"
    assert "it is given 600 s" in found["reason"]


# Slow callers


def trickle(plane: Plane, start: bytes, seconds: float) -> bytes:
    """Send a start and then a byte a second, until the gateway has said something or hung up."""
    host, port = plane.settings.bind.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        connection.sendall(start)
        connection.settimeout(1.0)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                return connection.recv(65_536)
            except TimeoutError:
                connection.sendall(b" ")
    raise AssertionError("the gateway goes on listening")


def request(endpoint: str, length: int, *more: bytes) -> bytes:
    head = f"POST /production/{endpoint}/invocations HTTP/1.1\r\nhost: gateway\r\ncontent-length: {length}\r\n\r\n"
    return head.encode() + b"".join(more)


def test_a_body_that_trickles_in_is_cut_off_and_harms_nobody(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.load(endpoint, models.double.spec(endpoint, limits={"deadline_ms": 1000}))
    plane.route(endpoint, 1, endpoint)
    with ThreadPoolExecutor(8) as pool:
        slow = [pool.submit(trickle, plane, request(endpoint, 10**6, b" " * 40_000), 10) for _ in range(8)]
        assert {plane.ask(endpoint, body({"x": 1.0})).status_code for _ in range(50)} == {200}
        heard = [one.result() for one in slow]
    assert all(one.startswith(b"HTTP/1.1 408 ") for one in heard)
    assert all(b"body_too_slow" in one for one in heard)
    assert measured(plane, endpoint)[endpoint].refused == 8


@pytest.mark.slow
def test_headers_that_trickle_in_are_cut_off(plane: Plane, endpoint: str) -> None:
    heard = trickle(plane, b"POST /production/any/invocations HTTP/1.1\r\nx-slow: ", 20)
    assert heard.startswith(b"HTTP/1.1 408 ")


# Leaving


@pytest.mark.slow
def test_what_a_removed_revision_has_taken_in_is_still_answered(plane: Plane, endpoint: str, models: Zoo) -> None:
    first, second = f"{endpoint}-1", f"{endpoint}-2"
    plane.load(first, models.slow.spec(endpoint, 1))
    plane.load(second, models.double.spec(endpoint, 2))
    plane.route(endpoint, 1, first)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(plane.ask, endpoint, body({"x": 8.0}))
        wait_until(lambda: plane.revision(first)["worker"]["waiting"] == 1, 5, "the question to be taken in")
        plane.route(endpoint, 2, second)
        removal: Any = plane.agent.delete(f"/revisions/{first}")
        assert removal.status_code == 202
        answer = asked.result()
    assert (answer.status_code, answer.headers["x-served-version"]) == (200, "1")
    wait_until(lambda: plane.agent.get(f"/revisions/{first}").status_code == 404, 10, "the revision to go")
