"""Clients that begin a request and then send a byte a second."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

COUNT = 200
UNFINISHED = b"GET / HTTP/1.1\r\nhost: here\r\nx-slow: "
TRICKLING = b"POST /production/any/invocations HTTP/1.1\r\nhost: here\r\ncontent-length: 100000\r\n\r\n"


def trickle(address: str, seconds: float) -> None:
    """So many of them for so long: half stay in their headers, half in their body. Those that are cut off stay away."""
    place, pause, until = urlsplit(address), threading.Event(), time.monotonic() + seconds
    with contextlib.ExitStack() as ending:
        clients = [ending.enter_context(client) for client in _begun(str(place.hostname), int(place.port or 80))]
        while time.monotonic() < until:
            for client in clients:
                with contextlib.suppress(OSError):
                    client.sendall(b" ")
            pause.wait(1)


def _begun(host: str, port: int) -> Iterator[socket.socket]:
    for number in range(COUNT):
        client = socket.create_connection((host, port), timeout=10)
        client.sendall(UNFINISHED if number % 2 else TRICKLING)
        yield client
