"""Replay real flights through the gateway in time order, as an airline's system would ask.

    python -m demo.traffic --rate 20 --count 600 --from-month 7
    python -m demo.traffic --outcomes 30        # and report half a minute later which flights were late

Stops by itself after `--count` flights, or on Ctrl-C, and says which versions answered.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from demo import flights
from demo.client import Caller, RefusedError
from demo.columns import LABEL, RECORD

GATEWAY = "http://localhost:8080"
MOST_RATE = 500.0
MOST_COUNT = 100_000
REPORT_EVERY_SECONDS = 5.0
TIMEOUT_SECONDS = 10.0
# A gateway that is restarting is back within this many tries; one that is gone is not worth the wait.
GIVE_UP_AFTER = 20


OUTCOMES_AT_ONCE = 200


class GatewayDownError(RuntimeError):
    """Nothing answers at the gateway; the text says what to do."""


@dataclass
class Tally:
    """What came back so far. `versions` counts (version, arm), `errors` counts what went wrong by its short name."""

    sent: int = 0
    versions: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    chance_sum: float = 0.0
    late: int = 0
    unreachable: int = 0

    @property
    def answered(self) -> int:
        return sum(self.versions.values())

    def line(self) -> str:
        parts = [f"version {version} ({arm}) {count}" for (version, arm), count in sorted(self.versions.items())]
        parts += [f"{name} {count}" for name, count in sorted(self.errors.items())]
        return f"{self.sent} sent: " + (", ".join(parts) or "nothing yet")

    def summary(self) -> str:
        if not self.answered:
            return "No flight was answered."
        return (
            f"{self.answered} of {self.sent} answered, {1000 * self.seconds / self.answered:.1f} ms on average. "
            f"Predicted late {100 * self.chance_sum / self.answered:.1f} %, "
            f"really late {100 * self.late / self.answered:.1f} %."
        )


@dataclass
class Outcomes:
    """Reports to the portal which flights were late, each so many seconds after it was asked about."""

    portal: Caller
    environment: str
    endpoint: str
    delay: float
    waiting: deque[tuple[float, dict[str, Any]]] = field(default_factory=deque)
    counts: Counter[str] = field(default_factory=Counter)

    def learn(self, prediction_id: str, late: int, **values: float) -> None:
        """What became true of a prediction; `values` are business values by name."""
        now = datetime.now(UTC).isoformat()
        known = {
            "prediction_id": prediction_id,
            "label": late,
            "occurred_at": now,
            **({"values": values} if values else {}),
        }
        self.waiting.append((time.monotonic() + self.delay, known))

    def report(self, *, all_of_them: bool = False) -> None:
        """Send what is due, a whole batch at a time, or everything that is left."""
        due = sum(at <= time.monotonic() for at, _ in self.waiting)
        while self.waiting and (all_of_them or due >= OUTCOMES_AT_ONCE):
            batch = [self.waiting.popleft()[1] for _ in range(min(OUTCOMES_AT_ONCE, len(self.waiting)))]
            due -= len(batch)
            body = {"environment": self.environment, "endpoint": self.endpoint, "outcomes": batch}
            self.counts.update(self.portal.post("/api/v1/ground-truth/", body)["counts"])


def records(cache: Path, from_month: int, count: int) -> Iterator[tuple[str, dict[str, Any], int]]:
    """`count` flights in time order from the first of `from_month`: aircraft, record to send, 1 if it was late."""
    rows = flights.months(flights.load(cache), from_month, 12).head(count)
    sent = rows[list(RECORD)].to_dict("records")
    yield from zip(rows["unit"], sent, rows[LABEL], strict=True)


def ask(client: httpx.Client, url: str, unit: str, record: dict[str, Any], late: int, tally: Tally) -> str:
    """Send one flight, count the answer and give back its prediction id, "" without one.

    `GatewayDownError` when nothing has listened for `GIVE_UP_AFTER` tries.
    """
    tally.sent += 1
    started = time.monotonic()
    try:
        answer = client.post(url, json={"dataframe_records": [record]}, headers={"x-unit-id": unit})
    except httpx.TransportError as error:
        tally.errors[type(error).__name__] += 1
        tally.unreachable += 1
        if not tally.answered or tally.unreachable >= GIVE_UP_AFTER:
            raise GatewayDownError(
                f"Nothing answers at {url}. Start the portal with `make run` and try again."
            ) from error
        return ""
    tally.unreachable = 0
    if answer.status_code != httpx.codes.OK:
        tally.errors[f"HTTP {answer.status_code}"] += 1
        return ""
    tally.seconds += time.monotonic() - started
    tally.versions[answer.headers.get("x-served-version", "?"), answer.headers.get("x-served-arm", "?")] += 1
    tally.chance_sum += float(answer.json()["predictions"][0][1])
    tally.late += late
    return str(answer.headers.get("x-prediction-id", ""))


def replay(
    client: httpx.Client,
    url: str,
    flown: Iterator[tuple[str, dict[str, Any], int]],
    rate: float,
    outcomes: Outcomes | None = None,
) -> Tally:
    """Send each flight at its turn, at most `rate` a second, and print how it goes."""
    tally = Tally()
    started = reported = time.monotonic()
    try:
        for number, (unit, record, late) in enumerate(flown):
            # The turn is counted from the start, so that one slow answer does not lower the rate of the rest.
            time.sleep(max(0.0, started + number / rate - time.monotonic()))
            known = ask(client, url, unit, record, late, tally)
            if outcomes is not None and known:
                outcomes.learn(known, late)
                outcomes.report()
            if time.monotonic() - reported >= REPORT_EVERY_SECONDS:
                reported = time.monotonic()
                print(tally.line(), flush=True)
    except KeyboardInterrupt:
        print("Stopped.")
    if outcomes is not None:
        outcomes.report(all_of_them=True)
        print("Outcomes: " + ", ".join(f"{count} {name}" for name, count in sorted(outcomes.counts.items())))
    print(tally.line())
    print(tally.summary())
    return tally


def default_gateway(var: Path) -> str:
    """The gateway of the running example world, or the usual one."""
    told = var / "demo.json"
    if not told.is_file():
        return os.environ.get("SIGNALBOX_GATEWAY_URL", GATEWAY)
    return str(json.loads(told.read_text()).get("gateway_url", GATEWAY))


def reporter(var: Path, environment: str, endpoint: str, delay: float) -> Outcomes:
    """Reports with the data scientist's token of the running example world."""
    told = json.loads((var / "demo.json").read_text())
    return Outcomes(Caller(told["url"], told["tokens"]["data_scientist"]), environment, endpoint, delay)


def main(arguments: Sequence[str] | None = None) -> int:
    var = Path(os.environ.get("SIGNALBOX_VAR", "var"))
    parser = argparse.ArgumentParser(prog="python -m demo.traffic", description=__doc__.splitlines()[0])
    parser.add_argument("--gateway-url", default=default_gateway(var))
    parser.add_argument("--environment", default="production")
    parser.add_argument("--endpoint", default="flight-delay")
    parser.add_argument("--rate", type=float, default=20.0, help=f"flights a second, up to {MOST_RATE:.0f}")
    parser.add_argument("--count", type=int, default=600, help=f"how many flights, up to {MOST_COUNT}")
    parser.add_argument("--from-month", type=int, default=7, choices=range(1, 13), metavar="1..12")
    parser.add_argument(
        "--outcomes", type=float, metavar="SECONDS", help="report so much later to the portal which flights were late"
    )
    options = parser.parse_args(arguments)
    if not 0 < options.rate <= MOST_RATE or not 0 < options.count <= MOST_COUNT:
        parser.error(f"--rate must be up to {MOST_RATE:.0f} and --count up to {MOST_COUNT}, both above 0.")
    url = f"{options.gateway_url.rstrip('/')}/{options.environment}/{options.endpoint}/invocations"
    print(f"Replaying {options.count} flights from month {options.from_month} to {url}.", flush=True)
    try:
        with httpx.Client(timeout=TIMEOUT_SECONDS) as client:
            flown = records(var / "demo-cache", options.from_month, options.count)
            outcomes = None
            if options.outcomes is not None:
                outcomes = reporter(var, options.environment, options.endpoint, options.outcomes)
            tally = replay(client, url, flown, options.rate, outcomes)
    except (GatewayDownError, RefusedError, flights.DataMissingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if tally.answered == tally.sent else 2


if __name__ == "__main__":
    raise SystemExit(main())
