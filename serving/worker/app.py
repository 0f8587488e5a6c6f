"""The HTTP side of one revision, as a plain ASGI application: the router speaks to nothing else of ours."""

import asyncio
import resource
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from serving import contract, ids, measures, plain
from serving.contract import Measures, RevisionSpec
from serving.spool import Writer
from serving.worker import answers, bodies, invocations, v2
from serving.worker.calls import Call
from serving.worker.desk import Desk
from serving.worker.predictor import Predictor, example_rows
from serving.worker.refusals import Refusal
from serving.worker.turns import JSON, Answer, Asking, Turns
from serving.worker.twins import WORD_SECONDS, GivenUp, Twins

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

PROBLEM = "application/problem+json"
PLAIN = "text/plain"


class App:
    """Answers for one revision. `layers` and `about` are what its start found out, for the agent to read."""

    def __init__(self, spec: RevisionSpec, predictor: Predictor, spool: Writer, about: Mapping[str, Any]) -> None:
        self.spec = spec
        self.predictor = predictor
        self.spool = spool
        self.about = dict(about)
        self.statuses: Counter[int] = Counter()
        self.counts = measures.Counts(spec.id, ids.new_id())
        # What the portal asks for itself says nothing of what callers get: it is counted apart.
        self.probes = measures.Counts(spec.id, self.counts.epoch)
        turns = Turns(spec, predictor)
        self.twins = Twins()
        self.desk = Desk(spec.limits.deadline_ms / 1000, turns.take, turns.joins)
        version = str(spec.version)
        self._names = {f"/v2/models/{spec.endpoint}", f"/v2/models/{spec.endpoint}/versions/{version}"}
        self._pages = self._readable()
        self._served = (
            (contract.HEADER_VERSION, version),
            (contract.HEADER_REVISION, str(spec.revision)),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        call = Call(headers, self.spec.limits.deadline_ms)
        try:
            answer = await self._answer(scope["method"], scope["path"], call, receive)
        except Refusal as refusal:
            answer = self._refused(refusal, scope["path"], call)
        self.statuses[answer.status] += 1
        await _send(send, answer, self._told(call))

    def measures(self) -> Measures:
        """What was answered since this process started."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return self.counts.read(peak, round(self.desk.worked_ms, 3))

    async def _answer(self, method: str, path: str, call: Call, receive: Receive) -> Answer:
        predicting = path == "/invocations" or path in {f"{name}/infer" for name in self._names}
        if predicting:
            self._require(method == "POST", 405, "method", "Predictions are asked for with POST.")
            return await self._counted(path, call, receive)
        if path == "/-/given-up":
            self._require(method == "POST", 405, "method", "A question is given up with POST.")
            return _json({"working": self.twins.give_up(call.token)})
        if path == "/v2/repository/index":
            self._require(method == "POST", 405, "method", "The repository's index is asked for with POST.")
            return _json(self._index(await _body(receive, self.spec.limits.body_bytes, call.seconds_left)))
        if path.startswith("/v2/repository/"):
            raise Refusal(403, "repository_read_only", "What is loaded here is decided in the portal, by promotions.")
        found = self._information(path)
        self._require(method in ("GET", "HEAD"), 405, "method", "This is read with GET.")
        return found

    def _information(self, path: str) -> Answer:
        """Everything that is read and asks nothing of the model."""
        found = self._pages.get(path)
        if found is not None:
            return found()
        if path.startswith("/v2/models/"):
            detail = f"Here only {self.spec.endpoint} serves, now with version {self.spec.version}."
            raise Refusal(404, "model_unknown", detail)
        raise Refusal(404, "route_unknown", "This endpoint answers at /invocations, /ping and below /v2/.")

    def _readable(self) -> dict[str, Callable[[], Answer]]:
        """What is answered at each path that is only read."""
        name, version = self.spec.endpoint, str(self.spec.version)

        def server() -> Answer:
            return _json({"name": "signalbox", "version": "2", "extensions": v2.EXTENSIONS})

        def model() -> Answer:
            return _json(v2.metadata(name, version, self.predictor.signature))

        return {
            "/v2": server,
            "/v2/": server,
            "/v2/health/live": lambda: _json({"live": True}),
            "/v2/health/ready": lambda: self._ready({}),
            "/ping": lambda: self._alive(b"\n"),
            "/health": lambda: self._alive(b"\n"),
            "/version": lambda: self._alive(invocations.version()),
            "/-/about": lambda: _json(self.about),
            "/-/status": lambda: _json(self.status()),
            "/-/measures": lambda: _json(contract.as_json(self.measures())),
            **dict.fromkeys(self._names, model),
            **{f"{one}/ready": lambda: self._ready({"name": name}) for one in self._names},
        }

    def _ready(self, named: Mapping[str, str]) -> Answer:
        """Not ready while the model hangs, so that the router sends a canary's requests to stable."""
        return Answer(503 if self.desk.hangs else 200, plain.dumps({**named, "ready": not self.desk.hangs}))

    def _alive(self, said: bytes) -> Answer:
        """As `mlflow models serve` says it."""
        return Answer(503 if self.desk.hangs else 200, said, PLAIN)

    def _index(self, body: bytes) -> list[dict[str, str]]:
        """The one model that is served here, as the protocol lists models."""
        only_ready = bodies.json_object(body).get("ready") if body else False
        state = "UNAVAILABLE" if self.desk.hangs else "READY"
        row = {"name": self.spec.endpoint, "version": str(self.spec.version), "state": state, "reason": ""}
        return [] if only_ready and self.desk.hangs else [row]

    def status(self) -> dict[str, Any]:
        """What the agent reads: who this is, what protects it, how it goes."""
        return {
            **{name: getattr(self.spec, name) for name in ("id", "digest", "version", "revision")},
            **self.about,
            "answers": {str(code): count for code, count in sorted(self.statuses.items())},
            "probes": self.probes.requests + self.probes.refused,
            "waiting": self.desk.waiting,
            "hangs": self.desk.hangs,
            "example": example_rows(self.predictor),
        }

    async def _counted(self, path: str, call: Call, receive: Receive) -> Answer:
        """Answer and count it; a question meant for another revision is none of this one's."""
        meant = call.headers.get("x-signalbox-revision", self.spec.id)
        self._require(meant == self.spec.id, 503, "revision_moved", "The endpoint just moved. Try again.")
        counts = self.probes if call.own else self.counts
        counts.hedged += call.second
        try:
            work = self._predict(path, call, receive)
            answer = await self.twins.answered(call.token, work, late=self._late(call))
        except GivenUp:
            raise
        except Refusal as refusal:
            call.error = refusal.code
            if refusal.status < 500:
                counts.refuse(call.assigned, unit=call.unit)
            else:
                counts.failed(call.assigned, refusal.code, unit=call.unit)
                self._note(call, refusal.status)
            raise
        label = measures.label(answers.values(call.predictions))
        counts.answered(call.assigned, call.milliseconds, label, unit=call.unit)
        self._note(call, answer.status)
        return answer

    def _late(self, call: Call) -> bool:
        """Whether another process may have answered by now. The second one is asked after the wait, never before."""
        usual = WORD_SECONDS * 1000 if call.second else 0
        return call.milliseconds > self.spec.limits.hedge_ms + usual

    async def _predict(self, path: str, call: Call, receive: Receive) -> Answer:
        self.desk.admit(call.seconds_left)
        body = await _body(receive, self.spec.limits.body_bytes, call.seconds_left)
        try:
            return await self.desk.answered(Asking(call, body, path != "/invocations"), call.seconds_left)
        except TimeoutError as error:
            detail = f"The model did not answer within {call.allowed_ms} ms. Send fewer rows, or allow more time."
            raise Refusal(504, "deadline_exceeded", detail) from error

    def _note(self, call: Call, status: int) -> None:
        """Hand the record to the spool's thread; what it costs is paid there."""
        latency = round(call.milliseconds, 3)
        self.spool.put(lambda: plain.dumps(call.record(self.spec, status, latency)))

    def _refused(self, refusal: Refusal, path: str, call: Call) -> Answer:
        retry = (("retry-after", str(refusal.retry_after or 1)),) if refusal.status == 503 else ()
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


async def _body(receive: Receive, most: int, seconds: float) -> bytes:
    parts, size, more = [], 0, True
    try:
        async with asyncio.timeout(seconds):
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
    except TimeoutError as error:
        raise Refusal(408, "body_too_slow", "The body did not arrive in time. Send all of it at once.") from error
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
