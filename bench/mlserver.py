"""MLServer for a version of the example model, in an environment of its own: it cannot live beside our packages."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.ground import MODEL, Portal
from bench.rival import Rival
from portal.embedded import apart

LOCK = Path(__file__).with_name("mlserver.txt")
PATH = f"/v2/models/{MODEL}/infer"
SETTINGS = {"host": "127.0.0.1", "debug": False, "parallel_workers": 0}
"""It answers in its own process: on one core that is faster than its default, another process that it passes on to."""


class NoMLServerError(RuntimeError):
    """Its environment could not be made; the text says why."""


def environment() -> Path:
    """The folder of the environment, made where no earlier run has made it. Raises NoMLServerError."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "signalbox"
    folder = cache / f"mlserver-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    done = folder / "done"
    if not done.exists():
        uv = str(Path(sys.executable).with_name("uv"))
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
        _run([uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(folder / "bin" / "python"), str(LOCK)])
        done.touch()
    return folder


def _run(command: list[str]) -> None:
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NoMLServerError(f"{command[0]} does not run: {error}") from error
    if ended.returncode:
        raise NoMLServerError(f"{' '.join(command[:3])} failed: {ended.stderr.strip()[-500:]}")


class MLServer(Rival):
    """One server of one process, asked over its own protocol. `folder` is that of its environment."""

    name = "MLServer"

    def __init__(self, portal: Portal, version: int, folder: Path) -> None:
        self._folder = folder
        self._settings = tempfile.TemporaryDirectory(prefix="signalbox-bench-mlserver-")
        super().__init__(portal, version, PATH)

    def command(self, files: Path) -> list[str]:
        grpc, metrics = apart.free_ports()
        ports = {"http_port": self.port, "grpc_port": grpc, "metrics_port": metrics}
        place = Path(self._settings.name)
        (place / "settings.json").write_text(json.dumps(SETTINGS | ports))
        model = {
            "name": MODEL,
            "implementation": "mlserver_mlflow.MLflowRuntime",
            "parameters": {"uri": str(files)},
        }
        (place / "model-settings.json").write_text(json.dumps(model))
        return [str(self._folder / "bin" / "mlserver"), "start", str(place)]

    def stop(self) -> None:
        super().stop()
        self._settings.cleanup()
