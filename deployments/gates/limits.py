"""Reading a gate's limits: a JSON object whose members are named when they are wrong."""

from collections.abc import Mapping
from typing import Any

from portal.core.errors import BadInput

Json = dict[str, Any]


def known(place: str, given: Any, *names: str) -> Json:
    """The object, if it has no other members than these."""
    if not isinstance(given, Mapping):
        raise bad(place, "must be an object")
    if unknown := sorted(set(given) - set(names)):
        raise bad(f"{place}.{unknown[0]}", f"is not known; this gate takes {', '.join(names) or 'nothing'}")
    return dict(given)


def amount(place: str, given: Json, name: str, *, low: float, high: float, default: float | None = None) -> float:
    """A number of the object between two bounds."""
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise bad(f"{place}.{name}", f"must be a number from {low:g} to {high:g}")
    return float(value)


def text(place: str, given: Json, name: str, *, default: str | None = None) -> str:
    value = given.get(name, default)
    if not isinstance(value, str) or len(value) > 250 or (default is None and not value):
        raise bad(f"{place}.{name}", "must be text")
    return value


def where(place: str, given: Json) -> Json:
    """The evaluation that counts: `data`, the data set it was made on, and `target`, the column with the labels."""
    return {name: text(place, given, name, default="") for name in ("data", "target")}


def choice(place: str, given: Json, name: str, values: tuple[str, ...], *, default: str) -> str:
    value = given.get(name, default)
    if value not in values:
        raise bad(f"{place}.{name}", f"must be one of {', '.join(values)}")
    return str(value)


def names(place: str, value: object) -> list[str]:
    """A list of different names."""
    good = isinstance(value, list) and value and all(isinstance(one, str) and 0 < len(one) <= 250 for one in value)
    if not good or len(set(value)) != len(value):  # type: ignore[arg-type, call-overload]
        raise bad(place, "must be a list of different names")
    return sorted(value)  # type: ignore[call-overload, no-any-return]


def bad(place: str, sentence: str) -> BadInput:
    return BadInput(f"{place} {sentence}.", fields={place: sentence})
