"""What an evaluation answers with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Direction = Literal["higher", "lower"]
Reading = Literal["better", "worse", "unclear", "unknown"]

Values = ArrayLike | Sequence[Any]
"""A column as it comes: of any type, perhaps with missing values."""
Vector = NDArray[np.float64]
"""Numbers, one a row."""
Matrix = NDArray[np.float64]
Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]
Counts = NDArray[np.uint8]
"""How often each row was drawn: one line a resample, one column a row."""
Combine = Callable[[Matrix], Vector]


@dataclass(frozen=True, slots=True)
class Undefined:
    """A value that does not exist, and why, as a plain sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval. `resamples` counts the draws it rests on."""

    low: float
    high: float
    confidence: float
    resamples: int
    method: Literal["bca", "percentile"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number about one version. `n` counts the units it rests on: rows, or queries for rankings."""

    name: str
    value: float | Undefined
    n: int
    direction: Direction
    interval: Interval | Undefined | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """Challenger minus champion on the same rows."""

    name: str
    champion: float | Undefined
    challenger: float | Undefined
    value: float | Undefined
    interval: Interval | Undefined
    n: int
    direction: Direction

    @property
    def reading(self) -> Reading:
        """Better or worse only where the whole interval is; unknown where there is no interval."""
        if isinstance(self.interval, Undefined):
            return "unknown"
        low, high = self.interval.low, self.interval.high
        if self.direction == "lower":
            low, high = -high, -low
        return "better" if low > 0 else "worse" if high < 0 else "unclear"


def defined(value: Any) -> bool:
    """True for every answer but `Undefined`."""
    return not isinstance(value, Undefined)
