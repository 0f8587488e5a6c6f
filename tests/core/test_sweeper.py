"""A worker looks for work by itself: when it has just started, and then again, whatever happened the last time."""

import threading
from collections.abc import Iterator

import pytest

from portal.core import sweeper, work


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Semaphore]:
    """Counts the sweeps, each of which fails."""
    counted = threading.Semaphore(0)

    def sweep() -> None:
        counted.release()
        raise ValueError("not this time")

    monkeypatch.setattr(work, "sweep_safely", sweep)
    yield counted
    sweeper.stop()


def test_what_was_left_behind_is_found_at_once(swept: threading.Semaphore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "EVERY_SECONDS", 3_600.0)
    thread = sweeper.start()
    assert swept.acquire(timeout=10), "the first sweep waited"
    sweeper.stop()
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_it_goes_on_after_a_failure(swept: threading.Semaphore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "EVERY_SECONDS", 0.01)
    thread = sweeper.start()
    assert all(swept.acquire(timeout=10) for _ in range(3))
    sweeper.stop()
    thread.join(timeout=10)
    assert not thread.is_alive()
