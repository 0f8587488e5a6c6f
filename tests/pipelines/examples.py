"""Random rows as evaluations meet them: ties, few positives, and two versions that are related."""

from typing import TypeVar

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from pipelines.evaluation.values import Undefined, Vector, Whole

T = TypeVar("T")


def number(value: T | Undefined) -> T:
    """The value, which must be defined."""
    assert not isinstance(value, Undefined), value
    return value


def reason(value: object) -> str:
    """Why a value is undefined, which it must be."""
    assert isinstance(value, Undefined), value
    assert value.reason.endswith(".")
    return value.reason


def scored(seed: int, rows: int, *, share: float = 0.3, ties: int | None = None) -> tuple[Whole, Vector]:
    """Labels of both classes and scores in (0, 1); `ties` is how many different scores there may be."""
    rng = np.random.default_rng(seed)
    y = (rng.random(rows) < share).astype(np.int64)
    y[:2] = (0, 1)
    scores = 1 / (1 + np.exp(-(2 * y - 1 + 1.5 * rng.normal(size=rows))))
    if ties:
        scores = (np.floor(scores * ties) + 0.5) / ties
        scores[:2] = (0.25 / ties, 0.75)
    return y, scores


bounded = settings(deadline=None, max_examples=60)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(5, 400)
shares = st.sampled_from([0.01, 0.1, 0.5, 0.95])
tied = st.sampled_from([None, 3, 20])
