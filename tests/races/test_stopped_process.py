"""A real process with a real lease, stopped by the operating system for longer than it holds and then let go on."""

import json
import os
import signal
from dataclasses import asdict
from functools import partial
from typing import Any

import pytest
from django.db import connection

from deployments.adapters.serving import ServingRefused
from deployments.engine.planner import Command, Snapshot, decide
from deployments.models import Endpoint, Rollout
from deployments.reconcilers import rollouts as reconciler
from portal.audit.models import AuditEvent
from portal.core import leases, work
from portal.core.leases import LeaseLost
from serving.contract import RouteSpec
from tests import world
from tests.deployments import lives
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling, resume
from tests.waiting import wait_until

KIND = "deployments.rollout"
STEPS: list[dict[str, Any]] = [
    {"do": "weight", "weight": 5000},
    {"do": "pause", "until": {"person": True}},
    {"do": "switch"},
]
REPLACED = 7
SECONDS = 1


@pytest.fixture
def rolling(racing: Line, monkeypatch: pytest.MonkeyPatch) -> Rolling:
    """A rollout that a person has just let go on to all of the traffic; leases last a second."""
    found = Rolling(racing, STEPS).begin()
    resume(actor=world.actor(racing.marta), number=found.row.pk)
    monkeypatch.setattr(leases, "renew", partial(leases.renew, seconds=SECONDS))
    return found


def worker(rolling: Rolling, number: int, told: int) -> int:
    """A process of its own. It stops when it has decided to send the table, and writes to `told` what it sends."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        connection.connection = None  # that one is our parent's; it closes in the process that opened it only

        def stopping(seen: Snapshot) -> Command:
            command = decide(seen)
            if command.do == "route":
                os.kill(os.getpid(), signal.SIGSTOP)
            return command

        def send(table: RouteSpec) -> None:
            os.write(told, json.dumps(asdict(table)).encode())

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reconciler, "decide", stopping)
            patch.setattr(rolling.line.runtime, "set_routes", send)
            code = carried_on(number)
    finally:
        os._exit(code)


def carried_on(number: int) -> int:
    """What a worker does with a rollout: how the process ends, `REPLACED` where it found that it had been."""
    lease = leases.claim(Rollout, number, seconds=SECONDS)
    assert lease is not None
    try:
        reconciler.reconcile(lease)
    except LeaseLost:
        return REPLACED
    return 0


def test_a_stopped_process_that_goes_on_is_refused_by_the_fence_and_by_the_router(rolling: Rolling) -> None:
    number, (ours, theirs) = rolling.row.pk, os.pipe()
    pid = worker(rolling, number, theirs)
    os.close(theirs)
    try:
        assert os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1])
        wait_until(lambda: work.do(KIND, number), 20, "its lease to run out")
        assert rolling.row.status == "completed"
        back = lives.roll_back(rolling)
        assert work.do(KIND, back.pk)
        before = lives.left(rolling.line)
    finally:
        os.kill(pid, signal.SIGCONT)
    with os.fdopen(ours, "rb") as sent:
        late = RouteSpec(**json.loads(sent.read()))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == REPLACED
    assert (late.generation, late.stable) == (3, rolling.revision(2))
    with pytest.raises(ServingRefused, match="generation 4 is in force"):
        rolling.line.runtime.set_routes(late)
    assert lives.left(rolling.line) == before
    assert [one[:2] for one in before["in force"]] == [(1, "r1 v1"), (2, "r1 v1"), (3, "r2 v2"), (4, "r1 v1")]
    assert Endpoint.objects.get().stable_id == Rollout.objects.get(pk=back.pk).to_revision_id
    assert len(before["tables"]) == 4
    acts = ("completed", "created", "paused", "proven", "resumed", "started")
    assert [verb for verb in logged(number) if verb != "rollout.stepped"] == [f"rollout.{act}" for act in acts]


def logged(number: int) -> list[str]:
    """The verbs of this rollout, sorted; the log keeps those of other tests."""
    since = Rollout.objects.get(pk=number).created_at
    found = AuditEvent.objects.filter(subject_type="rollout", subject_id=str(number), at__gte=since)
    return sorted(found.values_list("type", flat=True))
