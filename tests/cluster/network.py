"""The network of pods that a cluster without nodes has not: the API server sends what goes to a pod through it.

It is a proxy as every HTTP client knows them, named in the server's environment. Behind a pod's port stands a real
process of `serving.pod` on loopback, or what a test plays. The server names the pod, or the Service, in
`x-forwarded-uri`.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Answer = tuple[int, bytes] | tuple[int, bytes, dict[str, str]]
ASKED = re.compile(r"/(?:pods|services)/([^/]+)/proxy(.*)")
HOP = ("host", "connection", "content-length", "accept-encoding")
PASSED = ("content-type", "x-served-version", "x-served-revision")


@dataclass(frozen=True)
class Question:
    """What arrived for a pod's port. Header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Network:
    """`places` is who answers at a pod's port (name:port): the base of a URL, or a function from question to answer.

    `behind` says which pod's port a Service (name:port) leads to. `heard` are the requests that arrived for a pod, with
    their headers.
    """

    url: str = ""
    places: dict[str, str | Callable[[Question], Answer]] = field(default_factory=dict)
    behind: dict[str, str] = field(default_factory=dict)
    heard: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def answer(self, method: str, headers: dict[str, str], body: bytes) -> Answer:
        found = ASKED.search(headers.get("x-forwarded-uri", ""))
        where, path = found.groups() if found else ("", "")
        where = self.behind.get(where, where)
        self.heard.append((where + path, headers))
        place = self.places.get(where)
        if place is None:
            return 502, f"nobody answers for {where}: {headers}".encode()
        if callable(place):
            return place(Question(method, path, headers, body))
        sent = {name: value for name, value in headers.items() if name not in HOP}
        told = httpx.request(method, f"{place}{path}", headers=sent, content=body, trust_env=False, timeout=10)
        return told.status_code, told.content, {one: told.headers[one] for one in PASSED if one in told.headers}

    @contextmanager
    def held(self, place: str) -> Iterator[None]:
        """Who asks there gets no answer until this ends."""
        over = threading.Event()

        def wait(question: Question) -> Answer:
            over.wait()
            return 200, b"{}"

        self.places[place] = wait
        try:
            yield
        finally:
            over.set()


def told(value: Any) -> Callable[[Question], Answer]:
    """Answers every question with this, as JSON."""
    return lambda question: (200, json.dumps(value).encode())


@contextmanager
def running() -> Iterator[Network]:
    network = Network()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length") or 0))
            status, content, *more = network.answer(self.command, headers, body)
            self.send_response(status)
            for name, value in ({"content-type": "application/json"} | (more[0] if more else {})).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Nothing: what arrived is in `heard`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    network.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield network
    finally:
        server.shutdown()
        server.server_close()
