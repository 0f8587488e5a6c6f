"""What a version answered, as a plain array: one number or label a row, or one column of numbers a class."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MOST_CLASSES = 1_000
LONGEST_LABEL = 200


class BadAnswer(Exception):
    """Why an answer cannot be measured, as a sentence for people."""


def plain(answer: Any, rows: int, first: int) -> NDArray[Any]:
    """The answer to `rows` rows as float64, bool or text. `first` is the number of the first row, from 1.

    Raises `BadAnswer` for another number of rows, for shapes and types that mean nothing, and for missing values.
    """
    found = _array(answer)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim == 0:
        raise BadAnswer(f"The version answered a single value for {rows} rows.")
    if found.shape[0] != rows:
        raise BadAnswer(f"The version answered {found.shape[0]} rows for {rows}.")
    if found.ndim > 2 or (found.ndim == 2 and not 1 < found.shape[1] <= MOST_CLASSES):
        shape = " by ".join(str(size) for size in found.shape)
        raise BadAnswer(
            f"The version answered an array of {shape}; one number, one label or one column a class is read."
        )
    return _typed(found, first)


def _array(answer: Any) -> NDArray[Any]:
    try:
        if isinstance(answer, pd.DataFrame | pd.Series):
            return np.asarray(answer.to_numpy())
        if isinstance(answer, dict):
            if len(answer) != 1:
                raise BadAnswer(f"The version answered {len(answer)} tensors; one is read.")
            return np.asarray(next(iter(answer.values())))
        found = np.asarray(answer)
        # NumPy turns one text among numbers into text all over.
        return np.asarray(answer, dtype=object) if found.dtype.kind == "U" and isinstance(answer, list) else found
    except ValueError as error:
        raise BadAnswer("The version answered rows of different lengths.") from error


def _typed(found: NDArray[Any], first: int) -> NDArray[Any]:
    if found.dtype == object:
        found = _settled(found, first)
    if found.dtype.kind == "b":
        return found
    if found.dtype.kind in "iuf":
        return _finite(np.ascontiguousarray(found, dtype=np.float64), first)
    if found.dtype.kind == "U" and found.ndim == 1:
        if found.dtype.itemsize > 4 * LONGEST_LABEL:  # four bytes a character
            raise BadAnswer(f"The version answered texts of more than {LONGEST_LABEL} characters, which are no labels.")
        return found
    raise BadAnswer(f"The version answered values of the type {found.dtype}, which are neither numbers nor labels.")


def _settled(found: NDArray[Any], first: int) -> NDArray[Any]:
    """An array of Python objects as the one type they are of."""
    missing = np.flatnonzero(pd.isna(found) if found.ndim == 1 else pd.isna(found).any(axis=1))
    if missing.size:
        raise BadAnswer(f"The version answered nothing for row {first + int(missing[0])}.")
    kinds = {type(value) for value in found.ravel()}
    if kinds <= {str}:
        return found.astype(str)
    if kinds <= {bool, np.bool_}:
        return found.astype(bool)
    try:
        if not any(issubclass(kind, str) for kind in kinds):
            return found.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadAnswer("The version answered values that are neither numbers nor labels.") from error
    raise BadAnswer("The version answered text for some rows and something else for others.")


def _finite(found: NDArray[np.float64], first: int) -> NDArray[np.float64]:
    good = np.isfinite(found) if found.ndim == 1 else np.isfinite(found).all(axis=1)
    wrong = np.flatnonzero(~good)
    if wrong.size:
        bad = found[wrong[0]] if found.ndim == 1 else found[wrong[0]][~np.isfinite(found[wrong[0]])][0]
        said = "NaN, which is not a number," if np.isnan(bad) else "an infinite number"
        raise BadAnswer(f"The version answered {said} for row {first + int(wrong[0])}.")
    return found
