"""Commands that pages offer to copy."""

from django.conf import settings
from django.http import HttpRequest


def register(request: HttpRequest, model: str = "my-model") -> str:
    """How a model gets here with MLflow's own client."""
    return (
        "import os, mlflow\n"
        f'os.environ["MLFLOW_TRACKING_URI"] = "{settings.SIGNALBOX_URL}"\n'
        'os.environ["MLFLOW_TRACKING_TOKEN"] = "sbx_pat_..."  # from My tokens, scope mlflow\n'
        "\n"
        'mlflow.set_experiment("my-experiment")\n'
        "with mlflow.start_run():\n"
        '    mlflow.sklearn.log_model(fitted, name="model", signature=signature,\n'
        f'                             registered_model_name="{model}")'
    )
