"""The people of the show against the real API: one database, a runtime in memory, and a worker that comes by whenever
somebody waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections

from demo.cases import CASES, PLANS
from demo.client import Caller, Session
from demo.crowd import LAST, Counts
from demo.rollouts import Show, show
from demo.steering import Desk
from deployments.models import Rollout
from portal.accounts.models import Person
from portal.accounts.services import tokens
from portal.core import work
from tests import world
from tests.callers import PASSWORD, with_password
from tests.deployments.conftest import Line, line, runtime
from tests.deployments.rolling import Rolling

__all__ = ["line", "runtime"]
URL = "http://localhost"
SLOW = next(case for case in CASES if case.name == "slow")


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Requests of the same thread share the test's transaction, as those of Django's own test client do."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def desk(line: Line, one_connection: None, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("demo.client.time.sleep", lambda seconds: work.drain())
    transport = httpx.WSGITransport(app=get_wsgi_application())
    made = tokens.create(actor=world.SYSTEM, owner=line.priya, name="show", scopes=["read", "promote"], days=1)

    def sign_in(person: Person) -> Session:
        return Session(URL, with_password(person).email, PASSWORD, transport)

    reviewers = {"ml_lead": sign_in(line.marta), "model_risk": sign_in(line.daniel)}
    found = Desk(line.model.name, Caller(URL, made.secret, transport), sign_in(line.priya), reviewers)
    for name, (title, steps) in PLANS.items():
        found.write_plan(name, title, steps)
    return found


@dataclass
class Callers:
    """Instead of a crowd: whenever somebody waits there were answers, those of version 2 slow, and a worker looks."""

    line: Line
    counts: Counts = field(default_factory=Counts)
    asked: int = 0

    @contextmanager
    def asking(self, outcomes: object = None) -> Iterator[Counts]:
        yield self.counts

    def wait(self, seconds: float = 0.0) -> None:
        self.counts.answered["1", "stable"] += 100
        self.counts.last.extend([("1", "stable")] * LAST)
        rolling = Rolling(self.line)
        if Rollout.objects.filter(to_revision__version__number=2).exists():
            self.asked += 100
            rolling.answered({"requests": 9 * self.asked}, {"requests": self.asked, "slow": self.asked})
            rolling.look(6.0)
        work.drain()


def test_a_slow_version_is_taken_back_and_all_of_it_is_as_stated(
    desk: Desk,
    line: Line,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    callers = Callers(line)
    for module in ("client", "rollouts"):
        monkeypatch.setattr(f"demo.{module}.time.sleep", callers.wait)
    numbers = {"weather": 1, "slow": 2}
    stage = Show(desk, callers, numbers, None, 0.0)  # type: ignore[arg-type]
    assert show(stage, [SLOW]) == 0, capsys.readouterr().out
    told = capsys.readouterr().out
    assert "| slow | canary-fast | taken back by itself: p95 latency" in told
    assert "Rollouts: 1; nothing not as stated." in told
    assert desk.serving() == 1


def test_what_is_left_under_way_is_ended_and_asked_for_again(desk: Desk) -> None:
    desk.serve(1)
    left = desk.begin(2, "canary-fast", "To be left over.")
    work.drain()
    desk.clear()
    assert desk.rollout(left["id"])["status"] == "aborted"
    assert desk.serving() == 1
    again = desk.begin(2, "at-once", "Asked by a person, so the freeze does not keep it.")
    assert desk.over(again["id"], 30)["status"] == "completed"
    desk.release()
    desk.release()
    assert desk.serving() == 2
