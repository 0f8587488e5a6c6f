"""What a model's own code can reach from inside its process."""

import json
import os
from typing import Any

import pytest

from serving import formats
from serving.sandbox import landlock, quota
from tests.serving import plane as planes
from tests.serving.plane import Plane
from tests.serving.zoo import Zoo, body

REFUSED = {"PermissionError", "FileNotFoundError"}


@pytest.fixture
def seen(plane: Plane, endpoint: str, models: Zoo) -> tuple[dict[str, Any], dict[str, str]]:
    """What the looking model reports, and the layers said to be in force."""
    layers = plane.load(endpoint, models.looks.spec(endpoint, limits={"cpu_millis": 900}))["layers"]
    plane.route(endpoint, 1, endpoint)
    answer = plane.ask(endpoint, body({"x": 1.0}))
    assert answer.status_code == 200, (answer.text, plane.log("zygote")[-2000:])
    return json.loads(answer.json()["predictions"][0]), layers


def kernel_offers_landlock() -> bool:
    try:
        return landlock.version() >= 1
    except OSError:
        return False


def test_a_model_reaches_nothing_but_itself(seen: tuple[dict[str, Any], dict[str, str]], models: Zoo) -> None:
    found, layers = seen
    assert (models.root / "outside").read_text() == "secret"
    if {"landlock", "mounts"} & layers.keys():
        assert {found[name] for name in ("passwd", "home", "outside", "write_outside")} <= REFUSED
    if "network" in layers:
        assert found["interfaces"] == "['lo']"
    if {"landlock", "network"} & layers.keys():
        assert found["tcp"] in {"PermissionError", "OSError", "ConnectionRefusedError"}
    if "landlock" in layers:
        assert found["parent"] == "PermissionError"
    assert found["secret"] == "absent"
    assert (found["core"], found["no_new_privs"], found["scratch"]) == (0, 1, "1")


def test_the_layers_this_host_offers_are_in_force(seen: tuple[dict[str, Any], dict[str, str]]) -> None:
    """A host without a layer may run without it; one that has it may not lose it unnoticed."""
    found, layers = seen
    assert {"limits", "no_new_privs"} <= layers.keys()
    assert ("landlock" in layers) == kernel_offers_landlock()
    if os.geteuid() == 0:
        assert found["uid"] == int(layers["uid"]) != 0
    if os.geteuid() == 0 and os.access(quota.ROOT / "cpu", os.W_OK):
        assert layers["cpu"] == "0.9 processors, by a control group of its own"


@pytest.mark.slow
def test_without_isolation_only_formats_without_code_are_loaded(models: Zoo) -> None:
    off = {"SIGNALBOX_TEST_BUILD": "1", "SIGNALBOX_TEST_LAYERS_OFF": "uid,landlock,network,mounts"}
    with planes.running(models.store, planes.COMMANDS, **off) as plane:
        assert set(plane.load("safe", models.double.spec("safe"))["layers"]) == {"limits", "no_new_privs"}
        plane.put("code", models.looks.spec("code"))
        found = plane.settled("code")
        assert (found["state"], found["code"]) == ("failed", "format_refused")
        assert "Landlock" in found["reason"]
        assert set(plane.agent.get("/status").json()["sandbox"]["missing"]) == {"uid", "landlock", "network", "mounts"}


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("model.pkl", b"\x80\x04\x95rest", "is a pickle"),
        ("weights.safetensors", b"\x80\x02rest", "is a pickle"),
        ("code.py", b"print()", "is Python code"),
        ("model.joblib", b"x\x9crest", "not known"),
        ("model.pt", b"PK\x03\x04rest", "not known"),
        ("model.skops", b"no zip", "not known"),
        ("model.skops", b"PK\x03\x04rest", ""),
        ("model.json", b"{}", ""),
    ],
)
def test_formats_are_judged_by_their_bytes(tmp_path: Any, name: str, content: bytes, why: str) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {python_function: {loader_module: mlflow.onnx}}")
    (tmp_path / name).write_bytes(content)
    assert why in formats.executes_code(tmp_path, formats.description(tmp_path))
    assert bool(why) == bool(formats.executes_code(tmp_path, formats.description(tmp_path)))


SKOPS = {"serialization_format": "skops"}
SKLEARN = {"loader_module": "mlflow.sklearn"}
TREES = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"


@pytest.mark.parametrize(
    ("function", "sklearn", "why"),
    [
        (SKLEARN, SKOPS, ""),
        (SKLEARN, {**SKOPS, "skops_trusted_types": [TREES]}, ""),
        (SKLEARN, {**SKOPS, "skops_trusted_types": [TREES, "os.system"]}, "trust the type os.system"),
        (SKLEARN, {"serialization_format": "pickle"}, "is pickle, not skops"),
        (SKLEARN, {}, "is None, not skops"),
        (SKLEARN, {**SKOPS, "code": "code"}, "names code"),
        ({**SKLEARN, "code": "code"}, SKOPS, "names code"),
        ({"loader_module": "antigravity"}, SKOPS, "the loader antigravity"),
        ({}, SKOPS, "the loader None"),
    ],
)
def test_the_loader_decides_what_bytes_mean(function: Any, sklearn: Any, why: str) -> None:
    described = {"flavors": {"python_function": function, "sklearn": sklearn}}
    found = formats.code_of(described, {"MLmodel": b"flavors:", "model.json": b"{}"})
    assert why in found
    assert bool(why) == bool(found)


@pytest.mark.parametrize("text", ["", "[1]", "flavors: 1", "a: !!python/object/apply:os.system [id]", "\tx: ["])
def test_a_description_that_is_none_is_refused(tmp_path: Any, text: str) -> None:
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(formats.BadDescription):
        formats.description(tmp_path)
