"""The Open Inference Protocol v2: metadata, and tensors in and out, as JSON or with the binary extension."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from serving import plain
from serving.worker import binary, question
from serving.worker.bodies import json_object
from serving.worker.columns import Frame
from serving.worker.question import Question
from serving.worker.refusals import bad
from serving.worker.signature import Column, Signature, Tensor

HEADER_LENGTH = "inference-header-content-length"
EXTENSIONS = ["binary_tensor_data", "model_repository"]
NAMELESS_INPUT = "input-0"
NAMELESS_OUTPUT = "output-0"
_WHOLE = {f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
_NUMBER = _WHOLE | {"FP16", "FP32", "FP64"}
_TAKES = {
    **dict.fromkeys(("double", "float"), _NUMBER),
    **dict.fromkeys(("long", "integer"), _WHOLE),
    **{key: {"BYTES"} for key in ("string", "binary", "datetime")},
    "boolean": {"BOOL"},
}
_COLUMN_TYPES = {"double": "FP64", "float": "FP32", "long": "INT64", "integer": "INT32", "boolean": "BOOL"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller wants back: its own id, which outputs (none named means all), and which of them as bytes."""

    id: str
    outputs: tuple[str, ...]
    as_bytes: Mapping[str, bool]
    all_as_bytes: bool


def metadata(name: str, version: str, signature: Signature) -> dict[str, Any]:
    """The model's metadata, from its signature."""
    inputs = signature.columns or signature.tensors
    return {
        "name": name,
        "versions": [version],
        "platform": "mlflow",
        "inputs": [_described(field, NAMELESS_INPUT) for field in inputs],
        "outputs": [_described(field, NAMELESS_OUTPUT) for field in signature.outputs],
    }


def _described(field: Column | Tensor, nameless: str) -> dict[str, Any]:
    if isinstance(field, Column):
        return {
            "name": field.name or nameless,
            "datatype": _COLUMN_TYPES.get(field.kind, "BYTES"),
            "shape": [-1],
            "parameters": {"type": field.kind, "required": field.required},
        }
    return {"name": field.name or nameless, "datatype": datatype_of(_dtype(field.dtype)), "shape": list(field.shape)}


def _dtype(name: str) -> Any:
    return np.dtype(object) if name in ("string", "str") else np.dtype(name)


def datatype_of(dtype: Any) -> str:
    """The protocol's name for a numpy type."""
    kind, bits = dtype.kind, 8 * dtype.itemsize
    names = {"f": f"FP{bits}", "i": f"INT{bits}", "u": f"UINT{bits}", "b": "BOOL"}
    return names.get(kind, "BYTES")


def read(body: bytes, json_length: str | None, signature: Signature, most_rows: int) -> tuple[Question, Wanted]:
    """The question in a body and what is wanted back. Raises `Refusal`."""
    split = _json_length(json_length, len(body))
    given = json_object(body[:split])
    given_inputs = given.get("inputs")
    if not isinstance(given_inputs, list) or not given_inputs:
        raise bad("wrong_form", "inputs must be a list with one entry for each tensor.", "inputs")
    rest = memoryview(body)[split:]
    found: dict[str, Any] = {}
    for item in given_inputs:
        name, values, rest = _input(item, rest, signature)
        if name in found:
            raise bad("duplicate_column", f"The tensor {name} is there twice. Send each once.", name)
        found[name] = values
    if rest:
        raise bad("wrong_shape", f"{len(rest)} bytes follow the last tensor. Check binary_data_size.", "inputs")
    wanted = _wanted(given)
    parameters = {name: given["parameters"][name] for name in _own_parameters(given, signature)}
    checked = question.checked_parameters(parameters, signature)
    if signature.columns or (not signature.tensors and len(found) > 1):
        frame: Frame = {name: np.ravel(values).tolist() for name, values in found.items()}
        return question.of_frame(_even(frame), signature, most_rows, checked), wanted
    named = {_own_name(name, signature): values for name, values in found.items()}
    return question.of_tensors(named, signature, most_rows, checked), wanted


def _json_length(header: str | None, size: int) -> int:
    if header is None:
        return size
    if not header.isdecimal() or int(header) > size:
        raise bad("wrong_form", "Inference-Header-Content-Length must be the length of the JSON in bytes.")
    return int(header)


def _input(item: Any, rest: memoryview, signature: Signature) -> tuple[str, Any, memoryview]:
    """One tensor: its name, its values in shape, and the bytes left for the next."""
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise bad("wrong_form", "Each input must be an object with name, shape, datatype and data.", "inputs")
    name, datatype, shape = item["name"], item.get("datatype"), item.get("shape")
    if datatype not in (*binary.DTYPES, binary.BYTES):
        raise bad("wrong_type", f"{name}: {str(datatype)[:40]!r} is not a datatype such as FP64, INT64 or BYTES.", name)
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise bad("wrong_shape", f"{name}: shape must be a list of sizes.", name)
    _check_datatype(name, datatype, signature)
    options = item.get("parameters")
    size = options.get("binary_data_size") if isinstance(options, dict) else None
    if size is None:
        return name, _in_shape(name, _listed(name, item.get("data")), shape), rest
    if type(size) is not int or not 0 <= size <= len(rest):
        raise bad("wrong_shape", f"{name}: binary_data_size is more than the bytes that follow the JSON.", name)
    return name, _in_shape(name, binary.decode(bytes(rest[:size]), datatype, name), shape), rest[size:]


def _check_datatype(name: str, datatype: str, signature: Signature) -> None:
    kind = next((column.kind for column in signature.columns if column.name == name), None)
    if kind == "any":
        raise bad("wrong_form", f"{name} holds lists or objects. Send it to /invocations.", name)
    if kind is not None and datatype not in _TAKES[kind]:
        best = _COLUMN_TYPES.get(kind, "BYTES")
        raise bad("wrong_type", f"{name} is sent as {datatype} and the model takes {kind}. Send {best}.", name)


def _listed(name: str, data: Any) -> Any:
    if not isinstance(data, list):
        raise bad("wrong_form", f"{name}: data must be a list.", name)
    flat = data
    while flat and isinstance(flat[0], list):
        if not all(isinstance(part, list) for part in flat):
            raise bad("wrong_shape", f"{name}: its rows have different lengths.", name)
        flat = [value for part in flat for value in part]
    return flat


def _in_shape(name: str, values: Any, shape: list[int]) -> Any:
    if len(values) != math.prod(shape):
        raise bad(
            "wrong_shape", f"{name} has {len(values)} values and its shape {shape} says {math.prod(shape)}.", name
        )
    if isinstance(values, list):
        mixed = {type(value) for value in values}
        held = np.empty(len(values), dtype=object)
        held[:] = values
        values = np.array(values) if mixed <= {int, float} or mixed == {bool} else held
    return values.reshape(shape)


def _even(frame: Frame) -> Frame:
    if len({len(values) for values in frame.values()}) > 1:
        raise bad("wrong_shape", "The tensors have different numbers of rows. Send one value for each row.", "inputs")
    return frame


def _own_name(name: str, signature: Signature) -> str:
    """A model's single tensor without a name is called input-0 here."""
    nameless = len(signature.tensors) == 1 and not signature.tensors[0].name
    return "" if nameless and name == NAMELESS_INPUT else name


def _own_parameters(given: dict[str, Any], signature: Signature) -> list[str]:
    """Names of request parameters that are the model's; others may belong to extensions, so the protocol says."""
    parameters = _options(given, "parameters")
    known = {parameter.name for parameter in signature.parameters}
    return [name for name in parameters if name in known]


def _options(given: dict[str, Any], field: str) -> dict[str, Any]:
    found = given.get("parameters") or {}
    if not isinstance(found, dict):
        raise bad("wrong_form", "parameters must be an object.", field)
    return found


def _wanted(given: dict[str, Any]) -> Wanted:
    outputs = given.get("outputs") or []
    if not isinstance(outputs, list) or not all(
        isinstance(o, dict) and isinstance(o.get("name"), str) for o in outputs
    ):
        raise bad("wrong_form", "outputs must be a list of objects with a name.", "outputs")
    as_bytes = {o["name"]: bool(_options(o, "outputs").get("binary_data")) for o in outputs}
    parameters = _options(given, "parameters")
    own = given.get("id")
    return Wanted(
        id=own if isinstance(own, str) else "",
        outputs=tuple(as_bytes),
        as_bytes=as_bytes,
        all_as_bytes=bool(parameters.get("binary_data_output")),
    )


def answer(
    predictions: Any, wanted: Wanted, name: str, version: str, prediction_id: str, signature: Signature
) -> tuple[bytes, int | None]:
    """The answer's body, and the length of its JSON when tensors follow as bytes. Raises `Refusal`."""
    arrays = _outputs(predictions, signature)
    if unknown := [output for output in wanted.outputs if output not in arrays]:
        raise bad("unknown_output", f"{unknown[0][:60]!r} is no output. Known: {', '.join(arrays)}.", "outputs")
    tail, outputs = b"", []
    for output in wanted.outputs or tuple(arrays):
        values = arrays[output]
        datatype = datatype_of(values.dtype)
        described: dict[str, Any] = {"name": output, "datatype": datatype, "shape": list(values.shape)}
        if wanted.as_bytes.get(output, wanted.all_as_bytes):
            raw = binary.encode(values, datatype)
            tail += raw
            described["parameters"] = {"binary_data_size": len(raw)}
        else:
            described["data"] = np.ravel(values).tolist()
        outputs.append(described)
    head = plain.dumps(
        {"model_name": name, "model_version": version, "id": wanted.id or prediction_id, "outputs": outputs}
    )
    return head + tail, len(head) if tail else None


def _outputs(predictions: Any, signature: Signature) -> dict[str, Any]:
    if isinstance(predictions, pd.DataFrame):
        return {str(name): predictions[name].to_numpy() for name in predictions.columns}
    if isinstance(predictions, dict):
        return {str(name): np.asarray(value) for name, value in predictions.items()}
    named = [field.name for field in signature.outputs]
    return {named[0] if len(named) == 1 and named[0] else NAMELESS_OUTPUT: np.asarray(predictions)}
