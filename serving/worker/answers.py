"""What a model answered: held against what it promised, and one value for each row for live measures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from serving.worker.refusals import Refusal
from serving.worker.signature import Column, Tensor

PAIR = 2
_NUMBERS = frozenset({"double", "float", "long", "integer"})


def check(predictions: Any, rows: int, promised: Sequence[Column | Tensor]) -> None:
    """Refuse an answer with no number where one belongs, or other than the signature says. Raises `Refusal` 500."""
    found = _arrays(predictions)
    if len(promised) == 1 and len(found) == 1:
        pairs = [(next(iter(found.values())), promised[0])]
    else:
        if missing := [field.name for field in promised if field.name not in found]:
            raise _wrong(f"The model answered without {missing[0]}, which its signature promises.")
        pairs = [(found[field.name], field) for field in promised]
    for values, field in pairs:
        _check_promise(values, rows, field)
    optional = {field.name for field in promised if isinstance(field, Column) and not field.required}
    for name, values in found.items():
        if values.dtype.kind == "f" and name not in optional and not np.isfinite(values).all():
            raise Refusal(500, "answer_not_finite", "The model answered NaN or infinity. Ask its owner.")


def _arrays(predictions: Any) -> Mapping[str, Any]:
    if isinstance(predictions, pd.DataFrame):
        return {str(name): predictions[name].to_numpy() for name in predictions.columns}
    try:
        if isinstance(predictions, dict):
            return {str(name): np.asarray(value) for name, value in predictions.items()}
        return {"": np.asarray(predictions)}
    except ValueError:
        return {"": np.array(None)}


def _check_promise(values: Any, rows: int, field: Column | Tensor) -> None:
    name = field.name or "the answer"
    if values.ndim and len(values) != rows:
        raise _wrong(f"The model answered {len(values)} rows to {rows}.")
    if isinstance(field, Tensor):
        fits = len(values.shape) == len(field.shape) and all(
            wanted in (-1, size) for size, wanted in zip(values.shape, field.shape, strict=True)
        )
        if not fits:
            raise _wrong(f"The model answered the shape {list(values.shape)}; promised is {list(field.shape)}.")
    numeric = np.dtype(field.dtype).kind in "fiu" if isinstance(field, Tensor) else field.kind in _NUMBERS
    if numeric and _is_text(values):
        raise _wrong(f"The model answered text for {name}; promised are numbers.")


def _is_text(values: Any) -> bool:
    if values.dtype.kind in "US":
        return True
    return values.dtype.kind == "O" and any(isinstance(value, str) for value in np.ravel(values)[:1])


def _wrong(detail: str) -> Refusal:
    return Refusal(500, "answer_wrong_schema", f"{detail} Ask its owner.")


def values(predictions: Any) -> list[Any]:
    """A class or a score for each row; empty where the answer is neither.

    Of a table the first column counts, of a pair of probabilities that of the second class, of more the likeliest
    class by number.
    """
    found = next(iter(_arrays(predictions).values()), np.array(None))
    if found.ndim == PAIR and found.shape[1] > PAIR and found.dtype.kind in "fiu":
        found = found.argmax(axis=1)
    elif found.ndim == PAIR and found.shape[1]:
        found = found[:, -1]
    listed: list[Any] = found.tolist() if found.ndim == 1 else []
    return listed
