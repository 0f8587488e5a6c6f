"""The programs of evaluations are forked by one process, as separate from each other as if each were started anew."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pipelines.adapters import forking
from tests.waiting import wait_until

READER = "pipelines.scoring.reader"


@pytest.fixture
def streams(tmp_path: Path) -> Iterator[tuple[int, int, Path]]:
    """Nothing to read, nowhere to write, and the file that takes what is said about errors."""
    said = tmp_path / "said"
    with Path(os.devnull).open("r+b", buffering=0) as nothing, said.open("wb", buffering=0) as errors:
        yield nothing.fileno(), errors.fileno(), said


@pytest.fixture
def waits(tmp_path: Path) -> Path:
    """A request nobody writes: a program that reads it stays until it is ended."""
    path = tmp_path / "request"
    os.mkfifo(path)
    return path


@contextmanager
def running(streams: tuple[int, int, Path], waits: Path) -> Iterator[forking.Forked]:
    forked = forking.start(READER, waits, streams[0], streams[0], streams[1])
    try:
        yield forked
    finally:
        forked.end()
        forked.wait()


def parent() -> psutil.Process:
    (found,) = [one for one in psutil.Process().children() if "pipelines.scoring.parent" in one.cmdline()]
    return found


def test_one_parent_forks_them_all_and_tells_how_each_ended(streams: tuple[int, int, Path], waits: Path) -> None:
    with running(streams, waits) as one, running(streams, waits) as other:
        assert len(parent().children()) == 2
        broken = forking.start(READER, waits.with_name("none"), streams[0], streams[0], streams[1])
        assert broken.wait() == 1
        assert "FileNotFoundError" in streams[2].read_text()
        assert (one.poll(), other.poll()) == (None, None)


def test_a_program_has_nothing_open_but_its_streams_and_nothing_of_our_environment(
    streams: tuple[int, int, Path], waits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_SECRET", "hunter2")
    forking.end()
    with running(streams, waits), running(streams, waits):
        for child in parent().children():
            wait_until(lambda child=child: child.num_fds() == 3, 10, "what it inherited to be closed")  # type: ignore[misc]
            assert "DATABASE_SECRET" not in child.environ()


def test_who_gives_a_program_up_ends_it(streams: tuple[int, int, Path], waits: Path) -> None:
    with running(streams, waits) as forked:
        (child,) = parent().children()
        forked.end()
        assert forked.wait() == -signal.SIGKILL
    assert not child.is_running()


def test_a_program_that_ends_while_it_is_given_up_harms_no_other(streams: tuple[int, int, Path], waits: Path) -> None:
    with running(streams, waits) as other:
        one = parent()
        for _ in range(3):
            broken = forking.start(READER, waits.with_name("none"), streams[0], streams[0], streams[1])
            one.suspend()
            try:
                wait_until(lambda: len(ended(one)) == 1, 10, "the program to end")
                broken.end()
            finally:
                one.resume()
            assert broken.wait() == 1
        assert (other.poll(), parent().pid) == (None, one.pid)


def ended(one: psutil.Process) -> list[psutil.Process]:
    return [child for child in one.children() if child.status() == psutil.STATUS_ZOMBIE]


def test_a_parent_that_was_killed_is_replaced_and_its_programs_are_told_as_ended(
    streams: tuple[int, int, Path], waits: Path
) -> None:
    with running(streams, waits) as forked:
        before = parent()
        (orphan,) = before.children()
        before.kill()
        assert forked.wait() == -signal.SIGKILL
        orphan.kill()  # it waits for its request, where nothing has bound it to its parent yet
        with running(streams, waits):
            assert parent().pid != before.pid


def test_a_parent_that_ended_by_itself_is_not_left_behind(streams: tuple[int, int, Path], waits: Path) -> None:
    with running(streams, waits):
        before = parent()
    before.terminate()
    wait_until(lambda: not before.is_running(), 10, "it to be gone, not a zombie")


def test_the_parent_ends_with_the_process_it_belongs_to(streams: tuple[int, int, Path], waits: Path) -> None:
    with running(streams, waits):
        ended, child = parent(), parent().children()[0]
        child.kill()
    forking.end()
    assert not ended.is_running()


def test_a_program_that_is_none_of_ours_is_not_run(streams: tuple[int, int, Path], waits: Path) -> None:
    forked = forking.start("os", waits, streams[0], streams[0], streams[1])
    assert forked.wait() == 1
    assert "os is no program of these" in streams[2].read_text()
