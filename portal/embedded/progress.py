"""Telling a person what happens while it happens: a bar on a terminal, one line for each event elsewhere."""

import sys
import time
from typing import TextIO

WIDTH = 24


class Progress:
    """Counts finished parts of `total` and prints them with the seconds since the start."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self.total = total
        self.finished = 0
        self.stream = stream or sys.stdout
        self.began = time.monotonic()
        self.bar = self.stream.isatty()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def finish(self, text: str) -> None:
        """One more part is done."""
        self.finished = min(self.finished + 1, self.total)
        self.say(text)

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._clear()
        print(f"[{self.elapsed:6.1f} s] {text}", file=self.stream, flush=True)

    def note(self, text: str) -> None:
        """What is being done now; on a terminal it is overwritten by the next."""
        if not self.bar:
            return
        filled = round(WIDTH * self.finished / self.total) if self.total else 0
        line = f"[{'#' * filled}{'.' * (WIDTH - filled)}] {self.finished}/{self.total} {text}"
        print(f"\r\x1b[2K{line[:110]}", end="", file=self.stream, flush=True)

    def block(self, lines: list[str]) -> None:
        """Print several lines without the clock."""
        self._clear()
        print("\n".join(lines), file=self.stream, flush=True)

    def _clear(self) -> None:
        if self.bar:
            print("\r\x1b[2K", end="", file=self.stream)
