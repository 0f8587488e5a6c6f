"""A salt of its own for each rollout, so that no two try a new version on the same callers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployments", "0043_serving_settings")]

    operations = [
        migrations.AddField("rollout", "salt", models.CharField(blank=True, default="", max_length=32)),
    ]
