"""gRPC through the gateway: tritonclient unchanged, and any client that sends typed contents."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from serving.grpc_door import inference_pb2 as pb
from serving.grpc_door import translate
from serving.grpc_door.service import NAME
from tests.serving import zoo
from tests.serving.plane import Plane
from tests.serving.zoo import GOOD_ROW, Zoo

ROWS = [GOOD_ROW, {**GOOD_ROW, "carrier": "UA", "distance": 90, "holiday": True}]
MODEL = "production.rpc"
TYPES = {"carrier": "BYTES", "distance": "INT64", "temp": "FP64", "holiday": "BOOL", "wind": "FP32"}
NUMPY = {"BYTES": object, "INT64": np.int64, "FP64": np.float64, "BOOL": bool, "FP32": np.float32}


@pytest.fixture(scope="module")
def rpc(shared_plane: Plane, models: Zoo) -> Iterator[Plane]:
    shared_plane.load("rpc-1", models.mixed.spec("rpc", 3))
    assert shared_plane.route("rpc", 1, "rpc-1").status_code == 200
    yield shared_plane
    shared_plane.clear("rpc")


@pytest.fixture
def expected(rpc: Plane) -> Any:
    return rpc.ask("rpc", zoo.body(*ROWS)).json()["predictions"]


@pytest.fixture
def client(rpc: Plane) -> Iterator[triton.InferenceServerClient]:
    with closing(triton.InferenceServerClient(rpc.settings.bind)) as found:
        yield found


def asked() -> list[triton.InferInput]:
    found = []
    for name, datatype in TYPES.items():
        values = np.array([row[name] for row in ROWS], dtype=NUMPY[datatype])
        found.append(triton.InferInput(name, [len(ROWS)], datatype).set_data_from_numpy(values))
    return found


def test_tritonclient_infers_unchanged(client: triton.InferenceServerClient, expected: Any) -> None:
    for wanted in (None, [triton.InferRequestedOutput("output-0")]):
        found = client.infer(MODEL, asked(), outputs=wanted, request_id="mine", model_version="3")
        assert found.as_numpy("output-0").tolist() == expected
        said = found.get_response()
        assert (said.id, said.model_name, said.model_version) == ("mine", MODEL, "3")


def test_tritonclient_reads_everything_else_unchanged(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, "3")
    assert not client.is_model_ready(MODEL, "4")
    assert not client.is_model_ready("production.other")
    assert client.get_server_metadata().name == "signalbox"
    described = client.get_model_metadata(MODEL)
    assert (described.name, list(described.versions)) == (MODEL, ["3"])
    assert {one.name: one.datatype for one in described.inputs} == {**TYPES, "wind": "FP64"}
    assert [(one.datatype, list(one.shape)) for one in described.outputs] == [("FP64", [-1, 2])]
    listed = {one.name: (one.version, one.state) for one in client.get_model_repository_index().models}
    assert listed[MODEL] == ("3", "READY")


WRONG: list[tuple[str, slice, str, str]] = [
    (MODEL, slice(1, None), "StatusCode.INVALID_ARGUMENT", "The column carrier"),
    ("production.nobody", slice(None), "StatusCode.NOT_FOUND", "No such model serves here. .*<environment>.<endpoint>"),
    ("rpc", slice(None), "StatusCode.INVALID_ARGUMENT", "<environment>.<endpoint>"),
    ("production/x.y", slice(None), "StatusCode.INVALID_ARGUMENT", "<environment>.<endpoint>"),
]


@pytest.mark.parametrize(("model", "part", "status", "words"), WRONG, ids=range(len(WRONG)))
def test_a_refusal_is_a_status_with_its_sentence(
    client: triton.InferenceServerClient, model: str, part: slice, status: str, words: str
) -> None:
    with pytest.raises(InferenceServerException, match=words) as error:
        client.infer(model, asked()[part])
    assert error.value.status() == status


def call(plane: Plane, message: pb.ModelInferRequest, **more: Any) -> Any:
    with grpc.insecure_channel(plane.settings.bind) as channel:
        infer = channel.unary_unary(
            f"/{NAME}/ModelInfer",
            request_serializer=pb.ModelInferRequest.SerializeToString,
            response_deserializer=pb.ModelInferResponse.FromString,
        )
        return infer.with_call(message, timeout=more.pop("timeout", 10), **more)


def typed(model: str = MODEL) -> pb.ModelInferRequest:
    message = pb.ModelInferRequest(model_name=model)
    for name, datatype in TYPES.items():
        tensor = message.inputs.add(name=name, datatype=datatype, shape=[len(ROWS)])
        values = [row[name].encode() if datatype == "BYTES" else row[name] for row in ROWS]
        getattr(tensor.contents, translate.CONTENTS[datatype]).extend(values)
    return message


def test_typed_contents_are_answered_in_kind_with_who_answered(rpc: Plane, expected: Any) -> None:
    metadata = (("x-request-id", "mine-2"), ("x-unit-id", "u"), ("x-signalbox-arm", "canary"))
    answer, told = call(rpc, typed(), metadata=metadata)
    [output] = answer.outputs
    assert np.reshape(output.contents.fp64_contents, output.shape).tolist() == expected
    assert not answer.raw_output_contents
    heard = dict(told.initial_metadata())
    assert (heard["x-request-id"], heard["x-served-version"], heard["x-served-arm"]) == ("mine-2", "3", "stable")


def test_fields_at_fault_come_with_the_refusal(rpc: Plane) -> None:
    message = typed()
    message.inputs[2].contents.fp64_contents[1] = float("nan")
    with pytest.raises(grpc.RpcError) as error:
        call(rpc, message)
    problem = dict(error.value.trailing_metadata())["problem-bin"]
    assert b'"code":"not_finite"' in problem
    assert b'"row":1' in problem


def test_the_callers_deadline_is_the_models(rpc: Plane, endpoint: str, models: Zoo) -> None:
    rpc.load(endpoint, models.slow.spec(endpoint))
    rpc.route(endpoint, 1, endpoint)
    message = pb.ModelInferRequest(model_name=f"production.{endpoint}")
    message.inputs.add(name="x", datatype="FP64", shape=[1]).contents.fp64_contents.append(5.0)
    with pytest.raises(grpc.RpcError) as error:
        call(rpc, message, timeout=0.4)
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    message.inputs[0].contents.fp64_contents[0] = 0.0
    with pytest.raises(grpc.RpcError) as error:
        call(rpc, message, metadata=(("x-deadline-ms", "100"),))
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert "within 100 ms" in error.value.details(), "the revision says so: the model is still at the first one"


def test_a_model_that_is_unknown_is_spoken_of_by_its_name_and_not_by_paths(rpc: Plane) -> None:
    with pytest.raises(grpc.RpcError) as error:
        call(rpc, typed("production.nobody"))
    problem = json.loads(dict(error.value.trailing_metadata())["problem-bin"])
    assert (problem["code"], problem["detail"]) == ("endpoint_unknown", error.value.details())
    assert "/" not in problem["detail"] + problem["error"]


@pytest.mark.parametrize("odd", ["abc", "-1", "0", "1e3", "9" * 12, ""])
def test_a_deadline_in_the_metadata_that_says_no_time_is_refused_as_over_http(rpc: Plane, odd: str) -> None:
    for timeout in (10, None):
        with pytest.raises(grpc.RpcError) as error:
            call(rpc, typed(), metadata=(("x-deadline-ms", odd),), timeout=timeout)
        assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert "x-deadline-ms must be a whole number of milliseconds" in error.value.details()


ODD = [
    (pb.ModelInferRequest(raw_input_contents=[b""]), "one entry for each input"),
    (pb.ModelInferRequest(inputs=[{"name": "x", "datatype": "FP16", "shape": [1]}]), "raw_input_contents"),
    (pb.ModelInferRequest(inputs=[{"name": "x", "shape": [1]}]), "a datatype"),
]


@pytest.mark.parametrize(("message", "words"), ODD, ids=range(len(ODD)))
def test_what_has_no_form_in_http_is_refused(message: pb.ModelInferRequest, words: str) -> None:
    with pytest.raises(translate.Untranslatable, match=words):
        translate.request(message)


def test_without_the_door_http_goes_on_and_grpc_says_so(plane: Plane, rpc: Plane, expected: Any) -> None:
    plane.kill("grpc")
    assert plane.ask("rpc", zoo.body(*ROWS)).json()["predictions"] == expected
    with pytest.raises(grpc.RpcError) as error:
        call(plane, typed())
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
