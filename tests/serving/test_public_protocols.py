"""Every form of MLflow's scoring protocol and of the Open Inference Protocol that their servers take."""

import gzip
import io
import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.version import VERSION

from tests.serving import zoo
from tests.serving.plane import PROJECT, Plane
from tests.serving.test_protocols import COLUMNS, infer
from tests.serving.zoo import GOOD_ROW, Zoo

ROWS = [GOOD_ROW, {**GOOD_ROW, "carrier": "UA", "distance": 90, "holiday": True}]
INVOCATIONS = "/production/public/invocations"


@pytest.fixture(scope="module")
def public(shared_plane: Plane, models: Zoo) -> Iterator[Plane]:
    shared_plane.load("public-1", models.mixed.spec("public", 3))
    assert shared_plane.route("public", 1, "public-1").status_code == 200
    yield shared_plane
    shared_plane.clear("public")


@pytest.fixture
def expected(public: Plane) -> Any:
    return public.ask("public", zoo.body(*ROWS)).json()["predictions"]


def test_mlflows_own_client_calls_unchanged(public: Plane, expected: Any) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.serving.mlflow_client"]
    asked = json.dumps({"url": f"{public.gateway_url}/production/public", "rows": ROWS})
    done = subprocess.run(command, cwd=PROJECT, input=asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == {"version": VERSION, "predictions": expected}


def test_parquet_and_its_index_are_read(public: Plane, expected: Any) -> None:
    for index in (None, ["a", "b"]):
        file = io.BytesIO()
        pd.DataFrame(ROWS, index=index).to_parquet(file)
        answer = public.gateway.post(
            INVOCATIONS, content=file.getvalue(), headers={"content-type": "application/vnd.apache.parquet"}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["predictions"] == expected


def test_compressed_bodies_are_read(public: Plane, expected: Any) -> None:
    raw = json.dumps(zoo.body(*ROWS)).encode()
    for encoding, content in (("gzip", gzip.compress(raw)), ("deflate", zlib.compress(raw)), ("identity", raw)):
        answer = public.gateway.post(
            INVOCATIONS, content=content, headers={"content-type": "application/json", "content-encoding": encoding}
        )
        assert answer.json()["predictions"] == expected


WRONG: list[tuple[str, str, bytes, int, str]] = [
    ("application/json", "br", b"{}", 415, "media_type"),
    ("application/json", "gzip", b"{}", 400, "malformed_encoding"),
    ("application/json", "gzip", gzip.compress(b"{}")[:-4], 400, "malformed_encoding"),
    ("application/json", "gzip", gzip.compress(b" " * 9 * 1024**2), 413, "body_too_large"),
    ("application/json; charset=latin-1", "", b"{}", 415, "media_type"),
    ("application/vnd.apache.parquet", "", b"PAR1 not", 400, "malformed_parquet"),
    ("application/x-www-form-urlencoded", "", b"a=1", 415, "media_type"),
]


@pytest.mark.parametrize(("kind", "encoding", "content", "status", "code"), WRONG, ids=range(len(WRONG)))
def test_a_body_in_another_form_is_told_so(
    public: Plane, kind: str, encoding: str, content: bytes, status: int, code: str
) -> None:
    headers = {"content-type": kind, **({"content-encoding": encoding} if encoding else {})}
    answer = public.gateway.post(INVOCATIONS, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_too_many_rows_of_parquet_are_refused_before_they_are_read(public: Plane) -> None:
    file = io.BytesIO()
    pd.DataFrame({"temp": np.zeros(2_000_000)}).to_parquet(file)
    answer = public.gateway.post(
        INVOCATIONS, content=file.getvalue(), headers={"content-type": "application/vnd.apache.parquet"}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_rows")


# The Open Inference Protocol


def test_the_repository_lists_the_model_and_takes_no_orders(public: Plane) -> None:
    base = "/production/public/v2/repository"
    row = {"name": "public", "version": "3", "state": "READY", "reason": ""}
    for content in (b"", b'{"ready": true}'):
        answer = public.gateway.post(f"{base}/index", content=content)
        assert (answer.status_code, answer.json()) == (200, [row])
    assert public.gateway.get(f"{base}/index").status_code == 405
    assert public.gateway.post(f"{base}/index", content=b"[").json()["code"] == "malformed_json"
    for order in ("load", "unload"):
        answer = public.gateway.post(f"{base}/models/public/{order}", json={})
        assert (answer.status_code, answer.json()["code"]) == (403, "repository_read_only")


ODD: list[dict[str, Any]] = [
    {"inputs": COLUMNS, "parameters": [1]},
    {"inputs": COLUMNS, "outputs": [{"name": "output-0", "parameters": [1]}]},
    {"inputs": COLUMNS, "outputs": {"name": "output-0"}},
]


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_odd_options_are_refused_and_never_a_failure_of_the_model(public: Plane, body: dict[str, Any]) -> None:
    answer = infer(public, "public", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_form")
