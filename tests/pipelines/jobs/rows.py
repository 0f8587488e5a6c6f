"""Rows to evaluate on: what is late follows x, more weakly so at one airport. And what learnt from such rows."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression, LogisticRegression


def frame(rows: int, seed: int = 7) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    x, z = random.normal(size=rows), random.normal(size=rows)
    place = random.choice(["EWR", "JFK", "LGA"], size=rows)
    pull = np.where(place == "LGA", 0.2, 1.5)
    late = (random.random(rows) < 1 / (1 + np.exp(-pull * x))).astype(int)
    return pd.DataFrame(
        {"x": x, "z": z, "place": place, "late": late, "delay": 10 * x + random.normal(size=rows), "amount": z + 5}
    )


def fitted() -> dict[str, Any]:
    """The estimators, the same each time."""
    rows = frame(2_000)
    inputs = rows[["x", "z"]]
    return {
        "good": LogisticRegression().fit(inputs, rows["late"]),
        "worse": LogisticRegression(C=1e-4).fit(inputs, rows["z"] > 0),
        "many": LogisticRegression().fit(inputs, rows["place"]),
        "number": LinearRegression().fit(inputs, rows["delay"]),
    }
