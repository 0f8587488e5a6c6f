from importlib import import_module

from django.apps import AppConfig


class PipelinesConfig(AppConfig):
    name = "pipelines"

    def ready(self) -> None:
        import_module("pipelines.navigation")
        import_module("pipelines.reconcilers.batch_predictions")
        import_module("pipelines.reconcilers.evaluations")
