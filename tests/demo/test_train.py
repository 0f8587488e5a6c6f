"""Training and registering with an unchanged client, against a real MLflow server."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from demo import train
from demo.columns import RECORD
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("flights")]

TREES = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
# What a caller's program would do with a registered version.
PREDICT = """
import json, sys, mlflow, pandas
rows = pandas.DataFrame(json.load(sys.stdin))
answers = {}
for number in ("1", "2", "3"):
    model = mlflow.pyfunc.load_model(f"models:/flight-delay/{number}")
    answers[number] = model.predict(rows).tolist()
    assert model.predict(model.input_example).shape == (1, 2)
print(json.dumps(answers))
"""


class Server:
    """An MLflow server of these tests with what a client needs to reach it."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.cache = folder, cache
        self.first: list[str] = []
        self.second: list[str] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        store = f"sqlite:///{folder}/mlflow.db"
        environment = {
            "_MLFLOW_SERVER_FILE_STORE": store,
            "_MLFLOW_SERVER_REGISTRY_STORE": store,
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        command = [sys.executable, "-m", "uvicorn", "mlflow.server.fastapi_app:app", "--port", str(port)]
        with (folder / "server.log").open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT
            )

    def answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "server.log").read_text()[-2000:]
        try:
            return httpx.get(f"{self.url}/health").is_success
        except httpx.TransportError:
            return False

    def get(self, path: str, **query: str) -> Any:
        return httpx.get(f"{self.url}/api/2.0/mlflow/{path}", params=query).raise_for_status().json()

    def run(self, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A Python program with the server as its tracking server."""
        return subprocess.run(
            [sys.executable, *command],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            env={**os.environ, "MLFLOW_TRACKING_URI": self.url, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"},
        )

    def train(self, *numbers: str) -> list[str]:
        done = self.run("-m", "demo.train", "--cache", str(self.cache), "--version", *numbers)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@pytest.fixture(scope="module")
def server(year: pd.DataFrame, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Version 1 is trained alone first, then all three are asked for, as after an interruption."""
    assert len(year)
    server = Server(tmp_path_factory.mktemp("mlflow"), cache)
    try:
        wait_until(server.answers, 120, "MLflow to answer")
        server.first = server.train("1")
        server.second = server.train("1", "2", "3")
        yield server
    finally:
        server.process.terminate()
        server.process.wait(20)


def versions(server: Server) -> dict[str, Any]:
    found = server.get("model-versions/search", filter="name = 'flight-delay'")["model_versions"]
    return {entry["version"]: entry for entry in found}


def run_of(server: Server, number: str) -> dict[str, Any]:
    run: dict[str, Any] = server.get("runs/get", run_id=versions(server)[number]["run_id"])["run"]
    return run


def pairs(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {entry["key"]: entry["value"] for entry in entries}


def test_what_is_registered_already_is_left_alone(server: Server) -> None:
    assert [line.split(":")[0] for line in server.first] == ["flight-delay version 1 (v1)"]
    assert [line.split(":")[0] for line in server.second] == [
        "flight-delay version 1 (v1)",
        "flight-delay version 2 (v2)",
        "flight-delay version 3 (v3)",
    ]
    assert {number: entry["status"] for number, entry in versions(server).items()} == dict.fromkeys("123", "READY")


def test_a_version_says_where_it_comes_from(server: Server) -> None:
    for number, entry in versions(server).items():
        tags = pairs(entry["tags"])
        assert tags["recipe"] == f"v{number}"
        assert len(tags["git_commit"]) == 40
        assert entry["description"].endswith(".")


def test_a_run_holds_parameters_measures_and_data_sets(server: Server) -> None:
    data = run_of(server, "2")["data"]
    measured, given = pairs(data["metrics"]), pairs(data["params"])
    assert set(measured) == {
        "roc_auc", "log_loss", "brier", "accuracy", "precision", "recall", "f1", "rows", "validation_log_loss",
    }  # fmt: skip
    assert given["training_months"] == "01-02"
    assert given["features"] == ",".join(RECORD)
    inputs = run_of(server, "2")["inputs"]["dataset_inputs"]
    assert {entry["dataset"]["name"]: entry["tags"][0]["value"] for entry in inputs} == {
        "flights-training": "training",
        "flights-june": "evaluation",
    }


def test_runs_name_the_versions_of_data_sets(server: Server) -> None:
    named: dict[str, list[str]] = {}
    for number in "123":
        data = [entry["dataset"] for entry in run_of(server, number)["inputs"]["dataset_inputs"]]
        named[number] = sorted(f"{one['name']} {one['digest']}" for one in data)
    assert named == {
        "1": ["flights-june v1", "flights-training v1"],
        "2": ["flights-june v1", "flights-training v1"],
        "3": ["flights-june v1", "flights-training v2"],
    }


def test_a_run_has_a_curve(server: Server) -> None:
    run_id = versions(server)["3"]["run_id"]
    points = server.get("metrics/get-history", run_id=run_id, metric_key="validation_log_loss")["metrics"]
    assert [point["step"] for point in points] == list(range(100))
    assert points[-1]["value"] < points[0]["value"]


def test_the_files_name_every_type_they_need(server: Server) -> None:
    trusted = []
    for entry in versions(server).values():
        folder = server.folder / "artifacts" / "1" / "models" / entry["source"].removeprefix("models:/") / "artifacts"
        text = (folder / "MLmodel").read_text()
        assert "serialization_format: skops" in text
        assert not list(folder.glob("*.pkl"))
        trusted.append(TREES in text)
    assert sorted(trusted) == [False, True, True]


def test_every_version_answers_the_same_record(server: Server, year: pd.DataFrame) -> None:
    rows = year[year["month"] == 7].head(3)[list(RECORD)]
    done = server.run("-c", PREDICT, stdin=json.dumps(rows.to_dict("records")))
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    assert {number: len(chances) for number, chances in answers.items()} == {"1": 3, "2": 3, "3": 3}
    for chances in answers.values():
        assert all(sum(both) == pytest.approx(1) for both in chances)
    assert answers["1"] != answers["2"] != answers["3"]


def test_no_server_named_is_said_plainly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(SystemExit):
        train.main([])
    assert "Set MLFLOW_TRACKING_URI" in capsys.readouterr().err
