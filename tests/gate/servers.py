"""A real MLflow on a Unix socket, and the portal's ASGI application on a loopback port, for tests of the gate."""

import base64
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn

from tests.waiting import wait_until


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """MLflow's own server with a file database; yields its address for MLFLOW_UPSTREAM."""
    sock = folder / "mlflow.sock"
    environment = os.environ | {
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder}/mlflow.db",
        "_MLFLOW_SERVER_REGISTRY_STORE": f"sqlite:///{folder}/mlflow.db",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": base64.urlsafe_b64encode(bytes(32)).decode(),
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    }
    command = [sys.executable, "-m", "uvicorn", "mlflow.server.fastapi_app:app", "--uds", str(sock), "--no-access-log"]
    with (folder / "mlflow.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
    client = httpx.Client(transport=httpx.HTTPTransport(uds=str(sock)), base_url="http://localhost")

    def answers() -> bool:
        assert process.poll() is None, (folder / "mlflow.log").read_text()[-2000:]
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(sock)) != 0:
                return False
        return client.get("/health").status_code == 200

    try:
        wait_until(answers, 90, "MLflow to answer")
        yield f"unix:{sock}"
    finally:
        client.close()
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def portal_server() -> Iterator[str]:
    """The portal in this process, on a free loopback port; it sees the test's database."""
    from portal.asgi import application

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="warning", lifespan="on", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, 30, "the portal to listen")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
