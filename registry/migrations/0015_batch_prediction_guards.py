"""Puts batch predictions under the commit guard."""

from django.db import migrations

from portal.audit import guard


class Migration(migrations.Migration):
    dependencies = [("registry", "0014_batch_predictions"), ("audit", "0002_initial")]
    operations = [guard.attach("registry_batchprediction", "batch_prediction")]
