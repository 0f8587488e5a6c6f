"""One private Valkey on a Unix socket: cache and doorbell. What it holds may be lost at any time without harm."""

import socket
from dataclasses import dataclass
from pathlib import Path

from portal.embedded.identity import Account


@dataclass(frozen=True)
class Valkey:
    """Where one Valkey lives and as whom it runs."""

    program: Path
    home: Path
    socket: Path
    account: Account | None
    durable: bool = True

    def url(self, database: int = 0) -> str:
        return f"unix://{self.socket}?db={database}"


def command(valkey: Valkey) -> list[str]:
    """The command line; `noeviction`, because a dropped message would be slower and an error is plainer."""
    settings = {
        "port": "0",
        "unixsocket": str(valkey.socket),
        "unixsocketperm": "700",
        "dir": str(valkey.home),
        "appendonly": "yes" if valkey.durable else "no",
        "save": "",
        "maxmemory": "128mb",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [str(valkey.program), *(part for name, value in settings.items() for part in (f"--{name}", value))]


def answers(valkey: Valkey) -> bool:
    """Whether the server answers a ping."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(1)
            client.connect(str(valkey.socket))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
    except OSError:
        return False
