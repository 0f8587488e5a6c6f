"""Columns of a data set version as arrays, a batch at a time, and the answers of a version beside them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from registry.datasets.files import BadData
from registry.datasets.reading import Table

Array = NDArray[Any]
KINDS = {"b": "yes or no", "f": "numbers", "U": "labels"}


class BadScores(Exception):
    """The files with the answers are not what a version can have left there."""


def read(table: Table, names: Sequence[str]) -> dict[str, Array]:
    """The named columns, whole: numbers and yes/no as such, all else as text, None where a value is missing."""
    missing = [name for name in names if name not in table.schema.names]
    if missing:
        raise BadData(f"The data has no column {missing[0]}.")
    parts: dict[str, list[pa.Array]] = {name: [] for name in names}
    for batch in table.batches(list(names)) if names else ():
        for name in names:
            parts[name].append(_packed(batch.column(name)))
    return {name: _array(pa.chunked_array(found)) for name, found in parts.items()}


def _packed(column: pa.Array) -> pa.Array:
    """Text takes a number a row: each different text is held once a batch."""
    kind = column.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return column
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_dictionary(kind):
        column = column.cast(pa.string())
    return pc.dictionary_encode(column if pa.types.is_string(column.type) else _as_text(column))


def _as_text(column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.string())
    except pa.ArrowException:
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())


def _array(column: pa.ChunkedArray) -> Array:
    if pa.types.is_dictionary(column.type):
        whole = column.unify_dictionaries().combine_chunks()
        whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
        texts: Array = np.array([*whole.dictionary.to_pylist(), None], dtype=object)
        places: Array = whole.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)
        return texts[places]
    if column.null_count and pa.types.is_boolean(column.type):
        return np.array(column.to_pylist(), dtype=object)
    return np.asarray(column.to_numpy())


def answers(folder: Path, rows: int) -> Array:
    """What a version answered to all rows, from its files. Raises `BadScores`."""
    try:
        parts = [np.load(path, allow_pickle=False) for path in sorted(folder.glob("[0-9]*.npy"))]
        for part in parts[1:]:
            of_one_kind(parts[0], part)
        whole = np.concatenate(parts) if parts else np.zeros(0)
    except (ValueError, OSError, EOFError) as error:
        raise BadScores(f"The answers cannot be read: {error}"[:300]) from error
    if whole.shape[0] != rows:
        raise BadScores(f"There are answers to {whole.shape[0]} of {rows} rows.")
    if whole.dtype.kind not in "bfU" or whole.ndim > 2:
        raise BadScores(f"The answers are of the type {whole.dtype}.")
    return whole


def of_one_kind(first: Array, other: Array) -> None:
    """Each chunk was looked at alone; together they have to be one answer. Raises `BadScores`."""
    kinds = sorted({KINDS.get(part.dtype.kind, str(part.dtype)) for part in (first, other)})
    if len(kinds) > 1:
        raise BadScores(f"The version answered {kinds[0]} for some rows and {kinds[1]} for others.")
    widths = sorted({part.shape[1] if part.ndim == 2 else 1 for part in (first, other)})
    if len(widths) > 1:
        raise BadScores(f"The version answered {widths[0]} columns for some rows and {widths[-1]} for others.")


def taken(columns: Mapping[str, Array], mask: "NDArray[np.bool_]") -> dict[str, Array]:
    """The rows of the mask, of every column."""
    return {name: column[mask] for name, column in columns.items()}
