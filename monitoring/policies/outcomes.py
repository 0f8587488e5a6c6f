"""What may be taken for ground truth: one reported outcome read, or why it is refused. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from deployments.analysis import outcomes
from deployments.analysis.outcomes import Truth, Value

MEMBERS = {"prediction_id", "row", "label", "values", "occurred_at"}
MOST_ROW = 10_000
MOST_VALUES = 20
LONGEST_NAME = 60
SLACK = timedelta(minutes=5)
"""How far another machine's clock may be ahead of ours."""


class Unfit(ValueError):
    """Why one outcome is refused, as a sentence."""


@dataclass(frozen=True, slots=True)
class Read:
    """One entry of a batch: what it says, or why it is refused. `named` is the id as it was sent."""

    named: str
    row: int
    truth: Truth | None
    reason: str = ""


def read(given: object, now: datetime) -> Read:
    """One entry, however wrong it is."""
    sent = given if isinstance(given, Mapping) else {}
    named, row = str(sent.get("prediction_id", ""))[:64], sent.get("row", 0)
    try:
        truth = _truth(given, now)
    except Unfit as error:
        return Read(named, row if isinstance(row, int) else 0, None, str(error))
    return Read(str(truth.prediction_id), truth.row, truth)


def _truth(given: object, now: datetime) -> Truth:
    if not isinstance(given, Mapping):
        raise Unfit("Send an object with prediction_id, label or values, and occurred_at.")
    if unknown := sorted(str(name)[:40] for name in set(given) - MEMBERS):
        raise Unfit(f"{unknown[0]} is not known here; known are {', '.join(sorted(MEMBERS))}.")
    label, values = _label(given.get("label")), _values(given.get("values"))
    if label == Value() and not values:
        raise Unfit("Send a label, a value, or both.")
    return Truth(_id(given.get("prediction_id")), _row(given.get("row", 0)), label, values, _when(given, now))


def _id(given: object) -> UUID:
    try:
        return UUID(given if isinstance(given, str) else "")
    except ValueError as error:
        raise Unfit("prediction_id must be the x-prediction-id of an answer.") from error


def _row(given: object) -> int:
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < MOST_ROW:
        return given
    raise Unfit(f"row must be a whole number from 0 to {MOST_ROW - 1}.")


def _label(given: Any) -> Value:
    if given is None:
        return Value()
    found = outcomes.true_value(given)
    if found is None or found.label.lower() in ("nan", "inf", "-inf", "infinity", "-infinity"):
        raise Unfit("label must be a text of up to 200 characters, a finite number, true or false.")
    return found


def _values(given: Any) -> dict[str, float]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or len(given) > MOST_VALUES:
        raise Unfit(f"values must be an object of up to {MOST_VALUES} names with numbers.")
    for name, value in given.items():
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            raise Unfit(f"The names in values must have 1 to {LONGEST_NAME} printable characters.")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not outcomes.in_bounds(value):
            raise Unfit(f"values.{name} must be a finite number.")
    return {str(name): float(value) for name, value in given.items()}


def _when(given: Mapping[str, Any], now: datetime) -> datetime:
    sent = given.get("occurred_at")
    try:
        found = datetime.fromisoformat(sent if isinstance(sent, str) else "")
    except ValueError as error:
        raise Unfit("occurred_at must be a time such as 2013-07-01T12:30:00Z.") from error
    if found.tzinfo is None:
        raise Unfit("occurred_at needs its offset from UTC, such as Z at its end.")
    if found > now + SLACK:
        raise Unfit("occurred_at lies in the future.")
    return found


def same(known: Truth, sent: Truth) -> bool:
    """Whether a report says nothing new."""
    return (known.label, dict(known.values), known.occurred_at) == (sent.label, dict(sent.values), sent.occurred_at)
