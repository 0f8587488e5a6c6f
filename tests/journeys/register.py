"""Registers one version of a small model with MLflow's own client: `register.py MODEL REGULARISATION`."""

import os
import sys
import warnings

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
warnings.simplefilter("ignore")

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

name, c = sys.argv[1], float(sys.argv[2])
mlflow.set_experiment(f"{name} trials")
rows = pd.DataFrame({"distance": np.linspace(100, 2500, 40), "hour": np.tile([6.0, 9.0, 15.0, 20.0], 10)})
late = (rows["hour"] > 12).astype(int)
with mlflow.start_run():
    fitted = LogisticRegression(C=c).fit(rows, late)
    mlflow.log_metric("accuracy", float(fitted.score(rows, late)))
    mlflow.sklearn.log_model(
        fitted,
        name="model",
        signature=infer_signature(rows, fitted.predict(rows)),
        input_example=rows.head(2),
        registered_model_name=name,
        await_registration_for=90,
    )
