"""Which models may be asked several callers' questions at once, and how these become one question and come apart again.

Only where nobody can tell: every part of the model works out each row by itself, with operations that give the same
bits however many rows there are. Products of matrices do not, so linear models are asked one question at a time.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from serving.worker.arrays import parts
from serving.worker.question import Question
from serving.worker.signature import Signature

ROW_BY_ROW = frozenset(
    {
        "sklearn.pipeline.Pipeline",
        "sklearn.compose._column_transformer.ColumnTransformer",
        "sklearn.preprocessing._encoders.OneHotEncoder",
        "sklearn.preprocessing._encoders.OrdinalEncoder",
        "sklearn.preprocessing._data.MinMaxScaler",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.impute._base.SimpleImputer",
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._classes.DecisionTreeRegressor",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._forest.RandomForestRegressor",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
    }
)


def taken(model: Any, described: Mapping[str, Any], known: Signature) -> bool:
    """Whether questions to this model may be joined. `model` is what MLflow loaded."""
    if described["flavors"].get("python_function", {}).get("loader_module") != "mlflow.sklearn":
        return False
    if not known.columns or known.parameters:
        return False
    return all(_row_by_row(part) for part in parts(model.get_raw_model()))


def _row_by_row(part: Any) -> bool:
    """Threads of a forest add up in whichever order they end, so it must have one."""
    kind = type(part)
    return f"{kind.__module__}.{kind.__qualname__}" in ROW_BY_ROW and getattr(part, "n_jobs", None) in (None, 1)


def joined(questions: Sequence[Question]) -> Question | None:
    """All their rows as one question; None where their data is of different types, which joining would change."""
    data, rows = [one.data for one in questions], sum(one.rows for one in questions)
    if all(isinstance(one, np.ndarray) and one.dtype == data[0].dtype for one in data):
        return Question(np.concatenate(data), rows, {})
    if all(isinstance(one, pd.DataFrame) and one.dtypes.equals(data[0].dtypes) for one in data):
        return Question(pd.concat(data, ignore_index=True), rows, {})
    return None


def parted(found: Any, questions: Sequence[Question]) -> list[Any]:
    """The answer to each. Raises ValueError where it has not a row for each row that was asked."""
    rows = [one.rows for one in questions]
    if not isinstance(found, np.ndarray) or not found.ndim or len(found) != sum(rows):
        raise ValueError("an answer that does not come apart")
    return np.split(found, np.cumsum(rows)[:-1])
