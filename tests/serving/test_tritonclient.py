"""NVIDIA's public client against the gateway, unchanged: over HTTP below an endpoint's own address."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests.serving import zoo
from tests.serving.plane import Plane
from tests.serving.zoo import GOOD_ROW, Zoo

ROWS = [GOOD_ROW, {**GOOD_ROW, "carrier": "UA", "distance": 90, "holiday": True}]


@pytest.fixture(scope="module")
def public(shared_plane: Plane, models: Zoo) -> Iterator[Plane]:
    shared_plane.load("triton-1", models.mixed.spec("triton", 3))
    assert shared_plane.route("triton", 1, "triton-1").status_code == 200
    yield shared_plane
    shared_plane.clear("triton")


@pytest.fixture
def expected(public: Plane) -> Any:
    return public.ask("triton", zoo.body(*ROWS)).json()["predictions"]


@pytest.fixture
def client(public: Plane) -> Iterator[triton.InferenceServerClient]:
    found = triton.InferenceServerClient(f"{public.settings.bind}/production/triton")
    yield found
    found.close()


def asked(*, binary: bool) -> list[triton.InferInput]:
    """Two rows as tritonclient makes them."""
    types = {"carrier": "BYTES", "distance": "INT64", "temp": "FP64", "holiday": "BOOL", "wind": "FP32"}
    numpy = {"BYTES": object, "INT64": np.int64, "FP64": np.float64, "BOOL": bool, "FP32": np.float32}
    found = []
    for name, datatype in types.items():
        tensor = triton.InferInput(name, [len(ROWS)], datatype)
        values = np.array([row[name] for row in ROWS], dtype=numpy[datatype])
        found.append(tensor.set_data_from_numpy(values, binary_data=binary))
    return found


@pytest.mark.parametrize("outwards", [True, False], ids=["bytes out", "json out"])
@pytest.mark.parametrize("inwards", [True, False], ids=["bytes in", "json in"])
def test_tritonclient_infers_unchanged(
    client: triton.InferenceServerClient, expected: Any, inwards: bool, outwards: bool
) -> None:
    for wanted in (None, [triton.InferRequestedOutput("output-0", binary_data=outwards)]):
        found = client.infer("triton", asked(binary=inwards), outputs=wanted, request_id="mine")
        assert found.as_numpy("output-0").tolist() == expected
        assert found.get_response()["id"] == "mine"
    packed = client.infer("triton", asked(binary=inwards), request_compression_algorithm="gzip")
    assert packed.as_numpy("output-0").tolist() == expected


def test_tritonclient_reads_everything_else_unchanged(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("triton")
    assert client.is_model_ready("triton", "3")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data", "model_repository"]
    assert client.get_model_metadata("triton")["versions"] == ["3"]
    assert [row["name"] for row in client.get_model_repository_index()] == ["triton"]
    with pytest.raises(InferenceServerException, match="promotions"):
        client.load_model("triton")
    with pytest.raises(InferenceServerException, match="missing"):
        client.infer("triton", asked(binary=True)[1:])
