"""From the protocol's messages to its HTTP form and back. Pure; the gateway's revision checks what is asked."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from serving.contract import NAME
from serving.grpc_door import inference_pb2 as pb
from serving.worker import binary

CONTENTS: Mapping[str, str] = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}

NAMED = "The model's name must be <environment>.<endpoint>, such as production.flight-delay."


class Untranslatable(ValueError):
    """A message that has no form in HTTP; the text says what to send."""


def address(model: str) -> tuple[str, str]:
    """Environment and endpoint of a model's name. Raises `Untranslatable`."""
    environment, _, endpoint = model.partition(".")
    if not NAME.fullmatch(environment) or not NAME.fullmatch(endpoint):
        raise Untranslatable(NAMED)
    return environment, endpoint


def request(asked: pb.ModelInferRequest) -> tuple[bytes, int]:
    """The body of the HTTP request, and the length of its JSON. Raises `Untranslatable`."""
    raw = list(asked.raw_input_contents)
    if raw and len(raw) != len(asked.inputs):
        raise Untranslatable("raw_input_contents must hold one entry for each input.")
    inputs, tail = [], []
    for index, tensor in enumerate(asked.inputs):
        values = raw[index] if raw else _contents(tensor)
        described: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
        if isinstance(values, bytes):
            described["parameters"] = {"binary_data_size": len(values)}
            tail.append(values)
        else:
            described["data"] = values
        inputs.append(described)
    body = {
        **({"id": asked.id} if asked.id else {}),
        "inputs": inputs,
        "outputs": [{"name": output.name, "parameters": {"binary_data": True}} for output in asked.outputs],
        "parameters": {**_parameters(asked.parameters), "binary_data_output": True},
    }
    head = json.dumps(body).encode()
    return b"".join((head, *tail)), len(head)


def _contents(tensor: pb.ModelInferRequest.InferInputTensor) -> Any:
    field = CONTENTS.get(tensor.datatype)
    if field is None:
        raise Untranslatable(f"{tensor.name}: send {tensor.datatype[:40] or 'a datatype'} in raw_input_contents.")
    values = list(getattr(tensor.contents, field))
    return binary.encode(np.array(values, dtype=object), binary.BYTES) if tensor.datatype == binary.BYTES else values


def _parameters(given: Mapping[str, pb.InferParameter]) -> dict[str, Any]:
    chosen = {name: value.WhichOneof("parameter_choice") for name, value in given.items()}
    return {name: getattr(given[name], choice) for name, choice in chosen.items() if choice}


def response(model: str, body: bytes, json_length: str | None, *, raw: bool) -> pb.ModelInferResponse:
    """The answer in the protocol's message: tensors as raw bytes, or as typed values where none came raw."""
    split = int(json_length) if json_length else len(body)
    given, rest = json.loads(body[:split]), memoryview(body)[split:]
    answer = pb.ModelInferResponse(model_name=model, model_version=given["model_version"], id=given["id"])
    for output in given["outputs"]:
        size = (output.get("parameters") or {}).get("binary_data_size", 0)
        content, rest = bytes(rest[:size]), rest[size:]
        datatype = output["datatype"]
        tensor = answer.outputs.add(name=output["name"], datatype=datatype, shape=output["shape"])
        if raw or datatype not in CONTENTS:
            answer.raw_output_contents.append(content)
        else:
            getattr(tensor.contents, CONTENTS[datatype]).extend(_values(content, datatype))
    return answer


def _values(content: bytes, datatype: str) -> Iterable[Any]:
    values: list[Any] = binary.decode(content, datatype, "the answer").tolist()
    return [value.encode() for value in values] if datatype == binary.BYTES else values


def metadata(model: str, given: Mapping[str, Any]) -> pb.ModelMetadataResponse:
    answer = pb.ModelMetadataResponse(name=model, versions=given["versions"], platform=given["platform"])
    for side in ("inputs", "outputs"):
        for one in given[side]:
            getattr(answer, side).add(name=one["name"], datatype=one["datatype"], shape=one["shape"])
    return answer
