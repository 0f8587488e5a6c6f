"""What the values of a column are like, as sketches that can be merged: batch by batch, day by day.

Counts, bounds and moments are exact. Quantiles come from a KLL sketch (Karnin, Lang, Liberty 2016), the number of
distinct values from HyperLogLog, the frequent values from a frequent-items sketch; each names its error bound.
"""

import base64
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasketches import (
    frequent_items_error_type,
    frequent_strings_sketch,
    hll_sketch,
    hll_union,
    kll_doubles_sketch,
    tgt_hll_type,
)

from registry.datasets.kinds import BOOLEAN, NUMBER, OTHER, TEXT, TIME

KLL_K = 400
HLL_LG_K = 12
FREQUENT_LG_MAP = 10
MOST_FREQUENT = 20
LONGEST_TEXT = 200
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


def kind_of(type_: pa.DataType) -> str:
    """Which of the five kinds of columns an Arrow type is."""
    if pa.types.is_boolean(type_):
        return BOOLEAN
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return NUMBER
    if pa.types.is_temporal(type_) and not pa.types.is_duration(type_) and not pa.types.is_interval(type_):
        return TIME
    if pa.types.is_dictionary(type_):
        return kind_of(type_.value_type)
    return TEXT if pa.types.is_string(type_) or pa.types.is_large_string(type_) else OTHER


@dataclass
class Moments:
    """Number, mean and sum of squared deviations; merged as in Chan, Golub and LeVeque (1979)."""

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0

    def add(self, values: "np.ndarray[Any, np.dtype[np.float64]]") -> None:
        if values.size:
            mean = float(values.mean())
            self.merge(Moments(int(values.size), mean, float(((values - mean) ** 2).sum())))

    def merge(self, other: "Moments") -> None:
        n = self.n + other.n
        if other.n == 0:
            return
        gap = other.mean - self.mean
        self.mean += gap * other.n / n
        self.m2 += other.m2 + gap * gap * self.n * other.n / n
        self.n = n

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the sample; None below two values."""
        return math.sqrt(self.m2 / (self.n - 1)) if self.n > 1 else None


@dataclass
class ColumnProfile:
    """The profile of one column. `add` takes a batch of its values, `merge` the profile of others of it."""

    name: str
    kind: str
    rows: int = 0
    nulls: int = 0
    not_finite: int = 0
    low: float | str | None = None
    high: float | str | None = None
    moments: Moments = field(default_factory=Moments)
    quantiles: kll_doubles_sketch = field(default_factory=lambda: kll_doubles_sketch(KLL_K))
    distinct: hll_sketch = field(default_factory=lambda: hll_sketch(HLL_LG_K, tgt_hll_type.HLL_8))
    frequent: frequent_strings_sketch = field(default_factory=lambda: frequent_strings_sketch(FREQUENT_LG_MAP))

    def add(self, values: "pa.Array[Any] | pa.ChunkedArray[Any]") -> None:
        """Take in a batch. Values that are no numbers count as neither low nor high."""
        self.rows += len(values)
        self.nulls += values.null_count
        present = values.drop_null()
        if pa.types.is_dictionary(present.type):
            present = present.cast(present.type.value_type)
        if self.kind == NUMBER:
            present = self._add_numbers(present)
        elif self.kind in (TIME, TEXT) and len(present):
            ends = pc.min_max(present)
            self._bounds(_text(ends["min"].as_py()), _text(ends["max"].as_py()))
        self._count(present)

    def _add_numbers(self, present: Any) -> Any:
        numbers = present.cast(pa.float64(), safe=False)
        finite = pc.is_finite(numbers)
        kept = np.array(numbers.filter(finite), dtype=np.float64)  # the sketch refuses memory it may not write to
        self.not_finite += len(numbers) - len(kept)
        self.moments.add(kept)
        if kept.size:
            self.quantiles.update(kept)
            self._bounds(float(kept.min()), float(kept.max()))
        return present.filter(finite)

    def _bounds(self, low: Any, high: Any) -> None:
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)

    def _count(self, present: Any) -> None:
        if self.kind == OTHER:
            return
        for row in pc.value_counts(present).to_pylist():
            value = _text(row["values"])
            self.distinct.update(value)
            if self.kind != TIME:
                self.frequent.update(value, row["counts"])

    def merge(self, other: "ColumnProfile") -> None:
        """Take in the profile of other values of the same column. Raises ValueError when it is of another kind."""
        if (other.name, other.kind) != (self.name, self.kind):
            raise ValueError(f"{other.name} ({other.kind}) cannot be merged into {self.name} ({self.kind})")
        self.rows += other.rows
        self.nulls += other.nulls
        self.not_finite += other.not_finite
        self.moments.merge(other.moments)
        self.quantiles.merge(other.quantiles)
        if other.low is not None:
            self._bounds(other.low, other.high)
        both = hll_union(HLL_LG_K)
        both.update(self.distinct)
        both.update(other.distinct)
        self.distinct = both.get_result(tgt_hll_type.HLL_8)
        self.frequent.merge(other.frequent)

    def summary(self) -> dict[str, Any]:
        """What pages and the API show. Shares are of all rows; quantiles carry their rank error."""
        found: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "rows": self.rows,
            "nulls": self.nulls,
            "null_share": self.nulls / self.rows if self.rows else 0.0,
            "low": self.low,
            "high": self.high,
            "distinct": round(self.distinct.get_estimate()),
        }
        if self.kind == NUMBER:
            empty = self.quantiles.is_empty()
            found |= {
                "not_finite": self.not_finite,
                "mean": self.moments.mean if self.moments.n else None,
                "deviation": self.moments.deviation,
                "quantiles": {} if empty else {str(q): self.quantiles.get_quantile(q) for q in QUANTILES},
                "rank_error": self.quantiles.normalized_rank_error(False),
            }
        if self.kind in (TEXT, BOOLEAN):
            found["frequent"] = self._frequent()
        return found

    def _frequent(self) -> list[dict[str, Any]]:
        rows = self.frequent.get_frequent_items(frequent_items_error_type.NO_FALSE_POSITIVES)
        return [{"value": value, "least": low, "most": high} for value, _, low, high in rows[:MOST_FREQUENT]]

    def as_json(self) -> dict[str, Any]:
        """Everything, sketches included, as plain data; `from_json` reads it back."""
        return {
            "name": self.name,
            "kind": self.kind,
            "counts": [self.rows, self.nulls, self.not_finite],
            "bounds": [self.low, self.high],
            "moments": [self.moments.n, self.moments.mean, self.moments.m2],
            "kll": _packed(self.quantiles.serialize()),
            "hll": _packed(self.distinct.serialize_compact()),
            "frequent": _packed(self.frequent.serialize()),
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "ColumnProfile":
        rows, nulls, not_finite = found["counts"]
        low, high = found["bounds"]
        return cls(
            found["name"],
            found["kind"],
            rows,
            nulls,
            not_finite,
            low,
            high,
            Moments(*found["moments"]),
            kll_doubles_sketch.deserialize(_unpacked(found["kll"])),
            hll_sketch.deserialize(_unpacked(found["hll"])),
            frequent_strings_sketch.deserialize(_unpacked(found["frequent"])),
        )


def profile(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> list[ColumnProfile]:
    """The profile of each column over all batches, in the order of the schema."""
    columns = [ColumnProfile(field.name, kind_of(field.type)) for field in schema]
    for batch in batches:
        for column, values in zip(columns, batch.columns, strict=True):
            column.add(values)
    return columns


def _text(value: Any) -> str:
    return (value.isoformat() if hasattr(value, "isoformat") else str(value))[:LONGEST_TEXT]


def _packed(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _unpacked(text: str) -> bytes:
    return base64.b64decode(text)
