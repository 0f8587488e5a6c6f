"""How long a decision takes to reach the callers: from the last approval, and from the start of a rollback.

The rival is what people do with `mlflow models serve`: end it and start it with the other version.
"""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

from bench.catalogue import benchmark
from bench.ground import ENVIRONMENT, MODEL, PATH, Portal
from bench.measure import Effort, estimate
from bench.results import Row
from bench.rival import Rival
from bench.wire import Line
from demo.client import Caller, Json, RefusedError, Session, until
from demo.story import Story

REVIEWERS = ("model_risk", "ml_lead")
ENDPOINT = f"/api/v1/endpoints/{ENVIRONMENT}/{MODEL}/"
NEW = 3
PAUSE_SECONDS = 0.005
PATIENCE_SECONDS = 120.0
VERSION = "x-served-version"


@benchmark("switch", "time from the last approval, and of a rollback, to the first answer of the other version")
def measure(portal: Portal, effort: Effort) -> Iterator[Row]:
    watch, author, operator = Watch(portal), portal.caller("data_scientist"), portal.caller("operator")
    story = Story(author, {key: portal.person(key) for key in REVIEWERS})
    promotions, rollbacks = [], []
    for _ in range(effort.switches):
        promotions.append(_promote(story, watch))
        rollbacks.append(_roll_back(operator, watch))
        release(story)
    restarts = estimate(_restarts(portal, effort.restarts))
    note = "the rival is ended and started with the other version, and answers nothing meanwhile"
    yield Row("switch.promotion", estimate(promotions), restarts, "s", note=note)
    yield Row("switch.rollback", estimate(rollbacks), restarts, "s", note=note)


class Watch:
    """Asks the gateway again and again, as a caller would, and tells when another version answers."""

    def __init__(self, portal: Portal) -> None:
        self._body = portal.example()
        self._line = Line(portal.gateway_url)

    def version(self) -> str:
        return self._line.ask("POST", PATH, self._body).headers[VERSION]

    def seconds_until_another(self, act: threading.Thread) -> float:
        """Start `act`; the seconds until a version answers that did not before. Every answer must be a success."""
        before, began = self.version(), time.perf_counter()
        act.start()
        until(lambda: self.version() != before or None, PATIENCE_SECONDS, "another version", every=PAUSE_SECONDS)
        found = time.perf_counter() - began
        act.join()
        return found


def _promote(story: Story, watch: Watch) -> float:
    """Seconds from the moment the last approval is sent; its second look at the person has been taken."""
    request, approve = last_approval(story)
    seconds = watch.seconds_until_another(threading.Thread(target=approve))
    story.serving(request)
    return seconds


def last_approval(story: Story) -> tuple[Json, Callable[[], Json]]:
    """A request that lacks one approval, and the one call that gives it."""
    request = _open_request(story)
    for key in REVIEWERS[:-1]:
        request = story.decide(request, key)
    path = f"/api/v1/promotions/{request['number']}/"
    session = story.reviewers[REVIEWERS[-1]]
    decision = {"seen": session.get(path)["evidence_digest"], "comment": "Measured."}
    _look_again(session, path, decision)
    return request, partial(Caller.post, session, f"{path}approve/", decision)


def _open_request(story: Story) -> Json:
    """The request that waits in the example world, or a new one for the same version."""
    rows = story.author.every("/api/v1/promotions/", model=MODEL, environment=ENVIRONMENT)
    waiting = next((row for row in rows if row["status"] == "pending_review" and row["version"] == NEW), None)
    wish = {"model": MODEL, "version": NEW, "environment": ENVIRONMENT, "why": "Measured by a benchmark."}
    return waiting or story.author.post("/api/v1/promotions/", wish)


def _look_again(session: Session, path: str, decision: Json) -> None:
    """Show who it is for exactly this decision, so that the approval itself is one call."""
    try:
        Caller.post(session, f"{path}approve/", decision)
    except RefusedError as refused:
        if refused.code != "step_up_required":
            raise
        look = {"method": "password", "password": session.password, "binding": refused.problem["binding"]}
        Caller.post(session, "/api/v1/step-up/", look)
        return
    raise RuntimeError("An approval without a second look was taken.")


def _roll_back(operator: Caller, watch: Watch) -> float:
    """Seconds from the moment the rollback is sent."""
    order, started = rollback(operator), list[Json]()
    seconds = watch.seconds_until_another(threading.Thread(target=lambda: started.append(order())))
    completed(operator, started[0])
    return seconds


def rollback(operator: Caller) -> Callable[[], Json]:
    """The one call that orders it."""
    plan = operator.get(f"{ENDPOINT}rollback/")
    order = {"reason_code": "quality", "note": "Measured.", "expect_generation": plan["expect_generation"]}
    return partial(operator.post, f"{ENDPOINT}rollback/", order)


def completed(operator: Caller, started: Json) -> None:
    path = f"/api/v1/rollouts/{started['id']}/"
    until(lambda: operator.get(path)["status"] == "completed" or None, PATIENCE_SECONDS, "the rollback to complete")


def release(story: Story) -> None:
    """Programs promote nothing after a rollback until a person lets them."""
    Caller.post(story.reviewers["ml_lead"], f"{ENDPOINT}release/", {"reason": "Measured."})


def _restarts(portal: Portal, count: int) -> list[float]:
    """Seconds from ending a server to the first answer of the next."""
    body, found = portal.example(), []
    rival = Rival(portal, NEW)
    try:
        rival.await_answer(body)
        for number in range(count):
            began = time.perf_counter()
            rival.stop()
            rival = Rival(portal, NEW - 1 + number % 2)
            rival.await_answer(body)
            found.append(time.perf_counter() - began)
    finally:
        rival.stop()
    return found
