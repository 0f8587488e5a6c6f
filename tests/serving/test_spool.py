"""The ring on disk: bounded, ordered, readable while it is written, and never in the way."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving import spool
from serving.spool import Position, Writer
from tests.waiting import wait_until


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Writer]]:
    made: list[Writer] = []

    def start(most_bytes: int = 1 << 20, most_seconds: float = 3600, **more: object) -> Writer:
        writer = Writer(tmp_path / "spool", most_bytes, most_seconds, **more)  # type: ignore[arg-type]
        writer.start()
        made.append(writer)
        return writer

    yield start
    for writer in made:
        writer.close()


def line(number: int, size: int = 10) -> Callable[[], bytes]:
    return lambda: json.dumps({"n": number, "fill": "x" * size}).encode()


def numbers(folder: Path, after: Position | None = None) -> list[int]:
    return [record["n"] for record in spool.read(folder, after, 10_000).records]


def test_records_come_out_in_order_and_a_reader_goes_on_where_it_was(make: Callable[..., Writer]) -> None:
    writer = make()
    for number in range(50):
        writer.put(line(number))
    writer.close()
    first = spool.read(writer.folder, None, 20)
    assert [r["n"] for r in first.records] == list(range(20))
    assert numbers(writer.folder, first.position) == list(range(20, 50))


def test_the_ring_keeps_the_newest_within_its_bytes(make: Callable[..., Writer]) -> None:
    writer = make(most_bytes=40_000)
    for number in range(1000):
        writer.put(line(number, 100))
    writer.close()
    kept = numbers(writer.folder)
    size = sum(path.stat().st_size for path in spool.segments(writer.folder).values())
    assert size <= 40_000
    assert kept == list(range(kept[0], 1000))
    assert kept[0] > 0
    told = spool.status(writer.folder)
    assert (told["written"], told["dropped_ring"]) == (1000, kept[0])


def test_old_segments_go_by_age(make: Callable[..., Writer], tmp_path: Path) -> None:
    import os

    old = make()
    old.put(line(1))
    old.close()
    [path] = spool.segments(old.folder).values()
    os.utime(path, (1000, 1000))
    fresh = make(most_seconds=60)
    fresh.put(line(2))
    fresh.close()
    assert numbers(fresh.folder) == [2]
    assert spool.status(fresh.folder)["dropped_ring"] == 1


def test_a_full_queue_drops_the_oldest_and_never_blocks(make: Callable[..., Writer]) -> None:
    writer = make(queue_records=5)
    gate, entered = threading.Event(), threading.Event()

    def stuck() -> bytes:
        entered.set()
        assert gate.wait(10)
        return b'{"n": -1}'

    writer.put(stuck)
    assert entered.wait(5)
    for number in range(12):
        writer.put(line(number))
    gate.set()
    writer.close()
    assert numbers(writer.folder) == [-1, 7, 8, 9, 10, 11]
    assert writer.counters.dropped_queue == 7


def test_counters_go_on_after_a_restart(make: Callable[..., Writer]) -> None:
    for _ in range(2):
        writer = make()
        for number in range(3):
            writer.put(line(number))
        writer.close()
    assert spool.status(writer.folder)["written"] == 6
    assert len(spool.segments(writer.folder)) == 2


def test_a_torn_last_line_waits_and_a_torn_old_one_is_counted(make: Callable[..., Writer]) -> None:
    first = make()
    first.put(line(1))
    first.close()
    [path] = spool.segments(first.folder).values()
    with path.open("ab") as file:
        file.write(b'{"n": 2, "fi')
    assert numbers(first.folder) == [1], "its writer may be in the middle of it"
    second = make()
    second.put(line(3))
    second.close()
    batch = spool.read(first.folder)
    assert ([r["n"] for r in batch.records], batch.damaged) == ([1, 3], 1)


def test_what_was_shipped_is_removed_by_segments(make: Callable[..., Writer]) -> None:
    writer = make(most_bytes=100_000, segment_bytes=1024)
    for number in range(100):
        writer.put(line(number, 100))
    writer.close()
    half = spool.read(writer.folder, None, 50)
    spool.acknowledge(writer.folder, half.position)
    assert numbers(writer.folder, half.position) == list(range(50, 100))
    assert min(spool.segments(writer.folder)) == half.position.segment


def test_what_is_skipped_is_counted_and_the_unfinished_line_is_left(make: Callable[..., Writer]) -> None:
    writer = make(most_bytes=100_000, segment_bytes=1024)
    for number in range(60):
        writer.put(line(number, 100))
    writer.close()
    assert len(spool.segments(writer.folder)) > 1
    some = spool.read(writer.folder, None, 7).position
    newest = spool.segments(writer.folder)[max(spool.segments(writer.folder))]
    with newest.open("ab") as file:
        file.write(b'{"n": 60')
    end, passed = spool.skip(writer.folder, some)
    assert passed == 53
    assert spool.skip(writer.folder, end) == (end, 0)
    with newest.open("ab") as file:
        file.write(b', "text": ""}\n')
    assert numbers(writer.folder, end) == [60]
    assert spool.skip(writer.folder / "nowhere", end) == (end, 0)


def test_a_disk_that_refuses_costs_records_and_nothing_else(
    make: Callable[..., Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = make()
    real = Writer._segment
    full = threading.Event()
    full.set()

    def refuse(self: Writer) -> object:
        if full.is_set():
            raise OSError(28, "No space left on device")
        return real(self)

    monkeypatch.setattr(Writer, "_segment", refuse)
    writer.put(line(1))
    wait_until(lambda: writer.counters.dropped_disk == 1, 5, "the loss to be counted")
    full.clear()
    writer.put(line(2))
    writer.close()
    assert numbers(writer.folder) == [2]
