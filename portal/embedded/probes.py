"""Questions that tell whether a process is ready. Each answers within two seconds and never raises."""

import http.client
import socket
from collections.abc import Callable
from pathlib import Path

Probe = Callable[[], bool]
TIMEOUT = 2.0


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def _answers(connection: http.client.HTTPConnection, path: str) -> bool:
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def http_port(port: int, path: str, host: str = "127.0.0.1") -> Probe:
    return lambda: _answers(http.client.HTTPConnection(host, port, timeout=TIMEOUT), path)


def http_socket(socket_path: Path, path: str) -> Probe:
    return lambda: _answers(UnixConnection(socket_path, TIMEOUT), path)


def accepts(socket_path: Path) -> Probe:
    """A Unix socket takes connections."""

    def probe() -> bool:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(TIMEOUT)
                client.connect(str(socket_path))
        except OSError:
            return False
        return True

    return probe


def log_says(log: Path, words: str) -> Probe:
    """The words are in what the process has written since this start (the log is marked at each start)."""

    def probe() -> bool:
        try:
            with log.open("rb") as file:
                file.seek(max(log.stat().st_size - 200_000, 0))
                tail = file.read().decode(errors="replace")
        except FileNotFoundError:
            return False
        return words in tail.rpartition(START_MARK)[2]

    return probe


START_MARK = "=== started by the supervisor"


def file_exists(path: Path) -> Probe:
    return path.exists
