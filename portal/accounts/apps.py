from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "portal.accounts"
    label = "accounts"

    def ready(self) -> None:
        for module in ("log_verbs", "listeners", "navigation", "reconcilers.invitations", "reconcilers.mails"):
            import_module(f"portal.accounts.{module}")
        import_module("portal.accounts.one_time_codes").follow_the_database()
