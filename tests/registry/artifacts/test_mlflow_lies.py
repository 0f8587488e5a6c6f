"""An MLflow that lies, floods or breaks: versions are refused or wait, memory is bounded, nothing else changes."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from portal.accounts.models import Person
from portal.core import work
from registry.adapters import mlflow_rest
from registry.adapters.mlflow_rest import MlflowRest
from registry.models import ArtifactScan, ModelVersion, RegisteredModel
from registry.services import versions
from tests import world
from tests.registry.artifacts.conftest import FILES

ROOT = "1/models/m-" + "1" * 32 + "/artifacts"
Answer = Callable[["Lying", str], None]


class Lying(BaseHTTPRequestHandler):
    """Answers lists and files as the test wants."""

    listing: Answer
    content: Answer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = parse_qs(parts.query).get("path")
        if asked:
            type(self).listing(self, asked[0])
        else:
            type(self).content(self, unquote(parts.path).split("/artifacts/", 1)[1])

    def say(self, status: int, body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def listed(names: list[str]) -> Answer:
    body = json.dumps({"files": [{"path": name, "is_dir": False, "file_size": 5} for name in names]}).encode()
    return lambda handler, path: handler.say(200, body)


def honest_listing(handler: Lying, path: str) -> None:
    listed(list(FILES))(handler, path)


def honest_content(handler: Lying, path: str) -> None:
    handler.say(200, FILES[path.removeprefix("artifacts/").rsplit("/artifacts/", 1)[-1].rsplit("/", 1)[-1]])


def broken(handler: Lying, path: str) -> None:
    handler.say(500, b'{"error_code": "INTERNAL_ERROR", "message": "boom"}')


def flood(handler: Lying, path: str) -> None:
    """A gigabyte of metadata."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1024**3))
    handler.end_headers()
    try:
        handler.wfile.write(b'{"files": [')
        for _ in range(1024):
            handler.wfile.write(b" " * 1024**2)
    except OSError:
        flooded.set()


flooded = threading.Event()


def cut_off(handler: Lying, path: str) -> None:
    handler.say(200, b"half", 8)


@pytest.fixture
def lying(db: None, tmp_path: Path, settings: Any) -> Iterator[type[Lying]]:
    settings.SIGNALBOX_STORE = tmp_path / "store"
    server = ThreadingHTTPServer(("127.0.0.1", 0), Lying)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    client = MlflowRest(f"http://127.0.0.1:{server.server_port}")
    mlflow_rest.use(client)
    Lying.listing, Lying.content = honest_listing, honest_content
    yield Lying
    mlflow_rest.use(None)
    client.close()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def model(db: None) -> RegisteredModel:
    return world.model()


def register(model: RegisteredModel) -> ModelVersion:
    priya: Person = world.person("Priya Nair", ("data_scientist", model.team))
    facts = {"version": 1, "source": f"mlflow-artifacts:/{ROOT}"}
    row = versions.register(actor=world.actor(priya), model=model, facts=facts)
    work.drain()
    row.refresh_from_db()
    return row


def store_is_empty(settings: Any) -> bool:
    store = Path(settings.SIGNALBOX_STORE)
    return not (store / "sha256").exists() and not list((store / "waiting").iterdir())


@pytest.mark.parametrize(
    "name",
    ["../../../2/models/secret", "/etc/passwd", "a/../../x", "..\\x", "a\x00b", "x" * 300, "%2e%2e/x"],
)
def test_files_of_another_place_are_refused(
    lying: type[Lying], model: RegisteredModel, settings: Any, name: str
) -> None:
    lying.listing = listed(["MLmodel", name])
    row = register(model)
    assert row.status == "failed"
    assert store_is_empty(settings)
    assert not ArtifactScan.objects.exists()


@pytest.mark.parametrize(("part", "answer"), [("listing", broken), ("content", broken), ("content", cut_off)])
def test_what_breaks_is_tried_again(
    lying: type[Lying], model: RegisteredModel, settings: Any, part: str, answer: Answer
) -> None:
    setattr(lying, part, answer)
    row = register(model)
    assert (row.status, row.digest) == ("validating", "")
    assert store_is_empty(settings)


def test_a_flood_of_metadata_is_cut_short(lying: type[Lying], model: RegisteredModel, settings: Any) -> None:
    lying.listing = flood
    row = register(model)
    assert (row.status, row.digest) == ("validating", "")
    assert flooded.wait(30), "the answer was read to its end"
    assert store_is_empty(settings)


def test_more_bytes_than_listed_are_what_counts(lying: type[Lying], model: RegisteredModel) -> None:
    """Sizes are counted while copying; what MLflow says of them is only for a first look."""
    row = register(model)
    assert row.status == "ready"
    assert {file["path"]: file["size"] for file in row.files} == {name: len(body) for name, body in FILES.items()}
