"""The fast path of a revision's process: a model of numbers asked with a plain array, and with a data frame."""

import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from bench.catalogue import benchmark
from bench.ground import Portal
from bench.measure import Effort, estimate, interleaved
from bench.results import Row
from serving import formats
from serving.worker import answers, invocations, predictor
from serving.worker.predictor import Predictor

COLUMNS = 16
SIZES = (1, 100)


@benchmark("arrays", "the fast path of a revision's process against the same with a data frame", portal=False)
def measure(_: Portal, effort: Effort) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="signalbox-bench-") as folder:
        fast = _loaded(Path(folder) / "model")
    slow = replace(fast, signature=replace(fast.signature, as_array=False))
    for rows in SIZES:
        body = _body(rows)
        sides: dict[str, Callable[[], bytes]] = {
            "fast": partial(_answer, fast, body),
            "slow": partial(_answer, slow, body),
        }
        one, other = (json.loads(side())["predictions"] for side in sides.values())
        if not np.allclose(one, other, rtol=1e-12, atol=0.0):
            raise RuntimeError("The two paths answer differently.")
        times = interleaved(sides, effort)
        note = "from the body's bytes to the answer's, scaling and a logistic regression; theirs is our own data frame"
        name = f"arrays.{rows}_row{'s' if rows > 1 else ''}"
        yield Row(name, estimate(times["fast"]), estimate(times["slow"]), "ms", note=note)


def _answer(asked: Predictor, body: bytes) -> bytes:
    question = invocations.read(body, "application/json", asked.signature, max(SIZES))
    found = asked.predict(question)
    answers.check(found, question.rows, asked.signature.outputs)
    return invocations.answer(found)


def _loaded(folder: Path) -> Predictor:
    """A small model as a revision's process loads it."""
    import mlflow.sklearn
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frame = _frame(500)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, frame["x0"] > 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signature = mlflow.models.infer_signature(frame, model.predict_proba(frame))
        mlflow.sklearn.save_model(
            model, str(folder), signature=signature, pyfunc_predict_fn="predict_proba", pip_requirements=[]
        )
    found = predictor.load(folder, formats.description(folder), {})
    if not found.signature.as_array:
        raise RuntimeError("The model is not asked with an array, so there is nothing to compare.")
    return found


def _frame(rows: int) -> pd.DataFrame:
    values = np.random.default_rng(3).normal(size=(rows, COLUMNS))
    return pd.DataFrame(values, columns=[f"x{number}" for number in range(COLUMNS)])


def _body(rows: int) -> bytes:
    split = _frame(rows).to_dict(orient="split")
    return json.dumps({"dataframe_split": {"columns": split["columns"], "data": split["data"]}}).encode()
