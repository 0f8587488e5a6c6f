"""One question over a Unix socket: to a revision's own process, or in by the gateway as a caller's would come."""

import http.client
import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving import contract, plain
from serving.agent.errors import Refused
from serving.contract import Served

ANSWER_SECONDS = 5.0
LARGEST_ANSWER = 1024**2


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, seconds: float = ANSWER_SECONDS) -> None:
        super().__init__("revision", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(path: Path, target: str, body: Any, headers: Mapping[str, str]) -> Served:
    """The answer at `target`: to `body` by POST, or by GET where there is none. Raises `Refused` 503 without one."""
    connection, began = Connection(path), time.perf_counter()
    sent = None if body is None else plain.dumps(body)
    kind = {} if body is None else {"content-type": "application/json"}
    try:
        connection.request("GET" if body is None else "POST", target, sent, {**headers, **kind})
        answer = connection.getresponse()
        text = answer.read(LARGEST_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        said = "not in time" if isinstance(error, TimeoutError) else type(error).__name__
        raise Refused(503, "no_answer", f"No answer came: {said}.") from error
    finally:
        connection.close()
    return Served(
        status=answer.status,
        version=answer.headers.get(contract.HEADER_VERSION, ""),
        revision=answer.headers.get(contract.HEADER_REVISION, ""),
        answer=_read(text),
        ms=round((time.perf_counter() - began) * 1000, 3),
    )


def _read(text: bytes) -> Any:
    """What was answered, as data; its first characters where it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text[:300].decode("utf-8", "replace")
