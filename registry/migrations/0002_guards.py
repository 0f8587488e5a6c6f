"""Puts models, versions, aliases and holds under the commit guard."""

from django.db import migrations

from portal.audit import guard


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial"), ("audit", "0002_initial")]
    operations = [
        guard.attach("registry_registeredmodel", "registered_model", free=("mirrored_at", "changed_at")),
        guard.attach("registry_modelversion", "model_version", free=("run_id",)),
        guard.attach("registry_aliasassignment", "registered_model", id_column="model_id"),
        guard.attach("registry_versionhold", "model_version", id_column="version_id"),
    ]
