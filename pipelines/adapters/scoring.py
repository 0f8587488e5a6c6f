"""Has a version asked about every row of a data set version, and results computed, by processes inside the sandbox."""

import contextlib
import json
import os
import shutil
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pipelines.adapters import forking

# Beside those of revision processes and of measuring, so that none of them meet. A version has one of its own, away
# from the one that reads and computes.
TRUSTED_ACCOUNT = 64_989
FIRST_ACCOUNT, ACCOUNTS = 64_960, 16
LOOK_SECONDS = 0.1
KEPT_LINES = 20
NO_DATA = 3
MOST_TOLD = 65_536
UNREADABLE = "What the version's process said of itself cannot be read."


class Broken(Exception):
    """It could not be done, and trying again would not help; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one process may take."""

    memory_bytes: int = 2 * 1024**3
    computing_bytes: int = 6 * 1024**3
    seconds: int = 3_600


@dataclass(frozen=True, slots=True)
class Rows:
    """The data to score: where it lies, what its columns were read as, which are hidden from the version."""

    folder: Path
    types: Mapping[str, str]
    hidden: Sequence[str]
    rows: int
    chunk: int


@dataclass(frozen=True, slots=True)
class Told:
    """What a version's process said of itself."""

    latency_ms: Mapping[str, float]
    load_seconds: float
    memory_bytes: int
    rows_per_second: float | None


def score(
    copy: Path,
    about: Mapping[str, Any],
    rows: Rows,
    scores: Path,
    bounds: Bounds,
    watch: Callable[[int], None],
    slot: int = 0,
) -> Told:
    """Leave the version's answers in the folder `scores`, going on after the chunks that stand there.

    `about` has `signature`, `inputs` and `calls`. `watch(rows done)` is called a few times a second and may raise to
    stop. Raises `Broken`.
    """
    account = FIRST_ACCOUNT + slot % ACCOUNTS
    _own(scores, account)
    (scores / "told.json").unlink(missing_ok=True)
    done = standing(scores)
    request = {"skip": done * rows.chunk, "chunk": rows.chunk, "seconds": bounds.seconds}
    with _scratch(scores, "r", TRUSTED_ACCOUNT) as first, _scratch(scores, "s", account) as second:
        reading = request | {
            "folder": str(rows.folder), "scratch": str(first), "types": dict(rows.types), "hidden": list(rows.hidden),
            "account": TRUSTED_ACCOUNT, "memory_bytes": bounds.computing_bytes,
        }  # fmt: skip
        asking = request | dict(about) | {
            "copy": str(copy), "scores": str(scores), "scratch": str(second), "account": account,
            "memory_bytes": bounds.memory_bytes,
        }  # fmt: skip
        with _nothing() as nothing, _pipe() as (rows_out, rows_in), contextlib.ExitStack() as running:
            reader = running.enter_context(_process("pipelines.scoring.reader", reading, nothing, rows_in.fileno()))
            scorer = running.enter_context(_process("pipelines.scoring.scorer", asking, rows_out.fileno(), nothing))
            rows_in.close()  # ours, so that each of them hears when the other has gone
            rows_out.close()
            _wait([scorer, reader], bounds.seconds, lambda: watch(min(standing(scores) * rows.chunk, rows.rows)))
            _judge(reader, scorer, scores)
    return _told(scores)


def compute(request: Mapping[str, Any], work: Path, bounds: Bounds, watch: Callable[[], None]) -> dict[str, Any]:
    """The results as JSON, of `pipelines.computing.program`. Raises `Broken`."""
    whole = {**request, "work": str(work)}
    return _answered("pipelines.computing.program", "computes", whole, work / "results", bounds, watch)


def join(
    request: Mapping[str, Any], work: Path, out: Path, bounds: Bounds, watch: Callable[[], None]
) -> dict[str, Any]:
    """Leave one file with the answers in the folder `out`, and tell of it: see `pipelines.scoring.writer`.

    Raises `Broken`.
    """
    _own(out, TRUSTED_ACCOUNT)
    whole = {**request, "work": str(work), "out": str(out)}
    told = _answered("pipelines.scoring.writer", "writes the file", whole, out, bounds, watch)
    for path in (out, *out.iterdir()):
        os.chown(path, os.geteuid(), os.getegid())
    return told


def _answered(
    module: str, doing: str, request: Mapping[str, Any], beside: Path, bounds: Bounds, watch: Callable[[], None]
) -> dict[str, Any]:
    """What one program says on stdout, as JSON. Raises `Broken`."""
    with _scratch(beside, "c", TRUSTED_ACCOUNT) as scratch:
        whole = {
            **request, "scratch": str(scratch), "account": TRUSTED_ACCOUNT,
            "memory_bytes": bounds.computing_bytes, "seconds": bounds.seconds,
        }  # fmt: skip
        answer = beside.with_name(f"{beside.name}.json")
        with (
            answer.open("w+b") as out,
            _nothing() as nothing,
            _process(module, whole, nothing, out.fileno()) as one,
        ):
            _wait([one], bounds.seconds, watch)
            if one.code:
                raise Broken(f"The process that {doing} ended with {_ending(one.code)}: {one.last or 'no word'}.")
            out.seek(0)
            found: dict[str, Any] = json.load(out)
    if refused := found.get("refused"):
        raise Broken(str(refused))
    return found


class _Process:
    """One program and the last lines it wrote to stderr."""

    def __init__(self, module: str, request: Mapping[str, Any], stdin: int, stdout: int) -> None:
        # In a file: a request may name more columns than a command line holds.
        asked = Path(request["scratch"]) / "request.json"
        asked.write_text(json.dumps(request))
        asked.chmod(0o444)
        said, says = os.pipe()
        try:
            self._forked = forking.start(module, asked, stdin, stdout, says)
        except OSError:
            os.close(said)
            raise
        finally:
            os.close(says)
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._reader = threading.Thread(target=self._listen, args=(os.fdopen(said, "rb"),), daemon=True)
        self._reader.start()

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            while line := stream.readline(2_000):
                self._lines.append(line.decode(errors="replace").strip())

    @property
    def ended(self) -> bool:
        return self._forked.poll() is not None

    @property
    def code(self) -> int:
        return self._forked.wait()

    @property
    def last(self) -> str:
        self._reader.join(timeout=1)
        return next((line for line in reversed(self._lines) if line), "")[:300]

    def end(self) -> None:
        if not self.ended:
            self._forked.end()
        self._forked.wait()
        self._reader.join(timeout=1)


@contextlib.contextmanager
def _nothing() -> Iterator[int]:
    with Path(os.devnull).open("r+b", buffering=0) as file:
        yield file.fileno()


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Both ends, closed at the end if they were not before."""
    out, in_ = os.pipe()
    with os.fdopen(out, "rb", buffering=0) as first, os.fdopen(in_, "wb", buffering=0) as second:
        yield first, second


@contextlib.contextmanager
def _process(module: str, request: Mapping[str, Any], stdin: int, stdout: int) -> Iterator[_Process]:
    one = _Process(module, request, stdin, stdout)
    try:
        yield one
    finally:
        one.end()


def _wait(processes: Sequence[_Process], seconds: int, watch: Callable[[], None]) -> None:
    """Until the first of them has ended, and then the others have had a moment."""
    until = time.monotonic() + seconds
    while not processes[0].ended:
        watch()
        if time.monotonic() > until:
            raise Broken(f"It took more than {_duration(seconds)} and was ended.")
        time.sleep(LOOK_SECONDS)
    grace = time.monotonic() + 5
    while not all(one.ended for one in processes) and time.monotonic() < grace:
        time.sleep(LOOK_SECONDS / 5)


def _judge(reader: _Process, scorer: _Process, scores: Path) -> None:
    """Raise `Broken` unless all was read and all was answered."""
    if reader.ended and reader.code == NO_DATA:
        raise Broken(f"The data cannot be read: {reader.last}")
    if scorer.code:
        raise Broken(f"The process with the version ended with {_ending(scorer.code)}. {scorer.last}"[:450].strip())
    if not os.path.lexists(scores / "told.json"):
        raise Broken("The process with the version ended without a word.")
    refused = _read(scores).get("refused")
    if refused:
        raise Broken(str(refused))
    if not reader.ended or reader.code:
        raise Broken(f"The process that reads the data ended early: {reader.last or 'it said nothing'}.")


def _told(scores: Path) -> Told:
    found = _read(scores)
    try:
        latency = {str(name): float(value) for name, value in dict(found["latency_ms"]).items()}
        speed = found["rows_per_second"]
        return Told(
            latency, float(found["load_seconds"]), int(found["memory_bytes"]), None if speed is None else float(speed)
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Broken(UNREADABLE) from error


def _read(scores: Path) -> dict[str, Any]:
    """What the version's process told, which is not to be trusted: no link is followed, nothing large is read."""
    try:
        descriptor = os.open(scores / "told.json", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = json.loads(file.read(MOST_TOLD), parse_constant=lambda _: None)
    except (OSError, ValueError) as error:
        raise Broken(UNREADABLE) from error
    if not isinstance(found, dict):
        raise Broken(UNREADABLE)
    return found


def standing(scores: Path) -> int:
    """How many chunks stand without a gap from the first on."""
    names = {path.name for path in scores.glob("[0-9]*.npy")}
    number = 0
    while f"{number:08}.npy" in names:
        number += 1
    return number


def _own(folder: Path, account: int) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    if os.geteuid() == 0:
        os.chown(folder, account, account)


@contextlib.contextmanager
def _scratch(beside: Path, letter: str, account: int) -> Iterator[Path]:
    folder = beside.with_name(f"{beside.name}-{letter}-scratch")
    shutil.rmtree(folder, ignore_errors=True)
    _own(folder, account)
    folder.chmod(0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ending(code: int) -> str:
    return f"the signal {signal.Signals(-code).name}" if code < 0 else f"the code {code}"


def _duration(seconds: int) -> str:
    return f"{seconds // 60} minutes" if seconds >= 120 else f"{seconds} seconds"
