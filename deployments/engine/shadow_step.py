"""The shadow step of a plan as data: read, checked, and written back. Pure."""

from collections.abc import Mapping
from typing import Any, Protocol

from deployments.engine.bounds import LONGEST, MOST_REQUESTS, PATIENCE
from deployments.engine.steps import WHOLE, Shadow

KNOWN = {"do", "share", "per_second", "until", "give_up", "threshold", "segments", "costs"}
MOST_SEGMENTS = 3
MOST_COSTS = 20
MOST_COST = 1e9
MOST_NAME = 200
ARROW = " → "


class Reader(Protocol):
    """What gathers all that is wrong with a plan."""

    wrong: dict[str, str]

    def whole(self, place: str, value: object, least: int, most: int) -> int: ...


def read(reader: Reader, place: str, given: Mapping[str, Any]) -> Shadow:
    """The step; what is wrong with it is told to the reader."""
    until = given.get("until")
    if not isinstance(until, Mapping) or len(until) != 1 or not set(until) <= {"predictions", "seconds"}:
        reader.wrong[f"{place}.until"] = "must name one of: predictions, seconds"
        return Shadow(seconds=1)
    unit, amount = next(iter(until.items()))
    counted = unit == "predictions"
    if "give_up" in given and not counted:
        reader.wrong[f"{place}.give_up"] = "is for predictions; seconds end by themselves"
    found = reader.whole(f"{place}.until.{unit}", amount, 1, MOST_REQUESTS if counted else LONGEST)
    give_up = reader.whole(f"{place}.give_up", given.get("give_up", PATIENCE), 10, LONGEST) if counted else 0
    return Shadow(
        share=reader.whole(f"{place}.share", given.get("share", WHOLE), 1, WHOLE),
        per_second=reader.whole(f"{place}.per_second", given.get("per_second", 50), 1, 1000),
        predictions=found if counted else 0,
        seconds=0 if counted else found,
        give_up=give_up,
        threshold=_threshold(reader, f"{place}.threshold", given.get("threshold")),
        segments=_segments(reader, f"{place}.segments", given.get("segments", [])),
        costs=_costs(reader, f"{place}.costs", given.get("costs", {})),
    )


def _threshold(reader: Reader, place: str, given: object) -> float | None:
    if given is None:
        return None
    if isinstance(given, int | float) and not isinstance(given, bool) and abs(given) < MOST_COST:
        return float(given)
    reader.wrong[place] = "must be a number or null"
    return None


def _segments(reader: Reader, place: str, given: object) -> tuple[str, ...]:
    listed = list(given) if isinstance(given, list | tuple) else [None]
    names = [one for one in listed if isinstance(one, str) and 0 < len(one) <= MOST_NAME and one.isprintable()]
    if len(names) == len(listed) <= MOST_SEGMENTS:
        return tuple(names)
    reader.wrong[place] = f"must be a list of at most {MOST_SEGMENTS} columns"
    return ()


def _costs(reader: Reader, place: str, given: object) -> tuple[tuple[str, float], ...]:
    """Costs by "old → new", in the order of their names."""
    if not isinstance(given, Mapping) or len(given) > MOST_COSTS:
        reader.wrong[place] = f"must be an object of at most {MOST_COSTS} changes of class"
        return ()
    if not all(_is_change(str(name)) for name in given):
        reader.wrong[place] = f'must name changes such as "0{ARROW}1", each class 1 to {MOST_NAME} printable characters'
        return ()
    if not all(_is_cost(value) for value in given.values()):
        reader.wrong[place] = f"must have a number up to {MOST_COST:g} for each change of class"
        return ()
    return tuple(sorted((str(name), float(value)) for name, value in given.items()))


def _is_change(name: str) -> bool:
    """Whether it names the class it was and the class it is."""
    ends = name.split(ARROW)
    return len(ends) == 2 and all(0 < len(end) <= MOST_NAME and end.isprintable() for end in ends)


def _is_cost(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST_COST


def data_of(step: Shadow) -> dict[str, Any]:
    """The step as plain data, in the one form that digests are taken of."""
    until = {"predictions": step.predictions} if step.predictions else {"seconds": step.seconds}
    return {
        "do": "shadow",
        "share": step.share,
        "per_second": step.per_second,
        "until": until,
        **({"give_up": step.give_up} if step.predictions else {}),
        "threshold": step.threshold,
        "segments": list(step.segments),
        "costs": dict(step.costs),
    }
