"""Asking a version for many rows at once, outside any endpoint. Loads code of the version: only inside the sandbox.

The rows are checked against the signature as those of callers are, so what an evaluation measures is what serves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from serving import formats
from serving.worker import predictor
from serving.worker.predictor import Predictor
from serving.worker.question import Question
from serving.worker.signature import BadSignature, Column

TYPES: dict[str, pa.DataType] = {
    "double": pa.float64(),
    "float": pa.float32(),
    "long": pa.int64(),
    "integer": pa.int32(),
    "boolean": pa.bool_(),
    "string": pa.string(),
    "binary": pa.binary(),
    "datetime": pa.timestamp("ns"),
}


class Unscored(Exception):
    """Why a version cannot be scored on these rows, as a sentence for people."""


@dataclass(frozen=True)
class Scorer:
    """A loaded version. `inputs` names the columns, in order, of one that takes tensors or has no signature."""

    model: Predictor
    inputs: Sequence[str]

    def answers(self, batch: pa.RecordBatch) -> Any:
        """What the version says to these rows. Raises `Unscored`."""
        data = self._asked(batch)
        try:
            return self.model.predict(Question(data, batch.num_rows, {}, self._parameters()))
        except MemoryError:
            raise
        except Exception as error:
            raise Unscored(f"The version raised {type(error).__name__}: {error}"[:400]) from error

    def _asked(self, batch: pa.RecordBatch) -> Any:
        known = self.model.signature
        if known.tensors:
            return self._tensor(batch)
        if not known.columns:
            return batch.select(
                [name for name in self.inputs if name in batch.schema.names] or batch.schema.names
            ).to_pandas()
        present = [column for column in known.columns if self._has(batch, column)]
        return pd.DataFrame({column.name: _series(batch.column(column.name), column) for column in present}, copy=False)

    def _has(self, batch: pa.RecordBatch, column: Column) -> bool:
        if column.name in batch.schema.names:
            return True
        if column.required:
            raise Unscored(f"The data has no column {column.name}, which the version needs.")
        return False

    def _tensor(self, batch: pa.RecordBatch) -> Any:
        tensors = self.model.signature.tensors
        if len(tensors) != 1:
            raise Unscored(
                "The version takes several tensors; only versions that take columns or one tensor are scored."
            )
        names = [name for name in self.inputs if name in batch.schema.names] or batch.schema.names
        try:
            columns = [batch.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False) for name in names]
        except pa.ArrowException as error:
            raise Unscored(f"The version takes numbers, and a column holds something else: {error}"[:400]) from error
        rows = np.column_stack(columns).astype(tensors[0].dtype)
        try:
            rows = rows.reshape(len(rows), *tensors[0].shape[1:])
        except ValueError as error:
            said = f"{rows.shape[1]} columns do not fit the tensor of shape {tensors[0].shape}; name the inputs."
            raise Unscored(said) from error
        return {tensors[0].name: rows} if tensors[0].name else rows

    def _parameters(self) -> dict[str, Any]:
        return {parameter.name: parameter.default for parameter in self.model.signature.parameters}


def _series(column: pa.Array, asked: Column) -> Any:
    """The column as the type the signature names, with gaps as serving makes them."""
    if asked.required and column.null_count:
        raise Unscored(f"Column {asked.name} has missing values, and the version needs all of them.")
    if asked.kind == "any":
        return pd.Series(column.to_pylist(), dtype=object)
    try:
        typed = column.cast(TYPES[asked.kind])
    except pa.ArrowException as error:
        raise Unscored(f"Column {asked.name} cannot be read as {asked.kind}: {error}"[:400]) from error
    if asked.kind in ("string", "binary", "datetime"):
        return typed.to_pandas()
    if column.null_count and asked.kind == "boolean":
        return np.array(typed.to_pylist(), dtype=object)
    return typed.to_numpy(zero_copy_only=False)


def load(copy: Path, signature: Mapping[str, Any], inputs: Sequence[str], isolated: bool) -> Scorer:
    """Load the version in `copy`; `isolated` says whether code of its author may run. Raises `Unscored`."""
    try:
        described = formats.description(copy)
        if (why := formats.executes_code(copy, described)) and not isolated:
            raise Unscored(f"{why}, so loading it runs code, and this host offers no isolation.")
        return Scorer(predictor.load(copy, described, signature), inputs)
    except (formats.BadDescription, BadSignature) as error:
        raise Unscored(f"The version cannot be loaded: {error}.") from error
    except (Unscored, MemoryError):
        raise
    except Exception as error:
        raise Unscored(f"The version raised {type(error).__name__} while loading: {error}"[:400]) from error
