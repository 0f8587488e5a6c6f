"""Predictions as the spools noted them, without what was asked: what an A/B test reads. Pure."""

from dataclasses import asdict, dataclass
from typing import Any

from serving.contract import Invalid

MOST = 2000
"""Predictions one call answers."""
MOST_ROWS = 200
"""Answers kept of one prediction; `rows` says how many it had."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answered prediction. `arm` is the one it was assigned to, `revision` the one that answered; `unit` a hash of
    the unit key with the table's salt, None where the caller named none; `answers` a class or a score for each row."""

    id: str
    revision: str
    arm: str
    unit: str | None
    at: str
    rows: int
    answers: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Predictions in the order each spool has them. `cursor` is where to go on; `more` that there is more at once;
    `gap` that some were gone before they were read."""

    predictions: tuple[Prediction, ...]
    cursor: str
    more: bool = False
    gap: bool = False


def as_json(page: Page) -> dict[str, Any]:
    return asdict(page)


def page(body: Any) -> Page:
    """Read a page back from JSON. Raises `Invalid`."""
    try:
        listed = [{**one, "answers": tuple(one["answers"])} for one in body["predictions"]]
        rest = {name: body[name] for name in ("cursor", "more", "gap")}
        return Page(tuple(Prediction(**one) for one in listed), **rest)
    except (TypeError, KeyError) as error:
        raise Invalid("predictions", f"cannot be read: {error}") from error


def limit_of(text: str) -> int:
    """How many predictions a caller wants at most. Raises `Invalid`."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise Invalid("limit", f"must be a whole number from 1 to {MOST}")
    return int(text)
