"""What a model answered, one value for each row, as live measures count it."""

from typing import Any

import numpy as np
import pandas as pd

PAIR = 2


def values(predictions: Any) -> list[Any]:
    """A class or a score for each row; empty where the answer is neither.

    Of a table the first column counts, of a pair of probabilities that of the second class, of more the likeliest
    class by number.
    """
    if isinstance(predictions, pd.DataFrame):
        predictions = predictions.iloc[:, 0].to_numpy() if predictions.shape[1] else []
    elif isinstance(predictions, dict):
        predictions = next(iter(predictions.values()), [])
    try:
        found = np.asarray(predictions)
    except ValueError:
        return []
    if found.ndim == PAIR and found.shape[1] > PAIR and found.dtype.kind in "fiu":
        found = found.argmax(axis=1)
    elif found.ndim == PAIR and found.shape[1]:
        found = found[:, -1]
    listed: list[Any] = found.tolist() if found.ndim == 1 else []
    return listed
