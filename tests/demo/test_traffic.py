"""The replay, against a small gateway of our own that speaks HTTP for real."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from demo import traffic
from demo.client import Caller
from demo.columns import RECORD


class Gateway:
    """Answers every flight with `status(number)`; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.status: Callable[[int], int] = lambda number: 200
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["content-length"])))
                gateway.asked.append((self.path, self.headers["x-unit-id"], sent))
                status = gateway.status(len(gateway.asked))
                body = json.dumps({"predictions": [[0.75, 0.25]]}).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.send_header("x-served-version", "2")
                self.send_header("x-served-arm", "stable")
                self.send_header("x-prediction-id", f"prediction-{len(gateway.asked)}")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    yield gateway
    gateway.server.shutdown()
    gateway.server.server_close()


@pytest.fixture
def var(year: pd.DataFrame, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data folder whose cache is the one of these tests."""
    assert len(year)
    (tmp_path / "demo-cache").symlink_to(cache)
    monkeypatch.setenv("SIGNALBOX_VAR", str(tmp_path))
    return tmp_path


def replay(gateway: Gateway, *more: str) -> int:
    return traffic.main(["--gateway-url", gateway.url, "--rate", "500", "--count", "30", *more])


def test_flights_are_sent_in_time_order_with_their_aircraft(gateway: Gateway, var: Path, year: pd.DataFrame) -> None:
    assert replay(gateway, "--from-month", "7") == 0
    expected = year[year["month"] >= 7].head(30)
    assert [unit for _, unit, _ in gateway.asked] == expected["unit"].tolist()
    assert {path for path, _, _ in gateway.asked} == {"/production/flight-delay/invocations"}
    first = gateway.asked[0][2]["dataframe_records"]
    assert len(first) == 1
    assert list(first[0]) == list(RECORD)
    assert first[0] == expected.iloc[0][list(RECORD)].to_dict()


def test_whole_numbers_and_decimals_arrive_as_such(gateway: Gateway, var: Path) -> None:
    replay(gateway)
    record = gateway.asked[0][2]["dataframe_records"][0]
    assert isinstance(record["distance"], int)
    assert isinstance(record["precip"], float)


def test_the_end_says_who_answered_and_how_right_it_was(
    gateway: Gateway, var: Path, year: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    replay(gateway, "--from-month", "7")
    really = 100 * year[year["month"] >= 7].head(30)["late"].mean()
    printed = capsys.readouterr().out
    assert "30 sent: version 2 (stable) 30" in printed
    assert f"Predicted late 25.0 %, really late {really:.1f} %." in printed


def test_refusals_are_counted_by_status(gateway: Gateway, var: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.status = lambda number: 503 if number % 3 == 0 else 200
    assert replay(gateway) == 2
    assert "30 sent: version 2 (stable) 20, HTTP 503 10" in capsys.readouterr().out


def test_no_gateway_gives_one_clear_sentence(gateway: Gateway, var: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.server.shutdown()
    gateway.server.server_close()
    assert replay(gateway) == 1
    assert "Start the portal with `make run`" in capsys.readouterr().err


def test_a_gateway_that_goes_away_ends_the_replay(var: Path, cache: Path) -> None:
    calls: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(1)
        if len(calls) > 5:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200, json={"predictions": [[0.5, 0.5]]})

    flown = traffic.records(cache, 7, 100)
    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
        pytest.raises(traffic.GatewayDownError),
    ):
        traffic.replay(client, "http://gateway/x", flown, traffic.MOST_RATE)
    assert len(calls) == 5 + traffic.GIVE_UP_AFTER


def test_the_rate_is_kept(gateway: Gateway, var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("demo.traffic.time.sleep", slept.append)
    traffic.main(["--gateway-url", gateway.url, "--rate", "2", "--count", "5"])
    # Nothing really waits here, so the last turn is asked for about two seconds ahead.
    assert len(slept) == 5
    assert 1.0 < slept[-1] <= 2.0


def test_the_gateway_of_the_running_world_is_found(var: Path) -> None:
    (var / "demo.json").write_text(json.dumps({"gateway_url": "http://localhost:1234"}))
    assert traffic.default_gateway(var) == "http://localhost:1234"
    (var / "demo.json").unlink()
    assert traffic.default_gateway(var) == traffic.GATEWAY


@pytest.mark.parametrize("wrong", [["--rate", "0"], ["--rate", "501"], ["--count", "0"], ["--count", "100001"]])
def test_a_replay_is_bounded(wrong: list[str], var: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        traffic.main(wrong)
    assert "above 0" in capsys.readouterr().err


def test_outcomes_are_reported_when_they_are_known_and_all_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        return httpx.Response(200, json={"counts": {"accepted": len(sent[-1]["outcomes"]), "refused": 0}})

    portal = Caller("http://portal", "token", httpx.MockTransport(answer))
    found = traffic.Outcomes(portal, "production", "flight-delay", delay=30.0)
    now = [1000.0]
    monkeypatch.setattr("demo.traffic.time.monotonic", lambda: now[0])
    for number in range(traffic.OUTCOMES_AT_ONCE + 5):
        found.learn(f"p{number}", number % 2)
    found.report()
    assert sent == []
    now[0] += 31
    found.report()
    assert [len(one["outcomes"]) for one in sent] == [traffic.OUTCOMES_AT_ONCE]
    found.report(all_of_them=True)
    assert [len(one["outcomes"]) for one in sent] == [traffic.OUTCOMES_AT_ONCE, 5]
    assert (sent[0]["environment"], sent[0]["outcomes"][1]["label"]) == ("production", 1)
    assert found.counts["accepted"] == traffic.OUTCOMES_AT_ONCE + 5
