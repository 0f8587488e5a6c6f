"""`mlflow models serve` for a version of the example model, as its documentation says to run it, and what any rival's
server has in common."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.ground import Portal
from bench.wire import Line, UnexpectedAnswerError
from demo.client import until
from portal.embedded import apart, children
from portal.embedded.environment import QUIET_NUMERICS

START_SECONDS = 120.0
PATH = "/invocations"


class RivalError(RuntimeError):
    """It did not start; the text holds what it said."""


class Rival:
    """One server with one worker process, as ours has one process for a revision, and the same files."""

    name = "mlflow models serve"

    def __init__(self, portal: Portal, version: int, path: str = PATH) -> None:
        self.version, self.path = version, path
        self.port = apart.free_ports()[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed by stop)
        self._process = subprocess.Popen(
            self.command(portal.files(version)),
            env=_environment(),
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def command(self, files: Path) -> list[str]:
        """What starts it on its port for a model's files."""
        return [
            *(str(Path(sys.executable).with_name("mlflow")), "models", "serve", "-m", str(files)),
            *("--env-manager", "local", "--workers", "1", "--host", "127.0.0.1", "--port", str(self.port)),
        ]

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def memory(self) -> int:
        """Bytes of the whole process tree, shared pages counted once."""
        return children.memory(self.pid)

    def await_answer(self, body: bytes, pause: float = 0.05) -> None:
        """Return after its first prediction."""
        until(lambda: self._answered(body), START_SECONDS, f"{self.name} to answer", every=pause)

    def _answered(self, body: bytes) -> bool | None:
        if self._process.poll() is not None:
            self._log.seek(0)
            raise RivalError(f"{self.name} ended:\n{self._log.read().decode(errors='replace')[-2000:]}")
        line = Line(self.url)
        try:
            line.ask("POST", self.path, body)
        except (OSError, http.client.HTTPException, UnexpectedAnswerError):
            return None
        finally:
            line.close()
        return True

    def stop(self) -> None:
        """End it with everything it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait(timeout=10)
        self._log.close()


def _environment() -> dict[str, str]:
    """Nothing of the portal's, and as many numeric threads as our own processes have."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        **QUIET_NUMERICS,
        "PATH": f"{Path(sys.executable).parent}:{kept.get('PATH', '/usr/bin:/bin')}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
    }
