from importlib import import_module

from django.apps import AppConfig


class AuditorsConfig(AppConfig):
    name = "portal.auditors"
    label = "auditors"

    def ready(self) -> None:
        import_module("portal.auditors.registration")
