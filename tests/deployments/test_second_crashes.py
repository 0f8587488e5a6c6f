"""Whoever carries on after a crash ends too, and the end is as if nothing had happened.

No process is killed here, and it is still the real thing: a point is armed by its file, and the code after it is never
run; only the last call of the mechanism, `os._exit`, raises what nobody catches. All that a killed process would lose
is lost, since a point stands outside of every transaction (asserted at each death) and a worker keeps nothing between
two looks; all that it would leave behind is left: its lease, which only time ends. What a raise cannot show, that the
operating system and PostgreSQL let go of a process that is gone, tests/faults/test_crash_points.py shows with killed
processes at the same points.
"""

import os
from pathlib import Path

import pytest
from django.db import connection

from deployments.reconcilers import rollouts as reconciler
from portal.core import crash
from tests.deployments import lives
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db
POINTS = {name for name in crash.NAMES if name.startswith("rollout.")}
# What was done before any other point is in our rows, or seen in the world: whoever carries on comes to the next one.
UNSEEN = {"rollout.probed"}


class Ended(BaseException):
    """A process is gone; nobody catches it."""


class Deaths:
    """Ends the worker at the passing of a point that is due, and whoever carries on at the first it comes to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.passed: list[str] = []
        self.at: list[str] = []
        self.inside: list[str] = []
        self._due = self._open = -1
        self._folder = folder
        monkeypatch.setenv("SIGNALBOX_TEST_BUILD", "1")
        monkeypatch.setenv("SIGNALBOX_CRASH_FOLDER", str(folder))
        monkeypatch.setattr(os, "_exit", self._end)
        monkeypatch.setattr(reconciler, "crash_point", self._point)

    def arm(self, passing: int) -> None:
        """Let the worker end at this passing of a point, counted from here; -1 for never."""
        self.passed, self.at, self.inside = [], [], []
        self._due, self._open = passing, len(connection.savepoint_ids)

    def come_by(self) -> None:
        """Workers, one after the other, until one has nothing left to do. The lease of one that ended runs out."""
        while True:
            try:
                return lives.come_by()
            except Ended:
                lives.run_out()

    def _point(self, name: str) -> None:
        if len(self.passed) == self._due or len(self.at) == 1:
            (self._folder / name).touch()
        self.passed.append(name)
        crash.crash_point(name)

    def _end(self, _: int) -> None:
        self.at.append(self.passed[-1])
        if len(connection.savepoint_ids) != self._open:
            self.inside.append(self.passed[-1])
        raise Ended


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Deaths:
    return Deaths(monkeypatch, tmp_path)


def test_a_worker_and_the_one_after_it_end_at_each_point_of_a_rollout(line: Line, deaths: Deaths) -> None:
    rolling = Rolling(line, lives.EVERY_KIND).prepare()
    lives.approved(rolling)
    passed = died_twice(line, rolling, deaths, lives.every_kind)
    assert set(passed) == POINTS - {"rollout.failed", "rollout.routes_removed"}


def test_a_worker_and_the_one_after_it_end_on_the_way_back(line: Line, deaths: Deaths) -> None:
    rolling = Rolling(line, lives.JUDGED).prepare()
    lives.approved(rolling)
    passed = died_twice(line, rolling, deaths, lives.stopped, begin="rollout.failed")
    back = [name.removeprefix("rollout.") for name in passed[passed.index("rollout.failed") :]]
    assert back == ["failed", "generation_taken", "routes_sent", "probed", "probe_recorded"]


def test_a_worker_and_the_one_after_it_end_where_nothing_served_before(line: Line, deaths: Deaths) -> None:
    line.runtime.astray = "another"
    request = line.submit(1)
    for who in (line.marta, line.daniel):
        line.approve(request, who)
    rolling = Rolling(line, begun=True)
    passed = died_twice(line, rolling, deaths, lives.aborted, begin="rollout.routes_removed")
    assert passed[-1] == "rollout.routes_removed"


def died_twice(line: Line, rolling: Rolling, deaths: Deaths, life: lives.Life, begin: str = "") -> list[str]:
    """The points of the undisturbed life. Every one has been died at: where it was passed first, or from `begin` on."""
    with lives.undone(line):
        deaths.arm(-1)
        lives.live(life(rolling), deaths.come_by)
        wanted, passed = lives.left(line), deaths.passed
    first = passed.index(begin) if begin else 0
    for at in range(first, len(passed)):
        if not begin and passed[at] in passed[:at]:
            continue
        with lives.undone(line):
            deaths.arm(at)
            lives.live(life(rolling), deaths.come_by)
            assert (deaths.at[:1], deaths.inside) == ([passed[at]], [])
            assert len(deaths.at) == 2 or at == len(passed) - 1, deaths.at
            assert (deaths.at[1:] == [passed[at]]) == (passed[at] in UNSEEN), deaths.at
            assert lives.differences(lives.left(line), wanted) == {}, f"after two ends from {passed[at]} on"
    return passed
