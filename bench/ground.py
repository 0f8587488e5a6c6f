"""The portal that is measured: started for the benchmarks alone, with the example world, and removed at the end."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.wire import Line
from demo.client import Caller, Session, until
from portal.embedded import apart, environment, ledger, session

PREFIX = "signalbox-bench-"
START_SECONDS = 420.0
MODEL = "flight-delay"
ENVIRONMENT = "production"
PATH = f"/{ENVIRONMENT}/{MODEL}/invocations"
V2_PATH = f"/{ENVIRONMENT}/{MODEL}/v2/models/{MODEL}"


class GroundError(RuntimeError):
    """The portal did not start; the text holds what it printed."""


@dataclass(frozen=True)
class Portal:
    """A running portal with the example world. `env` is what it was started with."""

    env: dict[str, str]
    facts: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.facts["url"])

    @property
    def gateway_url(self) -> str:
        return str(self.facts["gateway_url"])

    @property
    def run(self) -> Path:
        """Where its Unix sockets are."""
        return session.open_session(self.env).layout.run

    @property
    def mlflow(self) -> Path:
        """The socket of the MLflow server behind it, that only its own account can reach."""
        return self.run / "mlflow" / "mlflow.sock"

    def pid(self, name: str) -> int:
        record = ledger.read(Path(self.env["SIGNALBOX_VAR"]) / "run-state")
        pids = {entry.name: entry.pid for entry in record.entries} if record else {}
        found = pids.get(name)
        if found is None:
            raise GroundError(f"{name} is not running")
        return found

    def token(self, name: str) -> str:
        return str(self.facts["tokens"][name])

    def caller(self, name: str) -> Caller:
        return Caller(self.url, self.token(name))

    def person(self, key: str) -> Session:
        person = self.facts["people"][key]
        return Session(self.url, person["email"], person["password"])

    def store_environment(self) -> dict[str, str]:
        """What a process needs to work on this portal's stores in every role."""
        return session.open_session(self.env).manage_environment(self.env)

    def revisions(self) -> list[dict[str, Any]]:
        """What the serving agent keeps of the example's endpoint."""
        line = Line(self.run / "agent.sock")
        rows: list[dict[str, Any]] = line.get("/revisions").json()["revisions"]
        line.close()
        return [row for row in rows if row["endpoint"] == MODEL and row["environment"] == ENVIRONMENT]

    def served(self) -> dict[str, Any]:
        """The revision that answers now."""
        line = Line(self.run / "agent.sock")
        routes = line.get("/routes").json()["routes"]
        line.close()
        stable = next(r["stable"] for r in routes if (r["environment"], r["endpoint"]) == (ENVIRONMENT, MODEL))
        return next(row for row in self.revisions() if row["id"] == stable)

    def files(self, version: int) -> Path:
        """The folder of the store with the files of a version of the example's model, as they were approved."""
        found = session.open_session(self.env)
        caller = self.caller("data_scientist")
        with closing(caller.http):
            digest = caller.get(f"/api/v1/models/{MODEL}/versions/{version}/")["digest"]
        name = str(digest).removeprefix("sha256:")
        return environment.store(found.layout, found.configuration) / "sha256" / name[:2] / name

    def slot(self, revision: dict[str, Any]) -> Path:
        """The socket of a revision's process."""
        return self.run / f"slot-{revision['slot']:02d}.sock"

    def example(self, rows: int = 1) -> bytes:
        """A valid question with one row, as the registered version brought it, or with so many of the same."""
        line = Line(self.slot(self.served()))
        body = line.get("/-/status").json()["example"]
        line.close()
        if rows > 1:
            split = body["dataframe_split"]
            body = {"dataframe_split": {"columns": split["columns"], "data": split["data"][:1] * rows}}
        return json.dumps(body).encode()

    def example_v2(self) -> bytes:
        """The same row in the Open Inference Protocol: a tensor for each column."""
        split = json.loads(self.example())["dataframe_split"]
        line = Line(self.gateway_url)
        kinds = {one["name"]: one["datatype"] for one in line.get(V2_PATH).json()["inputs"]}
        line.close()
        row = zip(split["columns"], split["data"][0], strict=True)
        tensors = [{"name": name, "shape": [1], "datatype": kinds[name], "data": [value]} for name, value in row]
        return json.dumps({"inputs": tensors}).encode()


@contextmanager
def portal() -> Iterator[Portal]:
    """Start one, yield it when everything is ready, stop and remove it."""
    with apart.own_folder(PREFIX) as folder:
        env = apart.environment(folder, True, apart.free_ports())
        output = folder / "output"
        process = apart.launch(env, output)
        try:
            until(lambda: _ready(process, output), START_SECONDS, "the portal to start")
            yield Portal(env, json.loads((folder / "var" / "demo.json").read_text()))
        finally:
            _end(process)
            command = [sys.executable, "-m", "portal.embedded", "reset", "--yes"]
            subprocess.run(command, cwd=apart.PROJECT, env=env, capture_output=True, check=False)


def _ready(process: "subprocess.Popen[bytes]", output: Path) -> bool | None:
    said = output.read_text(errors="replace")
    if process.poll() is not None:
        raise GroundError(f"The portal ended while starting:\n{said}")
    return True if apart.OPEN in said and "everything is ready" in said else None


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    process.wait(timeout=90)
