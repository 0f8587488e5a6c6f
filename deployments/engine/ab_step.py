"""The A/B test of a plan as data: read, checked, and written back. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from deployments.engine.bounds import LONGEST, MOST_REQUESTS, MOST_ROWS, PATIENCE
from deployments.engine.steps import WHOLE, AbMetric, AbTest, Guard, Step, Weight

KNOWN = {"do", "until", "give_up", "metrics", "guards", "threshold", "decide"}
METRIC = {"name", "from", "better", "alpha", "smallest", "fewest", "limit"}
MOST_METRICS = 5
VALUE = re.compile(r"value:[A-Za-z0-9_.-]{1,60}")
LARGEST = 1e12


class Reader(Protocol):
    """What gathers all that is wrong with a plan."""

    wrong: dict[str, str]

    def whole(self, place: str, value: object, least: int, most: int) -> int: ...

    def number(self, place: str, value: object, least: float, most: float) -> float: ...

    def alpha(self, place: str, value: object) -> float: ...

    def members(self, place: str, given: Mapping[str, Any], known: set[str]) -> None: ...

    def guards(self, place: str, listed: object, least: int) -> tuple[Guard, ...]: ...


def read(reader: Reader, place: str, given: Mapping[str, Any]) -> AbTest:
    """The step; what is wrong with it is told to the reader."""
    asks = _asks(reader, f"{place}.decide", given.get("decide", "person"))
    metrics = _metrics(reader, f"{place}.metrics", given.get("metrics"), asks=asks)
    guards = reader.guards(f"{place}.guards", given.get("guards", []), least=0)
    threshold = _threshold(reader, f"{place}.threshold", given.get("threshold"))
    until = given.get("until")
    if not isinstance(until, Mapping) or len(until) != 1 or not set(until) <= {"units", "seconds"}:
        reader.wrong[f"{place}.until"] = "must name one of: units, seconds"
        return AbTest(metrics, guards, seconds=1, asks=asks)
    unit, amount = next(iter(until.items()))
    if unit == "seconds":
        if "give_up" in given:
            reader.wrong[f"{place}.give_up"] = "is for units; seconds end by themselves"
        found = reader.whole(f"{place}.until.seconds", amount, 1, LONGEST)
        return AbTest(metrics, guards, seconds=found, threshold=threshold, asks=asks)
    return AbTest(
        metrics,
        guards,
        units=reader.whole(f"{place}.until.units", amount, 1, MOST_REQUESTS),
        give_up=reader.whole(f"{place}.give_up", given.get("give_up", PATIENCE), 10, LONGEST),
        threshold=threshold,
        asks=asks,
    )


def _asks(reader: Reader, place: str, given: object) -> bool:
    if given not in ("person", "limits"):
        reader.wrong[place] = "must be person or limits"
    return given != "limits"


def _threshold(reader: Reader, place: str, given: object) -> float | None:
    if given is None:
        return None
    if isinstance(given, int | float) and not isinstance(given, bool) and abs(given) < LARGEST:
        return float(given)
    reader.wrong[place] = "must be a number or null"
    return None


def _metrics(reader: Reader, place: str, listed: object, *, asks: bool) -> tuple[AbMetric, ...]:
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_METRICS:
        reader.wrong[place] = f"must be a list of 1 to {MOST_METRICS} metrics"
        return ()
    found = tuple(_metric(reader, f"{place}.{at}", one) for at, one in enumerate(listed))
    if len({one.name for one in found}) < len(found):
        reader.wrong[place] = "must have a name of its own for each metric"
    if not asks:
        for at, one in enumerate(found):
            if one.limit is None:
                reader.wrong.setdefault(f"{place}.{at}.limit", "is needed where limits decide")
    return found


def _metric(reader: Reader, place: str, given: object) -> AbMetric:
    if not isinstance(given, Mapping):
        reader.wrong[place] = "must be an object with name, from and better"
        return AbMetric("", "correct", "higher", 0.05, 0.0, 100)
    reader.members(place, given, METRIC)
    name, source, better, smallest = (given.get(member) for member in ("name", "from", "better", "smallest"))
    if not isinstance(name, str) or not name.strip() or len(name) > 60 or not name.isprintable():
        reader.wrong[f"{place}.name"] = "must be a text of 1 to 60 characters"
    if not isinstance(source, str) or not (source in ("correct", "error") or VALUE.fullmatch(source)):
        reader.wrong[f"{place}.from"] = "must be correct, error, or value: and the name of a reported value"
    if better not in ("higher", "lower"):
        reader.wrong[f"{place}.better"] = "must be higher or lower"
    return AbMetric(
        str(name),
        str(source),
        "lower" if better == "lower" else "higher",
        reader.alpha(f"{place}.alpha", given.get("alpha", 0.05)),
        reader.number(f"{place}.smallest", smallest, 0.0, LARGEST),
        reader.whole(f"{place}.fewest", given.get("fewest", 100), 20, MOST_REQUESTS),
        None if given.get("limit") is None else reader.number(f"{place}.limit", given["limit"], 0.0, LARGEST),
    )


def beyond_what_is_kept(steps: Sequence[Step]) -> dict[str, str]:
    """The tests of a written plan that ask for more units of each version than they can have. What was stored before
    this was looked at is still read."""
    wrong: dict[str, str] = {}
    before = 0
    for at, step in enumerate(steps):
        before = step.weight if isinstance(step, Weight) else before
        most = MOST_ROWS * min(before, WHOLE - before) // WHOLE
        if isinstance(step, AbTest) and 0 < most < max(step.units, *(one.fewest for one in step.metrics)):
            said = f"waits for more units of each version than are kept at {before / 100:g} %: {most:,} at most"
            wrong[f"steps.{at}"] = said
    return wrong


def data_of(step: AbTest) -> dict[str, Any]:
    """The step as plain data, in the one form that digests are taken of."""
    return {
        "do": "ab_test",
        "until": {"units": step.units} if step.units else {"seconds": step.seconds},
        **({"give_up": step.give_up} if step.units else {}),
        "metrics": [
            {
                "name": one.name,
                "from": one.source,
                "better": one.better,
                "alpha": one.alpha,
                "smallest": one.smallest,
                "fewest": one.fewest,
                **({} if one.limit is None else {"limit": one.limit}),
            }
            for one in step.metrics
        ],
        "guards": [guard_data(guard) for guard in step.guards],
        "threshold": step.threshold,
        **({} if step.asks else {"decide": "limits"}),
    }


def guard_data(guard: Guard) -> dict[str, Any]:
    return {"measure": guard.measure, "limit": guard.limit, "alpha": guard.alpha, "fewest": guard.fewest}
