"""How many questions are with a process, kept where its end does not reach: what is left there has died unanswered.

On one host the router sees that. On a cluster nobody does, so the process writes it down before each question.
"""

import os
import struct
from collections.abc import Mapping

ARMS = ("stable", "canary")
FORM = struct.Struct(f"<{len(ARMS)}Q")


class Tally:
    """Over a file that outlives the process. `died` is what the process before this one left, by arm."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        held = os.pread(descriptor, FORM.size, 0)
        self.died: Mapping[str, int] = dict(zip(ARMS, FORM.unpack(held.ljust(FORM.size, b"\0")), strict=True))
        self._now = dict.fromkeys(ARMS, 0)
        self._write()

    def begin(self, arm: str) -> None:
        """A question came."""
        self._now[arm] += 1
        self._write()

    def end(self, arm: str) -> None:
        """It has been answered, or given up by who asked."""
        self._now[arm] -= 1
        self._write()

    def _write(self) -> None:
        os.pwrite(self.descriptor, FORM.pack(*self._now.values()), 0)
