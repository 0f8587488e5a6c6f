"""The flight-delay model with a fault put in. This file itself is what MLflow keeps: it runs in a revision's sandbox.

Which fault it has stands in the version's `model_config`. Only the libraries of the example model can be imported
there, nothing of this project.
"""

import os
import time
from typing import Any, Final

import numpy as np
import pandas as pd
import skops.io
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

SLOW_SECONDS: Final = 0.1
LATE_SECONDS, LATE_EVERY = 3.0, 15
MIDDLE, SQUEEZED = 0.5, 0.05
FATAL_DEST, EXIT_CODE = "BOS", 9


class Faulty(PythonModel):
    """Answers as the model in its artifacts does, apart from its fault."""

    def load_context(self, context: Any) -> None:
        self.fault = str(context.model_config["fault"])
        self.model = skops.io.load(context.artifacts["model"], trusted=list(context.model_config["trusted"]))
        self.asked = 0

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        self.asked += 1
        if self.fault == "slow":
            time.sleep(SLOW_SECONDS)
        if self.fault == "late" and self.asked % LATE_EVERY == 0:
            time.sleep(LATE_SECONDS)
        if self.fault == "crashing" and (model_input["dest"] == FATAL_DEST).any():
            os._exit(EXIT_CODE)
        chances = self.model.predict_proba(model_input)
        return squeezed(chances) if self.fault == "wrong" else chances


def squeezed(chances: Any) -> Any:
    """Every chance of being late lies just above the middle, as when a feature arrives empty; their order stays."""
    late = MIDDLE + SQUEEZED * chances[:, 1]
    return np.column_stack([1.0 - late, late])


set_model(Faulty())
