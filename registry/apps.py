from importlib import import_module

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "registry"

    def ready(self) -> None:
        from portal.audit import guard
        from portal.lifecycle import catalogue
        from registry.states import version

        import_module("registry.navigation")
        import_module("registry.log_verbs")
        import_module("registry.reconcilers.registration")
        catalogue.register(version.MACHINE)
        guard.governs("registry_registeredmodel", "registered_model")
        guard.governs("registry_modelversion", "model_version")
        guard.governs("registry_aliasassignment", "registered_model")
