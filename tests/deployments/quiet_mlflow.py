"""An MLflow that knows aliases and nothing else, so that promotions can end without a server."""

from typing import Any

from registry.adapters.mlflow_rest import MlflowUnavailable


class QuietMlflow:
    """Remembers aliases. Everything that would need runs or files is unavailable."""

    def __init__(self) -> None:
        self.aliases: dict[tuple[str, str], int] = {}

    def run(self, run_id: str) -> dict[str, Any]:
        raise MlflowUnavailable("This MLflow holds no runs.")

    def metric_history(self, run_id: str, metric: str) -> list[dict[str, Any]]:
        raise MlflowUnavailable("This MLflow holds no runs.")

    def files(self, path: str) -> list[dict[str, Any]]:
        raise MlflowUnavailable("This MLflow holds no files.")

    def read(self, path: str) -> Any:
        raise MlflowUnavailable("This MLflow holds no files.")

    def alias(self, model: str, alias: str) -> int | None:
        return self.aliases.get((model, alias))

    def set_alias(self, model: str, alias: str, number: int) -> None:
        self.aliases[model, alias] = number

    def delete_alias(self, model: str, alias: str) -> None:
        self.aliases.pop((model, alias), None)
