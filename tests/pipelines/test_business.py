"""Costs and formulas."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.evaluation import business, classification, resample
from pipelines.evaluation.expression import DEEPEST, LONGEST, MOST_NODES, ExpressionError, parse
from pipelines.evaluation.measures import Sums
from pipelines.evaluation.values import Direction, Undefined, Values
from tests.pipelines.examples import bounded, number, reason, scored

COSTS = business.CostMatrix(true_negative=0.0, false_positive=5.0, false_negative=1.0, true_positive=-0.5)
ROWS: dict[str, Values] = {
    "amount": np.array([10.0, 20.0, 0.0, 5.0]),
    "country": np.array(["PT", "ES", "PT", "FR"]),
    "count": [1, 2, 3, 4],
    "unit price": [0.5, 0.25, 2.0, 1.0],
}


def rows(text: str) -> list[float]:
    return [float(value) for value in number(parse(text).rows(ROWS))]


def refused(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    return caught.value


def test_each_cell_costs_its_own_times_the_rows_multiplier() -> None:
    data = classification.read([0, 0, 1, 1], [0.1, 0.9, 0.1, 0.9])
    assert number(number(business.cost(data, 0.5, COSTS)).value()) == (0 + 5 + 1 - 0.5) / 4
    total = business.cost(data, 0.5, COSTS, [1.0, 2.0, 100.0, 10.0], as_="sum")
    assert number(number(total).value()) == 0 + 10 + 100 - 5
    assert number(number(total).take(np.array([1, 2])).value()) == 110
    assert "different numbers of rows" in reason(business.cost(data, 0.5, COSTS, [1.0]))
    assert "missing" in reason(business.cost(data, 0.5, COSTS, [1.0, 2.0, None, 3.0]))
    assert "not a finite number" in reason(business.cost(data, 0.5, business.CostMatrix(0, 0, float("inf"), 0)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("amount * 2 - 1", [19, 39, -1, 9]),
        ('amount if country == "PT" else 0', [10, 0, 0, 0]),
        ('column("unit price") * count', [0.5, 0.5, 6, 4]),
        ("max(amount, 7) + min(count, 2)", [11, 22, 9, 9]),
        ("clip(amount, 1, 9) // 2 % 3", [1, 1, 0, 2]),
        ("1 < count <= 3 and not amount > 15", [0, 0, 1, 0]),
        ('country == "ES" or count == 4', [0, 1, 0, 1]),
        ("sqrt(abs(-count)) ** 2", [1, 2, 3, 4]),
        ("round(log1p(exp(0) - 1) + count / 10)", [0, 0, 0, 0]),
        ('3 if country != "PT" else -count', [-1, 3, -3, 3]),
    ],
)
def test_formulas_are_worked_out_row_by_row(text: str, expected: list[float]) -> None:
    assert rows(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "says", "column"),
    [
        ("amount + open('x')", "There is no such function", 10),
        ("amount.real", "Attribute is not allowed", 1),
        ("amount + (lambda: 1)()", "There is no such function", 10),
        ("[a for a in amount]", "ListComp is not allowed", 1),
        ("amount[0]", "Subscript is not allowed", 1),
        ("amount if count is None else 1", "is not allowed", 11),
        ("1 + None", "Only numbers, text", 5),
        ("1 + 2j", "Only numbers, text", 5),
        ("1 + b'x'", "Only numbers, text", 5),
        ("count * 99999999999999999999", "The number is too large", 9),
        ("max(1, 2, 3)", "max takes 2 arguments, not 3", 1),
        ("abs(x=1)", "no named arguments", 1),
        ("column(amount)", "one name in quotes", 1),
        ("amount +", "This is not a formula", 9),
        ("a := 1", "This is not a formula", 3),
        ("", "This is not a formula", 1),
        ("f'{amount}'", "JoinedStr is not allowed", 1),
        ("x\0y", "This is not a formula", 2),
    ],
)
def test_what_is_not_allowed_is_named_with_its_spot(text: str, says: str, column: int) -> None:
    error = refused(text)
    assert says in error.reason
    assert (error.line, error.column) == (1, column)


def test_size_depth_and_numbers_are_bounded() -> None:
    assert "characters" in refused("1+" * LONGEST + "1").reason
    assert "parts" in refused("+".join(["a"] * MOST_NODES)).reason
    assert "nested" in refused("-" * (DEEPEST + 2) + "a").reason
    assert "not a formula" in refused("(" * 400 + "a" + ")" * 400).reason
    assert "no finite result" in reason(parse("count * 9**9**9**9").rows(ROWS))


def test_rows_without_a_result_and_wrong_columns_say_why() -> None:
    def why(text: str) -> str:
        return reason(parse(text).rows(ROWS))

    assert why("1 / amount") == "1 of 4 rows have no finite result, the first is row 3."
    assert why("amont * 2") == "The data has no column amont."
    assert "text" in why("country + 1")
    assert "text" in why("country == 1")
    assert "text" in why("country")
    assert why("1 + 1") == "The formula names no column."
    assert reason(parse("a").rows({"a": [1, "b"]})) == "The values of a are of mixed types: numbers and text."
    assert reason(parse("a + b").rows({"a": [1.0], "b": [1.0, 2.0]})).startswith("The columns have different numbers")


@bounded
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    with suppress(ExpressionError):
        found = parse(text)
        assert isinstance(found.rows({name: [1.0, 2.0] for name in found.columns}), np.ndarray | Undefined)


@pytest.mark.parametrize(("direction", "reading"), [("lower", "better"), ("higher", "worse")])
def test_a_business_metric_in_euros_has_an_interval(direction: Direction, reading: str) -> None:
    y, scores = scored(5, 3_000)
    amount = np.random.default_rng(5).exponential(50.0, y.size)
    formula = parse("amount * 0.8 * label * (decision == 0) + 4 * decision * (label == 0)")

    def loss(better: float) -> Sums:
        columns = {"amount": amount, "label": y, "decision": (scores + better * y >= 0.5).astype(int)}
        found = business.formula(formula, columns, name="euros lost", direction=direction, as_="sum")
        assert isinstance(found, Sums)
        return found

    found = resample.difference(loss(0.0), loss(0.1), seed=3)
    assert found.reading == reading
    assert not isinstance(found.interval, Undefined)
    assert found.interval.low < number(found.value) < found.interval.high < 0
    every = amount * 0.8 * y * (scores < 0.5) + 4 * (scores >= 0.5) * (y == 0)
    assert found.champion == pytest.approx(every.sum(), rel=1e-12)
