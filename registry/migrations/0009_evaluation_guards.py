"""Puts evaluations under the commit guard."""

from django.db import migrations

from portal.audit import guard


class Migration(migrations.Migration):
    dependencies = [("registry", "0008_evaluations"), ("audit", "0002_initial")]
    operations = [guard.attach("registry_evaluation", "evaluation")]
