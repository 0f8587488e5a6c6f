"""What the model is asked, whichever protocol it came by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from serving.worker import columns, tensors
from serving.worker.columns import Frame
from serving.worker.refusals import FieldError, bad, refuse_fields
from serving.worker.signature import Parameter, Signature

SPOOLED_VALUES = 20_000
"""A larger question is noted by its first rows only."""


@dataclass(frozen=True, slots=True)
class Question:
    """Checked data for the model. `noted` is what the spool keeps of it, as plain data."""

    data: Any
    rows: int
    noted: dict[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict)


def of_frame(frame: Frame, signature: Signature, most_rows: int, parameters: dict[str, Any]) -> Question:
    """A question in columns. Raises `Refusal`."""
    if signature.tensors:
        names = ", ".join(t.name or "one without a name" for t in signature.tensors)
        raise bad("wrong_form", f"This model takes tensors ({names}). Send instances or inputs.")
    rows = next((len(values) for values in frame.values()), 0)
    if signature.columns:
        data = columns.table(frame, signature, most_rows)
    else:
        columns.check_rows(rows, most_rows)
        data = pd.DataFrame(dict(frame))
    return Question(data, rows, _noted_frame(frame, rows), parameters)


def of_tensors(given: Mapping[str, Any], signature: Signature, most_rows: int, parameters: dict[str, Any]) -> Question:
    """A question in tensors. Raises `Refusal`."""
    data = tensors.checked(given, signature) if signature.tensors else _unchecked(given)
    first = next(iter(data.values())) if isinstance(data, dict) else data
    rows = len(first) if getattr(first, "ndim", 0) else 0
    columns.check_rows(rows, most_rows)
    return Question(data, rows, _noted_tensors(given, rows), parameters)


def checked_parameters(given: Any, signature: Signature) -> dict[str, Any]:
    """Parameters of the call with the signature's defaults. Raises `Refusal`."""
    given = given or {}
    if not isinstance(given, dict):
        raise bad("wrong_shape", "params must be an object of names and values.", "params")
    known = {parameter.name: parameter for parameter in signature.parameters}
    errors = [
        FieldError(name[:200], "unknown_parameter", f"{name[:60]!r} is not a parameter of this model.")
        for name in given
        if name not in known
    ]
    errors += [
        FieldError(name, "wrong_type", f"The parameter {name} must be {_words(known[name])}.")
        for name, value in given.items()
        if name in known and not _fits(value, known[name])
    ]
    if errors:
        raise refuse_fields(errors)
    return {name: given.get(name, parameter.default) for name, parameter in known.items()}


def _fits(value: Any, parameter: Parameter) -> bool:
    if parameter.is_list:
        return isinstance(value, list) and all(_is(item, parameter.kind) for item in value)
    return _is(value, parameter.kind)


def _is(value: Any, kind: str) -> bool:
    if kind in ("long", "integer"):
        return type(value) is int
    if kind in ("double", "float"):
        return type(value) in (int, float) and bool(np.isfinite(value))
    return type(value) is (bool if kind == "boolean" else str)


def _words(parameter: Parameter) -> str:
    return f"a list of {parameter.kind}" if parameter.is_list else parameter.kind


def _unchecked(given: Mapping[str, Any]) -> Any:
    try:
        arrays = {name: np.array(value) for name, value in given.items()}
    except ValueError as error:
        raise bad("wrong_shape", "The rows have different lengths.") from error
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def _noted_frame(frame: Frame, rows: int) -> dict[str, Any]:
    kept = max(1, min(rows, SPOOLED_VALUES // max(1, len(frame))))
    noted: dict[str, Any] = {"columns": {n: [_note(v) for v in values[:kept]] for n, values in frame.items()}}
    return noted if kept >= rows else {**noted, "truncated": True}


def _note(value: Any) -> Any:
    return None if value is columns.MISSING else value


def _noted_tensors(given: Mapping[str, Any], rows: int) -> dict[str, Any]:
    size = sum(np.size(value) for value in given.values())
    if size <= SPOOLED_VALUES:
        return {"tensors": dict(given)}
    kept = max(1, rows * SPOOLED_VALUES // size)
    return {"tensors": {name: value[:kept] for name, value in given.items()}, "truncated": True}
