"""Notes of rollouts hold what people wrote, so they enter the log as a commitment like every other text of theirs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployments", "0034_rollout_steps")]

    operations = [migrations.AlterField("rollout", "note", models.TextField(blank=True, default=""))]
