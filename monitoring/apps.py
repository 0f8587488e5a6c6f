from importlib import import_module

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "monitoring"

    def ready(self) -> None:
        import_module("monitoring.log_verbs")
        import_module("monitoring.navigation")
