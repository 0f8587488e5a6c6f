"""From what a file holds to what a metric can use, or to a sentence that says why not."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.values import Matrix, Undefined, Values, Vector, Whole

Kind = TypeVar("Kind", bound=np.generic)

_FAMILIES: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("yes/no", (bool, np.bool_)),
    ("numbers", (int, float, np.integer, np.floating)),
    ("text", (str,)),
)


def numbers(values: Values, called: str) -> Vector | Undefined:
    """One finite number a row. `called` names the column in sentences, in the plural ("scores")."""
    found = _as_floats(values, called)
    if isinstance(found, Undefined):
        return found
    if found.ndim != 1:
        return Undefined(f"The {called} are not one number a row: their shape is {_shape(found)}.")
    return _finite(found, called)


def table(values: Values, called: str) -> Matrix | Undefined:
    """The same number of finite numbers for each row."""
    found = _as_floats(values, called)
    if isinstance(found, Undefined):
        return found
    if found.ndim != 2:
        return Undefined(f"The {called} are not one column a class: their shape is {_shape(found)}.")
    return _finite(found, called)


def labels(values: Values, called: str = "labels") -> NDArray[Any] | Undefined:
    """Values of one kind without missing ones: yes/no, numbers or text."""
    found = _array(values)
    if found.ndim != 1:
        return Undefined(f"The {called} are not one value a row: their shape is {_shape(found)}.")
    if found.dtype != object:
        return _finite(found, called) if found.dtype.kind == "f" else found
    missing = missing_rows(found)
    if missing.any():
        return _missing(int(missing.sum()), found.size, called)
    kinds = _kinds(found)
    if len(kinds) > 1:
        return Undefined(f"The {called} are of mixed types: {' and '.join(kinds)}.")
    if not kinds or kinds[0] == "other things":
        return found.astype(str)
    plain = np.array(found.tolist())
    return _finite(plain, called) if plain.dtype.kind == "f" else plain


def binary(values: Values, positive: Any = None) -> Whole | Undefined:
    """1 where a row is positive and 0 elsewhere. Without `positive` the labels must be 0 and 1, or yes/no."""
    found = labels(values)
    if isinstance(found, Undefined):
        return found
    if not found.size:
        return Undefined("There are no rows.")
    present = np.unique(found)
    if positive is not None:
        if len(present) > 2:
            return Undefined(f"There are {len(present)} classes; a binary metric needs two.")
        return np.asarray(found == positive, dtype=np.int64)
    if found.dtype.kind not in "biuf" or not np.isin(present, (0, 1)).all():
        shown = ", ".join(str(value) for value in present[:5].tolist())
        return Undefined(f"Labels are {shown}; say which of them is the positive class.")
    return found.astype(np.int64)


def codes(values: Values, classes: Sequence[Any], called: str = "labels") -> Whole | Undefined:
    """The place of each value in `classes`."""
    found = labels(values, called)
    if isinstance(found, Undefined):
        return found
    known = np.asarray(classes)
    if found.size and (known.dtype.kind in "US") != (found.dtype.kind in "US"):
        return Undefined(f"The {called} and the classes are of different types.")
    order = np.argsort(known, kind="stable")
    place = np.searchsorted(known[order], found).clip(max=known.size - 1)
    strangers = np.unique(found[known[order][place] != found])
    if strangers.size:
        return Undefined(f"The {called} hold a class the model does not know: {strangers[0]}.")
    return np.asarray(order[place], dtype=np.int64)


def same_length(**columns: "NDArray[Any]") -> Undefined | None:
    """Why the columns do not belong to the same rows, or None."""
    sizes = {name: len(column) for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        said = ", ".join(f"{name} {size}" for name, size in sizes.items())
        return Undefined(f"The columns have different numbers of rows: {said}.")
    return Undefined("There are no rows.") if not all(sizes.values()) else None


def missing_rows(values: "NDArray[Any]") -> "NDArray[np.bool_]":
    """True where a value is None or not a number."""
    if values.dtype == object:
        return np.array([_is_missing(value) for value in values], dtype=bool)
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values), dtype=bool)
    return np.zeros(values.shape[0], dtype=bool)


def _array(values: Values) -> NDArray[Any]:
    # A list goes through objects: NumPy would turn one text among numbers into text all over.
    return np.asarray(values, dtype=object) if isinstance(values, list | tuple) else np.asarray(values)


def _is_missing(value: Any) -> bool:
    # pandas' own marks for missing answer comparisons with themselves, so they are known by name.
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def _as_floats(values: Values, called: str) -> NDArray[np.float64] | Undefined:
    try:
        found = _array(values)
    except ValueError:
        return Undefined(f"The {called} do not have the same number of values in each row.")
    if found.dtype == object and found.size:
        missing = missing_rows(found.ravel())
        if missing.any():
            return _missing(int(missing.sum()), found.size, called)
        kinds = _kinds(found.ravel())
        if kinds not in (["numbers"], ["yes/no"]):
            return Undefined(f"The {called} are not numbers: they hold {' and '.join(kinds)}.")
    elif found.dtype.kind not in "biuf" and found.size:
        held = "text" if found.dtype.kind in "US" else "other things"
        return Undefined(f"The {called} are not numbers: they hold {held}.")
    try:
        return np.ascontiguousarray(found, dtype=np.float64)
    except OverflowError:
        return Undefined(f"The {called} hold a number that is too large.")


def _finite(found: NDArray[Kind], called: str) -> NDArray[Kind] | Undefined:
    wrong = int(found.size - np.isfinite(found).sum())
    if not wrong:
        return found
    absent = int(np.isnan(found).sum())
    if absent:
        return _missing(absent, found.size, called)
    return Undefined(f"{wrong} of {found.size} {called} are infinite.")


def _missing(count: int, size: int, called: str) -> Undefined:
    if count == size:
        return Undefined(f"All {called} are missing.")
    return Undefined(f"{count} of {size} {called} are missing.")


def _kinds(found: NDArray[Any]) -> list[str]:
    return sorted({_kind(one) for one in {type(value) for value in found}})


def _kind(one: type) -> str:
    return next((name for name, family in _FAMILIES if issubclass(one, family)), "other things")


def _shape(found: NDArray[Any]) -> str:
    return " by ".join(str(size) for size in found.shape) or "a single value"
