"""MLflow's own server, with its tables made before it listens.

MLflow makes them at the first call. Two first callers at once then wait for each other for ever: one holds the table in
PostgreSQL, the other a lock in MLflow. Here nobody can call before they are made.
"""

import os

from mlflow.server.fastapi_app import app
from mlflow.server.handlers import initialize_backend_stores

__all__ = ["app"]

initialize_backend_stores(
    os.environ["_MLFLOW_SERVER_FILE_STORE"],
    os.environ["_MLFLOW_SERVER_REGISTRY_STORE"],
    os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"],
)
