"""A worker that stood still for longer than its lease goes on: what it decided before then changes nothing any more.

It is frozen between what it saw and what it does about that, its leases run out, others carry on, and it goes on where
it stood, in the same call of the same code. tests/races/test_stopped_process.py does it to a process with SIGSTOP.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deployments.adapters import serving
from deployments.adapters.serving import RouteState
from deployments.engine.planner import Command, Snapshot, decide
from deployments.models import Endpoint, Rollout, RouteTable
from deployments.reconcilers import rollouts as reconciler
from deployments.services import endpoints, rollouts
from portal.core import work
from tests import world
from tests.deployments import lives
from tests.deployments.conftest import Line
from tests.deployments.memory_runtime import MemoryRuntime
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db
FORWARD = {
    "begin", "note_warm", "shadow", "end_shadow", "take_generation", "route", "test", "end_test", "pause", "probe",
    "next", "complete",
}  # fmt: skip
BACK = {"load", "wait", "fail", "take_back_generation", "route_back", "settle"}


class Freezer:
    """Freezes the worker after a decision: at the `nth` of each of its looks, or once at the first `command`.

    What happens meanwhile is `others`; `refused` says how many of those who went on found that they were replaced.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.decided: list[str] = []
        self.frozen: list[str] = []
        self.refused = 0
        self._nth, self._command = 0, ""
        self._others: Callable[[], object] = lives.come_by
        self._at = 0
        monkeypatch.setattr(reconciler, "decide", self._decide)

    def arm(self, *, nth: int = 0, command: str = "", others: Callable[[], object] = lives.come_by) -> None:
        self.decided, self.frozen, self.refused = [], [], 0
        self._nth, self._command, self._others = nth, command, others

    def come_by(self) -> None:
        lives.come_by(self.do)

    def do(self, name: str, pk: int) -> bool:
        """A worker that may be frozen; none freezes while others act in its place."""
        self._at, before = 0, len(self.frozen)
        done = work.do(name, pk)
        if len(self.frozen) > before:
            self.refused += not done
            return True
        return done

    def _decide(self, seen: Snapshot) -> Command:
        command = decide(seen)
        if self._at < 0:
            return command
        self._at += 1
        self.decided.append(command.do)
        once = command.do == self._command and not self.frozen
        if self._at == self._nth or once:
            self.frozen.append(command.do)
            self._at = -1
            lives.run_out()
            self._others()
        return command


@pytest.fixture
def freezer(monkeypatch: pytest.MonkeyPatch) -> Freezer:
    return Freezer(monkeypatch)


def undisturbed(line: Line, rolling: Rolling, freezer: Freezer, life: lives.Life) -> tuple[lives.Left, list[str]]:
    with lives.undone(line):
        freezer.arm()
        lives.live(life(rolling), freezer.come_by)
        return lives.left(line), freezer.decided


def generations_rise(line: Line) -> bool:
    numbers = [one.generation for one in line.runtime.routed]
    return numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    ("steps", "life", "commands"),
    [(lives.EVERY_KIND, lives.every_kind, FORWARD), (lives.JUDGED, lives.stopped, BACK)],
)
def test_whoever_goes_on_when_all_is_over_changes_nothing(
    line: Line, freezer: Freezer, steps: list[dict[str, Any]], life: lives.Life, commands: set[str]
) -> None:
    rolling = Rolling(line, steps).prepare()
    lives.approved(rolling)
    wanted, decided = undisturbed(line, rolling, freezer, life)
    assert commands <= set(decided)
    for command in sorted(commands):
        with lives.undone(line):
            acts = life(rolling)

            def others(acts: Iterator[None] = acts) -> None:
                lives.come_by()
                lives.live(acts)

            freezer.arm(command=command, others=others)
            lives.live(acts, freezer.come_by)
            lives.passes(20)
            lives.come_by()
            assert freezer.frozen == [command]
            assert generations_rise(line)
            assert lives.differences(lives.left(line), wanted) == {}, f"it was to {command}"


def test_a_worker_that_freezes_in_every_look_delays_nothing_but_itself(line: Line, freezer: Freezer) -> None:
    rolling = Rolling(line, lives.EVERY_KIND).prepare()
    lives.approved(rolling)
    wanted, _ = undisturbed(line, rolling, freezer, lives.there_and_back)
    for nth in (1, 2, 4):
        with lives.undone(line):
            freezer.arm(nth=nth)
            lives.live(lives.there_and_back(rolling), freezer.come_by)
            assert freezer.refused == len(freezer.frozen) > 1
            assert generations_rise(line)
            assert lives.differences(lives.left(line), wanted) == {}, f"after the decision {nth} of each look"


def test_a_shadow_that_is_begun_after_its_rollout_was_given_up_is_ended(line: Line, freezer: Freezer) -> None:
    rolling = Rolling(line, lives.EVERY_KIND).prepare()
    lives.approved(rolling)

    def given_up() -> None:
        """And no more than that: its revision is still loaded when the other one goes on."""
        number = rolling.row.pk
        rollouts.abort(actor=world.actor(line.marta), number=number, reason_code="other")
        while work.do("deployments.rollout", number):
            pass

    freezer.arm(command="shadow", others=given_up)
    freezer.do("deployments.rollout", rolling.row.pk)
    assert (rolling.row.status, len(line.runtime.shadows), freezer.refused) == ("aborted", 1, 1)
    lives.come_by()
    assert (line.runtime.shadows, rolling.row.to_revision.status) == ({}, "removed")
    assert "error" not in Endpoint.objects.get().observed


class Watched:
    """The runtime, with a word after each call that it has answered."""

    def __init__(self, runtime: MemoryRuntime, after: Callable[[str], None]) -> None:
        self._runtime, self._after = runtime, after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._runtime, name)
        if not callable(found):
            return found

        def call(*args: Any, **more: Any) -> Any:
            try:
                return found(*args, **more)
            finally:
                self._after(name)

        return call


def endpoint_look(line: Line, others: Callable[[], object], nth: int) -> tuple[list[str], bool]:
    """One look at the endpoint by a worker that freezes after the `nth` answer of the runtime: the calls it made until
    then, and whether it was refused."""
    calls: list[str] = []

    def after(name: str) -> None:
        calls.append(name)
        if len(calls) == nth:
            serving.use(line.runtime)
            lives.run_out()
            others()

    serving.use(Watched(line.runtime, after))
    try:
        return calls, not work.do("deployments.endpoint", Endpoint.objects.get().pk)
    finally:
        serving.use(line.runtime)


@pytest.fixture
def untidy(line: Line) -> Line:
    """Everything a look at an endpoint can have to mend: a table of others that is newer, a version to take away."""
    line.promote(1)
    line.promote(2)
    lives.roll_back(Rolling(line))
    while work.do("deployments.rollout", Rollout.objects.order_by("-pk")[0].pk):
        pass
    assert str(Endpoint.objects.get().stable_id) == Rolling(line).revision(1)
    line.runtime.table["production", "flight-delay"] = RouteState(40, Rolling(line).revision(2))
    lives.passes(20)
    return line


def test_whoever_goes_on_with_an_endpoint_that_others_looked_at_changes_nothing(untidy: Line) -> None:
    with lives.undone(untidy):
        calls, _ = endpoint_look(untidy, lambda: None, 0)
        lives.come_by()
        wanted = lives.left(untidy)
    assert wanted["in force"][-1] == (41, "r1 v1", "", 0)
    assert (wanted["loaded"], wanted["endpoint"]) == (["r1 v1"], ("r1 v1", "", 41))
    assert {"set_routes", "remove_revision"} <= set(calls)
    for nth in range(1, len(calls) + 1):
        with lives.undone(untidy):
            _, refused = endpoint_look(untidy, lives.come_by, nth)
            assert refused, f"after {calls[nth - 1]}"
            assert generations_rise(untidy)
            assert lives.differences(lives.left(untidy), wanted) == {}, f"after {calls[nth - 1]}"


def test_a_table_of_others_is_answered_once(untidy: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers have seen the same older table of ours beside it; the second to act is the replaced one."""
    seen = endpoints.current_table
    late: list[bool] = []

    def before_others_act(row: Endpoint) -> RouteTable | None:
        table = seen(row)
        if not late:
            late.append(True)
            lives.run_out()
            lives.come_by()
        return table

    monkeypatch.setattr(endpoints, "current_table", before_others_act)
    assert not work.do("deployments.endpoint", Endpoint.objects.get().pk)
    assert Endpoint.objects.get().generation == untidy.runtime.routed[-1].generation == 41


@pytest.mark.parametrize("away", [False, True])
def test_what_was_seen_before_others_looked_is_not_kept(line: Line, away: bool) -> None:
    line.promote(1)
    lives.passes(20)
    kept: list[dict[str, Any]] = []

    def others() -> None:
        """There are three processes by now, and then, perhaps, nobody answers."""
        line.runtime.processes[Rolling(line).revision(1)] = 3
        lives.come_by()
        kept.append(Endpoint.objects.get().observed)
        line.runtime.away = away

    _, refused = endpoint_look(line, others, 1)
    assert refused
    assert kept == [Endpoint.objects.get().observed]
    assert list(kept[0]["processes"].values()) == [3]
