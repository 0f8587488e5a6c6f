"""Since when the runtime of a rollout cannot be asked, and since when an approval's condition holds it: people are told
after a while."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployments", "0044_rollout_salts")]

    operations = [
        migrations.AddField("rollout", "away_since", models.DateTimeField(null=True)),
        migrations.AddField("rollout", "held_since", models.DateTimeField(null=True)),
    ]
