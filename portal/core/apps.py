from importlib import import_module

from django.apps import AppConfig

from portal.core import sentences

sentences.of_forms()  # before any other app makes its forms


class CoreConfig(AppConfig):
    name = "portal.core"
    label = "core"

    def ready(self) -> None:
        sentences.of_api()
        import_module("portal.celery")
        import_module("portal.core.checks")
        import_module("portal.core.jobs")
        import_module("portal.core.registration")
