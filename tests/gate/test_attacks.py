"""Paths, sources, tags and calls that an ordinary client never sends: each is refused and leaves nothing behind."""

import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import transaction

from portal.accounts.services import tokens
from portal.audit.models import AuditEvent
from registry.models import ModelVersion, RegisteredModel, Run
from registry.services import aliases
from tests import world
from tests.gate.conftest import Gate

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
CANARY = b"the canary that nobody may read"


class Desk:
    """One caller's way through the gate, with an experiment and a run of their own."""

    def __init__(self, gate: Gate, http: httpx.Client, name: str) -> None:
        self.gate, self.http = gate, http
        # MLflow outlives a test, so names are new each time.
        self.model = f"delay-{uuid.uuid4().hex[:8]}"
        self.experiment: str = self.call("POST", "experiments/create", name=f"{name} {self.model}")["experiment_id"]
        self.run: str = self.call("POST", "runs/create", experiment_id=self.experiment)["run"]["info"]["run_id"]

    @property
    def files(self) -> str:
        return f"{self.experiment}/{self.run}/artifacts"

    def call(self, method: str, route: str, status: int = 200, **body: object) -> dict[str, Any]:
        answer = self.http.request(method, f"{API}/{route}", json=body)
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    def status(self, method: str, route: str, **body: object) -> int:
        return self.http.request(method, f"{API}/{route}", json=body).status_code

    def raw(self, method: str, target: bytes, body: bytes = b"") -> tuple[int, bytes]:
        """A request line exactly as given: no client tidies the path."""
        place = urlsplit(self.gate.url)
        head = [
            method.encode() + b" " + target + b" HTTP/1.1",
            b"Host: " + place.netloc.encode(),
            b"Authorization: " + self.http.headers["Authorization"].encode(),
            b"Content-Length: " + str(len(body)).encode(),
            b"Connection: close",
        ]
        with socket.create_connection((place.hostname, place.port), timeout=20) as line:
            line.sendall(b"\r\n".join(head) + b"\r\n\r\n" + body)
            answer = b"".join(iter(lambda: line.recv(65536), b""))
        return int(answer.split(b" ", 2)[1]), answer


@pytest.fixture
def priya(gate: Gate) -> Iterator[Desk]:
    with gate.client(gate.priya) as http:
        yield Desk(gate, http, "hers")


@pytest.fixture
def olga(gate: Gate) -> Iterator[Desk]:
    with gate.client(gate.olga) as http:
        yield Desk(gate, http, "of another team")


@pytest.fixture
def canary(mlflow_upstream: str) -> Path:
    """A file beside MLflow's artifacts, where a path that climbs out would arrive."""
    path = Path(mlflow_upstream.removeprefix("unix:")).parent / "canary"
    path.write_bytes(CANARY)
    return path


CLIMBS = [
    b"../../../../canary",
    b"..\\..\\canary",
    b"....//....//canary",
    b"%2e%2e/%2e%2e/canary",
    b"%252e%252e/canary",
    b"%c0%ae%c0%ae/canary",
    b"..;/canary",
    b".",
    b"",
    b"notes/",
    b"a%00b",
    b"a%0ab",
    b"s" * 300,
    b"d/" * 5000 + b"f",
    b"/etc/passwd",
    b"/" + b"/etc/passwd",
    b"C:%5cWindows%5cwin.ini",
    b"%5c%5chost%5cshare",
    b"%2fproc%2fself%2fenviron",
    b"%2fdev%2fzero",
]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_no_path_climbs_out(priya: Desk, canary: Path, method: str) -> None:
    """P01 and P02, below a run of the caller's own and from the root, on each route that takes a path."""
    around = sorted(canary.parent.iterdir())
    for climb in CLIMBS:
        for base in (f"{ARTIFACTS}/{priya.files}/", f"{ARTIFACTS}/"):
            status, answer = priya.raw(method, base.encode() + climb, b"x" if method == "PUT" else b"")
            assert status in (400, 404, 414), (climb, status, answer[:300])
            assert CANARY not in answer
    assert canary.read_bytes() == CANARY
    assert sorted(canary.parent.iterdir()) == around


def test_no_listing_climbs_out(priya: Desk, canary: Path) -> None:
    for climb in CLIMBS:
        text = climb.decode("latin-1").replace("%5c", "\\").replace("%2f", "/").replace("%2e", ".")
        for route, query in (
            (ARTIFACTS, {"path": f"{priya.files}/{text}"}),
            (f"{API}/artifacts/list", {"run_id": priya.run, "path": text}),
        ):
            answer = priya.http.get(route, params=query)
            listed = answer.json().get("files", [])
            assert answer.status_code in (400, 404) or listed == [], (route, climb, answer.text[:300])


SOURCES = [
    "file:///etc",
    "file://host/etc",
    "FILE:/etc",
    "http:///#/../../etc/",
    "mlflow-artifacts://h/../../",
    "s3:/b/../x",
    "dbfs:/../",
    "runs:/x?y=../..",
    "x;../..",
    "models:/m/1#../",
    "models:/m-" + "0" * 31,
    "/etc",
    "",
]


def test_a_version_comes_from_what_the_server_has_issued_only(priya: Desk) -> None:
    """P03."""
    priya.call("POST", "registered-models/create", name=priya.model)
    own = f"runs:/{priya.run}/model/../../../../canary"
    proxied = f"mlflow-artifacts:/{priya.experiment}/{priya.run}/artifacts/%2e%2e/canary"
    for source in [*SOURCES, own, proxied, "runs:/" + "a" * (2 * 1024 * 1024)]:
        found = priya.status("POST", "model-versions/create", name=priya.model, source=source)
        assert found in (400, 404), source[:100]
    assert priya.status("POST", "model-versions/create", name=priya.model) == 400
    assert not ModelVersion.objects.exists()


def test_a_tag_never_changes_what_is_checked(priya: Desk) -> None:
    """P04: a model that calls itself a prompt would pass other checks in MLflow."""
    flag = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    assert priya.status("POST", "registered-models/create", name="sly", tags=flag) == 400
    priya.call("POST", "registered-models/create", name=priya.model)
    again = {"name": priya.model, "source": "file:///etc", "tags": flag}
    assert priya.status("POST", "model-versions/create", **again) == 400
    assert priya.status("POST", "model-versions/create", **again, is_prompt=True) == 400
    assert priya.status("POST", "registered-models/set-tag", name=priya.model, **flag[0]) == 400
    assert [model.name for model in RegisteredModel.objects.all()] == [priya.model]
    assert not ModelVersion.objects.exists()


def test_the_run_of_another_team_is_not_there(priya: Desk, olga: Desk) -> None:
    """P05: for reading, writing, registering and for its files; the same answer as for one that does not exist."""
    priya.call("POST", "registered-models/create", name=priya.model)
    assert olga.http.put(f"{ARTIFACTS}/{olga.files}/secret.txt", content=CANARY).status_code == 200
    for run in (olga.run, "f" * 32):
        found = priya.http.get(f"{API}/runs/get", params={"run_id": run})
        assert (found.status_code, found.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert priya.status("POST", "runs/log-metric", run_id=run, key="m", value=1.0, timestamp=1) == 404
        for source in (f"runs:/{run}/model", f"mlflow-artifacts:/{olga.experiment}/{run}/artifacts/model"):
            assert priya.status("POST", "model-versions/create", name=priya.model, source=source) == 404
        for method in ("GET", "PUT", "DELETE"):
            path = f"{ARTIFACTS}/{olga.experiment}/{run}/artifacts/secret.txt"
            assert priya.http.request(method, path, content=b"" if method != "PUT" else b"x").status_code == 404
    mixed = {"name": priya.model, "source": f"runs:/{priya.run}/model", "run_id": olga.run}
    assert priya.status("POST", "model-versions/create", **mixed) == 404
    assert not ModelVersion.objects.exists()
    assert olga.http.get(f"{ARTIFACTS}/{olga.files}/secret.txt").content == CANARY


def test_deleting_files_takes_the_right_to_delete(priya: Desk, gate: Gate) -> None:
    """P06: a data scientist edits; only an ML lead deletes, and no path leads out of the run."""
    path = f"{ARTIFACTS}/{priya.files}/notes.txt"
    assert priya.http.put(path, content=b"hello").status_code == 200
    assert priya.http.delete(path).status_code == 403
    lead = world.person("Marta Kowalska", ("ml_lead", gate.team))
    with gate.client(lead) as marta:
        for climb in (f"{priya.files}/../..", priya.experiment, f"{priya.experiment}/{priya.run}"):
            assert marta.delete(f"{ARTIFACTS}/{climb}").status_code in (400, 404)
        assert marta.get(path).content == b"hello"
        assert marta.delete(path).status_code == 200
        assert marta.get(path).status_code == 404


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "bad_json"),
        (b'{"run_id": "a", "run_id": "b"}', "bad_json"),
        (b"[]", "bad_json"),
        (b'{"runId": "a"}', "bad_field"),
        (b'{"value": NaN}', "bad_json"),
        (b"\xff\xfe", "bad_json"),
        (b"[" * 100_000, "bad_json"),
        (b'{"run_id": "a", "tags": [{"key": "note", "value": "x\\u0000"}]}', "tags.0.value: This holds NUL"),
        (b'{"run_id": "a", "key": "\\ud800", "value": 1}', "key: This holds NUL or half of a character"),
        (b'{"run_id": "a", "\\udfff": 1}', "body: This holds NUL"),
    ],
)
def test_a_body_that_could_be_read_in_two_ways_is_refused(priya: Desk, raw: bytes, code: str) -> None:
    answer = priya.http.post(f"{API}/runs/log-metric", content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert code in answer.text


def test_a_parameter_that_stands_twice_is_refused(priya: Desk, olga: Desk) -> None:
    answer = priya.http.get(f"{API}/runs/get?run_id={priya.run}&run_id={olga.run}")
    assert (answer.status_code, "twice" in answer.text) == (400, True)


def test_a_text_that_no_column_can_hold_is_refused_in_an_address_too(priya: Desk) -> None:
    answer = priya.http.get(f"{API}/registered-models/get?name=flight%00delay")
    assert (answer.status_code, "This holds NUL" in answer.text) == (400, True), answer.text


@pytest.mark.parametrize(("name", "most"), [("description", 5000), ("run_name", 250), ("filter", 20_000)])
def test_a_text_longer_than_mlflow_can_keep_is_refused_with_the_bound(priya: Desk, name: str, most: int) -> None:
    for length, refused in ((1_000_000, True), (most + 1, True), (most, False)):
        answer = priya.http.post(f"{API}/runs/update", json={name: "x" * length})
        assert answer.status_code == 400, "without a run it is refused anyway"
        assert (f"{name}: This may have at most {most} characters." in answer.text) is refused, (length, answer.text)


def test_a_body_beyond_the_limit_says_how_to_go_on(priya: Desk) -> None:
    answer = priya.http.post(f"{API}/runs/log-batch", content=b'{"a": "' + b"x" * (9 * 1024 * 1024) + b'"}')
    assert (answer.status_code, "smaller batches" in answer.text) == (413, True)


def test_only_listed_routes_exist(priya: Desk) -> None:
    for method, path in (
        ("GET", f"{API}/users/get"),
        ("POST", f"{API}/gateway-proxy"),
        ("POST", f"{API}/registered-models/get"),
        ("GET", "/ajax-api/2.0/mlflow/runs/search"),
        ("GET", "/get-artifact"),
        ("POST", "/graphql"),
        ("TRACE", f"{API}/runs/get"),
    ):
        answer = priya.http.request(method, path)
        assert answer.status_code in (404, 405), (method, path, answer.status_code)


def test_who_has_no_valid_token_gets_nowhere(gate: Gate, priya: Desk) -> None:
    made = tokens.create(actor=world.SYSTEM, owner=gate.priya, name="old", scopes=["mlflow"])
    tokens.revoke(actor=world.SYSTEM, token_id=str(made.token.pk))
    for secret in ("", "sbx_pat_" + "a" * 36, made.secret, gate.token(gate.priya, "audit")):
        headers = {"Authorization": f"Bearer {secret}" if secret else "Basic !!"}
        answer = httpx.get(f"{gate.url}{API}/runs/get", params={"run_id": priya.run}, headers=headers)
        assert answer.status_code in (401, 403, 404), answer.text
        assert priya.run not in answer.text
    assert not Run.objects.exclude(run_id=priya.run).exists()


def test_what_is_refused_about_a_protected_alias_is_in_the_log(priya: Desk, gate: Gate) -> None:
    priya.call("POST", "registered-models/create", name=priya.model)
    world.version(RegisteredModel.objects.get(name=priya.model), gate.priya)
    answer = priya.http.post(
        f"{API}/registered-models/alias", json={"name": priya.model, "alias": "champion", "version": "1"}
    )
    assert answer.status_code == 403
    assert f"{gate.url}/promotions/new/" in answer.text
    assert priya.status("POST", "registered-models/alias", name=priya.model, alias="Champion", version="1") == 403
    tried = AuditEvent.objects.filter(outcome="denied", type="alias.pointed").order_by("at")
    assert [event.search["data"]["alias"] for event in tried] == ["champion", "Champion"]


def test_an_alias_that_a_promotion_has_pointed_is_protected_whatever_it_is_called(priya: Desk, gate: Gate) -> None:
    priya.call("POST", "registered-models/create", name=priya.model)
    row = RegisteredModel.objects.get(name=priya.model)
    made = world.version(row, gate.priya)
    with transaction.atomic():
        aliases.point(model=row, alias="live", version=made, actor=world.SYSTEM, reason="A promotion.")
    for method in ("POST", "DELETE"):
        wish = {"name": priya.model, "alias": "Live"} | ({"version": "1"} if method == "POST" else {})
        assert priya.status(method, "registered-models/alias", **wish) == 403


def test_a_refusal_of_mlflow_tells_nothing_of_its_database(priya: Desk) -> None:
    name = priya.call("POST", "registered-models/create", name=priya.model)["registered_model"]["name"]
    taken = priya.call("POST", "experiments/create", 400, name=f"hers {name}")
    assert taken["error_code"] == "RESOURCE_ALREADY_EXISTS"
    assert "already exists" in taken["message"]
    assert "SQL" not in taken["message"]


@pytest.mark.slow
def test_a_large_artifact_streams_in_bounded_memory(priya: Desk) -> None:
    """512 MiB up and down again. The portal runs in this process, so its peak is this process's."""
    size, chunk = 512 * 1024 * 1024, bytes(1024 * 1024)
    path = f"{ARTIFACTS}/{priya.files}/large.bin"
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    sent = priya.http.put(path, content=(chunk for _ in range(size // len(chunk))), timeout=120)
    assert sent.status_code == 200, sent.text
    with priya.http.stream("GET", path, timeout=120) as answer:
        assert sum(len(part) for part in answer.iter_raw()) == size
    assert peak() - before < 128 * 1024, "the portal held the file in memory"


def peak() -> int:
    """This process's largest resident size since it was last reset, in KiB."""
    status = Path(f"/proc/{os.getpid()}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
