"""Everything a revision process is likely to need, imported once before the first fork."""

import contextlib
import gc
import importlib
import os
import threading

NEEDED = (
    *("numpy", "pandas", "yaml", "mlflow.pyfunc", "mlflow.models", "mlflow.exceptions", "concurrent.futures.thread"),
    *("uvicorn", "uvicorn.loops.uvloop", "uvicorn.lifespan.off", "serving.worker.whole", "serving.worker.process"),
)
WANTED = (
    *("mlflow.sklearn", "skops.io", "sklearn.pipeline", "sklearn.compose", "sklearn.linear_model", "sklearn.ensemble"),
    *("sklearn.preprocessing", "sklearn.impute", "sklearn.tree", "sklearn.calibration", "sklearn.model_selection"),
    *("cloudpickle", "joblib", "lightgbm", "xgboost", "onnxruntime"),
)
QUIET = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


class ThreadStarted(RuntimeError):
    """A library started a thread while it was imported; a process with threads must not fork."""


def import_all() -> None:
    """Import, then put everything out of the collector's sight, so that forks go on sharing the memory."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for name in NEEDED:
        importlib.import_module(name)
    for name in WANTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if threading.active_count() > 1:
        names = ", ".join(thread.name for thread in threading.enumerate()[1:])
        raise ThreadStarted(f"These threads run after the imports: {names}.")
    gc.collect()
    gc.freeze()
    gc.disable()
