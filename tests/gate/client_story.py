"""What a data scientist's script does, with MLflow's own client and nothing of ours. Prints what it saw as JSON."""

import json
import os
import sys
import warnings
from collections.abc import Callable

os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
warnings.simplefilter("ignore")

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.data.pandas_dataset import from_pandas
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

seen: dict[str, object] = {}
client = MlflowClient()
mlflow.set_experiment("delays")
rows = pd.DataFrame({"distance": np.linspace(100, 2500, 40), "hour": np.tile([6.0, 9.0, 15.0, 20.0], 10)})
late = (rows["hour"] > 12).astype(int)
with mlflow.start_run(run_name="first") as run:
    mlflow.log_params({"c": 1.0, "solver": "lbfgs"})
    for step in range(5):
        mlflow.log_metric("log_loss", 0.7 - step / 10, step=step)
    mlflow.log_metrics({"roc_auc": 0.81, "n": 40})
    mlflow.set_tag("note", "from a test")
    mlflow.log_text("hello", "notes/readme.txt")
    mlflow.log_input(from_pandas(rows, name="rows"), context="training")
    fitted = LogisticRegression().fit(rows, late)
    info = mlflow.sklearn.log_model(
        fitted,
        name="model",
        signature=infer_signature(rows, fitted.predict_proba(rows)),
        input_example=rows.head(2),
        registered_model_name="delay",
        await_registration_for=0,
    )
seen["run_id"] = run.info.run_id
seen["model_id"] = info.model_id
version = client.get_model_version("delay", "1")
seen["status"] = version.status
client.set_model_version_tag("delay", "1", "commit", "4be91a7")
client.set_registered_model_alias("delay", "candidate", "1")
seen["candidate"] = client.get_model_version_by_alias("delay", "candidate").version
client.update_registered_model("delay", description="Will it be late?")
refusals: dict[str, Callable[[], object]] = {
    "champion": lambda: client.set_registered_model_alias("delay", "champion", "1"),
    "delete_champion": lambda: client.delete_registered_model_alias("delay", "champion"),
    "stage": lambda: client.transition_model_version_stage("delay", "1", "Production"),
    "traces": lambda: client.search_traces(experiment_ids=["1"]),
}
for name, act in refusals.items():
    try:
        act()
        seen[name] = "done"
    except Exception as error:
        seen[name] = str(error)
seen["experiments"] = [e.name for e in client.search_experiments()]
seen["models"] = [m.name for m in client.search_registered_models()]
seen["runs"] = len(client.search_runs([run.info.experiment_id]))
seen["history"] = [m.value for m in client.get_metric_history(run.info.run_id, "log_loss")]
seen["artifacts"] = [a.path for a in client.list_artifacts(run.info.run_id)]
seen["text"] = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/readme.txt")
sys.stdout.write("\n" + json.dumps(seen) + "\n")
