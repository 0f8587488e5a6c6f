"""Checking tensors against the signature: type, shape, and that every number is one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.worker.columns import NotANumber
from serving.worker.refusals import FieldError, bad, refuse_fields
from serving.worker.signature import Signature, Tensor

_SAFE_KINDS = {"f": "fiu", "i": "iu", "u": "iu", "b": "b", "c": "cfiu"}
"""Kinds of numpy types that a tensor of this kind takes without losing what was meant."""


def checked(given: Mapping[str, Any], signature: Signature) -> Any:
    """One array for a single tensor without a name, else arrays by name. Raises `Refusal`."""
    specs = {tensor.name: tensor for tensor in signature.tensors}
    errors = [
        FieldError(
            name[:200], "unknown_tensor", f"{name[:60]!r} is not a tensor of this model. Known: {_names(specs)}."
        )
        for name in given
        if name not in specs
    ]
    errors += [
        FieldError(name, "missing_tensor", f"The tensor {name} ({spec.dtype}) is missing.")
        for name, spec in specs.items()
        if name not in given
    ]
    if errors:
        raise refuse_fields(errors)
    arrays = {name: array(value, specs[name]) for name, value in given.items()}
    return arrays[""] if list(arrays) == [""] else arrays


def array(value: Any, spec: Tensor) -> Any:
    """The value as an array of the named type and shape. Raises `Refusal`."""
    name = spec.name or "the tensor"
    try:
        found = value if isinstance(value, np.ndarray) else np.array(value)
    except ValueError as error:
        raise bad("wrong_shape", f"{name}: its rows have different lengths.", name) from error
    wanted = np.dtype(spec.dtype) if spec.dtype not in ("string", "str") else np.dtype(object)
    _check_kind(found, value, wanted, name)
    if not _fits(found.shape, spec.shape):
        shape = list(found.shape)
        raise bad("wrong_shape", f"{name} has the shape {shape}; the model takes {list(spec.shape)}.", name)
    return _cast(found, wanted, name)


def _check_kind(found: Any, value: Any, wanted: Any, name: str) -> None:
    if word := _not_a_number(value if found.dtype.kind in "OU" else None):
        raise bad("not_finite", f"{name} holds {word}, which is not a number. Send numbers only.", name)
    allowed = _SAFE_KINDS.get(wanted.kind, "OUS")
    if found.dtype.kind not in allowed and found.size:
        detail = f"{name} holds {found.dtype.name} where the model takes {wanted.name}. Send {wanted.name}."
        raise bad("wrong_type", detail, name)


def _not_a_number(value: Any) -> str:
    if isinstance(value, NotANumber):
        return str(value)
    if isinstance(value, list):
        return next((word for item in value if (word := _not_a_number(item))), "")
    return ""


def _cast(found: Any, wanted: Any, name: str) -> Any:
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise bad("not_finite", f"{name} holds NaN or infinity. Send numbers only.", name)
    if found.dtype.kind in "iu" and wanted.kind in "iu" and found.size:
        bounds = np.iinfo(wanted)
        if int(found.min()) < bounds.min or int(found.max()) > bounds.max:
            raise bad("out_of_range", f"{name} holds numbers outside {bounds.min} to {bounds.max}.", name)
    return found.astype(wanted, copy=False)


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(shape) == len(wanted) and all(w in (-1, s) for s, w in zip(shape, wanted, strict=True))


def _names(specs: Mapping[str, Tensor]) -> str:
    return ", ".join(sorted(name or "a single one without a name" for name in specs))
