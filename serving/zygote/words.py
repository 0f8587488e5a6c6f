"""What a process says of its start: on the pipe of the zygote that forked it, or to the next one, which has to ask."""

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUESTION = b"GET /-/about HTTP/1.1\r\nhost: revision\r\nconnection: close\r\n\r\n"


@dataclass
class Report:
    """A descriptor that does not block and what came over it: an event a line, or the one answer to a question."""

    descriptor: int
    asked: bool = False
    heard: bytes = b""

    def hear(self) -> tuple[list[dict[str, Any]], bool]:
        """The events that are new, and whether none can follow."""
        try:
            part = os.read(self.descriptor, 65_536)
        except BlockingIOError:
            return [], False
        except ConnectionResetError:
            part = b""
        self.heard += part
        if self.asked:
            return ([] if part else _answered(self.heard)), not part
        *lines, self.heard = self.heard.split(b"\n")
        return [json.loads(line) for line in lines], not part

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


def _answered(heard: bytes) -> list[dict[str, Any]]:
    head, _, body = heard.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        return []
    try:
        return [{"event": "ready", **json.loads(body)}]
    except (ValueError, TypeError):
        return []
