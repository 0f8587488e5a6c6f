"""One MLflow run per recipe with everything about it, and its model registered. An ordinary client, nothing else."""

import os
import subprocess
import time
import warnings
from collections.abc import Iterator, Sequence
from importlib.metadata import version as installed
from pathlib import Path

# Before the first import of MLflow, which reads them once: no messages home, no pictures of progress in logs.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING", "false")

import mlflow
import numpy as np
import pandas as pd
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec

from demo import flights, shelf
from demo.columns import DECIMAL, LABEL, MEANING, RECORD, TEXT, WHOLE
from demo.recipe import HOLDOUT_MONTH, RECIPES, SEED, THRESHOLD, Fitted, Recipe, fit

# What a caller may catch: the server refused, or cannot be reached.
TrackingError = MlflowException

MODEL = "flight-delay"
DESCRIPTION = (
    "Will a flight out of New York arrive more than 15 minutes late? Asked 30 minutes before the scheduled departure. "
    "The answer is two numbers: the probability of arriving on time, and of arriving late."
)
# The types of the saved file that skops does not know by itself: plain arrays of tree nodes.
TRUSTED_TYPES = {"gradient_boosting": ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]}
REQUIREMENTS = [f"{name}=={installed(name)}" for name in ("scikit-learn", "skops", "numpy", "pandas")]
TYPES = {
    **dict.fromkeys(TEXT, DataType.string),
    **dict.fromkeys(WHOLE, DataType.long),
    **dict.fromkeys(DECIMAL, DataType.double),
}
SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(TYPES[name], name) for name in RECORD]),
    outputs=Schema([TensorSpec(np.dtype(np.float64), (-1, 2))]),
)
USABLE = {"READY", "PENDING_REGISTRATION"}


def train(numbers: Sequence[int], cache: Path, model: str = MODEL) -> Iterator[tuple[Recipe, str]]:
    """Train and register the recipes that are not registered yet; yields each with its version, oldest first."""
    mlflow.set_experiment(model)
    known = registered(model)
    data = flights.load(cache)
    for recipe in (RECIPES[number] for number in sorted(numbers)):
        number = known.get(recipe.name) or register(fit(recipe, data), model)
        describe(model, number, recipe)
        yield recipe, number


def registered(model: str) -> dict[str, str]:
    """Recipe name to version, for the versions of the model that came from these recipes and did not fail."""
    client = mlflow.MlflowClient()
    found = {}
    for entry in client.search_model_versions(f"name = '{model}'"):
        if entry.run_id and entry.status in USABLE:
            recipe = client.get_run(entry.run_id).data.tags.get("recipe")
            if recipe:
                found[recipe] = str(entry.version)
    return found


def register(fitted: Fitted, model: str) -> str:
    """Log one run with everything about it, register its model and return the version number."""
    recipe = fitted.recipe
    with mlflow.start_run(run_name=f"{model}-{recipe.name}", tags=run_tags(recipe)) as run:
        log_measures(run.info.run_id, fitted)
        info = mlflow.sklearn.log_model(
            fitted.model,
            name="model",
            registered_model_name=model,
            signature=SIGNATURE,
            input_example=example(fitted.training),
            pyfunc_predict_fn="predict_proba",
            serialization_format="skops",
            skops_trusted_types=TRUSTED_TYPES.get(recipe.kind),
            pip_requirements=REQUIREMENTS,
        )
    return str(info.registered_model_version)


def log_measures(run_id: str, fitted: Fitted) -> None:
    """Data sets, parameters, measures, curve and two small tables. Before the model, so that a version has them all."""
    recipe = fitted.recipe
    months = f"{recipe.first_month:02}-{recipe.last_month:02}"
    log_data(fitted.training, shelf.of_months(recipe.first_month, recipe.last_month), "training")
    log_data(fitted.holdout, shelf.HOLDOUT, "evaluation")
    mlflow.log_params(
        {
            "kind": recipe.kind,
            "training_months": months,
            "training_rows": len(fitted.training),
            "holdout_month": HOLDOUT_MONTH,
            "features": ",".join(recipe.features),
            "threshold": THRESHOLD,
            "seed": SEED,
            **recipe.settings,
        }
    )
    now = int(time.time() * 1000)
    points = [
        Metric(name, value, now, step) for name, curve in fitted.curve.items() for step, value in enumerate(curve)
    ]
    mlflow.MlflowClient().log_batch(run_id, metrics=points)
    mlflow.log_metrics(fitted.metrics)
    mlflow.log_dict(fitted.confusion, "confusion.json")
    mlflow.log_dict({"bins": fitted.calibration}, "calibration.json")
    mlflow.log_dict({name: MEANING[name] for name in RECORD}, "columns.json")


def log_data(rows: pd.DataFrame, named: shelf.Months, context: str) -> None:
    """Name the version of the data set, by which the portal links the run to it; a plain server keeps the name."""
    with warnings.catch_warnings():
        # MLflow warns that whole numbers cannot be missing. Here they never are.
        warnings.filterwarnings("ignore", message="Hint: Inferred schema contains integer", category=UserWarning)
        data = from_pandas(rows[[*RECORD, LABEL]], name=named.data_set, targets=LABEL, digest=named.digest)
    mlflow.log_input(data, context=context)


def example(rows: pd.DataFrame) -> pd.DataFrame:
    """One real record, from the middle of the rows."""
    middle = len(rows) // 2
    return rows[list(RECORD)].iloc[middle : middle + 1].reset_index(drop=True)


def run_tags(recipe: Recipe) -> dict[str, str]:
    tags = {"recipe": recipe.name, "mlflow.note.content": recipe.summary}
    commit = code_commit()
    return {**tags, "git_commit": commit} if commit else tags


def code_commit() -> str:
    """The commit of the working copy, empty outside of one."""
    folder = Path(__file__).resolve().parent
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def describe(model: str, number: str, recipe: Recipe) -> None:
    """Say in the registry what the version is, and once what the model is for. Nothing when it has been said."""
    client = mlflow.MlflowClient()
    if "recipe" in client.get_model_version(model, number).tags:
        return
    if not client.get_registered_model(model).description:
        client.update_registered_model(model, DESCRIPTION)
    client.update_model_version(model, number, recipe.summary)
    if commit := code_commit():
        client.set_model_version_tag(model, number, "git_commit", commit)
    # Last, since whoever waits for the version looks for this tag and then takes it as it is.
    client.set_model_version_tag(model, number, "recipe", recipe.name)
