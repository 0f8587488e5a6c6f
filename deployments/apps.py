from importlib import import_module

from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "deployments"

    def ready(self) -> None:
        from deployments.states import bypass, policy, promotion, revision, rollout
        from portal.audit import guard
        from portal.lifecycle import catalogue

        import_module("deployments.log_verbs")
        catalogue.register(promotion.MACHINE, bypass.MACHINE, rollout.MACHINE, revision.MACHINE, policy.MACHINE)
        for table, subject in (
            ("deployments_environment", "environment"),
            ("deployments_policy", "policy"),
            ("deployments_policyversion", "policy_version"),
            ("deployments_endpoint", "endpoint"),
            ("deployments_endpointkey", "endpoint_key"),
            ("deployments_servingsettings", "endpoint"),
            ("deployments_revision", "revision"),
            ("deployments_promotionrequest", "promotion_request"),
            ("deployments_approval", "promotion_request"),
            ("deployments_bypass", "bypass"),
            ("deployments_bypassgrant", "bypass"),
            ("deployments_rollout", "rollout"),
            ("deployments_routetable", "endpoint"),
            ("deployments_rolloutplan", "rollout_plan"),
            ("deployments_rollbackdrill", "endpoint"),
        ):
            guard.governs(table, subject)
        import_module("deployments.selectors.incident_source")
        import_module("deployments.adapters.ground_truth")
        import_module("deployments.reconcilers.registration")
        import_module("deployments.checks")
        import_module("deployments.navigation")
        import_module("deployments.bands")
        import_module("deployments.places").register()
