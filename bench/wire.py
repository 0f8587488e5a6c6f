"""One HTTP connection that stays open, over TCP or a Unix socket: the same client for both sides of a comparison."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from portal.embedded.probes import UnixConnection

TIMEOUT = 60.0


class UnexpectedAnswerError(RuntimeError):
    """An answer that is no success; a benchmark that goes on would measure refusals."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Line:
    """An open connection. `address` is an http URL, or the path of a Unix socket."""

    def __init__(self, address: str | Path, token: str = "") -> None:
        self._connection = _connection(address)
        self._headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        """One call. Raises `UnexpectedAnswerError` for anything but a 2xx."""
        self._connection.request(method, path, body=body, headers={**self._headers, **(headers or {})})
        answer = self._connection.getresponse()
        reply = Reply(answer.status, answer.headers, answer.read())
        if not 200 <= reply.status < 300:
            raise UnexpectedAnswerError(f"{method} {path}: {reply.status} {reply.body[:500].decode(errors='replace')}")
        return reply

    def get(self, path: str, **query: str) -> Reply:
        return self.ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, value: Any) -> Reply:
        return self.ask("POST", path, json.dumps(value).encode())

    def close(self) -> None:
        self._connection.close()


def _connection(address: str | Path) -> http.client.HTTPConnection:
    if isinstance(address, Path):
        return UnixConnection(address, TIMEOUT)
    parts = urlsplit(address)
    return http.client.HTTPConnection(parts.hostname or "localhost", parts.port, timeout=TIMEOUT)
