"""Many callers at once, against a small gateway of our own that speaks HTTP for real."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from demo.client import Caller, RefusedError
from demo.crowd import Crowd
from demo.traffic import Outcomes
from tests.demo.test_traffic import Gateway
from tests.waiting import wait_until

FLIGHTS: list[tuple[str, dict[str, Any], int]] = [("N1", {"dest": "BOS"}, 1), ("N2", {"dest": "ATL"}, 0)]


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    yield gateway
    gateway.server.shutdown()
    gateway.server.server_close()


def test_callers_take_turns_in_order_and_begin_again_after_the_last_flight(gateway: Gateway) -> None:
    with Crowd(gateway.url, iter(FLIGHTS), 200.0).asking() as counts:
        wait_until(lambda: counts.asked >= 20, 20, "twenty answers")
    assert counts.answered.total() == counts.asked == len(gateway.asked)
    assert set(counts.last) == {("2", "stable")}
    asked = [body["dataframe_records"][0]["dest"] for _, _, body in gateway.asked]
    assert abs(asked.count("BOS") - asked.count("ATL")) <= 1
    assert {unit for _, unit, _ in gateway.asked} == {None}, "without a test no aircraft is named"


def test_failures_are_counted_by_arm_and_code(gateway: Gateway) -> None:
    gateway.status = lambda number: 504 if number % 2 else 200
    with Crowd(gateway.url, iter(FLIGHTS), 200.0).asking() as counts:
        wait_until(lambda: counts.failed.total() >= 5, 20, "five failures")
    assert set(counts.failed) == {("stable", "HTTP 504")}


def test_what_came_true_is_reported_with_what_it_cost(gateway: Gateway) -> None:
    sent: list[dict[str, Any]] = []

    def portal(request: httpx.Request) -> httpx.Response:
        sent.extend(json.loads(request.content)["outcomes"])
        return httpx.Response(200, json={"counts": {"accepted": 1}})

    outcomes = Outcomes(Caller("http://portal", "sbx_pat_x", httpx.MockTransport(portal)), "production", "late", 0.0)
    with Crowd(gateway.url, iter(FLIGHTS), 400.0).asking(outcomes):
        wait_until(lambda: len(sent) >= 200, 20, "a batch")
    assert {unit for _, unit, _ in gateway.asked} == {"N1", "N2"}
    assert {(one["label"], one["values"]["cost"]) for one in sent} == {(1, 60.0), (0, 0.0)}


def test_what_breaks_whoever_reports_is_told(gateway: Gateway) -> None:
    refusing = httpx.MockTransport(lambda request: httpx.Response(403, json={"detail": "Not yours."}))
    outcomes = Outcomes(Caller("http://portal", "sbx_pat_x", refusing), "production", "late", 0.0)
    with pytest.raises(RefusedError, match="Not yours"):  # noqa: SIM117
        with Crowd(gateway.url, iter(FLIGHTS), 400.0).asking(outcomes) as counts:
            wait_until(lambda: bool(counts.broken), 20, "the first refusal")
