"""Whether a model may be asked with a plain array: no data frame is built then, which costs more than some answers.

Only where it cannot matter: scikit-learn's own estimators through and through, on numbers alone, in the order they were
fitted with; and only after both ways gave the same answers.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from serving.worker.signature import Signature

NUMBERS = {"double": "float64", "float": "float32", "long": "int64", "integer": "int32"}
BY_NAME = ("sklearn.compose.", "sklearn.preprocessing._function_transformer")
"""Parts of scikit-learn that look at the table itself, or run what an author wrote."""
PROBES = (0.0, 1.0, -3.0, 40.0)


def taken(model: Any, described: Mapping[str, Any], known: Signature, ask: Callable[[Any], Any]) -> bool:
    """Whether `ask` gives the same answers to an array as to a table. `model` is what MLflow loaded."""
    if described["flavors"].get("python_function", {}).get("loader_module") != "mlflow.sklearn":
        return False
    if not known.columns or not all(column.required and column.kind in NUMBERS for column in known.columns):
        return False
    estimator = model.get_raw_model()
    fitted = getattr(estimator, "feature_names_in_", None)
    if fitted is None or list(fitted) != [column.name for column in known.columns]:
        return False
    if not all(_plain(part) for part in parts(estimator)):
        return False
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    return _same(ask, known)


def parts(estimator: Any) -> Iterator[Any]:
    """The estimator and every one inside it."""
    yield estimator
    for value in estimator.get_params(deep=True).values():
        if hasattr(value, "fit"):
            yield value


def _plain(part: Any) -> bool:
    module = type(part).__module__
    own = module.startswith("sklearn.") and not module.startswith(BY_NAME)
    return own and not getattr(part, "_sklearn_output_config", None)


def _same(ask: Callable[[Any], Any], known: Signature) -> bool:
    columns = {
        column.name: np.array([probe + index for probe in PROBES], dtype=NUMBERS[column.kind])
        for index, column in enumerate(known.columns)
    }
    try:
        table, array = ask(pd.DataFrame(columns)), ask(np.column_stack(list(columns.values())))
    except Exception:
        return False  # whatever it is, the usual way meets it again and tells
    if np.asarray(table).dtype.kind != "f":
        return np.array_equal(table, array)
    return np.allclose(table, array, rtol=1e-12, atol=0.0, equal_nan=True)
