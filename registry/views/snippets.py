"""Commands that pages offer to copy."""

from urllib.parse import quote

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


def register_data(request: HttpRequest, data_set: str = "") -> str:
    """How data gets here over the API."""
    call = (
        f'curl -sS "{settings.SIGNALBOX_URL}/api/v1/data-sets/{{path}}" \\\n'
        '  -H "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)" \\\n'
    )
    headers = '  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\\n'
    if not data_set:
        return call.format(path="") + headers + """  -d '{"name": "my-data", "team": "my-team", "licence": "CC0"}'"""
    return call.format(path=f"{quote(data_set)}/versions/") + headers + """  -d '{"folder": "/srv/data/my-data"}'"""
