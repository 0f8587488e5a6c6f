"""A worker looks for work by itself: when it has just started, and then again, whatever happened the last time."""

import threading
from collections.abc import Callable, Iterator

import pytest

from portal.core import sweeper, work


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Semaphore]:
    """Counts the sweeps, each of which fails."""
    counted = threading.Semaphore(0)

    def sweep(_: Callable[[], int]) -> None:
        counted.release()
        raise ValueError("not this time")

    monkeypatch.setattr(work, "sweep_safely", sweep)
    yield counted
    sweeper.stop()


def test_what_was_left_behind_is_found_at_once(swept: threading.Semaphore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "EVERY_SECONDS", 3_600.0)
    threads = sweeper.start()
    assert all(swept.acquire(timeout=10) for _ in range(2)), "the first sweep of each kind waited"
    sweeper.stop()
    for thread in threads:
        thread.join(timeout=10)
    assert not any(thread.is_alive() for thread in threads)


def test_it_goes_on_after_a_failure(swept: threading.Semaphore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "EVERY_SECONDS", 0.01)
    threads = sweeper.start()
    assert all(swept.acquire(timeout=10) for _ in range(6))
    sweeper.stop()
    for thread in threads:
        thread.join(timeout=10)
    assert not any(thread.is_alive() for thread in threads)
