"""A rate is what callers were answered while they asked, whatever is still on its way at the end."""

from types import SimpleNamespace

import pytest

from bench import load
from bench.wire import Line


class Slow(Line):
    """Answers each question after a second of a clock of its own."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def ask(self, *_: object) -> None:  # type: ignore[override]
        self.now += 1.0

    def close(self) -> None:
        pass


def test_an_answer_that_comes_after_the_end_does_not_count_as_if_it_had_not(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Slow()
    monkeypatch.setattr(load, "time", SimpleNamespace(perf_counter=line.perf_counter))
    found = load.closed_loop(lambda: line, "/", b"", 1, 2.5)
    assert found.latencies == [1000.0] * 3
    assert found.rate == pytest.approx(1.0)
