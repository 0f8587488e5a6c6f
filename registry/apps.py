from importlib import import_module

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "registry"

    def ready(self) -> None:
        from portal.audit import guard
        from portal.lifecycle import catalogue
        from registry.states import batch_prediction, data_version, evaluation, version

        import_module("registry.navigation")
        import_module("registry.places").register()
        import_module("registry.log_verbs")
        import_module("registry.reconcilers.registration")
        catalogue.register(version.MACHINE)
        catalogue.register(data_version.MACHINE)
        catalogue.register(evaluation.MACHINE)
        catalogue.register(batch_prediction.MACHINE)
        guard.governs("registry_registeredmodel", "registered_model")
        guard.governs("registry_modelversion", "model_version")
        guard.governs("registry_aliasassignment", "registered_model")
        guard.governs("registry_dataset", "data_set")
        guard.governs("registry_datasetchecks", "data_set")
        guard.governs("registry_datasetversion", "data_set_version")
        guard.governs("registry_datacheckrun", "data_set_version")
        guard.governs("registry_evaluation", "evaluation")
        guard.governs("registry_batchprediction", "batch_prediction")
        guard.governs("registry_artifactscan", "model_version")
        guard.governs("registry_artifactstatement", "model_version")
        guard.governs("registry_cardtext", "model_version")
