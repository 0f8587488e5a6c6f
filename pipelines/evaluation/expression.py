"""Business metrics as a formula over columns, read with `ast` and never run as code: every node is on an allow-list.

`(prediction - amount) * 0.4 if country == "PT" else 0` and `column("unit price") * abs(error)` are examples. Numbers
are floats throughout, so no integer can grow without bound, and each step makes one column at most.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation import inputs
from pipelines.evaluation.values import Undefined, Values, Vector

LONGEST = 1_000
MOST_NODES = 200
DEEPEST = 25
Column = NDArray[Any]

BINARY: dict[type[ast.operator], Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}
UNARY: dict[type[ast.unaryop], Callable[..., Any]] = {
    ast.UAdd: np.positive,
    ast.USub: np.negative,
    ast.Not: np.logical_not,
}
COMPARE: dict[type[ast.cmpop], Callable[..., Any]] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "abs": (1, np.abs),
    "sqrt": (1, np.sqrt),
    "log": (1, np.log),
    "log1p": (1, np.log1p),
    "exp": (1, np.exp),
    "floor": (1, np.floor),
    "ceil": (1, np.ceil),
    "round": (1, np.rint),
    "min": (2, np.minimum),
    "max": (2, np.maximum),
    "clip": (3, np.clip),
}
_STRUCTURE = (ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Load)
_ALLOWED = (*_STRUCTURE, ast.Call, ast.Name, ast.Constant, *BINARY, *UNARY, *COMPARE)


class ExpressionError(ValueError):
    """Why a formula is refused, and where: `line` counts from 1, `column` is the character, from 1."""

    def __init__(self, reason: str, line: int = 1, column: int = 1) -> None:
        super().__init__(f"{reason} (line {line}, character {column})")
        self.reason, self.line, self.column = reason, line, column


@dataclass(frozen=True, slots=True)
class Expression:
    """A formula that was read and allowed. `columns` are the names it needs."""

    text: str
    columns: frozenset[str]
    tree: ast.expr

    def rows(self, columns: Mapping[str, Values]) -> Vector | Undefined:
        """One number a row, or why there is none."""
        read: dict[str, Column] = {}
        for name in sorted(self.columns):
            if name not in columns:
                return Undefined(f"The data has no column {name}.")
            column = inputs.labels(columns[name], f"values of {name}")
            if isinstance(column, Undefined):
                return column
            read[name] = column.astype(np.float64) if column.dtype.kind in "iu" else column
        wrong = inputs.same_length(**read) if read else Undefined("The formula names no column.")
        if wrong:
            return wrong
        try:
            with np.errstate(all="ignore"):
                found = np.asarray(_value(self.tree, read), dtype=np.float64)
        except (TypeError, ValueError):
            return Undefined("The formula calculates with text, or compares text with numbers.")
        return _settled(np.broadcast_to(found, (len(next(iter(read.values()))),)))


def parse(text: str) -> Expression:
    """Read a formula. Raises ExpressionError naming the spot when it is not allowed. Spaces around it do not count."""
    text = text.strip()
    if len(text) > LONGEST:
        raise ExpressionError(f"The formula has {len(text)} characters; {LONGEST} are the most", 1, LONGEST)
    if "\0" in text:  # versions of Python answer differently
        raise ExpressionError("This is not a formula", 1, text.index("\0") + 1)
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        # Python gives no place when the formula just ends too early.
        raise ExpressionError("This is not a formula", error.lineno or 1, error.offset or len(text) + 1) from error
    except (ValueError, MemoryError, RecursionError) as error:
        raise ExpressionError("This is not a formula, or it is nested too deeply") from error
    if sum(1 for _ in ast.walk(tree)) > MOST_NODES:
        raise ExpressionError(f"The formula has more than {MOST_NODES} parts")
    names: set[str] = set()
    _check(tree, tree, names, 0)
    return Expression(text, frozenset(names), tree)


def _check(node: ast.AST, spot: ast.expr, names: set[str], depth: int) -> None:
    spot = node if isinstance(node, ast.expr) else spot  # an operator has no place of its own
    if depth > DEEPEST:
        raise _refusal(spot, f"The formula is nested more than {DEEPEST} deep")
    if not isinstance(node, _ALLOWED):
        raise _refusal(spot, f"{type(node).__name__} is not allowed in a formula")
    if isinstance(node, ast.Constant) and type(node.value) not in (int, float, bool, str):
        raise _refusal(node, "Only numbers, text and True or False can be written in a formula")
    if isinstance(node, ast.Constant) and type(node.value) is int and abs(node.value) > 2**53:
        raise _refusal(node, "The number is too large")
    if isinstance(node, ast.Name):
        names.add(node.id)
    if isinstance(node, ast.Call):
        _check_call(node, names, depth)
        return
    for child in ast.iter_child_nodes(node):
        _check(child, spot, names, depth + 1)


def _check_call(node: ast.Call, names: set[str], depth: int) -> None:
    called = node.func.id if isinstance(node.func, ast.Name) else ""
    if node.keywords:
        raise _refusal(node, "Functions take no named arguments")
    if called == "column":
        names.add(_column_name(node))
        return
    if called not in FUNCTIONS:
        raise _refusal(node, f"There is no such function; there are column, {', '.join(sorted(FUNCTIONS))}")
    wanted = FUNCTIONS[called][0]
    if len(node.args) != wanted:
        raise _refusal(node, f"{called} takes {wanted} argument{'s' if wanted > 1 else ''}, not {len(node.args)}")
    for argument in node.args:
        _check(argument, argument, names, depth + 1)


def _column_name(node: ast.Call) -> str:
    only = node.args[0] if len(node.args) == 1 else None
    if not isinstance(only, ast.Constant) or not isinstance(only.value, str):
        raise _refusal(node, 'column takes one name in quotes, such as column("unit price")')
    return only.value


def _refusal(node: ast.expr, reason: str) -> ExpressionError:
    return ExpressionError(reason, node.lineno, node.col_offset + 1)


def _value(node: ast.expr, columns: Mapping[str, Column]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value if isinstance(value, str | bool) else float(value)  # type: ignore[arg-type]
        case ast.Name(id=name):
            return columns[name]
        case ast.Call():
            return _called(node, columns)
        case ast.UnaryOp(op=op, operand=operand):
            return UNARY[type(op)](_number(_value(operand, columns)))
        case ast.BinOp(left=left, op=op, right=right):
            return BINARY[type(op)](_number(_value(left, columns)), _number(_value(right, columns)))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return np.where(_truth(_value(test, columns)), _value(body, columns), _value(orelse, columns))
        case _:
            return _truth_value(node, columns)


def _truth_value(node: ast.expr, columns: Mapping[str, Column]) -> Any:
    if isinstance(node, ast.BoolOp):
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return join.reduce(np.broadcast_arrays(*[_truth(_value(value, columns)) for value in node.values]))
    assert isinstance(node, ast.Compare)
    sides = [_value(side, columns) for side in (node.left, *node.comparators)]
    found: Any = True
    for op, left, right in zip(node.ops, sides[:-1], sides[1:], strict=True):
        if (np.asarray(left).dtype.kind in "US") != (np.asarray(right).dtype.kind in "US"):
            raise TypeError("text and numbers cannot be compared")
        found = np.logical_and(found, COMPARE[type(op)](left, right))
    return found


def _called(node: ast.Call, columns: Mapping[str, Column]) -> Any:
    assert isinstance(node.func, ast.Name)
    if node.func.id == "column":
        return columns[_column_name(node)]
    return FUNCTIONS[node.func.id][1](*[_number(_value(argument, columns)) for argument in node.args])


def _number(value: Any) -> Any:
    if np.asarray(value).dtype.kind not in "biuf":
        raise TypeError("text cannot be calculated with")
    return np.asarray(value, dtype=np.float64)


def _truth(value: Any) -> Any:
    return _number(value) != 0


def _settled(found: Vector) -> Vector | Undefined:
    wrong = np.flatnonzero(~np.isfinite(found))
    if wrong.size:
        return Undefined(f"{wrong.size} of {found.size} rows have no finite result, the first is row {wrong[0] + 1}.")
    return np.ascontiguousarray(found)
