"""Puts rights and credentials under the commit guard."""

from django.db import migrations

from portal.audit import guard


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("audit", "0002_initial")]
    operations = [
        guard.attach("accounts_person", "person", free=("last_login", "theme", "density", "shortcuts", "password")),
        guard.attach("accounts_team", "team"),
        guard.attach("accounts_rolegrant", "role_grant"),
        guard.attach("accounts_serviceaccount", "service_account"),
        guard.attach("accounts_apitoken", "api_token", free=("last_used_at",)),
        guard.attach("accounts_invitation", "invitation"),
    ]
