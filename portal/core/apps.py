from importlib import import_module

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "portal.core"
    label = "core"

    def ready(self) -> None:
        import_module("portal.celery")
        import_module("portal.core.checks")
        import_module("portal.core.jobs")
        import_module("portal.core.registration")
