"""What a process says of its start: on the pipe of the zygote that forked it, or to the next one, which has to ask."""

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUESTION = b"GET /-/about HTTP/1.1\r\nhost: revision\r\nconnection: close\r\n\r\n"


LONGEST = 65_536
"""Bytes a process may say of its start; what it says itself is some two thousand."""
DEEPEST = 5
UNREADABLE: dict[str, Any] = {
    "event": "unreadable",
    "code": "start_failed",
    "reason": "What the process said of its start cannot be read: what it loads writes to a file that it did not open.",
}


@dataclass
class Report:
    """A descriptor that does not block and what came over it: an event a line, or the one answer to a question.

    The model's code runs in the process that says it, so nothing it can write may harm whoever listens.
    """

    descriptor: int
    asked: bool = False
    heard: bytes = b""
    size: int = 0

    def hear(self) -> tuple[list[dict[str, Any]], bool]:
        """The events that are new, and whether none can follow."""
        try:
            part = os.read(self.descriptor, LONGEST + 1)
        except BlockingIOError:
            return [], False
        except ConnectionResetError:
            part = b""
        self.heard += part
        self.size += len(part)
        if self.size > LONGEST:
            return ([] if self.asked else [dict(UNREADABLE)]), True
        if self.asked:
            return ([] if part else _answered(self.heard)), not part
        *lines, self.heard = self.heard.split(b"\n")
        half = [self.heard] if self.heard and not part else []
        return [event(line) for line in lines + half], not part

    def fileno(self) -> int:
        return self.descriptor

    def close(self) -> None:
        os.close(self.descriptor)


def ask(path: Path) -> Report:
    """Ask at a process's socket. It takes the question in once it is ready. Raises OSError where nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)
        connection.connect(str(path))
        connection.sendall(QUESTION)
        return Report(connection.detach(), asked=True)


def event(line: bytes) -> dict[str, Any]:
    """What a line says: ready with what it is about, failed with a code and a reason, or `UNREADABLE`."""
    found = _read(line)
    if found.get("event") == "ready":
        return found
    if found.get("event") == "failed" and all(isinstance(found.get(name), str) for name in ("code", "reason")):
        return {"event": "failed", **{name: _printable(found[name]) for name in ("code", "reason")}}
    return dict(UNREADABLE)


def _read(line: bytes) -> dict[str, Any]:
    """The object; an empty one for anything else, and for one so deep that writing it again could fail."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and _shallow(found, DEEPEST) else {}


def _shallow(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_shallow(one, levels - 1) for one in inner)


def _printable(text: str) -> str:
    """Without half characters, as the names of files can have them: a log refuses them."""
    return text.encode(errors="replace").decode()


def _answered(heard: bytes) -> list[dict[str, Any]]:
    head, _, body = heard.partition(b"\r\n\r\n")
    about = _read(body) if head.startswith(b"HTTP/1.1 200 ") else {}
    return [{**about, "event": "ready"}] if about else []
