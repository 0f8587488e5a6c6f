"""The network of pods that a cluster without nodes has not: the API server sends what goes to a pod through it.

It is a proxy as every HTTP client knows them, named in the server's environment. Behind a pod's port stands a real
process of `serving.pod` on loopback, or what a test plays. The server names the pod in `x-forwarded-uri`.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Answer = tuple[int, bytes]


@dataclass
class Network:
    """`places` is who answers at a pod's port (name:port): the base of a URL, or a function from path to answer.

    `heard` are the requests that arrived for a pod, with their headers.
    """

    url: str = ""
    places: dict[str, str | Callable[[str], Answer]] = field(default_factory=dict)
    heard: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def answer(self, headers: dict[str, str]) -> Answer:
        _, _, asked = headers.get("x-forwarded-uri", "").partition("/pods/")
        where, _, path = asked.partition("/proxy")
        self.heard.append((where + path, headers))
        place = self.places.get(where)
        if place is None:
            return 502, f"nobody answers for {where}: {headers}".encode()
        if callable(place):
            return place(path)
        found = httpx.get(f"{place}{path}", trust_env=False, timeout=10)
        return found.status_code, found.content

    @contextmanager
    def held(self, place: str) -> Iterator[None]:
        """Who asks there gets no answer until this ends."""
        over = threading.Event()

        def wait(path: str) -> Answer:
            over.wait()
            return 200, b"{}"

        self.places[place] = wait
        try:
            yield
        finally:
            over.set()


def told(value: Any) -> Callable[[str], Answer]:
    """Answers every question with this, as JSON."""
    return lambda path: (200, json.dumps(value).encode())


@contextmanager
def running() -> Iterator[Network]:
    network = Network()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = network.answer({name.lower(): value for name, value in self.headers.items()})
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

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
