"""Each step of a rollout that gathers ground truth has a run of its own."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployments", "0040_readings")]

    operations = [
        migrations.AlterField(
            model_name="abrun",
            name="rollout",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="ab_runs", to="deployments.rollout"
            ),
        ),
        migrations.AddConstraint(
            model_name="abrun",
            constraint=models.UniqueConstraint(fields=("rollout", "step"), name="ab_run_once_a_step"),
        ),
        migrations.AddConstraint(
            model_name="abrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("rollout",), name="ab_run_one_under_way"
            ),
        ),
    ]
