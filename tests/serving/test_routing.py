"""Route tables: generations, weights, stickiness, and switches that nobody notices."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from serving import contract
from serving.contract import RouteSpec
from tests.serving.plane import Plane
from tests.serving.zoo import Zoo, body

CALLERS = 3
SWITCHES = 20


@pytest.fixture
def pair(plane: Plane, endpoint: str, models: Zoo) -> tuple[str, str]:
    """Two ready revisions of the endpoint: one answers 2x, the other 3x."""
    first, second = f"{endpoint}-1", f"{endpoint}-2"
    plane.load(first, models.double.spec(endpoint, 1))
    plane.load(second, models.triple.spec(endpoint, 2))
    return first, second


def test_generations_only_rise(plane: Plane, endpoint: str, pair: tuple[str, str]) -> None:
    first, second = pair
    assert plane.route(endpoint, 5, first).status_code == 200
    assert plane.route(endpoint, 5, first).status_code == 200, "the same again changes nothing"
    older = plane.route(endpoint, 4, second)
    assert (older.status_code, older.json()["generation"]) == (409, 5)
    same_number = plane.route(endpoint, 5, second)
    assert (same_number.status_code, same_number.json()["code"]) == (409, "older_generation")
    assert plane.routed(endpoint)["stable"] == first
    assert plane.route(endpoint, 6, second).status_code == 200
    assert (plane.routed(endpoint)["generation"], plane.routed(endpoint)["stable"]) == (6, second)


def test_the_table_read_back_is_the_one_in_force(plane: Plane, endpoint: str, pair: tuple[str, str]) -> None:
    first, second = pair
    assert plane.route(endpoint, 1, first, canary=second, cut=2500, salt="s1").status_code == 200
    assert plane.routed(endpoint) == contract.as_json(RouteSpec("production", endpoint, 1, first, second, 2500, "s1"))


BAD_TABLES = [
    ({"generation": 0}, 422, "generation"),
    ({"generation": True}, 422, "generation"),
    ({"cut": 10_001}, 422, "cut"),
    ({"cut": -1}, 422, "cut"),
    ({"cut": 10, "canary": None}, 422, "cut"),
    ({"salt": "a:b"}, 422, "salt"),
    ({"environment": "a/b"}, 422, "environment"),
    ({"colour": 1}, 422, "colour"),
]


@pytest.mark.parametrize(("change", "status", "field"), BAD_TABLES, ids=[str(b[0]) for b in BAD_TABLES])
def test_a_bad_table_is_refused_by_name(plane: Plane, change: dict[str, object], status: int, field: str) -> None:
    table = {"environment": "production", "endpoint": "any", "generation": 1, "stable": "r1", **change}
    answer = plane.agent.put("/routes", json=table)
    assert (answer.status_code, answer.json()["field"]) == (status, field)


def test_only_a_ready_revision_of_the_same_endpoint_takes_traffic(
    plane: Plane, endpoint: str, pair: tuple[str, str], models: Zoo
) -> None:
    absent = plane.route(endpoint, 1, "nobody")
    assert (absent.status_code, absent.json()["code"]) == (409, "revision_not_ready")
    strange = plane.route(f"{endpoint}-other", 1, pair[0])
    assert (strange.status_code, strange.json()["code"]) == (409, "other_endpoint")
    bad = f"{endpoint}-3"
    plane.put(bad, models.raises.spec(endpoint, 3))
    assert plane.settled(bad)["state"] == "failed"
    assert plane.route(endpoint, 1, bad).json()["code"] == "revision_not_ready"
    assert plane.routed(endpoint) == {}


def test_units_stick_to_their_arm_and_raising_the_cut_moves_none_back(
    plane: Plane, endpoint: str, pair: tuple[str, str]
) -> None:
    first, second = pair
    units = [f"unit {number}" for number in range(300)]

    def arms(generation: int, cut: int) -> dict[str, str]:
        assert plane.route(endpoint, generation, first, canary=second, cut=cut, salt="fixed").status_code == 200
        spec = RouteSpec("production", endpoint, generation, first, second, cut, "fixed")
        found = {u: plane.ask(endpoint, body({"x": 1.0}), **{"x-unit-id": u}).headers["x-served-arm"] for u in units}
        assert found == {unit: contract.arm_of(unit, spec) for unit in units}, "the router and the contract agree"
        return found

    tenth, fifth = arms(1, 1000), arms(2, 2000)
    moved = {unit for unit in units if tenth[unit] == "canary"}
    assert moved
    assert moved < {unit for unit in units if fifth[unit] == "canary"}


def test_without_a_unit_the_cut_is_a_share(plane: Plane, endpoint: str, pair: tuple[str, str]) -> None:
    first, second = pair
    assert plane.route(endpoint, 1, first, canary=second, cut=3000).status_code == 200
    arms = [plane.ask(endpoint, body({"x": 1.0})).headers["x-served-arm"] for _ in range(400)]
    # 400 draws at 0.3: four standard deviations are 37.
    assert 120 - 40 < arms.count("canary") < 120 + 40


def test_everything_and_nothing_are_exact(plane: Plane, endpoint: str, pair: tuple[str, str]) -> None:
    first, second = pair
    for generation, cut, version in ((1, 10_000, "2"), (2, 0, "1")):
        assert plane.route(endpoint, generation, first, canary=second, cut=cut).status_code == 200
        found = {plane.ask(endpoint, body({"x": 1.0})).headers["x-served-version"] for _ in range(60)}
        assert found == {version}


def callers(plane: Plane, endpoint: str, stop: threading.Event, x: float = 1.0) -> Iterator[tuple[int, str, float]]:
    """Status, version and answer of one question after the other until told to stop."""
    with httpx.Client(base_url=plane.gateway_url, timeout=10, trust_env=False) as client:
        while not stop.is_set():
            answer = client.post(f"/production/{endpoint}/invocations", json=body({"x": x}))
            value = answer.json().get("predictions", [0.0])[0]
            yield answer.status_code, answer.headers.get("x-served-version", ""), value


def test_switches_under_load_lose_no_request(plane: Plane, endpoint: str, pair: tuple[str, str]) -> None:
    assert plane.route(endpoint, 1, pair[0]).status_code == 200
    stop = threading.Event()
    with ThreadPoolExecutor(CALLERS) as pool:
        work = [pool.submit(lambda: list(callers(plane, endpoint, stop))) for _ in range(CALLERS)]
        try:
            for generation in range(2, SWITCHES + 2):
                assert plane.route(endpoint, generation, pair[generation % 2]).status_code == 200
        finally:
            stop.set()
        answers = [answer for future in work for answer in future.result()]
    assert {status for status, _, _ in answers} == {200}
    assert {version for _, version, _ in answers} == {"1", "2"}
    assert all(value == pytest.approx({"1": 2.0, "2": 3.0}[version]) for _, version, value in answers)


def test_a_switch_takes_effect_at_once(plane: Plane, endpoint: str, pair: tuple[str, str]) -> None:
    for generation, revision in enumerate((pair[0], pair[1], pair[0]), start=1):
        assert plane.route(endpoint, generation, revision).status_code == 200
        assert plane.ask(endpoint, body({"x": 1.0})).headers["x-served-version"] == revision[-1]


def test_an_endpoint_taken_away_is_unknown(plane: Plane, endpoint: str, pair: tuple[str, str]) -> None:
    assert plane.route(endpoint, 1, pair[0]).status_code == 200
    assert plane.agent.delete(f"/routes/production/{endpoint}").status_code == 204
    assert plane.agent.delete(f"/routes/production/{endpoint}").status_code == 204
    assert plane.ask(endpoint, body({"x": 1.0})).json()["code"] == "endpoint_unknown"


def test_an_endpoint_whose_process_is_gone_says_when_to_come_back(
    plane: Plane, endpoint: str, pair: tuple[str, str]
) -> None:
    assert plane.route(endpoint, 1, pair[0]).status_code == 200
    plane.settings.places.slot_socket(plane.revision(pair[0])["slot"]).unlink()
    with httpx.Client(base_url=plane.gateway_url, trust_env=False) as fresh:
        plane.stop("agent")
        plane.stop("router")
        plane.start("router")
        plane.await_router()
        answer = fresh.post(f"/production/{endpoint}/invocations", json=body({"x": 1.0}))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["code"] == "revision_unavailable"
