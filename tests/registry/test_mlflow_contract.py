"""What jobs and reconcilers rely on of MLflow, asked of the real server and of the one in memory alike."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from registry.adapters.mlflow_rest import Mlflow, MlflowRefused, MlflowRest, MlflowUnavailable
from tests.gate import servers
from tests.memory_mlflow import MemoryMlflow

API = "/api/2.0/mlflow"
pytestmark = pytest.mark.xdist_group("mlflow")
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


@dataclass
class Side:
    """An MLflow and how a test puts things into it."""

    mlflow: Mlflow
    put_model: Callable[[str], None]
    put_version: Callable[[str], int]
    put_file: Callable[[str, bytes], None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.mlflow_server(tmp_path_factory.mktemp("mc")) as upstream:
        yield upstream


@pytest.fixture(params=["memory", "real"])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    if request.param == "memory":
        memory = MemoryMlflow()
        yield Side(memory, memory.put_model, memory.put_version, memory.stored.__setitem__)
        return
    upstream: str = request.getfixturevalue("server")
    transport = httpx.HTTPTransport(uds=upstream.removeprefix("unix:"))
    with httpx.Client(transport=transport, base_url="http://localhost") as http:

        def put_model(name: str) -> None:
            http.post(f"{API}/registered-models/create", json={"name": name}).raise_for_status()

        def put_version(name: str) -> int:
            experiment = http.post(f"{API}/experiments/create", json={"name": uuid.uuid4().hex}).json()["experiment_id"]
            run = http.post(f"{API}/runs/create", json={"experiment_id": experiment}).json()["run"]["info"]["run_id"]
            source = {"name": name, "source": f"mlflow-artifacts:/{experiment}/{run}/artifacts/model", "run_id": run}
            made = http.post(f"{API}/model-versions/create", json=source)
            return int(made.raise_for_status().json()["model_version"]["version"])

        def put_file(path: str, body: bytes) -> None:
            http.put(f"{ARTIFACTS}/{path}", content=body).raise_for_status()

        real = MlflowRest(upstream)
        yield Side(real, put_model, put_version, put_file)
        real.close()


@pytest.fixture
def name(side: Side) -> str:
    found = f"delay-{uuid.uuid4().hex[:8]}"
    side.put_model(found)
    return found


def test_an_alias_is_set_moved_and_deleted_and_each_may_be_repeated(side: Side, name: str) -> None:
    first, second = side.put_version(name), side.put_version(name)
    assert (first, second) == (1, 2)
    assert side.mlflow.alias(name, "champion") is None
    for number in (1, 1, 2):
        side.mlflow.set_alias(name, "champion", number)
        assert side.mlflow.alias(name, "champion") == number
    for _ in range(2):
        side.mlflow.delete_alias(name, "champion")
        assert side.mlflow.alias(name, "champion") is None


def test_tags_are_set_changed_and_deleted_and_each_may_be_repeated(side: Side, name: str) -> None:
    side.put_version(name)

    def tags(number: int | None) -> dict[str, str]:
        found = side.mlflow.model(name) if number is None else side.mlflow.version(name, number)
        return {tag["key"]: tag["value"] for tag in (found or {}).get("tags", [])}

    for number in (None, 1):
        for value in ("low", "low", "high"):
            side.mlflow.set_tag(name, number, "risk", value)
            assert tags(number) == {"risk": value}
        for _ in range(2):
            side.mlflow.delete_tag(name, number, "risk")
            assert tags(number) == {}
    with pytest.raises(MlflowRefused):
        side.mlflow.set_tag(name, 7, "risk", "low")


def test_models_and_versions_are_found_by_name_and_all_together(side: Side, name: str) -> None:
    number = side.put_version(name)
    side.mlflow.set_alias(name, "candidate", number)
    found = side.mlflow.model(name)
    assert found is not None
    assert [(a["alias"], int(a["version"])) for a in found["aliases"]] == [("candidate", 1)]
    assert name in [model["name"] for model in side.mlflow.models()]
    one = side.mlflow.version(name, number)
    assert one is not None
    assert (one["name"], int(one["version"])) == (name, 1)
    assert [int(v["version"]) for v in side.mlflow.versions(name)] == [1]
    assert (name, 1) in [(v["name"], int(v["version"])) for v in side.mlflow.versions()]


def test_what_is_not_there_is_none(side: Side, name: str) -> None:
    assert side.mlflow.model("no-such-model") is None
    assert side.mlflow.version(name, 9) is None
    assert side.mlflow.experiment("no such experiment") is None
    assert side.mlflow.alias("no-such-model", "champion") is None
    assert list(side.mlflow.versions("no-such-model")) == []
    assert side.mlflow.metric_history("f" * 32, "auc") == []


def test_a_change_of_what_is_not_there_is_refused(side: Side, name: str) -> None:
    for change in (
        lambda: side.mlflow.set_alias(name, "champion", 9),
        lambda: side.mlflow.describe("no-such-model", "text"),
        lambda: side.mlflow.run("f" * 32),
    ):
        with pytest.raises(MlflowRefused) as refused:
            change()
        assert refused.value.status in (400, 404)


def test_a_description_is_kept(side: Side, name: str) -> None:
    side.mlflow.describe(name, "Will it be late?")
    found = side.mlflow.model(name)
    assert found is not None
    assert found["description"] == "Will it be late?"


def test_files_are_listed_below_a_path_with_their_sizes_and_read_back(side: Side) -> None:
    root = f"1/{uuid.uuid4().hex}/artifacts"
    side.put_file(f"{root}/model/MLmodel", b"flavors: {}")
    side.put_file(f"{root}/model/data/weights.bin", b"\0" * 5000)
    side.put_file(f"{root}/other.txt", b"other")
    listed = side.mlflow.files(f"{root}/model")
    assert sorted((f["path"], f["size"]) for f in listed) == [("MLmodel", 11), ("data/weights.bin", 5000)]
    with side.mlflow.read(f"{root}/model/data/weights.bin") as chunks:
        assert b"".join(chunks) == b"\0" * 5000
    assert side.mlflow.files(f"{root}/nothing") == []
    with pytest.raises(MlflowRefused) as refused, side.mlflow.read(f"{root}/nothing.txt"):
        pass
    assert refused.value.status == 404


def test_a_server_that_is_away_is_said_so(tmp_path: object) -> None:
    away = MlflowRest(f"unix:{tmp_path}/nobody.sock", timeout=2)
    with pytest.raises(MlflowUnavailable):
        away.alias("delay", "champion")
    away.close()
