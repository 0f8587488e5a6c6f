"""Answers and ground truth in one form, so that they can be compared: as a class, as a number, or both."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

LARGEST = 1e12
"""Numbers beyond this are taken for mistakes."""
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Value:
    """A class in words, "" for none, and a number, None for none."""

    label: str = ""
    number: float | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """What became known of one row of a prediction, as it stands now. `values` are business values by name."""

    prediction_id: UUID
    row: int
    label: Value
    values: Mapping[str, float]
    occurred_at: datetime


def true_value(given: Any) -> Value | None:
    """A reported label: a text, a number, or true and false, which are 1 and 0; None for what is none of these."""
    if isinstance(given, bool):
        return Value(str(int(given)), float(given))
    if isinstance(given, int | float):
        if not in_bounds(given):
            return None
        return Value(_words(given), float(given))
    if isinstance(given, str) and len(given.strip()) > 0 and len(given) <= LONGEST and given.isprintable():
        return Value(given.strip())
    return None


def in_bounds(number: float) -> bool:
    """Whether it is finite and no mistake; also for whole numbers no float can hold."""
    return abs(number) <= LARGEST and math.isfinite(number)


def answered(given: Any, threshold: float | None) -> Value:
    """A model's answer to one row. A score (a number with a fraction in JSON) is a class only by the threshold: "1"
    from it on, else "0"."""
    found = true_value(given) or Value()
    if isinstance(given, float):
        label = "" if threshold is None or found.number is None else str(int(found.number >= threshold))
        return Value(label, found.number)
    return found


def _words(number: float) -> str:
    whole = int(number)
    return str(whole) if whole == number else repr(float(number))
