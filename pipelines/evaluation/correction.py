"""Many questions to the same data: p-values made honest."""

from typing import Literal

import numpy as np

from pipelines.evaluation.values import Vector

Correction = Literal["holm", "benjamini-yekutieli"]


def adjusted(p: Vector, correction: Correction = "holm") -> Vector:
    """Adjusted p-values in the given order; compare them with the level itself."""
    return holm(p) if correction == "holm" else benjamini_yekutieli(p)


def holm(p: Vector) -> Vector:
    """Keeps the chance of any false alarm at the level, whatever depends on what.

    Holm (1979), "A simple sequentially rejective multiple test procedure".
    """
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    found = np.empty(p.size)
    found[order] = np.minimum(steps, 1.0)
    return found


def benjamini_yekutieli(p: Vector) -> Vector:
    """Keeps the expected share of false alarms among all alarms at the level, whatever depends on what.

    Benjamini and Yekutieli (2001), "The control of the false discovery rate in multiple testing under dependency".
    """
    if not p.size:
        return p.copy()
    order = np.argsort(-p, kind="stable")
    ranks = np.arange(p.size, 0, -1)
    penalty = float(np.sum(1.0 / np.arange(1, p.size + 1)))
    steps = np.minimum.accumulate(p[order] * p.size * penalty / ranks)
    found = np.empty(p.size)
    found[order] = np.minimum(steps, 1.0)
    return found
