"""What goes on when parts are killed, and what comes back."""

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from serving import crash, files
from tests.serving.plane import Plane, accepts, end
from tests.serving.test_routing import callers
from tests.serving.zoo import Zoo, body
from tests.waiting import wait_until


@pytest.fixture
def served(plane: Plane, endpoint: str, models: Zoo) -> str:
    """An endpoint with one revision in traffic; both carry the endpoint's name."""
    plane.load(endpoint, models.double.spec(endpoint))
    assert plane.route(endpoint, 1, endpoint).status_code == 200
    return endpoint


def answers(plane: Plane, endpoint: str) -> bool:
    return plane.ask(endpoint, body({"x": 1.0})).status_code == 200


def pid_of(plane: Plane, revision: str) -> int:
    return int(plane.revision(revision)["pid"] or 0)


@contextmanager
def asked_all_along(plane: Plane, endpoint: str) -> Iterator[set[int]]:
    """Small requests for as long as the block lasts; which statuses they got is there after it."""
    stop, found = threading.Event(), set[int]()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(lambda: list(callers(plane, endpoint, stop)))
        try:
            yield found
        finally:
            stop.set()
        found.update(status for status, _, _ in work.result())


def test_a_killed_revision_comes_back_and_small_requests_do_not_notice(plane: Plane, served: str) -> None:
    pid = pid_of(plane, served)
    with asked_all_along(plane, served) as statuses:
        end(pid)
        wait_until(lambda: plane.revision(served)["restarts"] == 1, 20, "the restart")
        wait_until(lambda: plane.revision(served)["state"] == "ready", 20, "the revision to be ready again")
    assert statuses == {200}
    assert pid_of(plane, served) != pid


def test_the_agent_is_not_needed_for_answers_and_adopts_what_runs(plane: Plane, served: str) -> None:
    pid = pid_of(plane, served)
    plane.kill("agent")
    assert answers(plane, served)
    end(pid)
    wait_until(lambda: answers(plane, served), 20, "the restart without an agent")
    plane.start("agent")
    plane.await_up()
    found = plane.revision(served)
    assert (found["state"], plane.routed(served)["generation"]) == ("ready", 1)
    assert plane.route(served, 2, served).status_code == 200


def test_a_killed_router_comes_back_with_the_table_in_force(plane: Plane, served: str) -> None:
    assert plane.route(served, 7, served).status_code == 200
    plane.kill("agent")
    plane.kill("router")
    plane.start("router")
    plane.await_router()
    wait_until(lambda: answers(plane, served), 5, "the router to serve again")
    plane.start("agent")
    plane.await_up()
    assert plane.routed(served)["generation"] == 7


def test_a_table_sent_while_the_router_is_away_holds_when_it_is_back(plane: Plane, served: str) -> None:
    plane.kill("router")
    sent = plane.route(served, 2, served)
    assert (sent.status_code, sent.json()["in_force"]) == (202, False)
    assert plane.agent.get("/routes").status_code == 503
    plane.start("router")
    plane.await_up()
    assert plane.routed(served)["generation"] == 2


def test_a_table_set_behind_the_agents_back_is_set_right(plane: Plane, served: str) -> None:
    from serving.router.runtime import Runtime

    runtime = Runtime(plane.settings.places)
    runtime.delete_route(f"production/{served}")
    wait_until(lambda: plane.routed(served).get("generation") == 1, 5, "the agent to set the table again")


@pytest.mark.slow
def test_processes_outlive_a_killed_zygote_and_the_next_one_minds_them(plane: Plane, served: str) -> None:
    """Also one that had not told the killed zygote that it was ready, and whose requests are its callers' by then."""
    pid, note = pid_of(plane, served), plane.settings.places.launches / f"{served}.json"
    plane.kill("zygote")
    files.write_json(note, {**files.read_json(note), "phase": "starting", "ever_ready": False, "about": {}})
    away = plane.revision(served)
    assert (away["state"], away["pid"]) == ("ready", pid)
    with asked_all_along(plane, served) as statuses:
        plane.start("zygote")
        plane.await_up()
        wait_until(lambda: plane.revision(served)["state"] == "ready", 20, "it to be known as ready")
        assert pid_of(plane, served) == pid, "it was taken over, not started again"
        assert plane.revision(served)["layers"] == away["layers"]
        end(pid)
        wait_until(lambda: pid_of(plane, served) not in (0, pid), 20, "a new process")
        wait_until(lambda: plane.revision(served)["state"] == "ready", 20, "the new process to be ready")
    assert statuses == {200}


@pytest.mark.slow
def test_a_zygote_that_is_to_come_back_costs_no_caller_anything(plane: Plane, served: str) -> None:
    """SIGHUP: its processes go on without it, and the next one takes them over."""
    pid = pid_of(plane, served)
    with asked_all_along(plane, served) as statuses:
        assert plane.stop("zygote", signal.SIGHUP) == 0
        plane.start("zygote")
        plane.await_up()
        wait_until(lambda: plane.revision(served)["state"] == "ready", 20, "it to be known as ready")
    assert statuses == {200}
    assert (pid_of(plane, served), plane.revision(served)["restarts"]) == (pid, 0)


@pytest.mark.slow
def test_a_stopped_zygote_takes_its_processes_along_and_brings_them_back(
    plane: Plane, served: str, tmp_path: Path
) -> None:
    """Without an agent, and although the first new one dies between fork and note."""
    once, pid = tmp_path / "once", pid_of(plane, served)
    plane.kill("agent")
    assert plane.stop("zygote") == 0
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 10, "the process to be gone")
    crash_at = {"SIGNALBOX_CRASH_POINT": "zygote.forked", "SIGNALBOX_CRASH_ONCE": str(once)}
    plane.start("zygote", SIGNALBOX_TEST_BUILD="1", **crash_at)
    wait_until(lambda: plane.processes["zygote"].poll() == 137, 90, "the crash")
    assert once.exists()
    plane.start("zygote")
    wait_until(lambda: answers(plane, served), 90, "the zygote alone to bring the revision back")
    plane.start("agent")
    plane.await_up()
    assert (plane.revision(served)["state"], plane.revision(served)["restarts"]) == ("ready", 0)


def test_a_second_zygote_or_agent_is_refused(plane: Plane) -> None:
    import subprocess
    import sys

    for name in ("zygote", "agent", "stop"):
        command = [sys.executable, "-m", "serving", name]
        done = subprocess.run(command, env=plane.environ, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith("signalbox serving: ")


AGENT_POINTS = sorted(name for name in crash.NAMES if name.startswith("agent."))


def patiently(plane: Plane, act: Callable[[], bool], timeout: float = 30) -> None:
    """Repeat a call until it was answered, starting the agent again whenever it has ended."""

    def once() -> bool:
        if plane.processes["agent"].poll() is not None:
            plane.start("agent")
        try:
            # The client leaves a socket open where nobody listens, so that is asked first.
            return accepts(plane.settings.places.agent_socket) and act()
        except httpx.TransportError:
            return False

    wait_until(once, timeout, "the agent to answer")


@pytest.mark.parametrize("point", AGENT_POINTS)
def test_an_agent_killed_anywhere_reaches_the_same_end(
    plane: Plane, endpoint: str, models: Zoo, tmp_path: Path, point: str
) -> None:
    once = tmp_path / "once"
    plane.stop("agent")
    plane.start("agent", SIGNALBOX_CRASH_POINT=point, SIGNALBOX_TEST_BUILD="1", SIGNALBOX_CRASH_ONCE=str(once))
    first, second = f"{endpoint}-1", f"{endpoint}-2"

    def bring(number: int, revision: str) -> None:
        spec = models.double.spec(endpoint, number)
        patiently(plane, lambda: plane.put(revision, spec).status_code == 202)
        patiently(plane, lambda: plane.revision(revision).get("state") == "ready")
        patiently(plane, lambda: plane.route(endpoint, number, revision).status_code == 200)

    bring(1, first)
    bring(2, second)
    patiently(plane, lambda: plane.agent.delete(f"/revisions/{first}").status_code in (204, 404))
    assert once.exists(), "the crash point was never reached"
    places = plane.settings.places
    patiently(plane, lambda: plane.routed(endpoint).get("stable") == second)
    assert plane.routed(endpoint)["generation"] == 2
    assert plane.ask(endpoint, body({"x": 1.0})).headers["x-served-version"] == "2"
    for folder in (places.copies, places.records, places.launches, places.scratch):
        assert [path.name for path in folder.iterdir() if first in path.name] == []
