"""Order of needs, restarts, stopping, adoption and leftovers, with real small processes."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from portal.embedded import ledger, restarting, units
from portal.embedded.errors import StartError
from portal.embedded.processes import Plan, Service, Step
from portal.embedded.units import Unit
from tests.embedded import fakes
from tests.embedded.fakes import Stage
from tests.waiting import wait_until

MakeStage = Callable[..., Stage]


@pytest.fixture
def make_stage(tmp_path: Path) -> Iterator[MakeStage]:
    """Starts stages in one folder and stops every one of them at the end."""
    stages: list[Stage] = []

    def make(*services: Service, steps: tuple[Step, ...] = (), start: bool = True) -> Stage:
        stage = Stage(tmp_path, Plan(services, steps, open_after=tuple(service.name for service in services[:1])))
        stages.append(stage)
        return stage.start() if start else stage

    yield make
    for stage in stages:
        if stage.thread.is_alive():
            stage.stop()
    for stage in stages:
        for child in stage.abandoned:
            assert child is not None
            assert child.popen is not None
            child.popen.wait(timeout=10)


def test_starts_by_needs_and_stops_in_reverse(make_stage: MakeStage, tmp_path: Path) -> None:
    stage = make_stage(
        fakes.service("web", tmp_path, needs=("tables",)),
        fakes.service("store", tmp_path),
        steps=(fakes.step("tables", tmp_path, "print('made')", needs=("store",)),),
    )
    assert stage.completed.wait(15)
    stage.stop()
    assert stage.order() == ["start store", "start web", "stop web", "stop store"]
    assert not stage.errors


def waits(unit: Unit, state: str, times: int) -> list[float]:
    """How long it waits for its next start when it ends in this state again and again."""
    found = []
    for _ in range(times):
        unit.enter(state)
        began = time.monotonic()
        unit._ended(1)
        found.append(unit.due - began)
    return found


def test_what_worked_before_it_ended_is_missed_for_two_seconds_at_most(tmp_path: Path) -> None:
    worked = waits(Unit(fakes.service("web", tmp_path), tmp_path / "log", tmp_path), units.READY, 9)
    broken = waits(Unit(fakes.service("web", tmp_path), tmp_path / "log", tmp_path), units.STARTING, 9)
    assert worked == pytest.approx([0.2, 0.4, 0.8, 1.6, 2, 2, 2, 2, 2], abs=0.1)
    assert broken == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10], abs=0.1)


def test_a_killed_service_comes_back_and_is_counted(make_stage: MakeStage, tmp_path: Path) -> None:
    stage = make_stage(fakes.service("web", tmp_path))
    stage.ready("web")
    first = stage.kill("web")
    wait_until(lambda: stage.supervisor.units["web"].restarts == 1, 10, "the restart to be counted")
    stage.ready("web")
    assert stage.pid("web") != first
    record = ledger.read(tmp_path)
    assert record is not None
    assert [(entry.name, entry.restarts, entry.last_exit) for entry in record.entries] == [("web", 1, -signal.SIGKILL)]


def test_pauses_between_failures_grow_to_a_limit() -> None:
    pauses = [units.pause_after(failures) for failures in range(1, 40)]
    assert pauses[:3] == [0.2, 0.4, 0.8]
    assert pauses == sorted(pauses)
    assert pauses[-1] == units.LONGEST_PAUSE


def test_a_service_that_keeps_ending_is_told_once(make_stage: MakeStage, tmp_path: Path) -> None:
    stage = make_stage(fakes.service("worker", tmp_path, script=fakes.FAILING))
    wait_until(lambda: stage.supervisor.units["worker"].failures >= 4, 20, "four failures")
    stage.stop()
    text = stage.output.getvalue()
    assert text.count("worker ended (exit code 7) while starting") == 2
    assert text.count("worker keeps ending (exit code 7)") == 1


def test_a_required_service_that_cannot_start_ends_everything(make_stage: MakeStage, tmp_path: Path) -> None:
    stage = make_stage(
        fakes.service("store", tmp_path), fakes.service("web", tmp_path, script=fakes.FAILING, required=True)
    )
    stage.thread.join(timeout=20)
    assert len(stage.errors) == 1
    assert isinstance(stage.errors[0], StartError)
    assert "web ended (exit code 7)" in str(stage.errors[0])
    assert "cannot find the thing" in str(stage.errors[0])
    assert stage.order()[-1] == "stop store"


def test_a_failed_step_ends_the_start_with_its_last_words(make_stage: MakeStage, tmp_path: Path) -> None:
    stage = make_stage(
        fakes.service("web", tmp_path, needs=("tables",)),
        steps=(fakes.step("tables", tmp_path, "raise SystemExit('no such table')"),),
    )
    stage.thread.join(timeout=20)
    assert "no such table" in str(stage.errors[0])
    assert not (tmp_path / "web.up").exists()


def test_one_that_ignores_the_request_is_ended(make_stage: MakeStage, tmp_path: Path) -> None:
    stage = make_stage(fakes.service("web", tmp_path, script=fakes.STUBBORN, grace=0.5))
    stage.ready("web")
    pid = stage.pid("web")
    stage.stop()
    assert not psutil.pid_exists(pid)
    assert stage.supervisor.units["web"].last_exit == -signal.SIGKILL


def test_a_held_service_stays_down_until_released(make_stage: MakeStage, tmp_path: Path) -> None:
    stage = make_stage(fakes.service("web", tmp_path), fakes.service("store", tmp_path))
    stage.ready("web", "store")
    first = stage.pid("web")
    (tmp_path / "hold").mkdir()
    (tmp_path / "hold" / "web").touch()
    wait_until(lambda: stage.supervisor.units["web"].state == "held", 10, "web to be held")
    assert not _runs(first)
    assert stage.supervisor.units["web"].restarts == 0
    (tmp_path / "hold" / "web").unlink()
    stage.ready("web")
    assert stage.pid("web") != first


@pytest.mark.parametrize(("asked", "heard"), [(None, "SIGTERM"), (signal.SIGHUP, "SIGHUP")])
def test_a_restart_is_asked_for_in_the_way_of_the_service(
    make_stage: MakeStage, tmp_path: Path, asked: signal.Signals | None, heard: str
) -> None:
    """By a command in another process, which knows only what is written down; it waits until the next one is ready."""
    script = fakes.SERVE.replace("stop {name}", "{signal.Signals(number).name}")
    stage = make_stage(fakes.service("web", tmp_path, script=script, restart_signal=asked))
    stage.ready("web")
    first = stage.pid("web")
    assert restarting.restart(tmp_path, "web") == "web is ready again."
    assert stage.pid("web") != first
    assert stage.order() == ["start web", heard, "start web"]


@pytest.mark.parametrize("ended", [signal.SIGKILL, signal.SIGTERM, None])
def test_what_a_service_leaves_behind_is_ended_too_unless_it_ended_well(
    make_stage: MakeStage, tmp_path: Path, ended: signal.Signals | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends without a chance (killed as it is stopped), is away when all is stopped, or stops as it is asked to."""
    monkeypatch.setattr(units, "FIRST_PAUSE", 60.0)
    script = fakes.SERVE if ended != signal.SIGKILL else fakes.STUBBORN
    end_leftovers = ("/bin/sh", "-c", f"echo leftovers >> {tmp_path}/order")
    stage = make_stage(fakes.service("web", tmp_path, script=script, grace=0.2, end_leftovers=end_leftovers))
    stage.ready("web")
    if ended == signal.SIGTERM:
        os.kill(stage.pid("web"), ended)
        wait_until(lambda: stage.supervisor.units["web"].state == "restarting", 10, "its end to be seen")
    stage.stop()
    assert ("leftovers" in stage.order()) == (ended is not None)


def test_helpers_of_a_service_end_with_it(make_stage: MakeStage, tmp_path: Path) -> None:
    script = fakes.SERVE.replace(
        "import pathlib", "import subprocess; subprocess.Popen(['sleep', '600'])\nimport pathlib"
    )
    stage = make_stage(fakes.service("web", tmp_path, script=script))
    stage.ready("web")
    (helper,) = psutil.Process(stage.pid("web")).children()
    stage.stop()
    wait_until(lambda: not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE, 5, "the helper to end")


def _abandon(stage: Stage) -> ledger.Record:
    """What a supervisor that was killed leaves behind: its processes and its record."""
    record = ledger.read(stage.folder)
    assert record is not None
    for unit in stage.supervisor.units.values():
        stage.abandoned.append(unit.child)
        unit.child = None
    stage.stop()
    return record


def test_a_new_supervisor_adopts_what_survives_and_ends_the_rest(make_stage: MakeStage, tmp_path: Path) -> None:
    services = (fakes.service("router", tmp_path, survives=True), fakes.service("web", tmp_path))
    first = make_stage(*services)
    first.ready("router", "web")
    router, web = first.pid("router"), first.pid("web")
    record = _abandon(first)
    assert psutil.pid_exists(router)

    second = make_stage(*services, start=False)
    second.supervisor.adopt_or_end_leftovers(record)
    second.start().ready("router", "web")
    assert second.pid("router") == router
    assert second.pid("web") != web
    assert sorted(first.order()[:2]) == ["start router", "start web"]
    assert first.order()[2:] == ["stop web", "start web"]
    second.stop()
    wait_until(lambda: not _runs(router), 5, "the adopted process to be ended too")


def _without_births(record: ledger.Record, folder: Path) -> ledger.Record:
    """The record as an older supervisor kept it."""
    ledger.write(folder, record)
    kept = json.loads((folder / ledger.FILE).read_text())
    for one in (kept, *kept["entries"]):
        del one["supervisor_born" if "supervisor_born" in one else "born"]
    (folder / ledger.FILE).write_text(json.dumps(kept))
    found = ledger.read(folder)
    assert found is not None
    return found


def test_a_clock_that_is_set_meanwhile_makes_strangers_of_nobody(
    make_stage: MakeStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel says when it booted in the time of now, so that moves too. Records without births are from before."""
    first = make_stage(fakes.service("router", tmp_path, survives=True))
    first.ready("router")
    router, record = first.pid("router"), _abandon(first)
    (now,), (old,) = record.entries, _without_births(record, tmp_path).entries
    other_boot = replace(now, born=f"another-boot:{now.born.partition(':')[2]}")
    assert [one.alive for one in (now, old, other_boot)] == [True, True, False]
    booted = psutil.boot_time() + 3_600
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: booted)
    assert [one.alive for one in (now, old, other_boot)] == [True, False, False]
    second = make_stage(fakes.service("router", tmp_path, survives=True), start=False)
    second.supervisor.adopt_or_end_leftovers(record)
    second.start().ready("router")
    assert second.pid("router") == router
    second.stop()
    assert not _runs(router)


def test_a_changed_command_is_not_adopted(make_stage: MakeStage, tmp_path: Path) -> None:
    first = make_stage(fakes.service("router", tmp_path, survives=True))
    first.ready("router")
    old = first.pid("router")
    record = _abandon(first)
    second = make_stage(fakes.service("router", tmp_path, survives=True, script=fakes.SERVE + "\n"), start=False)
    second.supervisor.adopt_or_end_leftovers(record)
    assert not _runs(old)


def test_a_reused_process_id_is_left_alone(make_stage: MakeStage, tmp_path: Path) -> None:
    """The id of this very test process, with another start time, must never be signalled."""
    entry = ledger.Entry("web", "ready", pid=os.getpid(), started=1.0, digest="x")
    stage = make_stage(fakes.service("web", tmp_path), start=False)
    stage.supervisor.adopt_or_end_leftovers(ledger.Record(1, 1.0, "", "", "", (entry,)))
    assert stage.supervisor.units["web"].child is None
    assert "left over" not in stage.output.getvalue()


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_under_nohup_a_lost_terminal_does_not_stop_it(make_stage: MakeStage, tmp_path: Path) -> None:
    stage = make_stage(fakes.service("web", tmp_path), start=False)
    heard: list[str] = []

    def hang_up_then_end() -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        heard.append(stage.supervisor.stop_signal)
        os.kill(os.getpid(), signal.SIGTERM)

    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stage.supervisor.opened = hang_up_then_end
    try:
        stage.supervisor.run()
    finally:
        signal.signal(signal.SIGHUP, previous)
    assert heard == [""]
    assert stage.supervisor.stop_signal == "SIGTERM"
