"""A second portal beside a person's own, in a folder and on ports of its own: for tests and benchmarks."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# What would tie it to the stores of another one.
NOT_INHERITED = ("DATABASE_", "REDIS_URL", "MLFLOW_", "SIGNALBOX_", "DJANGO_SETTINGS_MODULE", "EMAIL_URL", "DEMO")
# A line of the summary, printed once the address can be told.
OPEN = "Ctrl-C here, or make stop"


def free_ports() -> tuple[int, int]:
    """Two ports nobody listens on now."""
    with socket.socket() as one, socket.socket() as two:
        for candidate in (one, two):
            candidate.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def environment(folder: Path, demo: bool, ports: tuple[int, int]) -> dict[str, str]:
    """What `make run` would see, with nothing inherited that names another portal's stores."""
    port, gateway_port = ports
    env = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    return env | {
        "SIGNALBOX_VAR": str(folder / "var"),
        "SIGNALBOX_PORT": str(port),
        "SIGNALBOX_GATEWAY_PORT": str(gateway_port),
        "DEMO": "1" if demo else "0",
    }


@contextmanager
def own_folder(prefix: str) -> Iterator[Path]:
    """A folder every account may pass through, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def launch(env: Mapping[str, str], output: Path) -> "subprocess.Popen[bytes]":
    """Start it and return at once; what it says is added to `output`."""
    with output.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "portal.embedded", "run"],
            cwd=PROJECT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
