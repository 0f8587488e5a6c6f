"""What status, stop and reset say and do, without starting the whole product."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from portal.births import birth_of
from portal.embedded import ledger, status, stopping
from portal.embedded.__main__ import main
from portal.embedded.children import started_at
from portal.embedded.errors import StartError
from portal.embedded.layout import Layout, prepare, resolve
from portal.embedded.ledger import Entry, Record
from tests.waiting import wait_until


@pytest.fixture
def checkout(open_folder: Path) -> Layout:
    found = resolve(open_folder, {"SIGNALBOX_VAR": str(open_folder / "var")})
    prepare(found)
    return found


def _record(layout: Layout, *entries: Entry, supervisor: int = 2**22 - 1) -> None:
    started = started_at(supervisor)
    ledger.write(layout.state, Record(supervisor, started, str(layout.var), "http://p", "http://g", entries))


def test_never_started(checkout: Layout) -> None:
    lines, running = status.table(checkout)
    assert not running
    assert "Run make run" in lines[0]
    assert stopping.stop(checkout) == "Nothing was running."


def test_status_of_a_running_process(checkout: Layout) -> None:
    own = os.getpid()
    entry = Entry("web", "ready", pid=own, started=started_at(own), restarts=3, log="x")
    _record(checkout, entry, Entry("worker", "restarting", restarts=9), supervisor=own)
    lines, running = status.table(checkout)
    assert running
    assert lines[1].split()[:3] == ["web", "ready", str(own)]
    assert lines[1].split()[-1] == "3"
    assert lines[2].split()[:3] == ["worker", "restarting", "-"]
    assert "http://p" in "\n".join(lines)


def test_a_supervisor_runs_on_when_the_clock_is_set(checkout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else `make run` would start another one beside it, and `make stop` end nothing."""
    own = os.getpid()
    places = (str(checkout.var), "http://p", "http://g")
    ledger.write(checkout.state, Record(own, started_at(own), *places, supervisor_born=birth_of(own)))
    booted = psutil.boot_time() - 3_600
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: booted)
    lines, running = status.table(checkout)
    assert running
    assert lines[0].startswith("process")


def test_what_a_dead_supervisor_left_is_ended(checkout: Layout) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], start_new_session=True) as left:
        _record(checkout, Entry("web", "ready", pid=left.pid, started=started_at(left.pid)))
        lines, running = status.table(checkout)
        assert not running
        assert "left these processes" in "\n".join(lines)
        assert stopping.stop(checkout) == "Stopped what was left over."
        wait_until(lambda: left.poll() is not None, 5, "the process to end")


def test_a_stranger_with_the_same_number_is_not_touched(checkout: Layout) -> None:
    """Control: the same id with another start time is another process."""
    with subprocess.Popen(
        [sys.executable, "-S", "-c", "import time; time.sleep(600)"], start_new_session=True
    ) as other:
        _record(checkout, Entry("web", "ready", pid=other.pid, started=time.time() - 9999))
        assert stopping.stop(checkout) == "Nothing was running."
        assert other.poll() is None
        other.kill()


def test_reset_removes_this_checkouts_folders_only(checkout: Layout, open_folder: Path) -> None:
    neighbour = open_folder / "neighbour"
    neighbour.mkdir()
    assert stopping.reset(checkout) == [checkout.var, *checkout.elsewhere]
    assert not checkout.var.exists()
    assert neighbour.exists()


@pytest.mark.parametrize("marker", [None, "/another/checkout\n"])
def test_reset_leaves_a_folder_without_our_mark(checkout: Layout, marker: str | None) -> None:
    file = checkout.var / ".signalbox-data"
    file.unlink()
    if marker:
        file.write_text(marker)
    with pytest.raises(StartError, match="does not carry the mark of this checkout"):
        stopping.reset(checkout)
    assert checkout.keys.exists()


def test_reset_asks_and_refuses_where_nobody_can_answer(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIGNALBOX_VAR", str(open_folder / "var"))
    from portal.embedded import session

    prepare(resolve(session.PROJECT, os.environ))
    assert main(["reset"]) == 1
    assert "YES=1" in capsys.readouterr().err
    assert (open_folder / "var").exists()
    assert main(["reset", "--yes"]) == 0
    assert not (open_folder / "var").exists()


def test_a_hold_needs_something_running(
    checkout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIGNALBOX_VAR", str(checkout.var))
    assert main(["hold", "web"]) == 1
    assert "Nothing is running" in capsys.readouterr().err
    own = os.getpid()
    _record(checkout, Entry("web", "ready"), supervisor=own)
    assert main(["hold", "webb"]) == 1
    assert "There are: web" in capsys.readouterr().err
    assert main(["hold", "web"]) == 0
    assert (checkout.holds / "web").exists()
    assert main(["release", "web"]) == 0
    assert not (checkout.holds / "web").exists()


def test_a_restart_needs_a_process_that_runs(
    checkout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIGNALBOX_VAR", str(checkout.var))
    assert main(["restart", "web"]) == 1
    assert "Nothing is running" in capsys.readouterr().err
    _record(checkout, Entry("web", "restarting"), supervisor=os.getpid())
    assert main(["restart", "web", "webb"]) == 1
    assert "There are: web" in capsys.readouterr().err
    assert main(["restart", "web"]) == 1
    assert "web does not run now (restarting)" in capsys.readouterr().err


def test_backup_without_a_name_or_data_says_so(
    checkout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIGNALBOX_VAR", str(checkout.var / "nothing"))
    for variable in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.setenv(variable, "")
    assert main(["backup", ""]) == 1
    assert "FILE=" in capsys.readouterr().err
    assert main(["restore", str(checkout.var / "missing.tar")]) == 1
    assert "There is no file" in capsys.readouterr().err


def test_make_status_of_what_is_stopped_is_no_failure(open_folder: Path) -> None:
    env = os.environ | {"SIGNALBOX_VAR": str(open_folder / "var")}
    project = Path(__file__).resolve().parents[2]
    done = subprocess.run(["make", "status"], cwd=project, env=env, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Run make run" in done.stdout
    own = [sys.executable, "-m", "portal.embedded", "status"]
    assert subprocess.run(own, cwd=project, env=env, capture_output=True, timeout=120).returncode == 3
