"""What an evaluation may be asked for. Pure: from what somebody sent to complete settings, or to the fields at fault.

Columns are those of the data set version, so a request that cannot work is refused before anything runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.computing.own import ANSWERED
from pipelines.evaluation import expression
from pipelines.evaluation.expression import ExpressionError

TASKS = ("classification", "multiclass", "regression", "ranking")
PREDICTIONS = ("auto", "probability", "label")
COSTS = ("true_negative", "false_positive", "false_negative", "true_positive")
MOST_SLICES, MOST_FORMULAS, MOST_COLUMNS = 100, 20, 20
MOST_RESAMPLES, FEWEST_RESAMPLES = 10_000, 200
SEED = 20_250_101
TOP: dict[str, Any] = {
    "task": None, "target": None, "prediction": "auto", "positive": None, "threshold": 0.5, "classes": [],
    "quantiles": [], "query": None, "k": 10, "inputs": [], "metrics": [], "slices": {}, "business": {},
    "seed": SEED, "resamples": 1_000, "confidence": 0.95, "load_calls": 100,
}  # fmt: skip
SLICES: dict[str, Any] = {"metric": None, "declared": [], "find": False, "columns": [], "margin": 0.0}
BUSINESS: dict[str, Any] = {"costs": None, "formulas": [], "functions": [], "columns": []}


class BadSettings(ValueError):
    """`fields` says what is wrong with each member."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {said}" for name, said in fields.items()))
        self.fields = dict(fields)


@dataclass
class _Reading:
    """The settings while they are read, and what is wrong with them so far."""

    kinds: Mapping[str, str]
    wrong: dict[str, str] = field(default_factory=dict)

    def members(self, given: Any, known: Mapping[str, Any], place: str = "") -> dict[str, Any]:
        """`given` with defaults; unknown members and other things than objects are noted."""
        if not isinstance(given, Mapping):
            self.wrong[place or "settings"] = "must be an object"
            return dict(known)
        for name in sorted(set(given) - set(known)):
            self.wrong[f"{place}.{name}" if place else str(name)] = f"is not known; known: {', '.join(known)}"
        return {name: given.get(name, default) for name, default in known.items()}

    def choice(self, place: str, value: Any, known: Sequence[str]) -> None:
        if value not in known:
            self.wrong[place] = f"must be one of: {', '.join(known)}"

    def number(self, place: str, value: Any, low: float, high: float, whole: bool = False) -> None:
        kinds = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            self.wrong[place] = f"must be a {'whole ' if whole else ''}number from {low:g} to {high:g}"

    def column(self, place: str, value: Any) -> None:
        if not isinstance(value, str) or value not in self.kinds:
            self.wrong[place] = "is not a column of the data"

    def names(self, place: str, value: Any, most: int) -> list[str]:
        if not isinstance(value, list) or len(value) > most or not all(isinstance(one, str) for one in value):
            self.wrong[place] = f"must be a list of at most {most} names"
            return []
        return value

    def columns(self, place: str, value: Any, most: int) -> None:
        for index, one in enumerate(self.names(place, value, most)):
            self.column(f"{place}[{index}]", one)


def checked(
    given: Any, columns: Sequence[Mapping[str, Any]], signature: Mapping[str, Any], baseline: bool
) -> dict[str, Any]:
    """Complete settings. `columns` have name and kind, `signature` is the version's. Raises `BadSettings`."""
    reading = _Reading({str(column["name"]): str(column["kind"]) for column in columns})
    found = reading.members(given, TOP)
    _task(reading, found)
    _target(reading, found, signature)
    _numbers(reading, found)
    reading.columns("inputs", found["inputs"], 2_000)
    reading.names("metrics", found["metrics"], 50)
    found["slices"] = _slices(reading, found, baseline)
    found["business"] = _business(reading, found)
    if reading.wrong:
        raise BadSettings(reading.wrong)
    return found


def _task(reading: _Reading, found: dict[str, Any]) -> None:
    reading.choice("task", found["task"], TASKS)
    reading.choice("prediction", found["prediction"], PREDICTIONS)
    if found["task"] == "ranking":
        reading.column("query", found["query"])
    elif found["query"] is not None:
        reading.wrong["query"] = "belongs to the task ranking only"
    if not isinstance(found["positive"], str | int | float | bool | None):
        reading.wrong["positive"] = "must be one value"
    if not isinstance(found["classes"], list) or len(found["classes"]) > 1_000:
        reading.wrong["classes"] = "must be a list of at most 1,000 classes"


def _target(reading: _Reading, found: dict[str, Any], signature: Mapping[str, Any]) -> None:
    target = found["target"]
    reading.column("target", target)
    if "target" in reading.wrong:
        return
    inputs = [column.get("name") for column in signature.get("inputs") or [] if isinstance(column, Mapping)]
    if target in inputs:
        reading.wrong["target"] = "is an input of the version, so it cannot be what is predicted"
    elif found["task"] in ("regression", "ranking") and reading.kinds[target] not in ("number", "boolean"):
        reading.wrong["target"] = f"must hold numbers for the task {found['task']}"


def _numbers(reading: _Reading, found: dict[str, Any]) -> None:
    reading.number("threshold", found["threshold"], -1e300, 1e300)
    reading.number("k", found["k"], 1, 10_000, whole=True)
    reading.number("seed", found["seed"], 0, 2**53 - 1, whole=True)
    reading.number("resamples", found["resamples"], FEWEST_RESAMPLES, MOST_RESAMPLES, whole=True)
    reading.number("confidence", found["confidence"], 0.5, 0.999)
    reading.number("load_calls", found["load_calls"], 0, 10_000, whole=True)
    if not isinstance(found["quantiles"], list) or len(found["quantiles"]) > 20:
        reading.wrong["quantiles"] = "must be a list of at most 20 numbers"
        return
    for index, one in enumerate(found["quantiles"]):
        reading.number(f"quantiles[{index}]", one, 0.001, 0.999)


def _slices(reading: _Reading, whole: Mapping[str, Any], baseline: bool) -> dict[str, Any]:
    found = reading.members(whole["slices"], SLICES, "slices")
    declared = found["declared"]
    if not isinstance(declared, list) or len(declared) > MOST_SLICES:
        reading.wrong["slices.declared"] = f"must be a list of at most {MOST_SLICES} slices"
        declared = []
    for index, one in enumerate(declared):
        _slice(reading, f"slices.declared[{index}]", one, 0)
    if not isinstance(found["find"], bool):
        reading.wrong["slices.find"] = "must be true or false"
    reading.columns("slices.columns", found["columns"], MOST_COLUMNS)
    reading.number("slices.margin", found["margin"], 0, 1e300)
    if (declared or found["find"] is True) and not baseline:
        reading.wrong["slices"] = "compare two versions, so they need a baseline"
    if found["find"] is True and not found["columns"]:
        found["columns"] = [name for name, kind in reading.kinds.items() if _can_slice(name, kind, whole)][:12]
    return found


def _can_slice(name: str, kind: str, whole: Mapping[str, Any]) -> bool:
    return kind in ("text", "number", "boolean") and name not in (whole["target"], whole["query"])


def _slice(reading: _Reading, place: str, one: Any, depth: int) -> None:
    if isinstance(one, Mapping) and set(one) == {"both"} and depth < 4:
        pair = one["both"]
        if isinstance(pair, list) and len(pair) == 2:
            for index, part in enumerate(pair):
                _slice(reading, f"{place}.both[{index}]", part, depth + 1)
            return
    if not isinstance(one, Mapping) or "column" not in one or not set(one) <= {"column", "value", "low", "high"}:
        reading.wrong[place] = "must have column and value, or column with low and high, or both with two slices"
        return
    reading.column(f"{place}.column", one["column"])
    ends = {name: one[name] for name in ("low", "high") if one.get(name) is not None}
    if ("value" in one) == bool(ends):
        reading.wrong[place] = "must have either value, or low and high"
    for name, end in ends.items():
        reading.number(f"{place}.{name}", end, -1e300, 1e300)


def _business(reading: _Reading, whole: Mapping[str, Any]) -> dict[str, Any]:
    found = reading.members(whole["business"], BUSINESS, "business")
    if found["costs"] is not None:
        found["costs"] = _costs(reading, found["costs"], whole["task"])
    if not isinstance(found["formulas"], list) or len(found["formulas"]) > MOST_FORMULAS:
        reading.wrong["business.formulas"] = f"must be a list of at most {MOST_FORMULAS} formulas"
        found["formulas"] = []
    found["formulas"] = [_formula(reading, f"business.formulas[{i}]", one) for i, one in enumerate(found["formulas"])]
    reading.names("business.functions", found["functions"], MOST_FORMULAS)
    reading.columns("business.columns", found["columns"], MOST_COLUMNS)
    return found


def _costs(reading: _Reading, given: Any, task: Any) -> dict[str, Any]:
    known = dict.fromkeys(COSTS, 0.0) | {"multiplier": None, "as": "mean"}
    found = reading.members(given, known, "business.costs")
    for name in COSTS:
        reading.number(f"business.costs.{name}", found[name], -1e15, 1e15)
    if found["multiplier"] is not None:
        reading.column("business.costs.multiplier", found["multiplier"])
    reading.choice("business.costs.as", found["as"], ("mean", "sum"))
    if task != "classification":
        reading.wrong["business.costs"] = "belong to the task classification only"
    return found


def _formula(reading: _Reading, place: str, given: Any) -> dict[str, Any]:
    found = reading.members(given, {"name": None, "expression": None, "direction": "higher", "as": "mean"}, place)
    if not isinstance(found["name"], str) or not 0 < len(found["name"]) <= 60:
        reading.wrong[f"{place}.name"] = "must be a text of 1 to 60 characters"
    reading.choice(f"{place}.direction", found["direction"], ("higher", "lower"))
    reading.choice(f"{place}.as", found["as"], ("mean", "sum"))
    try:
        read = expression.parse(found["expression"] if isinstance(found["expression"], str) else "")
    except ExpressionError as error:
        reading.wrong[f"{place}.expression"] = str(error)
        return found
    unknown = sorted(read.columns - set(reading.kinds) - set(ANSWERED))
    if unknown:
        reading.wrong[f"{place}.expression"] = (
            f"{unknown[0]} is neither a column of the data nor {' or '.join(ANSWERED)}"
        )
    return found
