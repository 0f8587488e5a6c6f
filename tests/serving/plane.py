"""A whole data plane for tests: real HAProxy, zygote and agent in a folder of their own, on a free port."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from serving import places
from serving.places import Settings
from tests.waiting import wait_until

PROJECT = Path(__file__).resolve().parents[2]
COMMANDS = ("zygote", "router", "agent", "grpc")
SLOTS = "12"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(path: Path) -> bool:
    """Whether somebody listens at a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


@dataclass
class Plane:
    """Processes by name, and clients of the agent and the gateway."""

    folder: Path
    environ: dict[str, str]
    settings: Settings
    names: tuple[str, ...] = COMMANDS
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        transport = httpx.HTTPTransport(uds=str(self.settings.places.agent_socket))
        self.agent = httpx.Client(transport=transport, base_url="http://agent", timeout=20)
        self.gateway_url = f"http://{self.settings.bind}"
        self.gateway = httpx.Client(base_url=self.gateway_url, timeout=20, trust_env=False)

    def start(self, name: str, **more: str) -> None:
        """Start one process; returns at once."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "serving", name],
                cwd=PROJECT,
                env={**self.environ, **more},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_all(self) -> None:
        for name in self.names:
            self.start(name)
        self.await_up()

    def await_up(self) -> None:
        wait_until(lambda: self.up(), 90, "router, zygote and agent to answer")

    def await_router(self) -> None:
        wait_until(lambda: accepts(self.settings.places.router_socket) and self.healthy(), 20, "the router to answer")

    def healthy(self) -> bool:
        with socket.socket() as probe:
            host, port = self.settings.bind.rsplit(":", 1)
            return probe.connect_ex((host, int(port))) == 0

    def up(self) -> bool:
        if not accepts(self.settings.places.agent_socket):
            return False
        found = self.agent.get("/status").json()
        if "grpc" in self.names and not accepts(self.settings.places.grpc_socket):
            return False
        return all(found[name]["up"] for name in self.names if name not in ("agent", "grpc"))

    def mend(self) -> None:
        """Start whatever a test has ended."""
        ended = [name for name, process in self.processes.items() if process.poll() is not None]
        for name in ended:
            self.start(name)
        if ended:
            self.await_up()

    def kill(self, name: str) -> None:
        """As the kernel does it, without a word."""
        self.processes[name].kill()
        self.processes[name].wait(timeout=10)

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM) -> int:
        """As a supervisor does it; returns the exit code."""
        self.processes[name].send_signal(number)
        return self.processes[name].wait(timeout=20)

    def stop_all(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is None:
                self.stop(name)
        subprocess.run(
            [sys.executable, "-m", "serving", "stop"], cwd=PROJECT, env=self.environ, check=False, capture_output=True
        )
        self.agent.close()
        self.gateway.close()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def put(self, revision_id: str, spec: Mapping[str, Any]) -> httpx.Response:
        return self.agent.put(f"/revisions/{revision_id}", json=dict(spec))

    def revision(self, revision_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.agent.get(f"/revisions/{revision_id}").json()
        return found

    def settled(self, revision_id: str, timeout: float = 60) -> dict[str, Any]:
        """The revision once it is ready or has failed."""
        wait_until(
            lambda: self.revision(revision_id).get("state") in ("ready", "failed"), timeout, f"{revision_id} to settle"
        )
        return self.revision(revision_id)

    def load(self, revision_id: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Have a revision ready, or fail the test with what it says."""
        assert self.put(revision_id, spec).status_code == 202
        found = self.settled(revision_id)
        assert found["state"] == "ready", (found["reason"], self.log("zygote")[-3000:])
        return found

    def route(self, endpoint: str, generation: int, stable: str, **more: Any) -> httpx.Response:
        body = {"environment": "production", "endpoint": endpoint, "generation": generation, "stable": stable, **more}
        return self.agent.put("/routes", json=body)

    def routed(self, endpoint: str) -> dict[str, Any]:
        rows = self.agent.get("/routes").json()["routes"]
        return next((row for row in rows if row["endpoint"] == endpoint), {})

    def ask(self, endpoint: str, body: Any, **headers: str) -> httpx.Response:
        return self.gateway.post(f"/production/{endpoint}/invocations", json=body, headers=headers)

    def clear(self, endpoint: str) -> None:
        """Take an endpoint and all its revisions away."""
        self.agent.delete(f"/shadows/production/{endpoint}")
        self.agent.delete(f"/routes/production/{endpoint}")
        for row in self.agent.get("/revisions").json()["revisions"]:
            if row["endpoint"] == endpoint:
                self.agent.delete(f"/revisions/{row['id']}")


@contextmanager
def running(store: Path, names: tuple[str, ...] = COMMANDS, **more: str) -> Iterator[Plane]:
    """A plane with these processes up; everything it started ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="sbs-"))
    folder.chmod(0o711)
    environ = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")},
        "SIGNALBOX_SERVING_DIR": str(folder / "serving"),
        "SIGNALBOX_RUN": str(folder / "run"),
        "SIGNALBOX_STORE": str(store),
        "SIGNALBOX_GATEWAY_BIND": f"127.0.0.1:{free_port()}",
        "SIGNALBOX_METRICS_BIND": f"127.0.0.1:{free_port()}",
        "SIGNALBOX_SLOTS": SLOTS,
        "PYTHONUNBUFFERED": "1",
        **more,
    }
    plane = Plane(folder, environ, places.read(environ), names)
    try:
        plane.start_all()
        yield plane
    finally:
        plane.stop_all()
        shutil.rmtree(folder, ignore_errors=True)


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
