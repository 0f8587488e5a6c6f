"""Logs grow only so far, and readers see what is new."""

from pathlib import Path

from portal.embedded import logfiles, probes


def test_rotation_keeps_three_and_empties_in_place(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    for round_number in range(5):
        with log.open("a") as file:
            file.write(f"round {round_number}\n" + "x" * 200 + "\n")
        assert logfiles.rotate(log, largest=100)
    assert log.stat().st_size == 0
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["web.log", "web.log.1", "web.log.2", "web.log.3"]
    assert (tmp_path / "web.log.1").read_text().startswith("round 4")


def test_a_writer_goes_on_after_rotation(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("a") as writer:
        writer.write("a" * 500)
        writer.flush()
        logfiles.rotate(log, largest=100)
        writer.write("after\n")
    assert log.read_text() == "after\n"


def test_small_logs_are_left(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("short\n")
    assert not logfiles.rotate(log)
    assert not logfiles.rotate(tmp_path / "missing.log")


def test_last_run_starts_at_the_newest_mark(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("old\n")
    logfiles.mark(log)
    with log.open("a") as file:
        file.write("new\n\nnewer\n")
    assert logfiles.last_run(log) == ["new", "newer"]
    assert probes.log_says(log, "newer")()
    assert not probes.log_says(log, "old")()
    assert not probes.log_says(tmp_path / "missing.log", "old")()


def test_follower_hands_out_whole_lines_only(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    follower = logfiles.Follower(log)
    log.write_text("one\ntw")
    assert follower.lines() == ["one"]
    with log.open("a") as file:
        file.write("o\n")
    assert follower.lines() == ["two"]
    log.write_text("")
    assert follower.lines() == []
