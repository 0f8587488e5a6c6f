from importlib import import_module

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "portal.audit"
    label = "audit"

    def ready(self) -> None:
        from portal.audit import recorder
        from portal.core import errors

        import_module("portal.audit.log_verbs")
        errors.ON_REFUSED.append(recorder.record_refusal_of)
