"""Answers as columns of a file, and what a page tells of them. Pure."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

ANSWER = "prediction"
ROW = "row"
FIRST_ROWS, LONGEST_TEXT = 10, 100
BINS, TOP_LABELS, MOST_LABELS = 20, 12, 100_000
Answers = NDArray[Any]


def names(width: int) -> list[str]:
    """The columns of `width` answers a row: `prediction`, or `prediction_1` and so on."""
    return [ANSWER] if width == 1 else [f"{ANSWER}_{number}" for number in range(1, width + 1)]


def columns(found: Answers) -> dict[str, pa.Array]:
    """The answers to one chunk as named columns."""
    if found.ndim == 1:
        return {ANSWER: pa.array(found.tolist() if found.dtype.kind == "U" else found)}
    return {name: pa.array(np.ascontiguousarray(found[:, place])) for place, name in enumerate(names(found.shape[1]))}


@dataclass
class Seen:
    """All answers so far. Numbers take eight bytes a row; of labels each different one is counted."""

    rows: int = 0
    columns: list[str] = field(default_factory=list)
    first: list[list[Any]] = field(default_factory=list)
    numbers: list[Answers] = field(default_factory=list)
    labels: Counter[str] = field(default_factory=Counter)
    width: int = 1

    def add(self, piece: pa.RecordBatch, found: Answers) -> None:
        """One batch of the file and the answers in it."""
        if len(self.first) < FIRST_ROWS:
            head = piece.slice(0, FIRST_ROWS - len(self.first))
            self.columns = piece.schema.names
            self.first += [[shown(value) for value in row.values()] for row in head.to_pylist()]
        self.rows += len(found)
        self.width = found.shape[1] if found.ndim == 2 else 1
        if found.dtype.kind == "f":
            self.numbers.append(found)
        else:
            texts = map(str, found.tolist())
            full = len(self.labels) >= MOST_LABELS
            self.labels.update((text for text in texts if text in self.labels) if full else texts)

    def summary(self) -> dict[str, Any]:
        """Columns and first rows of the file, and the distribution of the answers."""
        # Rows are lists: the database does not keep the order of an object's members.
        found: dict[str, Any] = {"columns": self.columns, "first": self.first}
        if self.labels:
            top = self.labels.most_common(TOP_LABELS)
            return found | {"kind": "labels", "labels": top, "other": self.rows - sum(count for _, count in top)}
        if not self.numbers:
            return found
        whole = np.concatenate(self.numbers)
        if whole.ndim == 2:
            return found | {"kind": "columns", **_by_column(whole, names(self.width))}
        return found | {"kind": "numbers", "of": ANSWER, **_spread(whole)}


def _by_column(values: NDArray[np.float64], named: list[str]) -> dict[str, Any]:
    """The mean of each column and in how many rows it is the highest; of two classes how the second is spread."""
    with np.errstate(over="ignore"):
        means = [_finite(mean) for mean in values.mean(axis=0)]
    highest = np.bincount(values.argmax(axis=1), minlength=len(named)).tolist()
    found: dict[str, Any] = {"means": list(zip(named, means, highest, strict=True))}
    return found | {"of": named[1], **_spread(values[:, 1])} if len(named) == 2 else found


def _spread(values: NDArray[np.float64]) -> dict[str, Any]:
    # Each is a value that was answered: one between two of them may be too large to be written.
    low, median, high = np.quantile(values, [0.0, 0.5, 1.0], method="inverted_cdf").tolist()
    with np.errstate(over="ignore"):
        mean = values.mean()
    counts, edges = np.histogram(values, BINS) if np.isfinite(high - low) else (np.zeros(0, int), np.zeros(0))
    return {
        "low": low, "median": median, "high": high, "mean": _finite(mean),
        "counts": counts.tolist(), "edges": edges.tolist(),
    }  # fmt: skip


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def shown(value: Any) -> Any:
    """A value of a row as JSON holds it: numbers and yes or no as such, all else as short text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    text = str(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
