"""Since when the runtime of a rollout cannot be asked, so that people are told after a while."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployments", "0044_rollout_salts")]

    operations = [
        migrations.AddField("rollout", "away_since", models.DateTimeField(null=True)),
    ]
