from importlib import import_module

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "portal.notices"
    label = "notices"

    def ready(self) -> None:
        import_module("portal.notices.reconcilers.delivery")
