"""Checking columns against the signature and building the table the model gets. Every error names its column."""

import base64
import binascii
import difflib
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from serving.worker.refusals import MOST_ERRORS, FieldError, Refusal, bad, refuse_fields
from serving.worker.signature import Column, Signature

Frame: TypeAlias = Mapping[str, list[Any]]
"""Columns by name, all of the same length."""

MOST_FLOAT32 = float(np.finfo(np.float32).max)


class Missing:
    """A record without this column."""


class NotANumber(str):
    """One of the words NaN, Infinity and -Infinity, which JSON does not have but many programs write."""

    __slots__ = ()


MISSING = Missing()


class _WrongError(Exception):
    """One value that does not fit: a code and what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def table(frame: Frame, signature: Signature, most_rows: int) -> Any:
    """The checked table in the order of the signature, or its numbers alone. Raises `Refusal`."""
    check_rows(next((len(v) for v in frame.values()), 0), most_rows)
    errors = _names(frame, signature)
    series: dict[str, Any] = {}
    for column in signature.columns:
        if column.name in frame:
            values, wrong = _checked(frame[column.name], column)
            errors += wrong
            series[column.name] = values
        if len(errors) >= MOST_ERRORS:
            break
    if errors:
        raise refuse_fields(errors)
    return np.column_stack(list(series.values())) if signature.as_array else pd.DataFrame(series, copy=False)


def check_rows(rows: int, most: int) -> None:
    if rows == 0:
        raise bad("no_rows", "There is no row to predict. Send at least one.")
    if rows > most:
        raise Refusal(413, "too_many_rows", f"{rows} rows were sent and at most {most} are taken. Send them in parts.")


def _names(frame: Frame, signature: Signature) -> list[FieldError]:
    known = {column.name for column in signature.columns}
    errors = []
    for name in frame:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else f" Known are {', '.join(sorted(known)[:30])}."
            errors.append(
                FieldError(name[:200], "unknown_column", f"{_shown(name)} is not a column of this model.{hint}")
            )
    for column in signature.columns:
        if column.required and column.name not in frame:
            detail = f"The column {column.name} ({column.kind}) is missing. Send it in every row."
            errors.append(FieldError(column.name, "missing_column", detail))
    return errors


def _checked(values: list[Any], column: Column) -> tuple[Any, list[FieldError]]:
    """The values as the type the signature names, and what is wrong with them."""
    if column.kind == "any":
        return pd.Series(values, dtype=object), []
    convert, build = _KINDS[column.kind]
    errors: list[FieldError] = []
    converted: list[Any] = []
    for row, value in enumerate(values):
        if value is None or value is MISSING:
            if column.required:
                errors.append(_absent(column, value, row))
            converted.append(None)
            continue
        try:
            converted.append(convert(value))
        except _WrongError as error:
            errors.append(FieldError(column.name, error.code, f"Column {column.name}: {error}", row))
        if len(errors) >= MOST_ERRORS:
            break
    return (None, errors) if errors else (build(converted), errors)


def _absent(column: Column, value: Any, row: int) -> FieldError:
    if value is MISSING:
        detail = f"Row {row} has no column {column.name} ({column.kind}). Send it in every row."
        return FieldError(column.name, "missing_column", detail, row)
    detail = f"Column {column.name}: row {row} is null and the model needs a value of type {column.kind}. Send one."
    return FieldError(column.name, "null_value", detail, row)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _wrong(value: Any, wanted: str) -> _WrongError:
    if isinstance(value, NotANumber):
        return _WrongError(
            "not_finite", f"{value} is not a number. Send {wanted}, or null where the column is optional."
        )
    return _WrongError("wrong_type", f"{_shown(value)} is not {wanted}. Send {wanted}.")


def _whole(least: int, most: int) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int:
            raise _wrong(value, "a whole number")
        if not least <= value <= most:
            raise _WrongError("out_of_range", f"{_shown(value)} is outside {least} to {most}.")
        return value

    return convert


def _decimal(most: float) -> Callable[[Any], float]:
    def convert(value: Any) -> float:
        if type(value) is int:
            value = float(value) if abs(value) < 2**1023 else math.inf
        if type(value) is not float:
            raise _wrong(value, "a number")
        if not math.isfinite(value):
            raise _wrong(NotANumber("Infinity" if value == value else "NaN"), "a number")
        if abs(value) > most:
            raise _WrongError("out_of_range", f"{value} does not fit 32 bits.")
        return value

    return convert


def _exactly(kind: type, wanted: str) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if type(value) is not kind:
            raise _wrong(value, wanted)
        return value

    return convert


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        if type(value) is str:
            return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise _wrong(value, "text in base64") from error
    raise _wrong(value, "text in base64")


def _moment(value: Any) -> pd.Timestamp:
    try:
        if type(value) is str:
            return pd.Timestamp(value)
    except ValueError as error:
        raise _wrong(value, "a time such as 2026-01-31T12:00:00") from error
    raise _wrong(value, "a time such as 2026-01-31T12:00:00")


def _numbers(dtype: str, with_gaps: str) -> Callable[[list[Any]], Any]:
    """Numbers as a plain array; a column with gaps takes the nearest type that has room for them."""

    def build(values: list[Any]) -> Any:
        return np.array(values, dtype=with_gaps if None in values else dtype)

    return build


_KINDS: dict[str, tuple[Callable[[Any], Any], Callable[[list[Any]], Any]]] = {
    "double": (_decimal(math.inf), _numbers("float64", "float64")),
    "float": (_decimal(MOST_FLOAT32), _numbers("float32", "float32")),
    "long": (_whole(-(2**63), 2**63 - 1), _numbers("int64", "float64")),
    "integer": (_whole(-(2**31), 2**31 - 1), _numbers("int32", "float64")),
    "boolean": (_exactly(bool, "true or false"), _numbers("bool", "object")),
    "string": (_exactly(str, "a text"), pd.Series),
    "binary": (_bytes, lambda values: pd.Series(values, dtype=object)),
    "datetime": (_moment, lambda values: pd.Series(pd.to_datetime(values))),
}
