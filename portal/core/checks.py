"""System checks for what cannot be typed."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection


@register(Tags.security)
def production_is_closed(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Production refuses to start with a setting that is fit for one machine only."""
    if settings.SIGNALBOX_MODE != "production":
        return []
    found: list[CheckMessage] = []
    if settings.DEBUG:
        found.append(Error("SIGNALBOX_DEBUG is on in production mode.", id="signalbox.E001"))
    if len(settings.SECRET_KEY) < 40:
        found.append(
            Error("SIGNALBOX_SECRET_KEY needs at least 40 characters in production mode.", id="signalbox.E002")
        )
    if "Redis" not in settings.CACHES["default"]["BACKEND"]:
        found.append(Error("The cache must be shared between processes in production mode.", id="signalbox.E003"))
    if getattr(settings, "MFA_TOTP_INSECURE_BYPASS_CODE", None):
        found.append(Error("MFA_TOTP_INSECURE_BYPASS_CODE must not be set in production mode.", id="signalbox.E004"))
    return found


def runtime_role_is_harmless() -> str:
    """Why this process may not serve: its database role could change the audit log. Empty when all is well."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'audit' "
            "AND pg_has_role(current_user, tableowner, 'USAGE')"
        )
        owned = cursor.fetchone()[0]
    if owned:
        return (
            "The role in DATABASE_URL owns the audit tables, so the log would prove nothing. "
            "Run `manage.py create_roles` and point DATABASE_URL at the runtime role."
        )
    return ""
