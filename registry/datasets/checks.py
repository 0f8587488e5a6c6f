"""What a data set promises of itself, as data: each check is a small JSON object that names its rule."""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from registry.datasets.kinds import BOOLEAN, NUMBER, TEXT, TIME

MOST_CHECKS = 500
MOST_VALUES = 10_000
LONGEST_EXPRESSION = 500
INTEGER = "integer"
TYPES = (INTEGER, NUMBER, TEXT, BOOLEAN, TIME)
_NODES = (
    *(ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Sub),
    *(ast.Mult, ast.Div, ast.Mod, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE),
    *(ast.Name, ast.Load, ast.Constant),
)


class BadCheck(ValueError):
    """A check that cannot be carried out; `place` says which and where, as in `checks[2].min`."""

    def __init__(self, place: str, sentence: str) -> None:
        super().__init__(f"{place}: {sentence}")
        self.place = place
        self.sentence = sentence


@dataclass(frozen=True)
class Check:
    """One rule with its limits. A failed check that `blocks` keeps the data from training and promotion."""

    rule: str
    columns: tuple[str, ...] = ()
    limits: Mapping[str, Any] = field(default_factory=dict)
    blocks: bool = True

    @property
    def title(self) -> str:
        """In words, for pages and logs."""
        return TITLES[self.rule](", ".join(self.columns), self.limits)

    def as_json(self) -> dict[str, Any]:
        return {"rule": self.rule, "columns": list(self.columns), "blocks": self.blocks, **self.limits}


def parsed(raw: Any) -> list[Check]:
    """The checks of a JSON list. Raises `BadCheck`."""
    if not isinstance(raw, list):
        raise BadCheck("checks", "must be a list")
    if len(raw) > MOST_CHECKS:
        raise BadCheck("checks", f"has {len(raw)} entries; at most {MOST_CHECKS} are allowed")
    return [_one(f"checks[{number}]", item) for number, item in enumerate(raw)]


def _one(place: str, raw: Any) -> Check:
    if not isinstance(raw, dict):
        raise BadCheck(place, "must be an object")
    rule = raw.get("rule")
    if rule not in RULES:
        raise BadCheck(f"{place}.rule", f"must be one of {', '.join(RULES)}")
    columns = _columns(place, raw)
    known = {"rule", "column", "columns", "blocks", *(RULES[rule].limits)}
    if unknown := sorted(set(raw) - known):
        raise BadCheck(f"{place}.{unknown[0]}", f"is not known; {rule} takes {', '.join(sorted(known))}")
    least, most = RULES[rule].columns
    if not least <= len(columns) <= most:
        wanted = "no column" if most == 0 else "one column" if most == 1 else "one column or more"
        raise BadCheck(f"{place}.columns", f"{rule} takes {wanted}")
    if not isinstance(raw.get("blocks", True), bool):
        raise BadCheck(f"{place}.blocks", "must be true or false")
    limits = {name: raw[name] for name in RULES[rule].limits if raw.get(name) is not None}
    RULES[rule].check(place, limits)
    return Check(rule, columns, limits, raw.get("blocks", True))


def _columns(place: str, raw: Mapping[str, Any]) -> tuple[str, ...]:
    found = [raw["column"]] if "column" in raw else raw.get("columns", [])
    if not isinstance(found, list) or not all(isinstance(name, str) and name for name in found):
        raise BadCheck(f"{place}.columns", "must be a list of column names")
    return tuple(found)


def _range(place: str, limits: Mapping[str, Any]) -> None:
    if not limits:
        raise BadCheck(place, "needs min, max or both")
    for name, value in limits.items():
        _number(f"{place}.{name}", value)
    if len(limits) == 2 and limits["min"] > limits["max"]:
        raise BadCheck(f"{place}.min", "is above max")


def _number(place: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) == float("inf"):
        raise BadCheck(place, "must be a number")


def _nulls(place: str, limits: Mapping[str, Any]) -> None:
    _number(f"{place}.most", limits.get("most"))
    if not 0 <= limits["most"] <= 1:
        raise BadCheck(f"{place}.most", "is a share from 0 to 1")


def _rows(place: str, limits: Mapping[str, Any]) -> None:
    if not limits:
        raise BadCheck(place, "needs least, most or both")
    for name, value in limits.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise BadCheck(f"{place}.{name}", "must be a whole number of rows")


def _fresh(place: str, limits: Mapping[str, Any]) -> None:
    _number(f"{place}.hours", limits.get("hours"))
    if limits["hours"] <= 0:
        raise BadCheck(f"{place}.hours", "must be above 0")


def _categories(place: str, limits: Mapping[str, Any]) -> None:
    values = limits.get("values")
    if not isinstance(values, list) or not 0 < len(values) <= MOST_VALUES:
        raise BadCheck(f"{place}.values", f"must be a list of 1 to {MOST_VALUES} values")
    if not all(isinstance(value, str | int | float | bool) for value in values):
        raise BadCheck(f"{place}.values", "holds something that is neither text nor number")


def _pattern(place: str, limits: Mapping[str, Any]) -> None:
    regex = limits.get("regex")
    if not isinstance(regex, str) or not 0 < len(regex) <= LONGEST_EXPRESSION:
        raise BadCheck(f"{place}.regex", f"must be a regular expression of at most {LONGEST_EXPRESSION} characters")
    import pyarrow as pa  # late: every process of the portal imports this file, and few read a pattern
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), pattern=regex)
    except pa.ArrowInvalid as error:
        raise BadCheck(f"{place}.regex", f"is no regular expression of RE2: {error}") from error


def _type(place: str, limits: Mapping[str, Any]) -> None:
    if limits.get("type") not in TYPES:
        raise BadCheck(f"{place}.type", f"must be one of {', '.join(TYPES)}")


def _expression(place: str, limits: Mapping[str, Any]) -> None:
    text = limits.get("expression")
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_EXPRESSION:
        raise BadCheck(f"{place}.expression", f"must be a text of at most {LONGEST_EXPRESSION} characters")
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadCheck(f"{place}.expression", f"cannot be read: {error}") from error
    for node in ast.walk(tree):
        if not isinstance(node, _NODES):
            allowed = "columns, numbers, texts, and or not, + - * / %, and comparisons"
            raise BadCheck(f"{place}.expression", f"{type(node).__name__} is not allowed; use {allowed}")
    if not names_in(text):
        raise BadCheck(f"{place}.expression", "names no column")


def names_in(expression: str) -> list[str]:
    """The columns an expression names."""
    return sorted({node.id for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Name)})


def _nothing(place: str, limits: Mapping[str, Any]) -> None:
    """A rule without limits has nothing to be wrong."""


@dataclass(frozen=True)
class Rule:
    """How many columns a rule takes, which limits, and what must hold of them."""

    columns: tuple[int, int]
    limits: Sequence[str]
    check: Callable[[str, Mapping[str, Any]], None]


RULES = {
    "type": Rule((1, 1), ("type",), _type),
    "range": Rule((1, 1), ("min", "max"), _range),
    "nulls": Rule((1, 1), ("most",), _nulls),
    "unique": Rule((1, 20), (), _nothing),
    "categories": Rule((1, 1), ("values",), _categories),
    "pattern": Rule((1, 1), ("regex",), _pattern),
    "rows": Rule((0, 0), ("least", "most"), _rows),
    "fresh": Rule((1, 1), ("hours",), _fresh),
    "expression": Rule((0, 0), ("expression",), _expression),
}


def _between(low: Any, high: Any) -> str:
    if low is None or high is None:
        return f"at most {high}" if low is None else f"at least {low}"
    return f"from {low} to {high}"


TITLES: dict[str, Callable[[str, Mapping[str, Any]], str]] = {
    "type": lambda on, limits: f"{on} is of type {limits['type']}",
    "range": lambda on, limits: f"{on} is {_between(limits.get('min'), limits.get('max'))}",
    "nulls": lambda on, limits: (
        f"{on} is missing in at most {limits['most']:.2%} of the rows" if limits["most"] else f"{on} is never missing"
    ),
    "unique": lambda on, limits: f"{on} stands once",
    "categories": lambda on, limits: f"{on} is one of {len(limits['values'])} values",
    "pattern": lambda on, limits: f"{on} matches {limits['regex']}",
    "rows": lambda on, limits: f"the number of rows is {_between(limits.get('least'), limits.get('most'))}",
    "fresh": lambda on, limits: f"the newest {on} is at most {limits['hours']:g} hours old",
    "expression": lambda on, limits: str(limits["expression"]),
}


def rules_in_words() -> list[tuple[str, str]]:
    """Each rule with the members it takes, for the help beside an editor."""
    words = {(0, 0): (), (1, 1): ("column",)}
    return [(name, ", ".join((*words.get(rule.columns, ("columns",)), *rule.limits))) for name, rule in RULES.items()]
