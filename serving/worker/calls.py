"""One request for a prediction: who asks, how long it may take, and what the spool notes of it."""

import datetime as dt
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from serving import contract, ids, plain
from serving.contract import RevisionSpec
from serving.worker.question import Question
from serving.worker.refusals import Refusal

UNIT_DIGITS = 32
LONGEST_WAIT_SECONDS = 3600.0
DEADLINE = (
    f"{contract.HEADER_DEADLINE} must be a whole number of milliseconds from 1 to {contract.LONGEST_DEADLINE_MS}, "
    "such as 2000. Without it the endpoint's own limit counts."
)
TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(slots=True)
class Call:
    """From its arrival at the router to its note in the spool. `most_ms` is what the revision allows."""

    headers: Mapping[str, str]
    most_ms: int
    prediction_id: str = field(init=False)
    began: float = field(init=False)
    at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    asked: Question | None = None
    predictions: Any = None
    error: str = ""

    def __post_init__(self) -> None:
        own = self.headers.get(contract.HEADER_PREDICTION, "")
        self.prediction_id = own.lower() if own and ids.is_id(own) else self._new_id()
        self.began = time.perf_counter() - _waited(self.headers.get("x-signalbox-at", ""))

    def _new_id(self) -> str:
        """One that another process finds too where the router asks two."""
        at = self.headers.get("x-signalbox-at", "")
        return ids.id_of(int(at) // 1000, self.token) if self.token and _is_time(at) else ids.new_id()

    @property
    def token(self) -> str:
        """What it shares with the question to another process, where the router hedges."""
        given = self.headers.get(contract.HEADER_HEDGE, "")
        return given if ids.is_id(given) else ""

    @property
    def second(self) -> bool:
        """Whether another process was slow to answer it."""
        return self.headers.get(contract.HEADER_ATTEMPT) == "second"

    @property
    def own(self) -> bool:
        """Whether the portal asks for itself, to see who answers and what."""
        return self.headers.get(contract.HEADER_CALLER) == contract.PORTAL

    @property
    def arm(self) -> str:
        """The arm that answers."""
        return _arm(self.headers.get("x-signalbox-arm"))

    @property
    def assigned(self) -> str:
        """The arm it came under: another one where a canary could not answer and stable does."""
        return _arm(self.headers.get("x-signalbox-assigned", self.arm))

    @property
    def unit(self) -> str:
        """The unit that the caller named, so that it sticks to a version; "" for none."""
        return self.headers.get(contract.HEADER_UNIT, "")

    @property
    def trace(self) -> str | None:
        """The caller's W3C trace context."""
        given = self.headers.get(contract.HEADER_TRACE, "")
        return given if TRACE.fullmatch(given) else None

    @property
    def milliseconds(self) -> float:
        """Since it arrived."""
        return (time.perf_counter() - self.began) * 1000

    @property
    def allowed_ms(self) -> int:
        """A caller may ask for less time than there is, never for more. Raises `Refusal` for what says no time."""
        text = self.headers.get(contract.HEADER_DEADLINE)
        if text is None:
            return self.most_ms
        wish = contract.deadline_of(text)
        if wish is None:
            raise Refusal(400, "bad_deadline", DEADLINE)
        return min(self.most_ms, wish)

    @property
    def seconds_left(self) -> float:
        """Until its deadline."""
        return (self.allowed_ms - self.milliseconds) / 1000

    def record(self, spec: RevisionSpec, status: int, latency_ms: float) -> dict[str, Any]:
        """What the spool keeps."""
        asked, unit = self.asked, self.unit
        return {
            "prediction_id": self.prediction_id,
            "time": self.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            **{n: getattr(spec, n) for n in ("environment", "endpoint", "model", "version", "revision")},
            "revision_id": spec.id,
            "arm": self.arm,
            "assigned": self.assigned,
            "generation": int(self.headers.get("x-signalbox-generation") or 0),
            "request_id": self.headers.get(contract.HEADER_REQUEST, ""),
            "trace": self.trace,
            "unit": hashlib.sha256(unit.encode()).hexdigest()[:UNIT_DIGITS] if unit else None,
            "rows": asked.rows if asked else 0,
            "inputs": plain.jsonable(asked.noted) if asked else None,
            "parameters": asked.parameters if asked else {},
            "answer": plain.jsonable(self.predictions),
            "latency_ms": latency_ms,
            "status": status,
            "error": self.error,
        }


def _arm(text: str | None) -> str:
    return text if text in ("canary", "shadow") else "stable"


def _waited(at: str) -> float:
    """Seconds since the router took it in, by the clock both share."""
    if not _is_time(at):
        return 0.0
    return min(max(0.0, time.time() - int(at) / 1_000_000), LONGEST_WAIT_SECONDS)


def _is_time(at: str) -> bool:
    return at.isdecimal() and len(at) <= 18
