"""Several callers' questions in one prediction: for which models, and that nobody can tell."""

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from serving.contract import RevisionSpec
from serving.spool import Writer
from serving.worker import together
from serving.worker.app import App
from serving.worker.calls import Call
from serving.worker.desk import MOST_TOGETHER, Desk
from serving.worker.predictor import Predictor
from serving.worker.refusals import Refusal
from serving.worker.signature import Column, Parameter, Signature
from serving.worker.turns import SMALL_BYTES, Answer, Asking, Turns

SKLEARN = {"flavors": {"python_function": {"loader_module": "mlflow.sklearn"}}}
KNOWN = Signature(columns=(Column("word", "string"), Column("a", "double"), Column("b", "long")))
NUMBERS = np.random.default_rng(7)
ROWS = pd.DataFrame(
    {
        "word": NUMBERS.choice(["x", "y", "z"], 400),
        "a": NUMBERS.normal(size=400),
        "b": NUMBERS.integers(0, 50, 400),
    }
)
TARGET = (ROWS["a"] + ROWS["b"] / 25 + (ROWS["word"] == "x") > 1).astype(int)


class Loaded:
    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator

    def get_raw_model(self) -> Any:
        return self._estimator


def taken(estimator: Any, known: Signature = KNOWN, described: Any = SKLEARN) -> bool:
    return together.taken(Loaded(estimator), described, known)


def prepared(classifier: Any, words: Any = None, numbers: Any = "passthrough") -> Any:
    steps = [("words", words or OrdinalEncoder(), ["word"]), ("numbers", numbers, ["a", "b"])]
    return make_pipeline(ColumnTransformer(steps), classifier).fit(ROWS, TARGET)


ROW_BY_ROW = [
    prepared(HistGradientBoostingClassifier(max_iter=20)),
    prepared(RandomForestClassifier(8), OneHotEncoder(), StandardScaler()),
    prepared(DecisionTreeClassifier(), numbers=make_pipeline(SimpleImputer(), StandardScaler())),
]


@pytest.mark.parametrize("estimator", ROW_BY_ROW, ids=range(len(ROW_BY_ROW)))
def test_trees_are_asked_together_and_answer_the_same_bits(estimator: Any) -> None:
    assert taken(estimator)
    asked = ROWS[:48]
    whole = estimator.predict_proba(asked)
    for size in (1, 7, 32):
        parts = [estimator.predict_proba(asked[start : start + size]) for start in range(0, len(asked), size)]
        assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_whatever_else_is_asked_one_question_at_a_time() -> None:
    good = ROW_BY_ROW[0]
    assert not taken(prepared(LogisticRegression())), "a product of matrices"
    assert not taken(prepared(RandomForestClassifier(5, n_jobs=2))), "threads add up in any order"
    assert not taken(type("Own", (DecisionTreeClassifier,), {})()), "an author's own class"
    assert not taken(good, Signature())
    assert not taken(good, Signature(columns=KNOWN.columns, parameters=(Parameter("p", "double", 1.0, False),)))
    assert not taken(good, described={"flavors": {"python_function": {"loader_module": "mlflow.xgboost"}}})


# A turn

SPEC = RevisionSpec("r", "production", "e", "m", 1, 1, "/nowhere", "sha256:" + 64 * "0")


class Model:
    """Answers the sum of each row, fails at what is below zero, and remembers how many rows it was asked at a time."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, table: Any) -> Any:
        self.asked.append(len(table))
        if (table["a"] < 0).any():
            raise KeyError("gone")
        return (table["a"] + table["b"]).to_numpy()


def turns(model: Callable[[Any], Any], known: Signature = KNOWN, joins: bool = True) -> Turns:
    return Turns(SPEC, Predictor(Path(), {}, known, None, model, together=joins))


def asking(*rows: tuple[Any, Any], inference: bool = False) -> Asking:
    if inference:
        [(a, b)] = rows
        kinds = (("word", "BYTES", "x"), ("a", "FP64", a), ("b", "INT64", b))
        asked: Any = {"inputs": [{"name": n, "datatype": k, "shape": [1], "data": [v]} for n, k, v in kinds]}
    else:
        asked = {"dataframe_records": [{"word": "x", "a": a, "b": b} for a, b in rows]}
    return Asking(Call({}, 1000), json.dumps(asked).encode(), inference)


def answered(outcome: Answer | Refusal) -> Any:
    """The numbers of an answer, or the code of a refusal."""
    if isinstance(outcome, Refusal):
        return outcome.code
    found = json.loads(outcome.body)
    return found["predictions"] if "predictions" in found else found["outputs"][0]["data"]


def test_questions_of_both_protocols_share_one_prediction_and_each_gets_its_own_rows() -> None:
    model = Model()
    asked = [asking((1.0, 2)), asking((3.0, 4), (5.0, 6)), asking((7.0, 8), inference=True)]
    assert [answered(one) for one in turns(model).take(asked)] == [[3.0], [7.0, 11.0], [15.0]]
    assert model.asked == [4]
    noted = [one.call.record(SPEC, 200, 1.0) for one in asked]
    assert [one["answer"] for one in noted] == [[3.0], [7.0, 11.0], [15.0]]
    assert [one["inputs"]["columns"]["b"] for one in noted] == [[2], [4, 6], [8]]


def test_a_question_that_is_refused_or_breaks_the_model_harms_no_other() -> None:
    model = Model()
    asked = [asking((1.0, 2)), asking((1.0, "two")), asking((-1.0, 2)), asking((3.0, 4))]
    assert [answered(one) for one in turns(model).take(asked)] == [[3.0], "wrong_type", "model_failed", [7.0]]
    assert model.asked == [3, 1, 1, 1], "together, and then each alone"


def test_an_answer_that_does_not_come_apart_is_asked_for_one_at_a_time() -> None:
    found = turns(lambda table: np.array([float(len(table))])).take([asking((1.0, 2)), asking((3.0, 4))])
    assert [answered(one) for one in found] == [[1.0], [1.0]]


def test_data_of_different_types_is_not_joined() -> None:
    model, gaps = Model(), Signature(columns=(*KNOWN.columns[:2], Column("b", "long", required=False)))
    found = turns(model, gaps).take([asking((1.0, 2)), asking((3.0, 4)), asking((5.0, None), (5.0, 2))])
    assert [answered(one) for one in found] == [[3.0], [7.0], "answer_not_finite"]
    assert model.asked == [1, 1, 2]


def test_only_small_questions_to_a_model_that_allows_it_join() -> None:
    small, large = asking((1.0, 2)), asking(*[(1.0, 2)] * SMALL_BYTES)
    packed = Asking(Call({"content-encoding": "gzip"}, 1000), b"", inference=False)
    parquet = Asking(Call({"content-type": "Application/vnd.apache.parquet"}, 1000), b"", inference=False)
    assert turns(Model()).joins(small)
    assert not any(turns(Model()).joins(one) for one in (large, packed, parquet))
    assert not turns(Model(), joins=False).joins(small)


# The line at the desk


class Line:
    """A desk whose first turn lasts until all have asked; questions are numbers, and below 100 they join.

    `fine` is asked in the model's thread before each answer.
    """

    def __init__(self, fine: Callable[[int], bool] = lambda number: True) -> None:
        self.taken: list[list[int]] = []
        self.told: defaultdict[int, threading.Event] = defaultdict(threading.Event)
        self.desk: Desk[int, int] = Desk(10, self._work, lambda number: number < 100)
        self._fine = fine
        self._begun, self._go = threading.Event(), threading.Event()

    def _work(self, numbers: Sequence[int]) -> Iterator[int]:
        self.taken.append(list(numbers))
        self._begun.set()
        assert self._go.wait(10)
        for number in numbers:
            assert self._fine(number)
            yield -number

    async def asked(self, *numbers: int, given_up: Sequence[int] = ()) -> list[Any]:
        """Ask all of them while the first is worked on, and give some up before it is done."""
        first = asyncio.create_task(self.desk.answered(0, 10))
        await asyncio.to_thread(self._begun.wait, 10)
        tasks = [asyncio.create_task(self._told(number)) for number in numbers]
        await asyncio.sleep(0)
        for number, task in zip(numbers, tasks, strict=True):
            if number in given_up:
                task.cancel()
        await asyncio.sleep(0)
        self._go.set()
        return await asyncio.gather(first, *tasks, return_exceptions=True)

    async def _told(self, number: int) -> int:
        found = await self.desk.answered(number, 10)
        self.told[number].set()
        return found


def test_what_waits_is_taken_in_order_and_together_where_it_joins() -> None:
    line = Line()
    assert asyncio.run(line.asked(1, 2, 100, 101, 3, 4)) == [0, -1, -2, -100, -101, -3, -4]
    assert line.taken == [[0], [1, 2], [100], [101], [3, 4]]
    assert line.desk.waiting == 0


def test_who_was_given_up_is_left_out() -> None:
    line = Line()
    found = asyncio.run(line.asked(1, 2, 100, 3, given_up=[1, 100]))
    assert [one for one in found if isinstance(one, int)] == [0, -2, -3]
    assert line.taken == [[0], [2], [3]]


def test_a_turn_has_its_bounds() -> None:
    line = Line()
    asyncio.run(line.asked(*range(1, MOST_TOGETHER + 3)))
    assert [len(one) for one in line.taken] == [1, MOST_TOGETHER, 2]


def test_each_answer_of_a_turn_goes_out_before_the_next_is_worked_on() -> None:
    line = Line(lambda number: number != 2 or line.told[1].wait(10))
    assert asyncio.run(line.asked(1, 2)) == [0, -1, -2]
    assert line.taken == [[0], [1, 2]]


def test_a_turn_that_raises_is_told_to_all_that_have_no_answer_yet() -> None:
    line = Line(lambda number: number != 2)
    found = asyncio.run(line.asked(1, 2, 3))
    assert found[:2] == [0, -1]
    assert [type(one) for one in found[2:]] == [AssertionError] * 2


# The whole process


async def bodies_of(app: App, rows: Sequence[int], at_once: int) -> list[bytes]:
    """What each row is answered, so many asked at a time."""

    async def ask(number: int) -> bytes:
        sent: list[dict[str, Any]] = []
        asked = json.dumps({"dataframe_records": ROWS.iloc[[number]].to_dict(orient="records")}).encode()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": asked, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await app({"type": "http", "method": "POST", "path": "/invocations", "headers": []}, receive, send)
        assert sent[0]["status"] == 200
        return bytes(sent[1]["body"])

    found: list[bytes] = []
    for start in range(0, len(rows), at_once):
        found += await asyncio.gather(*(ask(number) for number in rows[start : start + at_once]))
    return found


def test_callers_at_once_are_answered_in_fewer_predictions_with_what_each_is_answered_alone(tmp_path: Path) -> None:
    asked: list[int] = []

    def model(table: Any) -> Any:
        asked.append(len(table))
        return ROW_BY_ROW[0].predict_proba(table)

    predictor = Predictor(tmp_path, {}, KNOWN, None, model, together=True)
    app = App(SPEC, predictor, Writer(tmp_path / "spool", 10**6, 60.0), {})
    alone = asyncio.run(bodies_of(app, range(32), 1))
    assert asked == [1] * 32
    asked.clear()
    assert asyncio.run(bodies_of(app, range(32), 16)) == alone
    assert sum(asked) == 32
    assert len(asked) < 16
    assert app.measures().requests == 64
