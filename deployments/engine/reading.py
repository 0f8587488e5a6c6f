"""Values of a plan as people type them, and back. What cannot be read stays the text it is. Pure."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from deployments.engine.shadow_step import ARROW

UNITS = {"": 1, "s": 1, "min": 60, "h": 3600, "d": 86_400}
SPANS = "such as 90 s, 10 min, 2 h or 1 d"
SPAN_WRONG = f"must be a time {SPANS}, 7 d at most"
SHARE_WRONG = "must be above 0 and up to 100 %, with two decimals at most"
LONGEST = 40


def _decimal(text: str) -> Decimal | None:
    """A plain number of sensible length, None for all else."""
    if len(text) > LONGEST or not re.fullmatch(r"[-+]?\d*\.?\d+", text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _plain(found: Decimal) -> int | float:
    return int(found) if found == found.to_integral_value() else float(found)


def text(value: Any) -> str:
    return "" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)


def tick(value: Any) -> str:
    return "on" if value else ""


def whole(typed: str) -> Any:
    found = _decimal(typed.replace(" ", "").replace("\u202f", ""))
    return typed if found is None else _plain(found)


def number(typed: str) -> Any:
    found = _decimal(typed)
    return typed if found is None else float(found)


def number_or_none(typed: str) -> Any:
    return number(typed) if typed else None


def per_cent(typed: str) -> Any:
    """Hundredths of the whole as a share of one."""
    found = _decimal(typed)
    return typed if found is None else float(found / 100)


def cent(value: Any) -> str:
    found = value if isinstance(value, int | float) else None
    return text(value) if found is None else f"{found * 100:.12g}"


def hundredths(typed: str) -> Any:
    """Per cent as basis points."""
    found = _decimal(typed)
    return typed if found is None else _plain(found * 100)


def percent(value: Any) -> str:
    return f"{value / 100:.12g}" if isinstance(value, int | float) else text(value)


def span(typed: str) -> Any:
    """A length of time in seconds."""
    parts = re.fullmatch(r"([\d.]+)\s*(s|min|h|d|)", typed)
    found = _decimal(parts[1]) if parts else None
    return typed if parts is None or found is None else _plain(found * UNITS[parts[2]])


def span_words(value: Any) -> str:
    """Seconds in the largest unit that says them exactly."""
    if not isinstance(value, int) or value <= 0:
        return text(value)
    size, unit = next((size, unit) for unit, size in reversed(UNITS.items()) if unit and value % size == 0)
    return f"{value // size} {unit}"


def listed(typed: str) -> list[str]:
    return [part.strip() for part in typed.split(",") if part.strip()]


def commas(value: Sequence[str] | None) -> str:
    return ", ".join(value or ())


def costs(typed: str) -> dict[str, Any]:
    """Lines such as "0 → 1: 15"; an arrow may be typed as "->"."""
    found: dict[str, Any] = {}
    for line in filter(None, (line.strip() for line in typed.splitlines())):
        change, _, cost = line.rpartition(":")
        ends = [end.strip() for end in re.split(r"→|->", change)]
        found[ARROW.join(ends) if len(ends) == 2 else line] = number(cost.strip())
    return found


def cost_lines(value: Mapping[str, float] | None) -> str:
    return "\n".join(f"{change}: {text(cost)}" for change, cost in (value or {}).items())


METRIC = ("from", "better", "smallest", "alpha", "fewest", "limit")
METRIC_LINE = (
    "one a line: name: what, higher or lower, smallest difference that matters, wrong answers as a part of 1, fewest "
    "units, and, if anything, "
    "by how much it may be worse at most"
)


METRIC_WORDS = {
    "name": "the name",
    "from": "what is compared",
    "better": "the better way",
    "smallest": "the smallest difference",
    "alpha": "wrong answers",
    "fewest": "fewest units",
    "limit": "how much worse at most",
}
"""What the members of a metric are called where they are typed."""


def metrics(typed: str) -> list[dict[str, Any]]:
    """Lines such as "Accuracy: correct, higher, 0.01, 0.05, 100"; what is left out at the end has its default."""
    found = []
    for line in filter(None, (line.strip() for line in typed.splitlines())):
        name, _, rest = line.partition(":")
        said: dict[str, Any] = {key: part.strip() for key, part in zip(METRIC, rest.split(","), strict=False)}
        for key, read in (("smallest", number), ("alpha", number), ("fewest", whole), ("limit", number)):
            if key in said:
                said[key] = read(said[key])
        found.append({"name": name.strip(), **said})
    return found


def metric_lines(value: Sequence[Mapping[str, Any]] | None) -> str:
    return "\n".join(
        f"{one.get('name', '')}: " + ", ".join(text(one[key]) for key in METRIC if key in one) for one in value or ()
    )
