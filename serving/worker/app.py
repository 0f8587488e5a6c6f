"""The HTTP side of one revision, as a plain ASGI application: the router speaks to nothing else of ours."""

import asyncio
import datetime as dt
import hashlib
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from serving import contract, ids, measures, plain
from serving.contract import Measures, RevisionSpec
from serving.spool import Writer
from serving.worker import answers, bodies, invocations, v2
from serving.worker.predictor import Predictor, example_rows
from serving.worker.question import Question
from serving.worker.refusals import Refusal

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

JSON = "application/json"
PROBLEM = "application/problem+json"
UNIT_DIGITS = 32
MOST_WAITING = 256


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer, before it becomes bytes on a wire."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Call:
    """One request for a prediction, from its arrival to its note in the spool."""

    prediction_id: str
    headers: Mapping[str, str]
    began: float = field(default_factory=time.perf_counter)
    at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    asked: Question | None = None
    predictions: Any = None
    error: str = ""

    @property
    def arm(self) -> str:
        return "canary" if self.headers.get("x-signalbox-arm") == "canary" else "stable"

    @property
    def milliseconds(self) -> float:
        """Since it arrived."""
        return (time.perf_counter() - self.began) * 1000


class App:
    """Answers for one revision. `layers` and `about` are what its start found out, for the agent to read."""

    def __init__(self, spec: RevisionSpec, predictor: Predictor, spool: Writer, about: Mapping[str, Any]) -> None:
        self.spec = spec
        self.predictor = predictor
        self.spool = spool
        self.about = dict(about)
        self.statuses: Counter[int] = Counter()
        self.counts = measures.Counts(spec.id, ids.new_id())
        self.stopping = False
        self._pool = ThreadPoolExecutor(1, "model")
        self._waiting = 0
        self._working_since = 0.0
        self._worked = 0.0
        version = str(spec.version)
        self._names = {f"/v2/models/{spec.endpoint}", f"/v2/models/{spec.endpoint}/versions/{version}"}
        self._served = (
            (contract.HEADER_VERSION, version),
            (contract.HEADER_REVISION, str(spec.revision)),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        call = Call(_prediction_id(headers), headers)
        try:
            answer = await self._answer(scope["method"], scope["path"], call, receive)
        except Refusal as refusal:
            answer = self._refused(refusal, scope["path"], call)
        self.statuses[answer.status] += 1
        await _send(send, answer, self._told(call))

    @property
    def busy_seconds(self) -> float:
        """How long the model has been at its present question."""
        return time.perf_counter() - self._working_since if self._working_since else 0.0

    def measures(self) -> Measures:
        """What was answered since this process started."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return self.counts.read(peak, round(1000 * (self._worked + self.busy_seconds), 3))

    async def _answer(self, method: str, path: str, call: Call, receive: Receive) -> Answer:
        predicting = path == "/invocations" or path in {f"{name}/infer" for name in self._names}
        if predicting:
            self._require(method == "POST", 405, "method", "Predictions are asked for with POST.")
            return await self._counted(path, call, receive)
        found = self._information(path)
        self._require(method in ("GET", "HEAD"), 405, "method", "This is read with GET.")
        return found

    def _information(self, path: str) -> Answer:
        """Everything that is read and asks nothing of the model."""
        if path in ("/v2/health/live", "/v2/health/ready"):
            return Answer(200, b'{"ready":true}')
        if path in ("/v2", "/v2/"):
            return _json({"name": "signalbox", "version": "2", "extensions": v2.EXTENSIONS})
        if path == "/-/status":
            return _json(self.status())
        if path == "/-/measures":
            return _json(contract.as_json(self.measures()))
        if path in self._names:
            return _json(v2.metadata(self.spec.endpoint, str(self.spec.version), self.predictor.signature))
        if path.removesuffix("/ready") in self._names:
            return _json({"name": self.spec.endpoint, "ready": True})
        if path.startswith("/v2/models/"):
            detail = f"Here only {self.spec.endpoint} serves, now with version {self.spec.version}."
            raise Refusal(404, "model_unknown", detail)
        raise Refusal(404, "route_unknown", "This endpoint answers at /invocations and below /v2/.")

    def status(self) -> dict[str, Any]:
        """What the agent reads: who this is, what protects it, how it goes."""
        return {
            **{name: getattr(self.spec, name) for name in ("id", "digest", "version", "revision")},
            **self.about,
            "answers": {str(code): count for code, count in sorted(self.statuses.items())},
            "waiting": self._waiting,
            "example": example_rows(self.predictor),
        }

    async def _counted(self, path: str, call: Call, receive: Receive) -> Answer:
        """Answer and count it; a question meant for another revision is none of this one's."""
        meant = call.headers.get("x-signalbox-revision", self.spec.id)
        self._require(meant == self.spec.id, 503, "revision_moved", "The endpoint just moved. Try again.")
        try:
            answer = await self._predict(path, call, receive)
        except Refusal as refusal:
            if refusal.status < 500:
                self.counts.refused += 1
            else:
                self.counts.failed(call.arm)
            raise
        self.counts.answered(call.arm, call.milliseconds, measures.labels(answers.values(call.predictions)))
        return answer

    async def _predict(self, path: str, call: Call, receive: Receive) -> Answer:
        self._require(self._waiting < MOST_WAITING, 503, "busy", "Too many requests wait already. Try again.")
        body = await _body(receive, self.spec.limits.body_bytes)
        work = self._invoke if path == "/invocations" else self._infer
        self._waiting += 1
        try:
            answer = await self._in_time(work, body, call)
        except Refusal as refusal:
            call.error = refusal.code
            if refusal.status >= 500:
                self._note(call, refusal.status)
            raise
        finally:
            self._waiting -= 1
        self._note(call, answer.status)
        return answer

    async def _in_time(self, work: Callable[[bytes, Call], Answer], body: bytes, call: Call) -> Answer:
        """Let the model's thread do the work, and give up on it at the deadline."""
        milliseconds = _deadline(call.headers, self.spec.limits.deadline_ms)
        future = self._pool.submit(self._guarded, work, body, call)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), milliseconds / 1000)
        except TimeoutError as error:
            detail = f"The model did not answer within {milliseconds} ms. Send fewer rows, or try again."
            raise Refusal(504, "deadline_exceeded", detail) from error

    def _guarded(self, work: Callable[[bytes, Call], Answer], body: bytes, call: Call) -> Answer:
        self._working_since = time.perf_counter()
        try:
            return work(body, call)
        except Refusal:
            raise
        except Exception as error:
            print(f"prediction {call.prediction_id}: {type(error).__name__}: {error}", flush=True)
            detail = f"The model raised {type(error).__name__}. Ask its owner about prediction {call.prediction_id}."
            raise Refusal(500, "model_failed", detail) from error
        finally:
            self._worked += time.perf_counter() - self._working_since
            self._working_since = 0.0

    def _invoke(self, body: bytes, call: Call) -> Answer:
        limits = self.spec.limits
        asked = invocations.read(body, call.headers.get("content-type", ""), self.predictor.signature, limits.rows)
        call.asked = asked
        call.predictions = self.predictor.predict(asked)
        return Answer(200, invocations.answer(call.predictions))

    def _infer(self, body: bytes, call: Call) -> Answer:
        spec, known = self.spec, self.predictor.signature
        asked, wanted = v2.read(body, call.headers.get(v2.HEADER_LENGTH), known, spec.limits.rows)
        call.asked = asked
        call.predictions = self.predictor.predict(asked)
        content, json_length = v2.answer(
            call.predictions, wanted, spec.endpoint, str(spec.version), call.prediction_id, known
        )
        if json_length is None:
            return Answer(200, content)
        return Answer(200, content, "application/octet-stream", ((v2.HEADER_LENGTH, str(json_length)),))

    def _note(self, call: Call, status: int) -> None:
        """Hand the record to the spool's thread; what it costs is paid there."""
        latency = round(call.milliseconds, 3)
        self.spool.put(lambda: plain.dumps(self._record(call, status, latency)))

    def _record(self, call: Call, status: int, latency_ms: float) -> dict[str, Any]:
        spec, asked = self.spec, call.asked
        unit = call.headers.get(contract.HEADER_UNIT)
        return {
            "prediction_id": call.prediction_id,
            "time": call.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            **{n: getattr(spec, n) for n in ("environment", "endpoint", "model", "version", "revision")},
            "revision_id": spec.id,
            "arm": call.arm,
            "generation": int(call.headers.get("x-signalbox-generation") or 0),
            "request_id": call.headers.get(contract.HEADER_REQUEST, ""),
            "unit": hashlib.sha256(unit.encode()).hexdigest()[:UNIT_DIGITS] if unit else None,
            "rows": asked.rows if asked else 0,
            "inputs": plain.jsonable(asked.noted) if asked else None,
            "parameters": asked.parameters if asked else {},
            "answer": plain.jsonable(call.predictions),
            "latency_ms": latency_ms,
            "status": status,
            "error": call.error,
        }

    def _refused(self, refusal: Refusal, path: str, call: Call) -> Answer:
        retry = (("retry-after", "1"),) if refusal.status == 503 else ()
        kind = JSON if path.startswith("/v2") else PROBLEM
        return Answer(refusal.status, plain.dumps(refusal.body(call.prediction_id)), kind, retry)

    def _told(self, call: Call) -> tuple[tuple[str, str], ...]:
        return (*self._served, (contract.HEADER_PREDICTION, call.prediction_id), (contract.HEADER_ARM, call.arm))

    @staticmethod
    def _require(holds: bool, status: int, code: str, detail: str) -> None:
        if not holds:
            raise Refusal(status, code, detail)


def _json(value: Any) -> Answer:
    return Answer(200, plain.dumps(value))


def _prediction_id(headers: Mapping[str, str]) -> str:
    own = headers.get(contract.HEADER_PREDICTION, "")
    return own.lower() if own and ids.is_id(own) else ids.new_id()


def _deadline(headers: Mapping[str, str], most: int) -> int:
    """Milliseconds; a caller may ask for less time than there is, never for more."""
    text = headers.get(contract.HEADER_DEADLINE, "")
    return min(most, max(1, int(text))) if text.isdecimal() and len(text) < 9 else most


async def _body(receive: Receive, most: int) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "body_incomplete", "The connection ended before the body did.")
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise bodies.too_large(most)
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


async def _send(send: Send, answer: Answer, told: tuple[tuple[str, str], ...]) -> None:
    headers = (
        ("content-type", answer.content_type),
        ("content-length", str(len(answer.body))),
        *answer.headers,
        *told,
    )
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.body})
