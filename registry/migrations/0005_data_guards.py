"""Puts data sets, their versions, their checks and the answers under the commit guard."""

from django.db import migrations

from portal.audit import guard


class Migration(migrations.Migration):
    dependencies = [("registry", "0004_data_sets"), ("audit", "0002_initial")]
    operations = [
        guard.attach("registry_dataset", "data_set"),
        guard.attach("registry_datasetchecks", "data_set", id_column="data_set_id"),
        guard.attach("registry_datasetversion", "data_set_version"),
        guard.attach("registry_datacheckrun", "data_set_version", id_column="version_id"),
    ]
